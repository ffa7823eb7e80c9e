"""What a swarm does, as it does it: a table in the terminal, a line now and then elsewhere, and Prometheus text over HTTP."""

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, TextIO

from station.swarm.figures import STANDING, Figures
from station.telling.quantiles import quantile

LINE_EVERY_S = 10
ACTIONS_SHOWN = 12


def say(text: str, stream: TextIO | None = None) -> None:
    """A line for whoever watches."""
    out = stream or sys.stderr
    out.write(f"chargebox: swarm: {text}\n")
    out.flush()


def line(figures: Figures, stations: int, rate: float) -> str:
    """All of it in one line."""
    counts = figures.counts
    errors = sum(figures.errors.values())
    return (
        f"{counts['connected']} of {stations} connected, {counts['charging']} charging, "
        f"{counts['sessions ended']} sessions ended, {rate:.1f} calls/s, {counts['queued']} queued, "
        f"{counts['time-outs']} time-outs, {errors} errors, {counts['stations failed']} stations failed"
    )


def metrics(figures: Figures, stations: int, died: int) -> str:
    """Prometheus text."""
    counts = figures.counts
    lines = [f"chargebox_swarm_stations {stations}", f"chargebox_swarm_processes_died_total {died}"]
    lines += [f"chargebox_swarm_{name} {counts[name]}" for name in STANDING]
    happened = sorted(set(counts) - set(STANDING))
    lines += [f"chargebox_swarm_{name.replace(' ', '_').replace('-', '_')}_total {counts[name]}" for name in happened]
    for name, times in sorted(figures.errors.items()):
        action, _, code = name.partition(" ")
        lines.append(f'chargebox_swarm_errors_total{{action="{action}",code="{code}"}} {times}')
    for action, latencies in sorted(figures.latencies.items()):
        for percent in (50, 90, 99):
            at = f'{{action="{action}",quantile="{percent / 100:g}"}}'
            lines.append(f"chargebox_swarm_answer_seconds{at} {quantile(latencies, percent) / 1000:g}")
        lines.append(f'chargebox_swarm_answer_seconds_count{{action="{action}"}} {sum(latencies.values())}')
    return "".join(f"{each}\n" for each in lines)


@contextlib.contextmanager
def served(host: str, port: int, text: Callable[[], str]) -> Iterator[int]:
    """`GET /metrics` on this address while the block runs; the port. Raises OSError where the address is taken."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name that the library calls
            content = text().encode() if self.path == "/metrics" else b""
            self.send_response(200 if content else 404)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name that the library gives it
            """Nobody wants a line for each scrape."""

    server = ThreadingHTTPServer((host, port), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


class SwarmScreen:
    """Shows figures once a second: a table of rich's where there is a terminal, else a line every `LINE_EVERY_S`."""

    def __init__(self, stations: int, stream: TextIO | None = None) -> None:
        self._stations = stations
        self._stream = stream or sys.stderr
        self._calls = 0
        self._seconds = 0
        self._live: Any = None

    def __enter__(self) -> Self:
        if self._stream.isatty():
            with contextlib.suppress(ImportError):
                from rich.console import Console
                from rich.live import Live

                self._live = Live(console=Console(file=self._stream), refresh_per_second=2)
                self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, figures: Figures) -> None:
        """The figures of now; call it once a second."""
        rate = max(0, figures.counts["calls"] - self._calls)
        self._calls = figures.counts["calls"]
        self._seconds += 1
        if self._live is not None:
            self._live.update(self._table(figures, rate))
        elif self._seconds % LINE_EVERY_S == 1:
            say(line(figures, self._stations, rate), self._stream)

    def _table(self, figures: Figures, rate: float) -> Any:
        from rich.table import Table

        table = Table(title=line(figures, self._stations, rate), title_justify="left", box=None)
        for heading in ("action", "answered", "median", "99 of 100", "worst"):
            table.add_column(heading, justify="left" if heading == "action" else "right")
        busiest = sorted(figures.latencies.items(), key=lambda each: -sum(each[1].values()))[:ACTIONS_SHOWN]
        for action, counts in busiest:
            times = (quantile(counts, 50), quantile(counts, 99), max(counts))
            table.add_row(action, str(sum(counts.values())), *(f"{each} ms" for each in times))
        return table

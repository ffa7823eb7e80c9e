"""How a swarm is watched."""

import io
import urllib.error
import urllib.request
from collections import Counter

import pytest

from station.swarm.figures import Figures
from station.swarm.live import LINE_EVERY_S, SwarmScreen, line, metrics, served


def figures() -> Figures:
    found = Figures()
    found.counts.update({"connected": 8, "charging": 3, "queued": 2, "calls": 40, "sessions ended": 5, "time-outs": 1})
    found.errors["Authorize InternalError"] = 2
    found.latencies["Heartbeat"] = Counter({10: 9, 500: 1})
    return found


def test_a_line_says_how_it_goes() -> None:
    assert line(figures(), 10, 4.0) == (
        "8 of 10 connected, 3 charging, 5 sessions ended, 4.0 calls/s, 2 queued, 1 time-outs, 2 errors, 0 stations failed"
    )


def test_metrics_are_prometheus_text() -> None:
    lines = metrics(figures(), 10, 1).splitlines()
    assert "chargebox_swarm_stations 10" in lines
    assert "chargebox_swarm_connected 8" in lines
    assert "chargebox_swarm_sessions_ended_total 5" in lines
    assert 'chargebox_swarm_errors_total{action="Authorize",code="InternalError"} 2' in lines
    assert 'chargebox_swarm_answer_seconds{action="Heartbeat",quantile="0.5"} 0.01' in lines
    assert 'chargebox_swarm_answer_seconds{action="Heartbeat",quantile="0.99"} 0.5' in lines


def test_metrics_are_served_while_the_swarm_runs() -> None:
    with served("127.0.0.1", 0, lambda: "chargebox_swarm_connected 8\n") as port:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            assert answer.read() == b"chargebox_swarm_connected 8\n"
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/")
        with pytest.raises(OSError, match="in use"), served("127.0.0.1", port, str):
            pass


def test_without_a_terminal_a_line_comes_now_and_then() -> None:
    out = io.StringIO()
    with SwarmScreen(10, out) as screen:
        for _ in range(LINE_EVERY_S + 1):
            screen.show(figures())
    lines = out.getvalue().splitlines()
    assert len(lines) == 2
    assert "40.0 calls/s" in lines[0]
    assert "0.0 calls/s" in lines[1]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_in_a_terminal_there_is_a_table_of_what_takes_how_long() -> None:
    out = Terminal()
    with SwarmScreen(10, out) as screen:
        screen.show(figures())
    assert "Heartbeat" in out.getvalue()
    assert "8 of 10 connected" in out.getvalue()

"""`chargebox swarm`: what is checked before it begins, its run, and its verdict."""

import asyncio
import contextlib
import os
import resource
import signal
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from eventstore.value import Value
from station.daemon import bootstrap
from station.replay.opening.errors import BadQuestion, ReplayError
from station.replay.opening.workers import cores
from station.replay.pages.page import Page, facts, show, table
from station.runtime.clock import SystemClock
from station.settings.kinds import check_url
from station.settings.loading import SettingsError
from station.swarm import live, report
from station.swarm.cluster import on_cluster
from station.swarm.csms_books import Booked, BooksError, read_books, read_statuses
from station.swarm.faults import KINDS, counted
from station.swarm.figures import Figures, added
from station.swarm.identities import PATTERN, Identity, IdentityError, SecurityTerms, identities
from station.swarm.live import say
from station.swarm.plan import recorded
from station.swarm.processes import Processes, ProcessFailed
from station.swarm.scenario import ScenarioError, SwarmScenario, load
from station.swarm.share import DESCRIPTORS_BESIDE, DESCRIPTORS_EACH, Share, settings_of
from station.swarm.verdict import SwarmVerdict, judge_all, verdict
from station.telling.amounts import plural

RUN_NAME = "run.json"
BYTES_EACH = 1 << 20
"""What a station's log takes at least: without it the run would fail in its middle."""
DONE, FAULTS = 0, 1
FAILED_SHOWN = 20
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class SwarmRun(Value, frozen=True, kw_only=True):
    """What is to be run."""

    url: str
    directory: Path
    scenario: SwarmScenario
    shares: tuple[Share, ...]

    @property
    def stations(self) -> list[str]:
        """The identities of all stations."""
        return [identity.name for share in self.shares for identity in share.identities]


def answer(options: Namespace) -> int:
    """Runs the swarm and judges; the exit status: 0 the CSMS is not at fault, 1 it is. Raises ReplayError."""
    try:
        run = _prepared(options)
        failed = _run(run, options)
        found = _judged(run, options, failed)
    except (ScenarioError, IdentityError, BooksError, SettingsError) as error:
        raise BadQuestion(str(error)) from error
    except ProcessFailed as error:
        raise ReplayError(str(error)) from error
    return FAULTS if found.faults or any(row.error for row in found.rows) else DONE


# ---- before it begins --------------------------------------------------------------------------------------------


def _prepared(options: Namespace) -> SwarmRun:
    try:
        check_url(options.csms)
    except ValueError as error:
        raise BadQuestion(f"--csms {options.csms}: {error}") from error
    scenario = load(options.scenario)
    beside = Path(options.scenario).parent
    security = SecurityTerms(
        profile=options.security_profile,
        ca_file=str(options.ca_file.absolute()) if options.ca_file else "",
        authorization_key_file=str(options.authorization_key_file.absolute()) if options.authorization_key_file else "",
    )
    workers = min(options.workers or cores(), options.stations)
    _check_descriptors(-(-options.stations // workers))
    all_identities = identities(options.identities or PATTERN, options.stations, security)
    directory = options.out
    _check_directory(directory, len(all_identities))
    duration_s = options.duration if options.duration is not None else scenario.duration_s
    went_s = _begin(directory, options, scenario)
    began_utc_ms = SystemClock().system_utc_ms() - round(went_s * 1000)
    plays = tuple((play, recorded(play, beside)) for play in scenario.play)
    shares = tuple(
        Share(
            number=number,
            first=first,
            identities=own,
            url=options.csms,
            directory=str(directory.absolute()),
            scenario=scenario,
            plays=plays,
            duration_s=duration_s,
            began_utc_ms=began_utc_ms,
        )
        for number, (first, own) in enumerate(_split(all_identities, workers))
    )
    bootstrap.make_registry(settings_of(shares[0], all_identities[0]))  # what is wrong with one is wrong with all
    return SwarmRun(url=options.csms, directory=directory, scenario=scenario, shares=shares)


def _split(all_identities: Sequence[Identity], workers: int) -> Iterator[tuple[int, tuple[Identity, ...]]]:
    first = 0
    for worker in range(workers):
        last = len(all_identities) * (worker + 1) // workers
        yield first, tuple(all_identities[first:last])
        first = last


def _check_descriptors(stations: int) -> None:
    needed = stations * DESCRIPTORS_EACH + DESCRIPTORS_BESIDE
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise BadQuestion(
            f"{stations} stations in one process need {needed} file descriptors, and {hard} are allowed: run "
            f"`ulimit -n {needed}` before (as root: prlimit --pid $$ --nofile={needed}), or give more --workers"
        )


def _check_directory(directory: Path, stations: int) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "stations").mkdir(exist_ok=True)
        found = os.statvfs(directory)
    except OSError as error:
        raise BadQuestion(f"--out {directory}: cannot be written: {error.strerror}") from error
    free = found.f_bavail * found.f_frsize
    if free < stations * BYTES_EACH:
        raise BadQuestion(
            f"--out {directory}: {free >> 20} MiB are free, and {plural(stations, 'station')} take {stations * BYTES_EACH >> 20} MiB "
            f"at least"
        )


def _begin(directory: Path, options: Namespace, scenario: SwarmScenario) -> float:
    """How many seconds of the run are over: 0, or what a run that was ended before says. Raises BadQuestion where another one was run."""
    file = directory / RUN_NAME
    asked = {
        "csms": options.csms,
        "stations": options.stations,
        "seed": scenario.seed,
        "scenario": str(options.scenario),
    }
    if file.exists():
        try:
            known = orjson.loads(file.read_bytes())
            went_s = float(known.pop("went_s"))
        except (OSError, ValueError, KeyError, AttributeError) as error:
            raise BadQuestion(f"{file}: is not what a swarm has left: {error!r}") from error
        if known != asked:
            changed = ", ".join(name for name in asked if known.get(name) != asked[name])
            raise BadQuestion(f"{directory} holds the run of another swarm ({changed}): name an empty directory")
        return went_s
    if any((directory / "stations").iterdir()):
        raise BadQuestion(f"{directory} holds stations of which {RUN_NAME} says nothing: name an empty directory")
    _note(directory, asked, 0.0)
    return 0.0


def _without_query(url: str) -> str:
    """A URL's query may hold a secret."""
    return url.partition("?")[0]


def _note(directory: Path, asked: Mapping[str, Any], went_s: float) -> None:
    (directory / RUN_NAME).write_bytes(orjson.dumps({**asked, "went_s": went_s}, option=orjson.OPT_APPEND_NEWLINE))


# ---- the run -----------------------------------------------------------------------------------------------------


def _run(run: SwarmRun, options: Namespace) -> dict[str, str]:
    """Runs all shares; the stations that failed, and why."""
    began_utc_ms = run.shares[0].began_utc_ms
    try:
        last = on_cluster(run.shares, options.scheduler) if options.scheduler else asyncio.run(_here(run, options))
    finally:
        went_s = (SystemClock().system_utc_ms() - began_utc_ms) / 1000
        known = orjson.loads((run.directory / RUN_NAME).read_bytes())
        _note(run.directory, {name: value for name, value in known.items() if name != "went_s"}, went_s)
    return {station: why for figures in last for station, why in figures.get("failed", {}).items()}


async def _here(run: SwarmRun, options: Namespace) -> list[dict[str, Any]]:
    processes = Processes(run.shares)
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, _end, processes)

    def now() -> Figures:
        return added(processes.figures.values())

    with _metrics(options.metrics, lambda: live.metrics(now(), len(run.stations), processes.died)):
        running = asyncio.create_task(processes.run(), name="processes")
        try:
            with live.SwarmScreen(len(run.stations)) as screen:
                while not running.done():
                    await asyncio.wait({running}, timeout=1)
                    screen.show(now())
            await running
        finally:
            processes.end()
            await asyncio.gather(running, return_exceptions=True)
    return list(processes.figures.values())


def _end(processes: Processes) -> None:
    say("ending in order: what is queued is delivered first")
    processes.end()


@contextlib.contextmanager
def _metrics(address: str | None, text: Callable[[], str]) -> Iterator[None]:
    if not address:
        yield
        return
    parts = urlsplit(f"//{address}")
    try:
        host, port = parts.hostname or "", parts.port or 0
        with live.served(host, port, text) as bound:
            say(f"metrics at http://{host}:{bound}/metrics")
            yield
    except (OSError, ValueError) as error:
        raise BadQuestion(f"--metrics {address}: {error}") from error


# ---- the verdict -------------------------------------------------------------------------------------------------


def _judged(run: SwarmRun, options: Namespace, failed: Mapping[str, str]) -> SwarmVerdict:
    books: dict[str, tuple[Booked, ...]] | None = read_books(options.books) if options.books else None
    shown = read_statuses(options.statuses) if options.statuses else None
    late_ms = round(options.late * 1000)
    judged = list(judge_all(run.directory, run.stations, late_ms, run.scenario.speed))
    found = verdict(judged, books, shown, failed)
    sessions, calls = sum(row.sessions for row in found.rows), sum(row.calls for row in found.rows)
    about = {
        "csms": _without_query(run.url),
        "scenario": str(options.scenario),
        "seed": run.scenario.seed,
        "sessions": sessions,
        "calls": calls,
    }
    names = report.write(run.directory, found, about)
    if options.json:
        sys.stdout.buffer.write(orjson.dumps(report.document(found, about), option=orjson.OPT_APPEND_NEWLINE))
    else:
        show(_page(found, sessions, calls, run.directory, names))
    return found


def _page(found: SwarmVerdict, sessions: int, calls: int, directory: Path, names: Sequence[str]) -> Page:
    kinds = counted(found.faults)
    books = "yes" if found.judged_books else "no: what the CSMS keeps was not compared (--books)"
    page = Page().add(
        "The CSMS is at fault" if kinds else "No fault of the CSMS was found",
        facts(
            ("stations", len(found.rows)),
            ("sessions", sessions),
            ("calls", calls),
            ("its own books", books),
            ("papers", ", ".join(str(directory / name) for name in names)),
        ),
    )
    page.add(
        "Faults", table(("fault", ">times", "what it means"), [(kind, n, KINDS[kind]) for kind, n in kinds.items()])
    )
    failed = [(row.station, row.error) for row in found.rows if row.error]
    return page.add("Stations that failed", table(("station", "why"), failed[:FAILED_SHOWN]))

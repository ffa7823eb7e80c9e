"""Reading a long log: fold and verification in events per second, and as ratios to reading its rows alone, in the same run.

    python tests/performance/bench_replay.py [events] [logs]

The log is made once by the kernel and kept in the temporary directory, as one file and once more in closed, compressed segments
(some minutes for the default of 1,000,000 events; a run after that takes less than ten). Prints processor time per event and its
ratio to the bare read-and-parse of the same rows; how long `state --at` takes, opening the log included; the most resident memory
of processes that stream it; how long a past moment takes on the page, and how large one transaction is as a file; and logs per second over
a fleet of small ones. It gives no verdict.
"""

import gc
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from time import perf_counter, process_time

import orjson

from eventstore.database import DATABASE_NAME, open_reader
from eventstore.rows import SELECT_ROWS
from projections.digest import fingerprint
from station.fleet.finding_logs import find_logs
from station.fleet.one_log import Task
from station.fleet.running import in_processes
from station.replay.answers.summary import summarize
from station.replay.answers.transactions import transaction_rows
from station.replay.opening.checkpoints import Checkpoints
from station.replay.opening.folding import state_at
from station.replay.opening.reader import LogReader
from station.replay.opening.source import open_log
from station.replay.opening.times import calendar_of
from station.replay.opening.workers import cores
from station.replay.proof.redeciding import decide_again
from station.replay.proof.verify import verify
from station.replay.viewing.keeping import Keeping, KeptRange
from station.replay.viewing.moments import LogMoments
from station.replay.viewing.one_file import document
from station.telling.amounts import plural
from tests.replay_logs import add_snapshot, many_days, many_segments, session, story, write_log, write_segments

EVENTS, LOGS = 1_000_000, 400
SEGMENT_EVENTS, DECIDED_EVENTS = 60_000, 100_000
TARGET_STATE_S, MOMENTS = 2.0, 20
MEMORY = (
    "import re, sys; from pathlib import Path\n"
    "from station.replay.opening.source import open_log; from station.replay.opening.folding import state_at\n"
    "from station.replay.proof.verify import verify; from station.replay.opening.times import calendar_of\n"
    "from station.replay.answers.summary import summarize\n"
    "with open_log(Path(sys.argv[1])) as reader: {work}\n"
    "print(int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1]) // 1024)"
)


def long_log(events: int) -> Path:
    """A log of so many events in one file, made once."""
    directory = Path(tempfile.gettempdir()) / f"chargebox-bench-{events}"
    if not (directory / "done").exists():
        print(f"making a log of {events} events …", file=sys.stderr)
        station = story()
        station.checked = False
        write_log(many_days(station, events), directory)
        (directory / "done").write_text("")
    return directory


def archived_log(events: int) -> Path:
    """As many in closed, compressed segments, made once for each version of the folding code, whose states they end in."""
    name, base = f"chargebox-bench-{events}-archived", Path(tempfile.gettempdir())
    directory = base / f"{name}-{fingerprint()[:12]}"
    if not (directory / "done").exists():
        print(f"making a log of {events} events in segments …", file=sys.stderr)
        for earlier in base.glob(f"{name}-*"):
            shutil.rmtree(earlier)
        station = story()
        station.checked = False
        write_segments(station, directory, many_segments(station, events, SEGMENT_EVENTS))
        (directory / "done").write_text("")
    return directory


def timed(label: str, events: int, floor: float, work: Callable[[], object]) -> float:
    """Runs it once; prints processor time per event and its ratio to the floor (0: this is the floor)."""
    gc.collect()
    each = processor_s(work) / events * 1e6
    ratio = "" if not floor else f"{each / floor:8.2f}"
    print(f"{label:<44}{each:10.2f}{1e6 / each:12.0f}{ratio}", flush=True)
    return each


def processor_s(work: Callable[[], object]) -> float:
    """Seconds of processor time that the work takes."""
    began = process_time()
    work()
    return process_time() - began


def bare(directory: Path) -> None:
    """The rows alone, through the standard library, with their payloads parsed."""
    with closing(open_reader(directory / DATABASE_NAME)) as connection:
        for row in connection.execute(f"{SELECT_ROWS} ORDER BY seq"):
            orjson.loads(row[7])


def decoded(reader: LogReader) -> None:
    for _ in reader.recorded():
        pass


def rows(reader: LogReader) -> None:
    for _ in reader.rows():
        pass


def decide(reader: LogReader, events: int) -> None:
    for decided in decide_again(reader):
        assert decided.agrees
        if decided.after.seq >= events:
            return


def rates(log: Path) -> int:
    """Each kind of reading, per event; the number of events."""
    print(f"{'':<44}{'µs/event':>10}{'events/s':>12}   ratio")
    with open_log(log) as reader:
        count = reader.head.seq
        first = min(count, DECIDED_EVENTS)
        floor = timed("bare read and parse", count, 0, lambda: bare(reader.scratch))
        timed("rows as the reader gives them", count, floor, lambda: rows(reader))
        timed("events decoded", count, floor, lambda: decoded(reader))
        timed("fold (P6: at most 5)", count, floor, lambda: state_at(reader, count))
        timed("verify, chain", count, floor, lambda: verify(reader, level="chain"))
        timed(f"verify, decide (of {first} events)", first, floor, lambda: decide(reader, first))
        timed("summary", count, floor, lambda: summarize(reader, calendar_of(reader)))
    return count


def on_all_cores(archived: Path) -> None:
    """The verdict on a log in segments, in one process and on all cores."""
    with open_log(archived) as reader:
        for workers in (1, cores()):
            began = perf_counter()
            found = verify(reader, workers=workers)
            assert found.verdict == "whole"
            rate = found.events / (perf_counter() - began)
            print(
                f"verify, decide, segments in {plural(workers, 'process', 'processes'):<24}{rate:12.0f} events/s",
                flush=True,
            )


def state_times(log: Path, archived: Path, events: int) -> None:
    """How long `state --at` takes, its own copy of the log included."""
    with tempfile.TemporaryDirectory() as cache:
        checkpoints = Checkpoints(Path(cache))
        _state_time("first, no snapshot, keeps checkpoints", log, events, checkpoints)
        _state_time("again", log, events, checkpoints)
        with open_log(log) as reader:
            state = state_at(reader, events - 1_000, checkpoints).state
            row = reader.row(state.seq)
    assert row is not None
    add_snapshot(log, state, row.digest)
    _state_time("with a snapshot of the station's", log, events, None)
    (log / f"snapshot-{state.seq}").unlink()
    with tempfile.TemporaryDirectory() as cache:
        checkpoints = Checkpoints(Path(cache))
        _state_time("archives, first", archived, events, checkpoints)
        _state_time("archives, again", archived, events, checkpoints)


def _state_time(label: str, log: Path, events: int, checkpoints: Checkpoints | None) -> None:
    began = perf_counter()
    with open_log(log) as reader:
        calendar_of(reader)
        state_at(reader, events - 10, checkpoints)
    taken = perf_counter() - began
    print(f"state --at, {label:<39}{taken:9.2f} s   (target {TARGET_STATE_S} s)", flush=True)


def on_the_page(archived: Path) -> None:
    """A past moment on the page, each with no state at hand but those that segments end in; and one transaction as a file."""
    with open_log(archived) as reader:
        calendar, chance = calendar_of(reader), random.Random(1)
        taken: dict[str, list[float]] = {name: [] for name in ("head", "now", "story", "sessions")}
        for _ in range(MOMENTS):
            moments = LogMoments(reader, calendar, None, None)
            query = {"at": str(chance.randrange(2, reader.head.seq))}
            for name, times in taken.items():
                times.append(processor_s(partial(moments.answer, None, f"/api/view/{name}", query)))
        for name, times in taken.items():
            print(
                f"past moment, {name:<20} median {statistics.median(times):6.2f} s, at most {max(times):6.2f} s",
                flush=True,
            )
        row = transaction_rows(reader, calendar)[-10]
        asked = KeptRange(first_seq=row.first_seq, last_seq=row.settled_seq or row.first_seq, begin_seq=row.first_seq)
        size = len(document(Keeping(reader, calendar, asked, None, None).kept()))
        events = asked.last_seq - asked.first_seq + 1
        print(f"one transaction of {events} events as a file {size // 1000:20} kB   (target 400 kB)", flush=True)


def memory(log: Path, archived: Path) -> None:
    """The most that a process of its own takes (getrusage would tell its parent's as well)."""
    for label, where, work in (
        ("fold, 10,000 events", log, "state_at(reader, 10_000)"),
        ("fold, 200,000 events", log, "state_at(reader, min(200_000, reader.head.seq))"),
        ("verify the chain, all events", log, "verify(reader, level='chain')"),
        ("verify the chain, all events in archives", archived, "verify(reader, level='chain')"),
        ("summary, all events", log, "summarize(reader, calendar_of(reader))"),
    ):
        code = MEMORY.format(work=work)
        done = subprocess.run([sys.executable, "-c", code, str(where)], capture_output=True, text=True, check=True)
        print(f"resident at most, {label:<40}{done.stdout.strip():>6} MiB", flush=True)


def fleet(logs: int) -> None:
    """Logs per second over a fleet of small ones: in one process, in two, and as it is done unless told otherwise."""
    with tempfile.TemporaryDirectory() as name:
        for number in range(logs):
            station = story(connectors=1, identity=f"CB-{number:04d}").online()
            station.checked = False  # type: ignore[attr-defined]
            session(station, minutes=5)  # type: ignore[arg-type]
            write_log(station, Path(name) / f"station-{number:04d}")
        for command in ("summary", "verify"):
            tasks = [Task(path=log.path, mark=log.mark, size=log.size, command=command) for log in find_logs(name)]
            for where, workers in (("one process", 1), ("two workers", 2), ("by itself", None)):
                began = perf_counter()
                done = sum(row["status"] == "ok" for row in in_processes(tasks, workers))
                assert done == logs
                print(f"fleet {command}, {where:<28}{logs / (perf_counter() - began):10.1f} logs/s", flush=True)


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    log = long_log(events)
    archived = archived_log(events)
    count = rates(log)
    on_all_cores(archived)
    state_times(log, archived, count)
    on_the_page(archived)
    memory(log, archived)
    fleet(int(sys.argv[2]) if len(sys.argv) > 2 else LOGS)


if __name__ == "__main__":
    main()

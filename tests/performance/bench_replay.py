"""Reading a long log: fold and verification in events per second, and as ratios to reading its rows alone, in the same run.

    python tests/performance/bench_replay.py [events] [logs]

The log is made once by the kernel and kept in the temporary directory (some minutes for the default of 1,000,000 events). Prints a
table: processor time per event and its ratio to the bare read-and-parse of the same rows, the time of `state --at` without
snapshots, with this tool's own checkpoints, and with a snapshot of the station's; resident memory while streaming; and logs per
second over a fleet of small logs. It gives no verdict.
"""

import gc
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from time import perf_counter, process_time

import orjson

from eventstore.database import DATABASE_NAME, open_reader
from eventstore.rows import SELECT_ROWS
from station.fleet.finding_logs import find_logs
from station.fleet.one_log import Task
from station.fleet.running import in_processes
from station.replay.checkpoints import Checkpoints
from station.replay.folding import state_at
from station.replay.reader import LogReader
from station.replay.source import open_log
from station.replay.verify import verify
from tests.replay_logs import add_snapshot, many_days, session, story, write_log

EVENTS, LOGS = 1_000_000, 200
TARGET_STATE_S = 2.0


def long_log(events: int) -> Path:
    """A log of so many events, made once."""
    directory = Path(tempfile.gettempdir()) / f"chargebox-bench-{events}"
    if not (directory / "done").exists():
        print(f"making a log of {events} events …", file=sys.stderr)
        station = story()
        station.checked = False
        write_log(many_days(station, events), directory)
        (directory / "done").write_text("")
    return directory


def timed(label: str, events: int, floor: float, work: Callable[[], object]) -> float:
    """Runs it once; prints processor time per event and its ratio to the floor (0: this is the floor)."""
    gc.collect()
    began = process_time()
    work()
    each = (process_time() - began) / events * 1e6
    ratio = "" if not floor else f"{each / floor:8.2f}"
    print(f"{label:<44}{each:10.2f}{1e6 / each:12.0f}{ratio}")
    return each


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


def state_times(log: Path, events: int) -> None:
    """How long `state --at` takes, its own copy of the log included."""
    with tempfile.TemporaryDirectory() as cache:
        checkpoints = Checkpoints(Path(cache))
        for label, kept in (
            ("without snapshots", None),
            ("first, keeping checkpoints", checkpoints),
            ("again", checkpoints),
        ):
            began = perf_counter()
            with open_log(log) as reader:
                state_at(reader, events - 10, kept)
            print(f"state --at, {label:<32}{perf_counter() - began:10.2f} s   (target {TARGET_STATE_S} s)")
    with open_log(log) as reader:
        state = state_at(reader, events - 1_000).state
        row = reader.row(state.seq)
    assert row is not None
    add_snapshot(log, state, row.digest)
    began = perf_counter()
    with open_log(log) as reader:
        state_at(reader, events - 10)
    print(
        f"state --at, {'with a snapshot of the station':<32}{perf_counter() - began:10.2f} s   (target {TARGET_STATE_S} s)"
    )
    (log / f"snapshot-{state.seq}").unlink()


def memory(log: Path) -> None:
    """The most that a process of its own takes while it folds the log (getrusage would tell its parent's as well)."""
    code = (
        "import re, sys; from pathlib import Path; from station.replay.source import open_log; "
        "from station.replay.folding import state_at\n"
        "with open_log(Path(sys.argv[1])) as reader: state_at(reader, int(sys.argv[2]) or reader.head.seq)\n"
        "print(int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1]) // 1024)"
    )
    for label, seq in (("10,000 events", "10000"), ("all events", "0")):
        done = subprocess.run([sys.executable, "-c", code, str(log), seq], capture_output=True, text=True, check=True)
        print(f"resident at most, folding {label:<18}{done.stdout.strip():>10} MiB")


def fleet(logs: int) -> None:
    """Logs per second over a fleet of small ones, here and on all cores."""
    with tempfile.TemporaryDirectory() as name:
        for number in range(logs):
            station = story(connectors=1, identity=f"CB-{number:04d}").online()
            station.checked = False  # type: ignore[attr-defined]
            session(station, minutes=5)  # type: ignore[arg-type]
            write_log(station, Path(name) / f"station-{number:04d}")
        for command in ("summary", "verify"):
            tasks = [Task(path=log.path, mark=log.mark, command=command, level="decide") for log in find_logs(name)]
            for workers in (1, None):
                began = perf_counter()
                done = sum(row["status"] == "ok" for row in in_processes(tasks, workers))
                assert done == logs
                where = "one process" if workers else "all cores"
                print(f"fleet {command}, {where:<28}{logs / (perf_counter() - began):10.1f} logs/s")


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    log = long_log(events)
    print(f"{'':<44}{'µs/event':>10}{'events/s':>12}   ratio")
    with open_log(log) as reader:
        count = reader.head.seq
        floor = timed("bare read and parse", count, 0, lambda: bare(reader.scratch))
        timed("rows as the reader gives them", count, floor, lambda: rows(reader))
        timed("events decoded", count, floor, lambda: decoded(reader))
        timed("fold (P6: at most 5)", count, floor, lambda: state_at(reader, count))
        timed("verify, chain", count, floor, lambda: verify(reader, level="chain"))
        timed("verify, decide", count, floor, lambda: verify(reader))
    state_times(log, count)
    memory(log)
    fleet(int(sys.argv[2]) if len(sys.argv) > 2 else LOGS)


if __name__ == "__main__":
    main()

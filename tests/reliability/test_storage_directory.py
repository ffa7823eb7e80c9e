"""What may happen to a running station's storage directory and to the files in it, and a disk that hangs while it starts."""

import asyncio
import json
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.daemon import Settings
from tests.reliability.disk import Tree
from tests.reliability.interposer import EVERYTHING, Action
from tests.reliability.oracle import check_aftermath
from tests.reliability.rig import EXIT_WITHIN_S, Rig, Run, begin, session

STORAGE_FAILED, LOG, DONE = 70, 3, 0
PROMISED_S = 10.0


# ---- the lock -------------------------------------------------------------------------------------------------------


def remove_lock(root: Path) -> None:
    (root / "lock").unlink()


def replace_lock(root: Path) -> None:
    (root / "lock").rename(root / "lock.old")
    (root / "lock").write_text("1\n")


@pytest.mark.parametrize("tidied", [remove_lock, replace_lock])
def test_a_second_daemon_is_refused_whatever_became_of_the_lock_file_and_the_first_goes_on(
    tidied: Callable[[Path], None],
    serving: tuple[Rig, Run],
    library: Path,
    base: Path,
    commissioned: tuple[Tree, Settings],
) -> None:
    rig, run = serving
    tidied(rig.root)
    (base / "second").mkdir()
    with Rig(library, base / "second", commissioned[1]) as second:
        for name in (rig.root, base / "link"):
            if name != rig.root:
                name.symlink_to(rig.root)
            second.write_settings(commissioned[1], name)
            assert second.live().status == LOG
            assert f"locked by process {run.pid}" in second.stderr()
    session(run)
    run.send(signal.SIGTERM)
    assert rig.end(run) == DONE
    asyncio.run(check_aftermath(rig.root, run.told))


def _contents(root: Path) -> dict[str, bytes]:
    """All but the simulated copper, which is nothing of the log's."""
    return {path.name: path.read_bytes() for path in root.iterdir() if path.is_file() and path.name != "bench.json"}


def test_a_station_whose_directory_was_replaced_ends_and_touches_nothing_of_the_other(serving: tuple[Rig, Run]) -> None:
    """What it acknowledged from then on, no next start would find."""
    rig, run = serving
    moved = rig.root.with_name("moved")
    shutil.copytree(rig.root, rig.root.with_name("copy"))
    rig.root.rename(moved)
    rig.root.with_name("copy").rename(rig.root)
    before = _contents(rig.root)
    run.post("clock", advance_s=31)  # the disk is looked at
    assert rig.end(run) == STORAGE_FAILED
    assert "moved away or replaced" in rig.stderr()
    assert _contents(rig.root) == before
    asyncio.run(check_aftermath(moved, run.told))


# ---- a disk that hangs while the station starts ---------------------------------------------------------------------


def _operations_of_a_start(rig: Rig, tree: Tree) -> int:
    rig.put(tree)
    rig.control.count(EVERYTHING)
    run = rig.start()
    assert rig.ready(run)
    counted = rig.control.get("counted")
    rig.control.disarm()
    run.send(signal.SIGTERM)
    assert rig.end(run) == DONE
    return counted


def _hangs_at(rig: Rig, tree: Tree, nth: int) -> None:
    """The disk hangs from this operation on; the process is told to end, and must."""
    rig.put(tree)
    rig.control.arm(nth, Action.HANG, sticky=True, classes=EVERYTHING)
    run = rig.start()
    until_s = time.monotonic() + EXIT_WITHIN_S
    while not rig.control.get("fired"):
        assert time.monotonic() < until_s, f"operation {nth} never came"
        time.sleep(0.005)
    assert not rig.ended(run, 0.2)
    run.send(signal.SIGTERM)
    try:
        assert rig.end(run) in {STORAGE_FAILED, -signal.SIGTERM}, f"at operation {nth}\n{rig.stderr()}"
    finally:
        rig.control.disarm()
    assert run.status == STORAGE_FAILED or nth == 1, f"at operation {nth}: {run.status}"
    again = rig.live(session)
    assert again.status == DONE, rig.stderr()
    asyncio.run(check_aftermath(rig.root, again.told))


@pytest.mark.parametrize("share", [0.0, 0.4, 0.97])
def test_a_disk_that_hangs_while_the_station_starts_does_not_keep_it_from_ending(
    share: float, library: Path, base: Path, commissioned: tuple[Tree, Settings]
) -> None:
    tree, settings = commissioned
    with Rig(library, base, settings) as rig:
        count = _operations_of_a_start(rig, tree)
        _hangs_at(rig, tree, 2 + round(share * (count - 2)))


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("fresh", [False, True], ids=["commissioned", "first creation"])
def test_a_disk_that_hangs_anywhere_in_a_start_does_not_keep_the_station_from_ending(
    fresh: bool, library: Path, base: Path, commissioned: tuple[Tree, Settings]
) -> None:
    tree, settings = commissioned
    with Rig(library, base, settings) as rig:
        for nth in range(2, _operations_of_a_start(rig, {} if fresh else tree) + 1, 3):
            _hangs_at(rig, {} if fresh else tree, nth)


# ---- files that vanish while the station is down --------------------------------------------------------------------


def _killed_while_charging(rig: Rig, run: Run) -> None:
    begin(run)
    run.post("clock", advance_s=65)
    run.send(signal.SIGKILL)
    rig.end(run)


def _named_by_the_next_start(rig: Rig) -> tuple[list[str], str]:
    """The events that tell of damage, and what was said; the station serves, and the start after it finds nothing more."""
    told, said = _served(rig)
    assert _served(rig)[0] == told, "found damaged again"
    return told, said


def _served(rig: Rig) -> tuple[list[str], str]:
    run = rig.start()
    assert rig.ready(run), rig.stderr()
    session(run)
    events = run.call("GET", "/api/events?after=0&limit=1000")[1]["events"]
    told = [json.dumps(each) for each in events if each["type"] in ("LogSalvaged", "LogDamageFound")]
    run.send(signal.SIGTERM)
    assert rig.end(run) == DONE
    return told, rig.stderr()


@pytest.mark.parametrize("emptied", [False, True], ids=["gone", "empty"])
def test_a_wal_that_vanished_is_named(emptied: bool, serving: tuple[Rig, Run]) -> None:
    rig, run = serving
    _killed_while_charging(rig, run)
    wal = rig.root / "chargebox.db-wal"
    assert wal.stat().st_size > 0
    wal.unlink()
    if emptied:
        wal.write_bytes(b"")
    (event,), said = _named_by_the_next_start(rig)
    assert "LogSalvaged" in event
    assert "chargebox.db-wal has vanished or is empty" in event
    assert "chargebox.db-wal has vanished" in said


@pytest.mark.parametrize(
    ("name", "says"), [("witness", "the witness has vanished"), ("identity", "the file identity has")]
)
def test_a_small_file_that_vanished_is_named_and_made_anew(name: str, says: str, serving: tuple[Rig, Run]) -> None:
    rig, run = serving
    _killed_while_charging(rig, run)
    (rig.root / name).unlink()
    (event,), said = _named_by_the_next_start(rig)
    assert "LogDamageFound" in event
    assert says in event
    assert says in said
    assert (rig.root / name).stat().st_size > 0


@pytest.mark.parametrize("name", ["lock", "reserve", "chargebox.db-shm"])
def test_what_is_only_made_anew_costs_nothing(name: str, serving: tuple[Rig, Run]) -> None:
    rig, run = serving
    _killed_while_charging(rig, run)
    (rig.root / name).unlink()
    assert _named_by_the_next_start(rig)[0] == []

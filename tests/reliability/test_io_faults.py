"""A disk that fails: each operation of a daemon's life in turn is refused, done by half, or is its last.

By default every few operations, with the kinds of failure taken in turn; with -m long every one with every kind.
"""

import asyncio
import errno
import json
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from eventstore.database import DATABASE_NAME
from eventstore.log import EventLog
from tests.daemon import Settings, merged
from tests.integration.ledger import assert_balanced
from tests.reliability.answering import AnsweringCsms
from tests.reliability.disk import Tree
from tests.reliability.interposer import MUTATES, OPENS, READS, Action
from tests.reliability.oracle import check_aftermath
from tests.reliability.rig import GoneError, Rig, Run, begin, session

STORAGE_FAILED, LOG, DONE = 70, 3, 0
ANSWERED_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to an operation; `sticky`: and to all after it."""

    name: str
    action: Action
    error: int = 0
    sticky: bool = False
    classes: int = MUTATES


def _failing(name: str, code: int, classes: int = MUTATES, *, sticky: bool = False) -> Fault:
    return Fault(
        name=f"{name}: {errno.errorcode[code]}", action=Action.FAIL, error=code, sticky=sticky, classes=classes
    )


DISK_FAULTS = (
    *(_failing("once", code) for code in (errno.ENOSPC, errno.EIO, errno.EROFS)),
    *(_failing("for good", code, sticky=True) for code in (errno.ENOSPC, errno.EIO, errno.EROFS)),
    Fault(name="a short write", action=Action.SHORT),
)
OPEN_FAULTS = tuple(_failing("open", code, OPENS) for code in (errno.EMFILE, errno.EACCES))
READ_FAULTS = (_failing("read", errno.EIO, READS),)
KILL = Fault(name="kill -9", action=Action.KILL)
SIGTERM = Fault(name="SIGTERM", action=Action.TERM)
SIGTERMS = Fault(name="SIGTERM again and again", action=Action.TERM, sticky=True)


def injected(rig: Rig, tree: Tree, fault: Fault, nth: int) -> Run:
    """One life with the fault at the n-th operation of its kind; AssertionError if anything is lost or hangs."""
    rig.put(tree)
    rig.control.arm(nth, fault.action, fault.error, sticky=fault.sticky, classes=fault.classes)
    run = rig.live(session)
    fired = rig.control.get("fired")
    rig.control.disarm()
    where = f"{fault.name} at operation {nth}: ended with {run.status}, {run.answers}\n{rig.stderr()}"
    assert "Traceback" not in rig.stderr(), where
    if run.status == STORAGE_FAILED:
        assert "outputs safe" in rig.stderr(), where
    try:
        state = asyncio.run(check_aftermath(rig.root, run.told))
    except Exception as error:
        raise AssertionError(f"{where}\n{error}") from error
    assert run.status != DONE or state.boot.ended or not fired, f"not the end of a station in order\n{where}"
    return run


def operations(rig: Rig, tree: Tree, classes: int) -> int:
    """How many operations of these classes a life has in which nothing fails."""
    rig.put(tree)
    rig.control.count(classes)
    run = rig.live(session)
    counted = rig.control.get("counted")
    rig.control.disarm()
    assert run.status == 0, rig.stderr()
    assert run.answers[-1] == ("/bench/connectors/1/unplug", 200), run.answers
    return counted


def positions(count: int, step: int, faults: tuple[Fault, ...]) -> Iterator[tuple[int, Fault]]:
    """Each `step`-th operation with one kind of fault after the other; with step 0 every operation with every kind."""
    if not step:
        yield from ((nth, fault) for nth in range(1, count + 1) for fault in faults)
        return
    for index, nth in enumerate(range(1, count + 1, step)):
        yield nth, faults[index % len(faults)]


def inject_everywhere(
    library: Path,
    base: Path,
    commissioned: tuple[Tree, Settings],
    faults: tuple[Fault, ...],
    allowed: frozenset[int],
    step: int,
    *,
    fresh: bool = False,
) -> None:
    """The faults at the operations of one life; `fresh`: of the first life of all."""
    tree, settings = commissioned
    outcomes: Counter[str] = Counter()
    with Rig(library, base, settings) as rig:
        count = operations(rig, {} if fresh else tree, faults[0].classes)
        for nth, fault in positions(count, step, faults):
            run = injected(rig, {} if fresh else tree, fault, nth)
            assert run.status in allowed, f"{fault.name} at operation {nth}: {run.status}\n{rig.stderr()}"
            outcomes[f"{fault.name}: {run.status}"] += 1
    print(f"{sum(outcomes.values())} positions of {count} operations: {dict(sorted(outcomes.items()))}")


STOPS = frozenset({DONE, LOG, STORAGE_FAILED})
BY_SIGNAL = frozenset({DONE, -signal.SIGTERM})
"""A signal that comes before anything was opened ends the process as it ends any other."""

EVERY = pytest.mark.parametrize(
    ("faults", "allowed", "step"),
    [
        pytest.param(DISK_FAULTS, STOPS, 6, id="the disk refuses"),
        pytest.param(OPEN_FAULTS, STOPS, 6, id="a file cannot be opened"),
        pytest.param(READ_FAULTS, STOPS, 9, id="a file cannot be read"),
        pytest.param((KILL,), frozenset({DONE, -signal.SIGKILL}), 16, id="kill -9"),
        pytest.param((SIGTERM, SIGTERMS), BY_SIGNAL, 10, id="SIGTERM"),
    ],
)


@EVERY
def test_a_fault_at_an_operation_stops_the_station_and_loses_nothing(
    faults: tuple[Fault, ...],
    allowed: frozenset[int],
    step: int,
    library: Path,
    base: Path,
    commissioned: tuple[Tree, Settings],
) -> None:
    inject_everywhere(library, base, commissioned, faults, allowed, step)


def test_a_fault_at_an_operation_of_the_first_creation_loses_nothing(
    library: Path, base: Path, commissioned: tuple[Tree, Settings]
) -> None:
    inject_everywhere(library, base, commissioned, DISK_FAULTS, STOPS, 12, fresh=True)


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("fresh", [False, True], ids=["commissioned", "first creation"])
@EVERY
def test_a_fault_at_every_operation_stops_the_station_and_loses_nothing(
    faults: tuple[Fault, ...],
    allowed: frozenset[int],
    step: int,
    fresh: bool,
    library: Path,
    base: Path,
    commissioned: tuple[Tree, Settings],
) -> None:
    inject_everywhere(library, base, commissioned, faults, allowed, 0, fresh=fresh)


# ---- with a CSMS that answers --------------------------------------------------------------------------------------


def session_online(run: Run) -> None:
    """As `session`, at the pace of the answers."""
    run.post("connectors/1/plug")
    run.post("swipe", id_tag="A", connector_id=1)
    soon(run, lambda state: any(one["transaction_id"] for one in state["transactions"]))
    run.post("clock", advance_s=31)
    run.post("clock", advance_s=31)
    run.post("swipe", id_tag="A", connector_id=1)
    soon(run, lambda state: not state["connectors"][1]["locked"] and not state["transactions"])
    run.post("connectors/1/unplug")


def soon(run: Run, holds: Callable[[Any], bool]) -> bool:
    """Waits until the projections fulfil this; False if they do not in time. Raises GoneError."""
    until_s = time.monotonic() + ANSWERED_WITHIN_S
    while time.monotonic() < until_s:
        if holds(run.state()):
            return True
        time.sleep(0.02)
    return False


def _all_told(state: Any) -> bool:
    return state["link"]["up"] and not state["transactions"] and not state["outbox"]["pending"]


def injected_online(rig: Rig, tree: Tree, settings: Settings, fault: Fault, nth: int) -> Run:
    """One life with the fault while the CSMS answers, and one in which all is told; the books of the CSMS balance."""
    with AnsweringCsms() as csms:
        rig.write_settings(merged(settings, {"csms": {"url": csms.url}}), rig.root)
        rig.put(tree)
        rig.control.arm(nth, fault.action, fault.error, sticky=fault.sticky, classes=fault.classes)
        run = rig.live(session_online)
        rig.control.disarm()
        where = f"{fault.name} at operation {nth}: ended with {run.status}, {run.answers}\n{rig.stderr()}"
        assert "Traceback" not in rig.stderr(), where
        try:
            asyncio.run(check_aftermath(rig.root, run.told))
        except Exception as error:
            raise AssertionError(f"{where}\n{error}") from error
        after = rig.start()
        assert rig.ready(after), where
        assert soon(after, _all_told), f"{after.state()['outbox']} is never told\n{where}"
        after.send(signal.SIGTERM)
        assert rig.end(after) == DONE, where
        on_record = asyncio.run(_dispatched(rig.root))
        unrecorded = [call for call in csms.calls() if call[1] not in on_record]
        assert not unrecorded, f"{unrecorded} left without a record (I3)\n{where}"
        for account in csms.accounts():
            assert_balanced(account)
    return run


async def _dispatched(directory: Path) -> set[str]:
    """The message ids of all calls on record."""
    log = await EventLog.open(directory, identity="CB-0001")
    try:
        rows = await log.read_rows(0, 1_000_000)
    finally:
        await log.close()
    return {json.loads(row.payload)["message_id"] for row in rows if row.type in ("CallDispatched", "CallPrepared")}


ONLINE = pytest.mark.parametrize(
    ("faults", "allowed", "step"),
    [
        pytest.param(DISK_FAULTS, STOPS, 30, id="the disk refuses"),
        pytest.param(READ_FAULTS, STOPS, 25, id="a file cannot be read"),
        pytest.param((KILL,), frozenset({DONE, -signal.SIGKILL}), 60, id="kill -9"),
    ],
)


def inject_online_everywhere(
    rig: Rig, tree: Tree, settings: Settings, faults: tuple[Fault, ...], allowed: frozenset[int], step: int
) -> None:
    """The faults at the operations of one life with a CSMS; how many it has varies a little with its answers."""
    nothing = Fault(name="nothing", action=Action.NONE, classes=faults[0].classes)
    assert injected_online(rig, tree, settings, nothing, 0).status == DONE
    rig.control.count(faults[0].classes)
    outcomes: Counter[str] = Counter()
    with AnsweringCsms() as csms:
        rig.write_settings(merged(settings, {"csms": {"url": csms.url}}), rig.root)
        rig.put(tree)
        assert rig.live(session_online).status == DONE
        counted = rig.control.get("counted")
    for nth, fault in positions(counted, step, faults):
        run = injected_online(rig, tree, settings, fault, nth)
        assert run.status in allowed, f"{fault.name} at operation {nth}: {run.status}\n{rig.stderr()}"
        outcomes[f"{fault.name}: {run.status}"] += 1
    print(f"{sum(outcomes.values())} positions of {counted} operations: {dict(sorted(outcomes.items()))}")


@ONLINE
def test_a_fault_while_the_csms_answers_loses_nothing_and_its_books_balance(
    faults: tuple[Fault, ...],
    allowed: frozenset[int],
    step: int,
    library: Path,
    base: Path,
    commissioned: tuple[Tree, Settings],
) -> None:
    tree, settings = commissioned
    with Rig(library, base, settings) as rig:
        inject_online_everywhere(rig, tree, settings, faults, allowed, step)


@pytest.mark.long
@pytest.mark.timeout(7200)
@ONLINE
def test_a_fault_anywhere_while_the_csms_answers_loses_nothing_and_its_books_balance(
    faults: tuple[Fault, ...],
    allowed: frozenset[int],
    step: int,
    library: Path,
    base: Path,
    commissioned: tuple[Tree, Settings],
) -> None:
    tree, settings = commissioned
    with Rig(library, base, settings) as rig:
        inject_online_everywhere(rig, tree, settings, faults, allowed, 3)


# ---- a disk that stays bad, fills, hangs ------------------------------------------------------------------------------


def test_a_disk_that_stays_bad_is_named_at_each_start_and_all_is_there_once_it_is_good(
    library: Path, base: Path, commissioned: tuple[Tree, Settings]
) -> None:
    tree, settings = commissioned
    with Rig(library, base, settings) as rig:
        run = injected(rig, tree, _failing("for good", errno.EROFS, sticky=True), 90)
        assert run.status == STORAGE_FAILED
        rig.control.arm(1, Action.FAIL, errno.EROFS, sticky=True, classes=MUTATES | OPENS)
        for _ in range(2):
            assert rig.live().status == LOG
            assert "takes no writes" in rig.stderr()
            assert "ready" not in rig.stderr(), "READY without a durable write"
        rig.control.disarm()
        after = rig.live(session)
        assert after.status == DONE
        assert after.told > run.told


def test_a_full_disk_starts_no_transaction_and_ends_those_that_run(serving: tuple[Rig, Run]) -> None:
    rig, run = serving
    begin(run)
    assert [one["id_tag"] for one in run.state()["transactions"]] == ["B"]
    rig.control.set(free_bytes=300_000)
    run.post("clock", advance_s=31)  # the disk is looked at
    run.post("clock", advance_s=31)
    run.post("swipe", id_tag="B", connector_id=1)
    assert [one["reason"] for one in run.state()["transactions"]] == ["Local"]
    run.post("connectors/1/unplug")
    begin(run)
    assert [one["id_tag"] for one in run.state()["transactions"]] == ["B"], "started on a full disk"
    run.send(signal.SIGKILL)
    rig.end(run)
    again = rig.start()  # it stays degraded over a restart
    assert rig.ready(again), rig.stderr()
    begin(again)
    assert len(again.state()["transactions"]) == 1
    rig.control.set(free_bytes=0)
    again.post("clock", advance_s=31)
    again.post("clock", advance_s=31)
    again.post("connectors/1/unplug")
    begin(again)
    assert len(again.state()["transactions"]) == 2, "not resumed once there is room"
    again.send(signal.SIGTERM)
    assert rig.end(again) == DONE
    asyncio.run(check_aftermath(rig.root, again.told))


def test_a_disk_that_hangs_acknowledges_nothing_and_a_told_end_comes_in_time(serving: tuple[Rig, Run]) -> None:
    rig, run = serving
    told = run.told
    rig.control.set(hang=1)
    with pytest.raises(GoneError):
        run.call("POST", "/bench/connectors/1/plug", {}, within_s=1.0)
    with pytest.raises(GoneError):
        run.call("POST", "/bench/swipe", {"id_tag": "B", "connector_id": 1}, within_s=1.0)
    assert run.told == told
    run.send(signal.SIGTERM)
    assert rig.end(run) == STORAGE_FAILED
    assert "has not answered" in rig.stderr()
    rig.control.set(hang=0)
    again = rig.live(session)
    assert again.status == DONE
    asyncio.run(check_aftermath(rig.root, again.told))


def test_a_disk_that_hung_and_answers_again_costs_nothing(serving: tuple[Rig, Run]) -> None:
    rig, run = serving
    rig.control.set(hang=1)
    with pytest.raises(GoneError):
        run.call("POST", "/bench/connectors/1/plug", {}, within_s=1.0)
    rig.control.set(hang=0)
    assert run.post("swipe", id_tag="B", connector_id=1) == 200
    assert [one["id_tag"] for one in run.state()["transactions"]] == ["B"]
    run.send(signal.SIGTERM)
    assert rig.end(run) == DONE
    asyncio.run(check_aftermath(rig.root, run.told))


def test_a_second_daemon_on_the_same_directory_is_refused(
    library: Path, base: Path, commissioned: tuple[Tree, Settings]
) -> None:
    tree, settings = commissioned
    second_base = base / "second"
    second_base.mkdir()
    with Rig(library, base, settings) as rig:
        rig.put(tree)
        run = rig.start()
        assert rig.ready(run)
        with Rig(library, second_base, settings) as second:
            second.write_settings(settings, rig.root)
            assert second.live().status == LOG
            assert f"locked by process {run.pid}" in second.stderr()
        assert run.post("connectors/1/plug") == 200
        run.send(signal.SIGTERM)
        assert rig.end(run) == DONE


def test_a_stranger_who_holds_the_log_for_too_long_stops_the_station_and_nothing_is_acknowledged(
    serving: tuple[Rig, Run],
) -> None:
    rig, run = serving
    assert run.post("connectors/1/plug") == 200
    told = run.told
    with closing(sqlite3.connect(rig.root / DATABASE_NAME, isolation_level=None)) as stranger:
        stranger.execute("BEGIN IMMEDIATE")
        with suppress(GoneError):
            assert run.post("swipe", id_tag="B", connector_id=1) != 200
        assert rig.end(run) == STORAGE_FAILED
        assert "outputs safe" in rig.stderr()
        assert run.told == told
        stranger.execute("ROLLBACK")
    again = rig.live(session)
    assert again.status == DONE
    assert again.told > told
    asyncio.run(check_aftermath(rig.root, again.told))

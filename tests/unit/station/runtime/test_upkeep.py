"""The chores beside the loop: signs of life, the disk, snapshots, and the check of the whole log."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator, Callable
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio

from eventstore.catalogue.hardware import MeterObserved
from eventstore.catalogue.lifecycle import DiskSpaceObserved, LogDamageFound
from eventstore.errors import LogCorrupt, StorageFailed
from eventstore.log import EventLog
from eventstore.witness import read_witness
from projections.digest import fingerprint
from projections.station import StationState
from station.features import registry_for
from station.runtime.clock import SystemClock
from station.runtime.disk import DISK_CRITICAL_BYTES, DISK_LOW_BYTES
from station.runtime.recovery import SNAPSHOT_EVERY, fold_log, save_snapshot
from station.runtime.station import Station
from station.runtime.upkeep import ALIVE_EVERY_MS, CHECK_AFTER_MS, LATE_MODULES, RESERVE_RELEASED_BELOW_BYTES, Upkeep
from tests.given import charging
from tests.shortage import no_descriptors
from tests.tampering import tamper


class RoomyLog:
    """The event log on a disk whose free space the test decides on."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self.free = 1 << 40
        self.reserves: list[str] = []

    def free_bytes(self) -> int:
        return self.free

    def disk_bytes(self) -> int:
        return 1 << 40

    def release_reserve(self) -> bool:
        self.reserves.append("released")
        return True

    def make_reserve(self) -> bool:
        self.reserves.append("made")
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


class Rig:
    """A station that charges, its log, and its chores."""

    def __init__(self, log: EventLog, state: StationState) -> None:
        self.log = RoomyLog(log)
        self.clock = SystemClock()
        self.clock.begin(state.at_ms)
        self.station = Station(cast("EventLog", self.log), registry_for(), self.clock, state)
        self.upkeep = Upkeep(self.station, cast("EventLog", self.log), self.clock, snapshot_seq=state.seq)
        self.station.followers.append(self.upkeep.publish)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["asyncio.Task[None]"]:
        tasks = [asyncio.create_task(self.station.run()), asyncio.create_task(self.upkeep.run())]
        try:
            yield tasks[1]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def types(self) -> list[type]:
        return [type(item.event) for item in await self.log.read(0, 10_000)]


async def until(condition: Callable[[], Any], *, passing: SystemClock | None = None) -> None:
    """Looks again and again, as the chores tell nobody; station time passes meanwhile on this clock."""
    async with asyncio.timeout(20):
        while not condition():
            if passing is not None:
                passing.push(CHECK_AFTER_MS)
            await asyncio.sleep(0.002)


@pytest_asyncio.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    log = await EventLog.open(tmp_path, identity="CB-0001")
    found = charging()
    await log.append(found.log)
    yield Rig(log, found.state)
    await log.close()


@pytest.mark.asyncio
async def test_what_a_start_does_without_is_imported_soon_after(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop would stand still while the first faulty CALL waits for it."""
    for name in LATE_MODULES:
        import_module(name)
        monkeypatch.delitem(sys.modules, name)
    async with rig.running():
        await asyncio.sleep(0)
        assert not any(name in sys.modules for name in LATE_MODULES)
        await until(lambda: all(name in sys.modules for name in LATE_MODULES), passing=rig.clock)


@pytest.mark.asyncio
async def test_what_cannot_be_imported_for_want_of_a_descriptor_is_tried_again_and_ends_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in LATE_MODULES:
        import_module(name)
        monkeypatch.delitem(sys.modules, name)
    with no_descriptors():
        assert [await rig.upkeep._is_loaded(name) for name in LATE_MODULES] == [False] * len(LATE_MODULES)
    assert not any(name in sys.modules for name in LATE_MODULES)
    assert [await rig.upkeep._is_loaded(name) for name in LATE_MODULES] == [True] * len(LATE_MODULES)


# ---- the disk ----------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_a_level_is_on_record_when_it_changes_and_only_then(rig: Rig) -> None:
    async with rig.running():
        for free, level in (
            (1 << 40, "ok"),
            (DISK_LOW_BYTES - 1, "low"),
            (DISK_LOW_BYTES - 2, "low"),
            (DISK_CRITICAL_BYTES - 1, "critical"),
            (1 << 40, "ok"),
        ):
            rig.log.free = free
            await rig.upkeep.look_at_disk()
            await rig.station.settle()
            assert rig.station.state.boot.disk == level
    levels = [item.event for item in await rig.log.read(0, 10_000) if isinstance(item.event, DiskSpaceObserved)]
    assert [event.level for event in levels] == ["low", "critical", "ok"]


@pytest.mark.asyncio
async def test_the_reserve_is_given_up_on_a_full_disk_and_made_again_once_there_is_room(rig: Rig) -> None:
    async with rig.running():
        rig.log.reserves.clear()
        for free in (DISK_CRITICAL_BYTES - 1, RESERVE_RELEASED_BELOW_BYTES - 1, 1 << 40):
            rig.log.free = free
            await rig.upkeep.look_at_disk()
            await rig.station.settle()
    # The chore itself may look meanwhile, and find the disk as full.
    assert [what for what, _ in groupby(rig.log.reserves)] == ["released", "made"]


# ---- snapshots ---------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_a_snapshot_is_saved_when_enough_has_happened_and_the_next_fold_begins_there(rig: Rig) -> None:
    def readings(count: int) -> list[MeterObserved]:
        return [MeterObserved(connector_id=1, energy_wh=5_000 + number) for number in range(count)]

    begun = rig.station.state.seq
    async with rig.running():
        for some in range(0, SNAPSHOT_EVERY, 50):
            assert await rig.log.load_snapshot(fingerprint()) is None, f"{some} events are too few"
            await rig.station.observe(*readings(50))
        await until(lambda: rig.upkeep._snapshot_seq > begun)
    snapshot = await rig.log.load_snapshot(fingerprint())
    assert snapshot is not None
    assert snapshot.seq >= begun + SNAPSHOT_EVERY
    state, from_seq = await fold_log(cast("EventLog", rig.log))
    assert from_seq == snapshot.seq
    assert state == rig.station.state


# ---- the check ---------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_a_whole_log_is_checked_to_its_end_and_the_chores_go_on(rig: Rig) -> None:
    async with rig.running() as upkeep:
        slices: list[bool] = []
        check = rig.log._log.check_slice

        async def counted(progress: Any) -> Any:
            checked = await check(progress)
            slices.append(checked.done)
            return checked

        rig.log.check_slice = counted  # type: ignore[attr-defined]  # the fake log's own
        await until(lambda: True in slices, passing=rig.clock)
        assert not upkeep.done()
    assert LogDamageFound not in await rig.types()


@pytest.mark.asyncio
async def test_damage_behind_the_snapshot_is_found_after_boot_recorded_and_salvaged_by_the_next_process(
    tmp_path: Path,
) -> None:
    """What the boot does not look at is checked afterwards, and handled as if found at boot."""
    log = await EventLog.open(tmp_path, identity="CB-0001")
    found = charging()
    await log.append(found.log)
    await save_snapshot(log, found.state)
    await log.close()
    tamper(tmp_path, "UPDATE event SET at_ms = at_ms + 1 WHERE seq = 9")

    log = await EventLog.open(tmp_path, identity="CB-0001")
    assert log.boot_report.recovery is None
    state, _ = await fold_log(log)
    rig = Rig(log, state)
    async with rig.running() as upkeep:
        await until(upkeep.done, passing=rig.clock)
        with pytest.raises(LogCorrupt, match="event 9"):
            await upkeep
        assert LogDamageFound in await rig.types()
    await log.close()

    log = await EventLog.open(tmp_path, identity="CB-0001")
    assert log.boot_report.recovery is not None
    assert log.boot_report.recovery.kept_seq == 8
    await log.close()


# ---- signs of life -----------------------------------------------------------------------------------------------


@pytest.fixture
def supervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", str(60_000_000))
        yield listening


def heard(supervisor: socket.socket) -> int:
    """How many signs of life there were since the last look."""
    count = 0
    with contextlib.suppress(BlockingIOError):
        while supervisor.recv(100) == b"WATCHDOG=1":
            count += 1
    return count


@pytest.mark.asyncio
async def test_a_station_that_is_well_gives_signs_of_life_and_one_in_trouble_none(
    rig: Rig, supervisor: socket.socket
) -> None:
    async with rig.running():
        seen = 0

        def one_more() -> bool:
            nonlocal seen
            seen += heard(supervisor)
            return seen > 0

        await until(one_more)
        seen = 0
        rig.clock.push(ALIVE_EVERY_MS)
        await until(one_more)
        rig.log._log._failure = StorageFailed("no space")
        assert rig.station.trouble() is not None
        rig.clock.push(ALIVE_EVERY_MS)
        for _ in range(20):
            await asyncio.sleep(0)
        assert heard(supervisor) == 0


@pytest.mark.asyncio
async def test_without_a_watchdog_there_are_no_signs_of_life(
    rig: Rig, supervisor: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WATCHDOG_USEC")
    async with rig.running():
        await rig.upkeep.look_at_disk()
        rig.clock.push(10 * ALIVE_EVERY_MS)
        for _ in range(20):
            await asyncio.sleep(0)
    assert heard(supervisor) == 0


@pytest.mark.asyncio
async def test_a_snapshot_and_a_witness_without_a_descriptor_are_made_up_for_and_end_nothing(
    rig: Rig, tmp_path: Path
) -> None:
    async with rig.running() as chores:
        (tmp_path / "witness").unlink()  # it is open from the start, and needs none
        with no_descriptors():
            await rig.log.witness()
            assert rig.log.head_witness.is_owed
            rig.upkeep._saving.set()
            for _ in range(20):
                await asyncio.sleep(0.005)
        assert not chores.done()
        await until(lambda: not rig.log.head_witness.is_owed, passing=rig.clock)
        assert read_witness(tmp_path) == rig.log.head
        await until(lambda: list(tmp_path.glob("snapshot-*")), passing=rig.clock)
        assert rig.log.failure is None
        assert not chores.done()

"""Taking over a log: the same state by every way, and what a boot makes of the time that it finds."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from eventstore.catalogue.lifecycle import DiskSpaceObserved, LogSalvaged, StationBooted, StationStopped
from eventstore.catalogue.link import OutboxWindowRead
from eventstore.errors import LogTooNew
from eventstore.event import UNSET, Recorded
from eventstore.log import EventLog
from eventstore.segments import closed_segments
from eventstore.value import replace
from projections.digest import STATE_LAYOUT, fingerprint, state_bytes
from projections.station import INITIAL, StationState
from station.features import registry_for
from station.runtime.recovery import begin, boot_base_ms, boot_event, filled, fold_log, is_lost, save_snapshot
from tests.given import DESCRIPTION, UTC_2026_MS, StationUnderTest, charging, station
from tests.logs import close_segment, fill, opened
from tests.tampering import tamper

HOUR_MS = 3_600_000
OK = DiskSpaceObserved(level="ok", free_bytes=1 << 30)


@pytest_asyncio.fixture
async def log(tmp_path: Path) -> AsyncIterator[EventLog]:
    opened = await EventLog.open(tmp_path, identity="CB-0001")
    yield opened
    await opened.close()


def long_outage() -> StationUnderTest:
    """More owed samples than the outbox's window holds, and the CSMS back: windows are read from the log."""
    found = charging(station(factory={"MeterValueSampleInterval": "10"}))
    found.disconnect()
    for _ in range(120):
        found.charge(10)
        found.advance(10)
    found.connect()
    assert found.events(OutboxWindowRead)
    return found


# ---- folding -----------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_an_empty_log_is_the_initial_state(log: EventLog) -> None:
    assert await fold_log(log) == (INITIAL, 0)
    assert not is_lost(INITIAL)


@pytest.mark.asyncio
async def test_the_log_folds_to_the_state_that_the_station_had_with_its_windows_filled_again(log: EventLog) -> None:
    """An OutboxWindowRead names a range, what it held stands in the log."""
    found = long_outage()
    await log.append(found.log)
    stored = next(item for item in await log.read(0, 5_000) if isinstance(item.event, OutboxWindowRead))
    original = next(item for item in found.log if item.seq == stored.seq)
    assert isinstance(stored.event, OutboxWindowRead)
    assert stored.event.entries is UNSET
    assert (await filled(log, stored)) == original
    assert await fold_log(log) == (found.state, 0)


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
@pytest.mark.asyncio
async def test_the_fold_from_a_snapshot_is_the_fold_of_the_whole(log: EventLog, share: float) -> None:
    found = long_outage()
    count = round(len(found.log) * share)
    await log.append(found.log[:count])
    half, _ = await fold_log(log)
    await save_snapshot(log, half)
    if found.log[count:]:
        await log.append(found.log[count:])
    assert await fold_log(log) == (found.state, count)


@pytest.mark.parametrize("how", ["other code", "no state", "another state"])
@pytest.mark.asyncio
async def test_a_snapshot_that_cannot_be_used_costs_time_only(log: EventLog, how: str) -> None:
    found = charging()
    await log.append(found.log)
    name = "0" * 64 if how == "other code" else fingerprint()
    state = b'{"seq":"nonsense"}' if how == "no state" else state_bytes(replace(found.state, seq=3))
    await log.save_snapshot(found.state.seq, name, state)
    assert await fold_log(log) == (found.state, 0)


@pytest.mark.parametrize(("layout", "is_newer"), [(STATE_LAYOUT, False), (STATE_LAYOUT + 1, True)])
@pytest.mark.asyncio
async def test_a_history_without_its_beginning_and_without_a_usable_state_begins_anew_unless_it_is_newer(
    tmp_path: Path, layout: int, is_newer: bool
) -> None:
    """What is left cannot be folded from anywhere. One that a newer version wrote is not to be begun anew by this one."""
    path = tmp_path / "log"
    async with opened(path) as log:
        await fill(log, 6)
        await close_segment(log, b'{"no": "state"}', layout=layout)
        await fill(log, 4)
    for segment in closed_segments(path):
        segment.path.unlink()
    async with opened(path) as log:
        if is_newer:
            with pytest.raises(LogTooNew, match=f"layout {layout}, this one knows {STATE_LAYOUT}"):
                await fold_log(log)
        else:
            state, snapshot_seq = await fold_log(log)
            assert (state.seq, snapshot_seq, is_lost(state)) == (log.head.seq, log.head.seq, True)


@pytest.mark.asyncio
async def test_nothing_is_kept_of_a_station_without_a_history(log: EventLog) -> None:
    await save_snapshot(log, INITIAL)
    assert await log.load_snapshot(fingerprint()) is None


# ---- time at boot ------------------------------------------------------------------------------------------------


def left(*, trusted: bool = True) -> StationState:
    """A station that has lived for an hour, since the beginning of 2026."""
    found = StationUnderTest(trusted=trusted).boot()
    found.advance(3_600)
    found.observe(StationStopped(why="SIGTERM"))
    return found.state


def booted(state: StationState, system_utc_ms: int, *, trusted: bool = False) -> StationBooted:
    """The boot that follows at once."""
    return boot_event(
        state,
        at_ms=boot_base_ms(state, system_utc_ms, trusted=trusted),
        system_utc_ms=system_utc_ms,
        trusted=trusted,
        installation="ffffffff",
        versions=("0.1.0", "0.2.0"),
        boot_id="b",
    )


def utc_ms(state: StationState, event: StationBooted, system_utc_ms: int) -> int:
    """UTC of the boot as the station then believes it."""
    return boot_base_ms(state, system_utc_ms, trusted=event.clock_trusted) + event.offset_ms


def test_the_first_boot_begins_at_zero_with_the_clock_as_it_is() -> None:
    event = booted(INITIAL, UTC_2026_MS)
    assert boot_base_ms(INITIAL, UTC_2026_MS, trusted=False) == 0
    assert (event.boot, event.installation, event.orderly) == (1, "ffffffff", True)
    assert event.offset_ms == UTC_2026_MS
    assert (event.software_version, event.firmware_version, event.boot_id) == ("0.1.0", "0.2.0", "b")


@pytest.mark.parametrize("trusted", [True, False])
def test_the_time_that_a_running_calendar_clock_says_has_passed_has_passed(trusted: bool) -> None:
    state = left()
    now = state.clock.utc_ms(state.at_ms) + 5 * HOUR_MS
    assert boot_base_ms(state, now, trusted=trusted) == state.at_ms + 5 * HOUR_MS
    assert utc_ms(state, booted(state, now, trusted=trusted), now) == now


@pytest.mark.parametrize("back_ms", [1, HOUR_MS, UTC_2026_MS], ids=["1 ms", "1 h", "1970: no battery"])
def test_an_untrusted_clock_that_is_behind_says_nothing_and_never_turns_time_back(back_ms: int) -> None:
    """A board without a calendar clock wakes up in 1970, or where its file system was written last."""
    state = left()
    last = state.clock.utc_ms(state.at_ms)
    now = last - back_ms
    event = booted(state, now)
    assert boot_base_ms(state, now, trusted=False) == state.at_ms, "as far as we know, no time has passed"
    assert utc_ms(state, event, now) == last
    assert not event.clock_trusted


def test_a_trusted_clock_is_right_even_if_it_is_behind() -> None:
    """The last boot's clock may have been wrong: station time stays, UTC follows."""
    state = left(trusted=False)
    now = state.clock.utc_ms(state.at_ms) - HOUR_MS
    event = booted(state, now, trusted=True)
    assert boot_base_ms(state, now, trusted=True) == state.at_ms
    assert utc_ms(state, event, now) == now
    assert event.clock_trusted


@pytest.mark.parametrize("jump_ms", [HOUR_MS, 10 * 365 * 24 * HOUR_MS], ids=["1 h", "10 years"])
@pytest.mark.parametrize("trusted", [True, False])
def test_a_calendar_that_nobody_confirmed_moves_no_station_time(trusted: bool, jump_ms: int) -> None:
    """It may have jumped: what it says to have passed since the last boot is not time that passed."""
    state = left(trusted=False)
    now = state.clock.utc_ms(state.at_ms) + jump_ms
    assert boot_base_ms(state, now, trusted=trusted) == state.at_ms
    assert utc_ms(state, booted(state, now, trusted=trusted), now) == now


@pytest.mark.parametrize(
    ("calendar_error_ms", "moves"), [(0, True), (60_000, True), (60_001, False), (-HOUR_MS, False)]
)
@pytest.mark.parametrize("trusted", [True, False])
def test_a_calendar_that_the_csms_agreed_with_tells_how_long_the_station_was_off(
    calendar_error_ms: int, moves: bool, trusted: bool
) -> None:
    """One that was far from the CSMS's time was wrong; what it says counts again once it is synchronised."""
    state = StationUnderTest(trusted=False, offset_ms=UTC_2026_MS + calendar_error_ms).boot().state
    state = replace(state, clock=replace(state.clock, offset_ms=UTC_2026_MS, trusted=True, source="CSMS"))
    true_ms = UTC_2026_MS + state.at_ms
    later_ms = true_ms + 5 * HOUR_MS
    expected = 5 * HOUR_MS if moves or trusted else 0
    assert boot_base_ms(state, later_ms, trusted=trusted) - state.at_ms == expected


def test_a_boot_counts_on_and_keeps_the_name_of_the_installation() -> None:
    state = left()
    event = booted(state, UTC_2026_MS)
    assert (event.boot, event.installation) == (2, "0000abcd")
    assert event.orderly


def test_a_process_that_said_no_last_word_has_not_ended_in_order() -> None:
    assert not booted(charging().state, UTC_2026_MS).orderly


def test_a_state_that_is_lost_goes_on_where_the_log_ends() -> None:
    lost = replace(INITIAL, seq=500, at_ms=12_345)
    assert is_lost(lost)
    assert boot_base_ms(lost, UTC_2026_MS, trusted=True) == 12_345
    assert booted(lost, UTC_2026_MS).boot == 1


# ---- the boot's events -------------------------------------------------------------------------------------------


async def boot(log: EventLog) -> tuple[StationState, Sequence[Recorded]]:
    """One boot on this log; the state and the events that it added."""
    state, _ = await fold_log(log)
    before = log.head.seq
    event = booted(state, UTC_2026_MS)
    state = await begin(
        log, state, registry_for(), boot_base_ms(state, UTC_2026_MS, trusted=False), event, DESCRIPTION, OK
    )
    return state, await log.read(before)


@pytest.mark.asyncio
async def test_the_boot_is_durable_and_described_before_anything_else_can_be(log: EventLog) -> None:
    state, events = await boot(log)
    assert isinstance(events[0].event, StationBooted)
    assert any(item.event == DESCRIPTION for item in events)
    assert any(item.event == OK for item in events)
    assert not any(isinstance(item.event, LogSalvaged) for item in events)
    assert (state, 0) == await fold_log(log)


@pytest.mark.asyncio
async def test_damage_is_on_record_once_with_what_was_kept_and_where_the_rest_lies(tmp_path: Path) -> None:
    log = await EventLog.open(tmp_path, identity="CB-0001")
    found = charging()
    await log.append(found.log)
    head = log.head
    await log.close()
    tamper(tmp_path, "UPDATE event SET at_ms = at_ms + 1 WHERE seq = 9")
    log = await EventLog.open(tmp_path, identity="CB-0001")
    _, events = await boot(log)
    (salvaged,) = [item.event for item in events if isinstance(item.event, LogSalvaged)]
    assert (salvaged.kept_seq, salvaged.old_head_seq) == (8, head.seq)
    assert salvaged.findings
    assert (tmp_path / salvaged.quarantine / "chargebox.db").exists()
    await log.close()
    log = await EventLog.open(tmp_path, identity="CB-0001")
    _, events = await boot(log)
    assert not any(isinstance(item.event, LogSalvaged) for item in events)
    await log.close()


@pytest.mark.asyncio
async def test_damage_is_told_again_until_an_event_that_names_it_is_durable(tmp_path: Path) -> None:
    log = await EventLog.open(tmp_path, identity="CB-0001")
    await log.append(charging().log)
    await log.close()
    tamper(tmp_path, "UPDATE event SET at_ms = at_ms + 1 WHERE seq = 9")
    for _ in range(2):  # the first process dies before it has recorded anything
        log = await EventLog.open(tmp_path, identity="CB-0001")
        assert log.boot_report.recovery is not None
        await log.close()
    log = await EventLog.open(tmp_path, identity="CB-0001")
    _, events = await boot(log)
    assert sum(isinstance(item.event, LogSalvaged) for item in events) == 1
    await log.close()

"""The state as a whole: one fold over the catalogue."""

import pytest

from eventstore.catalogue import ALL
from eventstore.catalogue.hardware import MainsObserved
from eventstore.catalogue.lifecycle import DiskSpaceObserved, StationBooted, StationStopped
from eventstore.catalogue.link import OutboxWindowRead
from eventstore.event import Recorded
from eventstore.value import replace
from projections.station import FOLDS, INITIAL, Folding, StationState, changes, evolve
from tests.given import UTC_2026_MS, charging, station


def recorded(event: object, seq: int = 1, at_ms: int = 0) -> Recorded:
    return Recorded(seq=seq, cause=seq, at_ms=at_ms, utc_ms=0, event=event)  # type: ignore[arg-type]  # an event


def boot(boot_id: str = "", *, orderly: bool = True) -> StationBooted:
    return StationBooted(
        boot=1,
        installation="1",
        software_version="0",
        firmware_version="0",
        offset_ms=0,
        clock_trusted=True,
        orderly=orderly,
        boot_id=boot_id,
    )


def test_an_event_that_nobody_reads_moves_only_the_position() -> None:
    assert MainsObserved not in FOLDS
    after = evolve(INITIAL, recorded(MainsObserved(present=True), 1, 70))
    assert after == replace(INITIAL, seq=1, at_ms=70)


def test_station_time_never_goes_back() -> None:
    after = evolve(
        evolve(INITIAL, recorded(MainsObserved(present=True), 1, 70)), recorded(MainsObserved(present=True), 2, 7)
    )
    assert (after.seq, after.at_ms) == (2, 70)


def test_the_log_tells_the_state() -> None:
    """Replay: the fold of all events is the state."""
    found = charging()
    found.advance(300)
    found.swipe()
    folded = INITIAL
    for each in found.log:
        folded = evolve(folded, each)
    assert folded == found.state
    assert folded.seq == len(found.log)


@pytest.mark.parametrize("base", [0, 1, 40])
def test_a_long_history_folds_to_what_its_events_do_one_by_one(base: int) -> None:
    found = charging()
    found.advance(300)
    found.swipe()
    found.boot(orderly=False)
    found.disconnect()
    found.unplug()
    expected = INITIAL
    for each in found.log[:base]:
        expected = evolve(expected, each)
    folding = Folding(expected)
    for each in found.log[base:]:
        folding.add(each)
        expected = evolve(expected, each)
        assert folding.seq == each.seq
    assert folding.state() == expected


def test_a_history_that_an_event_cannot_belong_to_is_as_it_was_before() -> None:
    folding = Folding(INITIAL)
    with pytest.raises(ValueError, match="window"):
        folding.add(recorded(OutboxWindowRead(after_seq=77, to_seq=80, count=3)))
    assert folding.state() == INITIAL


def test_what_changes_is_what_is_another_object_afterwards() -> None:
    state = charging().state
    assert changes(state, recorded(MainsObserved(present=True), 99, state.at_ms)) == {"seq": 99}
    disk = changes(state, recorded(DiskSpaceObserved(level="critical", free_bytes=0), 99, state.at_ms + 5))
    assert disk["boot"] == replace(state.boot, disk="critical")
    assert set(disk) == {"seq", "at_ms", "boot", "security"}


def test_what_a_boot_proves_of_the_one_before() -> None:
    found = station().boot()
    found.advance(50)
    found.read_meter()
    state = found.state
    after = evolve(state, recorded(boot(orderly=False), state.seq + 1, 9_000_000))
    assert after.boot.proven == state.clock.moment(51_000)
    assert after.boot.proven is not None
    assert after.boot.proven.utc_ms == UTC_2026_MS + 51_000
    assert not after.boot.orderly
    assert evolve(INITIAL, recorded(boot())).boot.proven is None


@pytest.mark.parametrize(("ids", "same"), [(("a", "a"), True), (("a", "b"), False), (("", ""), False)])
def test_the_kernels_boot_id_tells_whether_power_was_kept(ids: tuple[str, str], *, same: bool) -> None:
    state = evolve(INITIAL, recorded(boot(ids[0])))
    assert evolve(state, recorded(boot(ids[1]), 2)).boot.same_power is same


def test_the_disk_and_the_last_word_of_a_process() -> None:
    state = evolve(INITIAL, recorded(DiskSpaceObserved(level="low", free_bytes=1)))
    assert state.boot.disk == "low"
    state = evolve(state, recorded(StationStopped(why="SIGTERM"), 2))
    assert state.boot.ended == "SIGTERM"
    state = evolve(state, recorded(boot(), 3))
    assert (state.boot.disk, state.boot.ended) == ("low", "")


def test_online_means_connected_and_accepted() -> None:
    """3.5."""
    found = station().boot()
    assert not found.state.online
    found.connect()
    assert found.state.online
    pending = replace(found.state, registration=replace(found.state.registration, status="Pending"))
    assert not pending.online
    found.disconnect()
    assert not found.state.online


def test_a_station_is_described_before_it_decides() -> None:
    with pytest.raises(AssertionError):
        _ = StationState().described
    assert station().boot().state.described.identity == "CB-0001"


def test_every_fold_is_of_a_known_event() -> None:
    assert set(FOLDS) <= set(ALL)

from eventstore.catalogue.hardware import ProximityObserved
from eventstore.catalogue.lifecycle import StationBooted
from eventstore.catalogue.smart_charging import (
    ChargingProfile,
    ChargingProfileCleared,
    ChargingProfileInstalled,
    LimitChanged,
    LimitsPlanned,
    SchedulePeriod,
)
from eventstore.catalogue.transactions import Moment, TransactionResumed, TransactionStarted, TransactionStopped
from eventstore.event import Event, Recorded
from eventstore.value import replace
from projections.charging_profiles import FALLS_KEPT, FOLDS, ChargingProfiles, Fall
from projections.clock import Clock

MOMENT = Moment(at_ms=0, boot=1, utc_ms=None)


def folded(*events: Event, profiles: ChargingProfiles | None = None) -> ChargingProfiles:
    """The projection after the events, one second apart."""
    result = profiles or ChargingProfiles()
    for seq, event in enumerate(events, start=1):
        recorded = Recorded(seq=seq, cause=seq, at_ms=seq * 1000, utc_ms=0, event=event)
        result = FOLDS[type(event)](result, event, recorded, Clock())
    return result


def installed(connector_id: int, profile_id: int, purpose: str = "TxDefaultProfile", level: int = 0) -> Event:
    profile = ChargingProfile(
        charging_profile_id=profile_id,
        stack_level=level,
        purpose=purpose,
        kind="Absolute",
        unit="A",
        periods=(SchedulePeriod(start_s=0, limit_deci=60),),
    )
    return ChargingProfileInstalled(connector_id=connector_id, profile=profile)


def limit(connector_id: int, limit_ma: int) -> LimitChanged:
    return LimitChanged(connector_id=connector_id, limit_ma=limit_ma, phases=3)


def started(connector_id: int, number: int) -> TransactionStarted:
    return TransactionStarted(
        connector_id=connector_id,
        number=number,
        id_tag="T",
        parent_id_tag=None,
        meter_start_wh=0,
        started=MOMENT,
        authorized_by="Cache",
    )


def stopped(connector_id: int, number: int) -> TransactionStopped:
    return TransactionStopped(
        connector_id=connector_id, number=number, reason="Local", id_tag=None, meter_stop_wh=0, stopped=MOMENT
    )


BOOTED = StationBooted(
    boot=2,
    installation="x",
    software_version="1",
    firmware_version="1",
    offset_ms=0,
    clock_trusted=True,
    orderly=True,
)


def held(profiles: ChargingProfiles) -> list[tuple[int, int]]:
    return [(each.connector_id, each.profile.charging_profile_id) for each in profiles.all]


def test_the_same_id_replaces_on_any_connector_with_any_purpose() -> None:
    profiles = folded(installed(1, 5), installed(0, 5, "ChargePointMaxProfile", 3))
    assert held(profiles) == [(0, 5)]


def test_the_same_purpose_and_level_replace_on_the_same_connector() -> None:
    profiles = folded(
        installed(0, 1), installed(1, 2), installed(1, 3), installed(1, 4, level=1), installed(1, 5, "TxProfile")
    )
    assert held(profiles) == [(0, 1), (1, 3), (1, 4), (1, 5)]


def test_a_cleared_profile_is_gone_from_its_connector() -> None:
    cleared = ChargingProfileCleared(connector_id=1, charging_profile_id=2, reason="")
    assert held(folded(installed(1, 1), installed(1, 2, level=1), cleared)) == [(1, 1)]
    elsewhere = ChargingProfileCleared(connector_id=2, charging_profile_id=1, reason="")
    assert held(folded(installed(1, 1), elsewhere)) == [(1, 1)]


def test_the_plan_is_stale_after_whatever_the_limits_depend_on() -> None:
    plan = LimitsPlanned(due_ms=9)
    assert not folded(plan).stale
    assert folded(plan).due_ms == 9
    for event in (
        installed(1, 1),
        started(1, 1),
        stopped(1, 1),
        ProximityObserved(connector_id=1, cable_rating_ma=None),
    ):
        assert folded(plan, event).stale


def test_a_changed_limit_leaves_the_plan_as_it_is() -> None:
    assert not folded(LimitsPlanned(due_ms=9), limit(1, 6_000)).stale


def test_a_decrease_is_remembered_with_its_moment_and_an_increase_is_not() -> None:
    profiles = folded(limit(1, 16_000), limit(1, 8_000), limit(1, 20_000), limit(2, 6_000), limit(1, 0))
    assert profiles.falls == (
        Fall(connector_id=1, from_ma=16_000, at_ms=2_000),
        Fall(connector_id=1, from_ma=20_000, at_ms=5_000),
    )
    assert dict(profiles.limits) == {1: 0, 2: 6_000}


def test_a_stop_is_a_decrease_to_nothing() -> None:
    profiles = folded(started(1, 1), limit(1, 16_000), stopped(1, 1))
    assert profiles.falls == (Fall(connector_id=1, from_ma=16_000, at_ms=3_000),)
    assert profiles.live == ()


def test_decreases_are_bounded() -> None:
    events = [limit(1, 16_000 if number % 2 else 8_000) for number in range(1, 3 * FALLS_KEPT)]
    assert len(folded(*events).falls) == FALLS_KEPT


def test_live_are_the_transactions_that_this_process_began_or_resumed() -> None:
    profiles = folded(started(1, 1), started(2, 2))
    assert profiles.live == (1, 2)
    rebooted = folded(BOOTED, profiles=profiles)
    assert rebooted.live == ()
    assert folded(TransactionResumed(connector_id=2, number=2), profiles=rebooted).live == (2,)


def test_a_boot_keeps_the_profiles_and_forgets_the_offers() -> None:
    before = folded(installed(1, 1), started(1, 1), limit(1, 16_000), limit(1, 8_000), LimitsPlanned(due_ms=5))
    assert folded(BOOTED, profiles=before) == ChargingProfiles(all=before.all)


def test_phases_are_chosen_with_the_first_offer_of_a_transaction() -> None:
    offered = folded(started(1, 1), limit(1, 16_000), limit(1, 0))
    assert offered.phases_chosen == (1,)
    assert folded(started(1, 1), limit(1, 0)).phases_chosen == ()
    assert folded(stopped(1, 1), started(1, 2), profiles=offered).phases_chosen == ()


def test_a_profile_keeps_the_moment_of_its_receipt_when_its_transaction_begins() -> None:
    waits = installed(1, 7, "TxProfile")
    assert isinstance(waits, ChargingProfileInstalled)
    bound = replace(waits, profile=replace(waits.profile, transaction_number=3))
    assert folded(waits).all[0].received == Moment(at_ms=1_000, boot=0, utc_ms=None)
    assert folded(waits, started(1, 3), bound).all[0].received == Moment(at_ms=1_000, boot=0, utc_ms=None)
    # Sent again for the running transaction, it was received again.
    assert folded(waits, bound, bound).all[0].received == Moment(at_ms=3_000, boot=0, utc_ms=None)

"""The facts of the connectors, event by event."""

from typing import Any

import pytest

from eventstore.catalogue.authorization import AuthorizationEnded, AuthorizationGranted
from eventstore.catalogue.connectors import (
    AvailabilityChanged,
    AvailabilityScheduled,
    ConnectorStatusChanged,
    EnergyAskedBack,
    LockFailureEnded,
    LockFailureFound,
    PreparingRestarted,
    PreparingTimedOut,
    StatusNotificationQueued,
    UnlockRequested,
)
from eventstore.catalogue.hardware import (
    BoardOpened,
    ContactorObserved,
    EmergencyStopObserved,
    FaultCleared,
    FaultObserved,
    LockObserved,
    MeterFailed,
    MeterObserved,
    PilotStateObserved,
    ProximityObserved,
)
from eventstore.catalogue.lifecycle import StationBooted
from eventstore.catalogue.link import CallSettled, LinkClosed
from eventstore.catalogue.registration import RegistrationAnswered
from eventstore.catalogue.smart_charging import LimitChanged
from eventstore.catalogue.transactions import (
    HeldFor,
    Moment,
    TransactionResumed,
    TransactionStarted,
    TransactionStopped,
)
from eventstore.event import Event, Recorded
from eventstore.value import replace
from projections.clock import Clock
from projections.connector import Connector, Connectors
from projections.connector_folds import FAULTS_KEPT, FOLDS
from tests.given import DESCRIPTION

MOMENT = Moment(at_ms=1, boot=1, utc_ms=1)
HELD = HeldFor(id_tag="A", parent_id_tag=None)
TWO = replace(DESCRIPTION, connectors=2)


def folded(connectors: Connectors, *events: Event, at_ms: int = 0) -> Connectors:
    for seq, event in enumerate(events, 1):
        recorded = Recorded(seq=seq, cause=1, at_ms=at_ms, utc_ms=0, event=event)
        connectors = FOLDS[type(event)](connectors, event, recorded, Clock())
    return connectors


def two(*events: Event, at_ms: int = 0) -> Connectors:
    return folded(Connectors(), TWO, *events, at_ms=at_ms)


def facts(connectors: Connectors, *names: str, connector_id: int = 1) -> tuple[Any, ...]:
    return tuple(getattr(connectors[connector_id], name) for name in names)


def pilot(state: str, connector_id: int = 1) -> PilotStateObserved:
    return PilotStateObserved(connector_id=connector_id, pilot_state=state)


def cable(rating_ma: int | None = 32_000) -> ProximityObserved:
    return ProximityObserved(connector_id=1, cable_rating_ma=rating_ma)


def granted(connector_id: int | None = 1) -> AuthorizationGranted:
    return AuthorizationGranted(connector_id=connector_id, id_tag="A", parent_id_tag=None, source="CSMS")


STARTED = TransactionStarted(
    connector_id=1,
    number=4,
    id_tag="A",
    parent_id_tag=None,
    meter_start_wh=0,
    started=MOMENT,
    authorized_by="CSMS",
)
STOPPED = TransactionStopped(
    connector_id=1, number=4, reason="Local", id_tag="A", meter_stop_wh=1, stopped=MOMENT, held_for=HELD
)
QUEUED = StatusNotificationQueued(
    connector_id=1, status="Available", error_code="NoError", info="", vendor_error_code="", reported=MOMENT
)
BOOT = StationBooted(
    boot=2,
    installation="1",
    software_version="0",
    firmware_version="0",
    offset_ms=0,
    clock_trusted=True,
    orderly=False,
)


def status(name: str) -> ConnectorStatusChanged:
    return ConnectorStatusChanged(connector_id=1, status=name, error_code="NoError", info="", vendor_error_code="")


def test_the_description_says_how_many_there_are() -> None:
    connectors = two()
    assert [connector.connector_id for connector in connectors.by_id] == [0, 1, 2]
    assert [connectors.has(number) for number in (-1, 0, 2, 3)] == [False, True, True, False]
    assert len(connectors.real) == 2
    with pytest.raises(IndexError):
        connectors[-1]
    assert len(folded(connectors, DESCRIPTION).by_id) == 2
    assert len(folded(connectors, replace(DESCRIPTION, connectors=5)).by_id) == 6


def test_one_that_was_taken_away_stays_while_its_transaction_is_open() -> None:
    connectors = folded(two(), replace(STARTED, connector_id=2), DESCRIPTION)
    assert len(connectors.by_id) == 3


def test_a_socket_is_occupied_by_its_cable_a_fixed_cable_by_its_vehicle() -> None:
    for fixed, expected in ((False, [False, True, True, True]), (True, [False, False, True, True])):
        connectors = folded(Connectors(), replace(DESCRIPTION, fixed_cable=fixed, has_lock=not fixed))
        states = [connectors, folded(connectors, cable()), folded(connectors, cable(), pilot("B"))]
        states.append(folded(connectors, cable(), pilot("C")))
        assert [state.occupied(state[1]) for state in states] == expected


@pytest.mark.parametrize(("state", "connected"), [("A", False), ("B", True), ("C", True), ("D", True), ("E", False)])
def test_a_vehicle_is_connected_in_pilot_states_b_to_d(state: str, *, connected: bool) -> None:
    """IEC 61851-1."""
    assert two(pilot(state))[1].connected is connected


def test_what_lasts_until_the_cable_is_out_ends_with_it() -> None:
    lasting = two(cable(), at_ms=70).changed(1, finishing=True, timed_out=True, held_for=HELD, unlock_wanted=True)
    names = ("occupied_since_ms", "finishing", "timed_out", "held_for", "unlock_wanted")
    assert facts(lasting, *names) == (70, True, True, HELD, True)
    assert facts(folded(lasting, cable(None)), *names) == (None, False, False, None, False)
    assert facts(folded(lasting, pilot("B"), at_ms=90), "occupied_since_ms") == (70,)


def test_a_lock_that_answers_ends_the_wish_to_unlock_unless_it_only_says_that_it_is_shut() -> None:
    wanting = two(UnlockRequested(connector_id=1))
    assert wanting[1].unlock_wanted
    for locked, jammed, wanted in ((False, False, False), (True, True, False), (True, False, True)):
        after = folded(wanting, LockObserved(connector_id=1, locked=locked, jammed=jammed))
        assert facts(after, "locked", "jammed", "unlock_wanted") == (locked, jammed, wanted)


def test_an_unlock_lets_go_of_a_held_cable() -> None:
    assert two().changed(1, held_for=HELD)[1].held_for == HELD
    assert folded(two().changed(1, held_for=HELD), UnlockRequested(connector_id=1))[1].held_for is None


def test_a_meter_that_fails_is_well_again_with_its_next_reading() -> None:
    connectors = two(MeterFailed(connector_id=1, reason=""))
    assert connectors[1].meter_failed == "unreadable"
    assert folded(connectors, MeterObserved(connector_id=1, energy_wh=1))[1].meter_failed == ""


def test_faults_are_kept_by_code_and_bounded() -> None:
    def fault(code: str, info: str = "") -> FaultObserved:
        return FaultObserved(connector_id=1, error_code=code, info=info)

    connectors = two(fault("A"), fault("B"), fault("A", "again"))
    assert [(held.error_code, held.info) for held in connectors[1].faults] == [("B", ""), ("A", "again")]
    assert [held.error_code for held in folded(connectors, FaultCleared(connector_id=1, error_code="B"))[1].faults] == [
        "A"
    ]
    assert folded(connectors, FaultCleared(connector_id=1, error_code=""))[1].faults == ()
    assert len(two(*(fault(str(number)) for number in range(40)))[1].faults) == FAULTS_KEPT


def test_the_emergency_stop_is_the_stations() -> None:
    connectors = two(EmergencyStopObserved(pressed=True))
    assert (connectors[0].emergency_stop, connectors[1].emergency_stop) == (True, False)
    assert not folded(connectors, EmergencyStopObserved(pressed=False))[0].emergency_stop


def test_a_grant_without_a_connector_waits_for_one() -> None:
    connectors = two(granted(None), at_ms=30)
    assert connectors.waiting is not None
    assert connectors.waiting.since_ms == 30
    assert folded(connectors, AuthorizationEnded(connector_id=None, reason="x")).waiting is None
    given = folded(connectors.changed(1, timed_out=True, finishing=True), granted())
    assert given.waiting is None
    assert facts(given, "timed_out", "finishing") == (False, False)
    assert folded(given, AuthorizationEnded(connector_id=1, reason="x"))[1].grant is None


def test_a_transaction_from_start_to_stop() -> None:
    connectors = two(cable(), pilot("C"), granted(), STARTED, LimitChanged(connector_id=1, limit_ma=16_000, phases=3))
    assert facts(connectors, "transaction_number", "grant", "limit_ma") == (4, None, 16_000)
    stopped = folded(connectors, STOPPED)
    names = ("transaction_number", "finishing", "held_for", "limit_ma", "finishing_info")
    assert facts(stopped, *names) == (None, True, HELD, 0, "")
    told = folded(connectors, replace(STOPPED, reason="EVDisconnected"))
    assert told[1].finishing_info == "EV side disconnected"
    gone = folded(connectors, pilot("A"), cable(None), STOPPED)
    assert not gone[1].finishing
    assert folded(stopped, TransactionResumed(connector_id=1, number=4))[1].transaction_number == 4


def test_preparing_has_a_beginning() -> None:
    """Errata 3.76."""
    connectors = two(status("Preparing"), at_ms=40)
    assert facts(connectors, "preparing_since_ms", "status_since_ms") == (40, 40)
    assert facts(folded(connectors, status("Preparing"), at_ms=90), "preparing_since_ms", "status_since_ms") == (40, 90)
    assert facts(folded(connectors, status("Charging"), at_ms=90), "preparing_since_ms") == (None,)
    assert folded(connectors, PreparingTimedOut(connector_id=1))[1].timed_out
    assert not folded(connectors, PreparingTimedOut(connector_id=1), PreparingRestarted(connector_id=1))[1].timed_out


def settled(outcome: str = "result") -> CallSettled:
    return CallSettled(message_id="m", action="StatusNotification", lane="status", owed_seq=1, outcome=outcome)


def test_a_report_that_was_not_delivered_is_forgotten_with_the_link() -> None:
    """4.9."""
    closed = LinkClosed(connection=1, reason="", entropy=0)
    queued = folded(two(), QUEUED)
    assert queued[1].reported is not None
    assert folded(queued, closed)[1].reported is None
    delivered = folded(queued, settled())
    assert folded(delivered, closed)[1].reported == delivered[1].reported
    assert folded(two(), replace(QUEUED, triggered=True))[1].reported is None


def test_an_acceptance_makes_every_report_owed_again() -> None:
    """Errata 3.22."""
    delivered = folded(two(), QUEUED, settled())
    for answer, known in (("Pending", True), ("Rejected", True), ("Accepted", False)):
        event = RegistrationAnswered(status=answer, interval_s=1, retry_due_ms=None)
        assert (folded(delivered, event)[1].reported is not None) is known


def test_a_boot_forgets_the_copper_and_keeps_what_was_decided() -> None:
    """5.2, errata 3.5."""
    before = two(
        cable(), pilot("C"), STARTED, granted(2), MeterObserved(connector_id=1, energy_wh=9), status("Charging")
    )
    before = folded(before, AvailabilityChanged(connector_id=2, availability="Inoperative"), BoardOpened())
    before = folded(before, AvailabilityScheduled(connector_id=1, availability="Inoperative"))
    before = folded(before, FaultObserved(connector_id=1, error_code="OverVoltage"), granted(None))
    after = folded(before.changed(1, held_for=HELD), BOOT)
    assert not after.known
    assert after.waiting is None
    assert facts(after, "pilot_state", "cable_rating_ma", "status", "faults", "reported", "limit_ma") == (
        "A",
        None,
        "",
        (),
        None,
        0,
    )
    assert after[2].grant is None
    assert after[2].availability == "Inoperative"
    assert facts(after, "transaction_number", "scheduled_availability", "held_for") == (4, "Inoperative", HELD)
    assert after[1].reading == before[1].reading


def test_a_cable_that_went_while_the_station_was_off_ends_what_lasted_until_then() -> None:
    waiting = two(BOOT).changed(1, finishing=True, held_for=HELD, lock_failed=True)
    gone = folded(waiting, BoardOpened())
    assert gone.known
    assert facts(gone, "finishing", "held_for", "lock_failed") == (False, None, False)
    still = folded(waiting, cable(), BoardOpened())
    assert facts(still, "finishing", "held_for", "lock_failed") == (True, HELD, True)


def test_availability_is_changed_and_scheduled() -> None:
    """5.2."""
    scheduled = two(AvailabilityScheduled(connector_id=1, availability="Inoperative"))
    assert scheduled[1].scheduled_availability == "Inoperative"
    changed = folded(scheduled, AvailabilityChanged(connector_id=1, availability="Inoperative"))
    assert facts(changed, "availability", "scheduled_availability") == ("Inoperative", "")


def test_a_lock_failure_takes_the_grant_with_it() -> None:
    failed = two(granted(), LockFailureFound(connector_id=1))
    assert facts(failed, "lock_failed", "grant") == (True, None)
    assert not folded(failed, LockFailureEnded(connector_id=1))[1].lock_failed


@pytest.mark.parametrize(
    "event",
    [
        pilot("B", 9),
        ProximityObserved(connector_id=9, cable_rating_ma=1),
        ContactorObserved(connector_id=9, closed=True),
        LockObserved(connector_id=9, locked=True, jammed=False),
        MeterObserved(connector_id=9, energy_wh=1),
        MeterFailed(connector_id=9, reason="x"),
        FaultObserved(connector_id=9, error_code="OtherError"),
        FaultCleared(connector_id=9, error_code=""),
        replace(STOPPED, connector_id=9),
        replace(QUEUED, connector_id=9),
        LimitChanged(connector_id=-1, limit_ma=1, phases=1),
    ],
)
def test_a_connector_that_is_not_there_changes_nothing(event: Event) -> None:
    assert folded(two(), event) == two()


def test_a_contactor_tells_its_state_and_its_fault() -> None:
    connectors = two(ContactorObserved(connector_id=1, closed=True, fault="welded"))
    assert facts(connectors, "contactor_closed", "contactor_fault") == (True, "welded")
    assert isinstance(connectors[1], Connector)


def test_energy_that_was_asked_back_is_owed_until_the_contactor_is_open_or_it_is_offered_again() -> None:
    closed = ContactorObserved(connector_id=1, closed=True)
    asked = two(closed, EnergyAskedBack(connector_id=1, due_ms=3_000))
    assert asked[1].let_go_by_ms == 3_000
    assert folded(asked, closed, LimitChanged(connector_id=1, limit_ma=0, phases=3))[1].let_go_by_ms == 3_000
    for end in (
        ContactorObserved(connector_id=1, closed=False),
        LimitChanged(connector_id=1, limit_ma=6_000, phases=3),
    ):
        assert folded(asked, end)[1].let_go_by_ms is None

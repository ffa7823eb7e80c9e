import pytest

from eventstore.catalogue.hardware import ContactorObserved, EmergencyStopObserved
from eventstore.catalogue.lifecycle import DiskSpaceObserved
from eventstore.value import replace
from projections.limit_reason import CABLE, LimitReason
from projections.station import StationState
from station.rules.transaction_rules import refusal_to_serve
from station.views.hindrance import REFUSALS, hindrance
from tests.given import StationUnderTest, charging, station

CABLE_LIMITS = LimitReason(kind=CABLE)


def said(state: StationState, connector_id: int = 1) -> tuple[str, str | None]:
    """The keys of the two sentences."""
    why, todo = hindrance(state, state.connectors[connector_id], None)
    return why["say"], None if todo is None else todo["say"]


def with_facts(state: StationState, **facts: object) -> StationState:
    return replace(state, connectors=state.connectors.changed(1, **facts))


def plugged() -> StationUnderTest:
    """Online, with a vehicle that asks for energy."""
    under_test = station().online()
    under_test.plug()
    return under_test


def test_a_connector_with_nothing_in_it_is_free() -> None:
    assert said(station().online().state) == ("why.free", "do.plug_and_tag")


def test_where_no_card_is_needed_none_is_asked_for() -> None:
    assert said(station(free_id_tags=("HOME",)).online().state) == ("why.free", "do.plug")


def test_before_the_copper_is_read_nothing_is_claimed() -> None:
    state = station().online().state
    assert said(replace(state, connectors=replace(state.connectors, known=False))) == ("why.unread", None)


def test_a_vehicle_without_a_tag_waits_for_one() -> None:
    assert said(plugged().state) == ("why.unauthorized", "do.tag")


def test_a_cable_without_a_vehicle_waits_for_one() -> None:
    under_test = station().online()
    under_test.plug(pilot="A")
    assert said(under_test.state) == ("why.cable_only", "do.plug_vehicle")


def test_a_tag_without_a_vehicle_waits_for_one() -> None:
    under_test = station().online()
    under_test.swipe(connector_id=1)
    assert said(under_test.state) == ("why.authorized_unplugged", "do.plug")


def test_when_the_time_for_a_tag_is_over_it_says_so() -> None:
    under_test = plugged()
    under_test.advance(600)
    assert said(under_test.state) == ("why.timed_out", "do.tag")


def charging_with_closed_contactor() -> StationUnderTest:
    under_test = charging()
    under_test.observe(ContactorObserved(connector_id=1, closed=True))
    return under_test


def test_what_charges_is_said_to_charge_and_the_moment_before_too() -> None:
    assert said(charging().state) == ("why.contactor", None)
    assert said(charging_with_closed_contactor().state) == ("why.charging", None)


def test_a_vehicle_that_asks_for_nothing_is_looked_at() -> None:
    under_test = charging_with_closed_contactor()
    under_test.pilot("B")
    assert said(under_test.state) == ("why.vehicle_waits", "do.vehicle")


def test_a_running_transaction_without_its_vehicle_waits_for_it() -> None:
    assert said(with_facts(charging().state, pilot_state="A")) == ("why.vehicle_gone", "do.plug_vehicle")


def test_a_limit_below_what_a_vehicle_needs_is_named_with_who_set_it() -> None:
    state = with_facts(charging().state, limit_ma=0)
    assert said(state) == ("why.limit_plain", "do.limit")
    why, _ = hindrance(state, state.connectors[1], CABLE_LIMITS)
    assert why == {"say": "why.limit", "limit_ma": 0, "by": {"say": "limit.cable"}}


def test_a_plug_that_is_not_locked_keeps_the_contactor_open() -> None:
    assert said(with_facts(charging().state, locked=False)) == ("why.lock_open", "do.seat_plug")


def test_what_a_tag_that_was_not_accepted_may_take_is_taken() -> None:
    state = charging().state
    ended = replace(state, transactions=state.transactions.changed(1, offer_ended="MaxEnergyOnInvalidId"))
    assert said(ended) == ("why.offer_ended", "do.unplug")


def test_after_the_end_the_cable_is_to_be_taken() -> None:
    under_test = charging()
    under_test.swipe()
    under_test.advance(5)
    assert said(under_test.state) == ("why.finished", "do.unplug")


def test_a_cable_that_is_held_names_the_end_of_its_tag() -> None:
    under_test = charging()
    under_test.configure(UnlockConnectorOnEVSideDisconnect=False)
    under_test.unplug_car()
    state = under_test.state
    why, todo = hindrance(state, state.connectors[1], None)
    assert (why, todo) == ({"say": "why.held", "tag": "…BEEF"}, {"say": "do.same_tag"})


def test_a_fault_is_named_with_its_remedy_and_outranks_the_rest() -> None:
    under_test = charging()
    under_test.fault("GroundFailure")
    assert said(under_test.state) == ("why.fault_plain", "remedy.GroundFailure")


def test_a_fault_of_the_station_is_one_of_every_connector() -> None:
    under_test = station().online()
    under_test.observe(EmergencyStopObserved(pressed=True))
    assert said(under_test.state) == ("why.fault_station", "remedy.emergency")


@pytest.mark.parametrize(
    ("facts", "todo"),
    [
        ({"contactor_fault": "welded"}, "remedy.welded"),
        ({"contactor_fault": "stuck"}, "remedy.stuck"),
        ({"jammed": True, "locked": True}, "remedy.unlock"),
        ({"lock_failed": True}, "remedy.ConnectorLockFailure"),
        ({"meter_failed": "no answer"}, "remedy.PowerMeterFailure"),
    ],
)
def test_each_part_that_fails_has_a_remedy_of_its_own(facts: dict[str, object], todo: str) -> None:
    assert said(with_facts(station().online().state, **facts))[1] == todo


def test_a_station_that_serves_nobody_says_why() -> None:
    assert said(station().boot().state) == ("why.refused.unaccepted", "do.refused.unaccepted")
    under_test = station().online()
    under_test.observe(DiskSpaceObserved(level="critical", free_bytes=0))
    assert refusal_to_serve(under_test.state) == "the disk is full"
    assert said(under_test.state) == ("why.refused.disk", "do.refused.disk")


def test_every_reason_to_serve_nobody_has_its_sentence() -> None:
    """The texts are read off the rule's own source: whoever adds one adds a sentence for it."""
    constants = {text for text in refusal_to_serve.__code__.co_consts if isinstance(text, str)}
    assert {text for text in constants if text != refusal_to_serve.__doc__} == set(REFUSALS)


def test_an_inoperative_and_a_reserved_connector_say_so() -> None:
    under_test = station().online()
    under_test.ask("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"})
    assert said(under_test.state) == ("why.inoperative", "do.operator")
    under_test = station().online()
    reservation = {"connectorId": 1, "expiryDate": "2026-01-02T00:00:00Z", "idTag": "X", "reservationId": 1}
    under_test.ask("ReserveNow", reservation)
    assert said(under_test.state) == ("why.reserved", "do.reserved")

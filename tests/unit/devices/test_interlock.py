"""From readings, whether the contactor must be open."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.interlock import WARNINGS, InterlockState, initial_state, must_not_offer, must_open, observe
from devices.readings import (
    ContactorReading,
    EmergencyStopReading,
    FaultReading,
    LimitContactReading,
    LockReading,
    MainsReading,
    PilotReading,
    ProximityReading,
    Reading,
    ResidualMonitorReading,
    TagReading,
    TamperReading,
    TemperatureReading,
    VehicleIdReading,
)

FAULTED = (
    "GroundFailure",
    "HighTemperature",
    "OverCurrentFailure",
    "OverVoltage",
    "UnderVoltage",
    "PowerMeterFailure",
    "PowerSwitchFailure",
    "ConnectorLockFailure",
    "InternalError",
    "OtherError",
)


def charging(*, has_lock: bool = True) -> InterlockState:
    """Two connectors, of which the first has nothing against charging."""
    state = initial_state(2, has_lock=has_lock)
    readings: tuple[Reading, ...] = (
        PilotReading(connector_id=1, pilot_state="C"),
        ProximityReading(connector_id=1, cable_rating_ma=32_000),
        ContactorReading(connector_id=1, closed=False, fault=""),
        LockReading(connector_id=1, locked=True, jammed=False),
    )
    return after(state, *(r for r in readings if has_lock or not isinstance(r, LockReading)))


def after(state: InterlockState, *readings: Reading) -> InterlockState:
    for reading in readings:
        state = observe(state, reading)
    return state


def fault(connector_id: int, error_code: str, vendor_error_code: str = "", *, active: bool = True) -> FaultReading:
    return FaultReading(
        connector_id=connector_id, error_code=error_code, info="", vendor_error_code=vendor_error_code, active=active
    )


def test_a_plugged_locked_asking_vehicle_may_be_energized_and_its_neighbour_may_not() -> None:
    assert must_open(charging(), 1) is None
    assert must_open(charging(), 2) == "pilot state unknown"


def test_before_any_reading_every_contactor_must_be_open() -> None:
    assert must_open(initial_state(1, has_lock=False), 1) is not None


@pytest.mark.parametrize(
    ("reading", "reason"),
    [
        (PilotReading(connector_id=1, pilot_state="B"), "pilot state B"),
        (PilotReading(connector_id=1, pilot_state="A"), "pilot state A"),
        (PilotReading(connector_id=1, pilot_state="E"), "pilot state E"),
        (PilotReading(connector_id=1, pilot_state="F"), "pilot state F"),
        (ProximityReading(connector_id=1, cable_rating_ma=None), "no cable"),
        (ContactorReading(connector_id=1, closed=True, fault="welded"), "contactor welded"),
        (ContactorReading(connector_id=1, closed=False, fault="stuck"), "contactor stuck"),
        (LockReading(connector_id=1, locked=False, jammed=True), "not locked"),
        (EmergencyStopReading(pressed=True), "emergency stop"),
        (MainsReading(present=False), "no mains"),
    ],
)
def test_a_dangerous_level_opens_the_contactor_and_says_why(reading: Reading, reason: str) -> None:
    assert must_open(after(charging(), reading), 1) == reason


def test_a_vehicle_that_waits_in_b_may_have_an_offer_and_no_energy() -> None:
    waiting = after(charging(), PilotReading(connector_id=1, pilot_state="B"))
    assert must_open(waiting, 1) == "pilot state B"
    assert must_not_offer(waiting, 1) is None


@pytest.mark.parametrize(
    ("reading", "reason"),
    [
        (ProximityReading(connector_id=1, cable_rating_ma=None), "no cable"),
        (ContactorReading(connector_id=1, closed=True, fault="welded"), "contactor welded"),
        (LockReading(connector_id=1, locked=False, jammed=True), "not locked"),
        (EmergencyStopReading(pressed=True), "emergency stop"),
        (MainsReading(present=False), "no mains"),
        (fault(1, "GroundFailure"), "GroundFailure"),
        (fault(0, "GroundFailure"), "GroundFailure"),
    ],
)
@pytest.mark.parametrize("pilot_state", ["B", "C"])
def test_what_is_wrong_with_the_station_speaks_against_an_offer_too(
    pilot_state: str, reading: Reading, reason: str
) -> None:
    assert (
        must_not_offer(after(charging(), PilotReading(connector_id=1, pilot_state=pilot_state), reading), 1) == reason
    )


def test_pilot_state_d_may_be_energized() -> None:
    assert must_open(after(charging(), PilotReading(connector_id=1, pilot_state="D")), 1) is None


@pytest.mark.parametrize("error_code", FAULTED)
@pytest.mark.parametrize("connector_id", [0, 1])
def test_a_fault_opens_the_contactor_until_it_ends(error_code: str, connector_id: int) -> None:
    state = after(charging(), fault(connector_id, error_code))
    assert must_open(state, 1) == error_code
    assert must_open(after(state, fault(connector_id, error_code, active=False)), 1) is None


@pytest.mark.parametrize("error_code", ["EVCommunicationError", "ReaderFailure", "WeakSignal", "ResetFailure"])
def test_a_warning_leaves_the_contactor_alone(error_code: str) -> None:
    assert must_open(after(charging(), fault(1, error_code), fault(0, error_code)), 1) is None


def test_an_unknown_error_code_opens_the_contactor() -> None:
    assert must_open(after(charging(), fault(1, "SomethingNew")), 1) == "SomethingNew"


def test_a_warning_does_not_hide_the_fault_behind_it() -> None:
    assert must_open(after(charging(), fault(1, "WeakSignal"), fault(1, "GroundFailure")), 1) == "GroundFailure"


def test_the_fault_of_another_connector_is_none_of_ours() -> None:
    assert must_open(after(charging(), fault(2, "GroundFailure")), 1) is None


def test_one_of_two_like_faults_ending_does_not_hide_the_other() -> None:
    state = after(charging(), fault(1, "OtherError", "T1"), fault(1, "OtherError", "T2"))
    state = after(state, fault(1, "OtherError", "T1", active=False))
    assert must_open(state, 1) == "OtherError"


def test_with_a_fixed_cable_no_lock_is_asked_for() -> None:
    assert must_open(charging(has_lock=False), 1) is None


def test_an_id_tag_changes_nothing() -> None:
    assert observe(charging(), TagReading(id_tag="DEADBEEF", connector_id=1)) == charging()


def test_a_reading_of_a_connector_that_does_not_exist_is_our_own_mistake() -> None:
    with pytest.raises(AssertionError, match="connector 3"):
        observe(charging(), PilotReading(connector_id=3, pilot_state="A"))


READINGS: st.SearchStrategy[Reading] = st.one_of(
    st.builds(PilotReading, connector_id=st.just(1), pilot_state=st.sampled_from("ABCDEF")),
    st.builds(
        ProximityReading,
        connector_id=st.just(1),
        cable_rating_ma=st.one_of(st.none(), st.sampled_from([13_000, 32_000])),
    ),
    st.builds(
        ContactorReading, connector_id=st.just(1), closed=st.booleans(), fault=st.sampled_from(["", "welded", "stuck"])
    ),
    st.builds(LockReading, connector_id=st.just(1), locked=st.booleans(), jammed=st.booleans()),
    st.builds(EmergencyStopReading, pressed=st.booleans()),
    st.builds(MainsReading, present=st.booleans()),
    st.builds(TamperReading, open=st.booleans()),
    st.builds(VehicleIdReading, connector_id=st.just(1), evccid=st.just("0A1B2C3D4E5F")),
    st.builds(LimitContactReading, closed=st.booleans()),
    st.builds(
        fault,
        st.sampled_from([0, 1]),
        st.sampled_from((*FAULTED, *WARNINGS)),
        st.sampled_from(["", "X"]),
        active=st.booleans(),
    ),
)


@given(st.lists(READINGS, max_size=30))
@settings(max_examples=200)
def test_what_may_be_energized_satisfies_every_condition_at_once(readings: list[Reading]) -> None:
    """The last reading of each input decides, in whatever order they came."""
    latest: dict[object, Reading] = {}
    for reading in readings:
        key: object = type(reading)
        if isinstance(reading, FaultReading):
            key = (reading.connector_id, reading.error_code, reading.vendor_error_code)
        latest[key] = reading
    refused = not {PilotReading, ProximityReading, LockReading} <= latest.keys()
    for reading in latest.values():
        refused |= _speaks_against(reading)
    assert (must_open(after(initial_state(1, has_lock=True), *readings), 1) is not None) == refused


def _speaks_against(reading: Reading) -> bool:
    match reading:
        case PilotReading(pilot_state=state):
            return state not in ("C", "D")
        case ProximityReading(cable_rating_ma=rating):
            return rating is None
        case ContactorReading(fault=defect):
            return defect != ""
        case LockReading(locked=locked):
            return not locked
        case EmergencyStopReading(pressed=pressed):
            return pressed
        case MainsReading(present=present):
            return not present
        case FaultReading(error_code=code, active=active):
            return active and code in FAULTED
        case ResidualMonitorReading(outcome=outcome):
            return outcome != "passed"
        case TagReading() | TamperReading() | VehicleIdReading() | LimitContactReading() | TemperatureReading():
            return False


def warm(temperature_dc: int | None, connector_id: int = 1) -> TemperatureReading:
    return TemperatureReading(connector_id=connector_id, sensor="s", temperature_dc=temperature_dc)


def test_a_connector_that_is_too_hot_must_be_open_and_only_that_one() -> None:
    state = initial_state(2, has_lock=True, tops_dc=(800, None))
    assert must_not_offer(observe(state, warm(800)), 1) == "no cable"
    hot = observe(state, warm(801))
    assert (must_open(hot, 1), must_not_offer(hot, 1)) == ("too hot", "too hot")
    assert must_not_offer(hot, 2) == "no cable"
    assert must_not_offer(observe(hot, warm(790)), 1) == "no cable"
    assert must_not_offer(observe(hot, warm(None)), 1) == "no cable"
    assert must_not_offer(observe(state, warm(900, connector_id=0)), 1) == "too hot"
    assert must_not_offer(observe(initial_state(1, has_lock=True), warm(900)), 1) == "no cable"


def test_a_monitor_that_is_there_must_have_passed_its_test() -> None:
    def after_test(outcome: str) -> str | None:
        return must_not_offer(after(charging(), ResidualMonitorReading(connector_id=1, outcome=outcome)), 1)

    assert after_test("passed") is None
    assert after_test("") == "residual current monitor not tried"
    assert after_test("failed") == "residual current monitor failed"

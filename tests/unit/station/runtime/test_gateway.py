"""The gateway: the reflex before anything else, closing after everything else, meters read when something may follow."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from devices.iec61851 import duty_permille_from_ma
from devices.readings import (
    DUTY_STEADY_PERMILLE,
    ConnectorOutputs,
    ContactorReading,
    EmergencyStopReading,
    FaultReading,
    LockReading,
    MainsReading,
    MeterReading,
    MeterUnavailable,
    PilotReading,
    ProximityReading,
    Reading,
    ResidualMonitorReading,
    TagReading,
    TemperatureReading,
    VehicleIdReading,
)
from eventstore.catalogue.hardware import (
    BoardOpened,
    ContactorObserved,
    EmergencyStopObserved,
    FaultCleared,
    FaultObserved,
    IdTagPresented,
    LockObserved,
    MainsObserved,
    MeterFailed,
    MeterObserved,
    PilotStateObserved,
    ProximityObserved,
    ResidualMonitorObserved,
    VehicleIdentified,
)
from eventstore.catalogue.link import LinkOpened
from eventstore.catalogue.temperatures import TemperatureObserved
from eventstore.event import Observation
from eventstore.value import replace
from projections.station import INITIAL, StationState
from station.rules.energy import LET_GO_MS
from station.runtime.gateway import OVERDUE_MS, Gateway, observation_of
from tests.given import TAG, StationUnderTest, accepting, charging, station

FAULT = FaultReading(connector_id=1, error_code="GroundFailure", info="30 mA", vendor_error_code="R7", active=True)


@dataclass
class FakeBoard:
    """A board that notes what it is told, in one list with what is submitted."""

    connector_ids: tuple[int, ...] = (1, 2)
    has_lock: bool = True
    told: list[Any] = field(default_factory=list)
    inputs: tuple[Reading, ...] = ()
    meter: MeterReading | None = None
    report: Callable[[Reading], None] | None = None

    def open(self, report: Callable[[Reading], None]) -> None:
        self.report = report
        for reading in self.inputs:
            report(reading)

    def apply(self, connector_id: int, outputs: ConnectorOutputs) -> None:
        self.told.append(("apply", connector_id, outputs))

    def drive_lock(self, connector_id: int, locked: bool) -> None:
        self.told.append(("drive", connector_id, locked))

    def open_contactor(self, connector_id: int) -> None:
        self.told.append(("open", connector_id))

    def withdraw_offer(self, connector_id: int) -> None:
        self.told.append(("withdraw", connector_id))

    def read_meter(self, connector_id: int, at_ms: int) -> MeterReading:
        if self.meter is None:
            raise MeterUnavailable("no answer on the bus" * 20)
        return replace(self.meter, connector_id=connector_id)

    def close(self) -> None:
        self.told.append(("close",))

    async def wait_closed(self) -> None:
        self.told.append(("closed",))

    def outputs(self, connector_id: int = 1) -> ConnectorOutputs:
        """What the connector was told last."""
        found = [told[2] for told in self.commands("apply") if told[1] == connector_id]
        return cast("ConnectorOutputs", found[-1])

    def commands(self, name: str) -> list[Any]:
        """The commands of that name, in order."""
        return [told for told in self.told if isinstance(told, tuple) and told[0] == name]


METER = MeterReading(
    connector_id=1,
    energy_wh=1_000,
    power_w=0,
    current_ma=(0, 0, 0),
    voltage_mv=(230_000, 230_000, 230_000),
    frequency_mhz=None,
    temperature_dc=None,
    soc_percent=None,
)
CHARGING_INPUTS: tuple[Reading, ...] = (
    ProximityReading(connector_id=1, cable_rating_ma=32_000),
    PilotReading(connector_id=1, pilot_state="C"),
    LockReading(connector_id=1, locked=True, jammed=False),
    ProximityReading(connector_id=2, cable_rating_ma=32_000),
    PilotReading(connector_id=2, pilot_state="C"),
    LockReading(connector_id=2, locked=True, jammed=False),
)


def opened(inputs: Sequence[Reading] = CHARGING_INPUTS) -> tuple[Gateway, FakeBoard]:
    """A gateway at a board whose inputs read so; both connectors may have energy by default."""
    board = FakeBoard(inputs=tuple(inputs))
    gateway = Gateway(board, board.told.append)
    gateway.open()
    return gateway, board


# ---- readings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reading", "observation"),
    [
        (PilotReading(connector_id=2, pilot_state="D"), PilotStateObserved(connector_id=2, pilot_state="D")),
        (
            ProximityReading(connector_id=1, cable_rating_ma=20_000),
            ProximityObserved(connector_id=1, cable_rating_ma=20_000),
        ),
        (
            ProximityReading(connector_id=1, cable_rating_ma=None),
            ProximityObserved(connector_id=1, cable_rating_ma=None),
        ),
        (
            ContactorReading(connector_id=1, closed=True, fault="welded"),
            ContactorObserved(connector_id=1, closed=True, fault="welded"),
        ),
        (
            LockReading(connector_id=1, locked=False, jammed=True),
            LockObserved(connector_id=1, locked=False, jammed=True),
        ),
        (TagReading(id_tag="Ab1", connector_id=None), IdTagPresented(id_tag="Ab1", connector_id=None)),
        (
            ResidualMonitorReading(connector_id=1, outcome="failed", detail="it did not trip"),
            ResidualMonitorObserved(connector_id=1, outcome="failed", detail="it did not trip"),
        ),
        (
            TemperatureReading(connector_id=0, sensor="28-0a", temperature_dc=None),
            TemperatureObserved(connector_id=0, sensor="28-0a", temperature_dc=None),
        ),
        (
            VehicleIdReading(connector_id=2, evccid="0A1B2C3D4E5F"),
            VehicleIdentified(connector_id=2, evccid="0A1B2C3D4E5F"),
        ),
        (FAULT, FaultObserved(connector_id=1, error_code="GroundFailure", info="30 mA", vendor_error_code="R7")),
        (replace(FAULT, active=False), FaultCleared(connector_id=1, error_code="GroundFailure")),
        (EmergencyStopReading(pressed=True), EmergencyStopObserved(pressed=True)),
        (MainsReading(present=False), MainsObserved(present=False)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_reading_becomes_its_observation(reading: Reading, observation: Observation) -> None:
    assert observation_of(reading) == observation


def test_the_inputs_are_on_record_before_the_board_is_said_to_be_open() -> None:
    _, board = opened()
    submitted = [item for item in board.told if isinstance(item, Observation)]
    assert submitted == [*(observation_of(reading) for reading in CHARGING_INPUTS), BoardOpened()]


# ---- the reflex --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reading",
    [
        FAULT,
        ProximityReading(connector_id=1, cable_rating_ma=None),
        LockReading(connector_id=1, locked=False, jammed=False),
        ContactorReading(connector_id=1, closed=True, fault="welded"),
    ],
    ids=str,
)
def test_the_contactor_opens_before_the_reading_is_submitted_and_no_other_does(reading: Reading) -> None:
    _, board = opened()
    assert board.report is not None
    board.told.clear()
    board.report(reading)
    assert board.told == [("open", 1), ("withdraw", 1), observation_of(reading)]


@pytest.mark.parametrize("pilot_state", ["A", "B", "E", "F"])
def test_what_the_vehicle_says_opens_the_contactor_and_leaves_the_offer_to_the_state(pilot_state: str) -> None:
    _, board = opened()
    assert board.report is not None
    board.told.clear()
    board.report(reading := PilotReading(connector_id=1, pilot_state=pilot_state))
    assert board.told == [("open", 1), observation_of(reading)]


WAITING_INPUTS = (*CHARGING_INPUTS, PilotReading(connector_id=2, pilot_state="B"))


@pytest.mark.parametrize(
    "reading",
    [
        TagReading(id_tag="STRANGER", connector_id=None),
        PilotReading(connector_id=1, pilot_state="B"),
        PilotReading(connector_id=1, pilot_state="A"),
        ProximityReading(connector_id=1, cable_rating_ma=None),
        ContactorReading(connector_id=1, closed=True, fault=""),
        MainsReading(present=True),
        EmergencyStopReading(pressed=False),
        FAULT,
        replace(FAULT, connector_id=0, error_code="WeakSignal"),
        PilotReading(connector_id=2, pilot_state="B"),
    ],
    ids=str,
)
def test_a_vehicle_that_waits_with_an_offer_is_touched_by_nothing_that_is_not_about_it(reading: Reading) -> None:
    _, board = opened(WAITING_INPUTS)
    assert board.report is not None
    board.told.clear()
    board.report(reading)
    assert not [told for told in board.told if told in {("open", 2), ("withdraw", 2)}]


def test_a_reason_that_was_there_already_is_not_acted_on_again() -> None:
    _, board = opened()
    assert board.report is not None
    board.report(FAULT)
    board.told.clear()
    board.report(second := replace(FAULT, vendor_error_code="R8"))
    board.report(swipe := TagReading(id_tag="T", connector_id=None))
    assert board.told == [observation_of(second), observation_of(swipe)]


def test_a_fault_takes_the_offer_from_a_vehicle_that_waits_for_energy() -> None:
    _, board = opened(WAITING_INPUTS)
    assert board.report is not None
    board.told.clear()
    board.report(fault := replace(FAULT, connector_id=2))
    assert board.told == [("withdraw", 2), observation_of(fault)]


@pytest.mark.parametrize(
    "reading",
    [EmergencyStopReading(pressed=True), MainsReading(present=False), replace(FAULT, connector_id=0)],
    ids=str,
)
def test_what_concerns_the_whole_station_opens_every_contactor_first(reading: Reading) -> None:
    _, board = opened()
    assert board.report is not None
    board.told.clear()
    board.report(reading)
    assert board.told == [("open", 1), ("withdraw", 1), ("open", 2), ("withdraw", 2), observation_of(reading)]


@pytest.mark.parametrize(
    "reading",
    [
        TagReading(id_tag="T", connector_id=None),
        replace(FAULT, error_code="WeakSignal"),
        PilotReading(connector_id=1, pilot_state="D"),
    ],
    ids=str,
)
def test_what_is_harmless_opens_nothing(reading: Reading) -> None:
    _, board = opened()
    assert board.report is not None
    board.told.clear()
    board.report(reading)
    assert board.told == [observation_of(reading)]


def test_make_safe_opens_every_contactor() -> None:
    gateway, board = opened()
    board.told.clear()
    gateway.make_safe()
    gateway.close()
    assert board.told == [("open", 1), ("withdraw", 1), ("open", 2), ("withdraw", 2), ("close",)]


# ---- outputs -----------------------------------------------------------------------------------------------------


def test_nothing_is_commanded_before_the_copper_is_known() -> None:
    gateway, board = opened()
    board.told.clear()
    gateway.publish(INITIAL, ())
    assert not board.told


def test_nothing_is_commanded_once_it_is_closed() -> None:
    gateway, board = opened()
    gateway.close()
    board.told.clear()
    gateway.publish(charging(station(connectors=2)).state, ())
    assert not board.told


def test_a_fault_that_clears_has_the_meters_read_that_had_failed_though_nothing_is_plugged() -> None:
    gateway, board = opened()
    board.meter = METER
    found = station(connectors=2).online()
    found.observe(MeterFailed(connector_id=2, reason="silent"))
    read = readings(gateway, found.state, FaultCleared(connector_id=2, error_code="PowerMeterFailure"))
    assert [each.connector_id for each in read if isinstance(each, MeterObserved)] == [2]


def test_energy_is_given_when_the_state_wants_it_and_the_interlock_has_nothing_against_it() -> None:
    gateway, board = opened()
    gateway.publish(charging(station(connectors=2)).state, ())
    assert board.outputs().contactor_closed
    assert board.outputs().duty_permille < DUTY_STEADY_PERMILLE
    assert not board.outputs(2).contactor_closed


@pytest.mark.parametrize(
    ("number", "offers"), [(0, False), (1, True), (2, False)], ids=["no cable", "no car", "no lock"]
)
def test_the_interlock_keeps_it_open_whatever_the_state_wants(number: int, offers: bool) -> None:
    """The state is older than what the board reads: its wish does not count. A vehicle that left C keeps its offer."""
    gateway, board = opened([reading for place, reading in enumerate(CHARGING_INPUTS) if place != number])
    gateway.publish(charging(station(connectors=2)).state, ())
    assert not board.outputs().contactor_closed
    assert (board.outputs().duty_permille < DUTY_STEADY_PERMILLE) == offers
    assert board.outputs().locked


def test_an_offer_that_a_reading_has_withdrawn_is_not_made_again_by_an_older_state() -> None:
    gateway, board = opened()
    found = charging(station(connectors=2))
    found.observe(PilotStateObserved(connector_id=1, pilot_state="B"))
    gateway.publish(found.state, ())
    assert board.outputs().duty_permille < DUTY_STEADY_PERMILLE
    assert board.report is not None
    board.report(FAULT)
    gateway.publish(found.state, ())
    assert board.outputs().duty_permille == DUTY_STEADY_PERMILLE


def asked_back(found: StationUnderTest, left_ms: int = 3_000) -> StationState:
    """Charging no more: the pilot is to go steady, and the vehicle has so long to let go."""
    found.observe(ContactorObserved(connector_id=1, closed=True))
    found.swipe(TAG, 1)
    state = found.state
    assert state.connectors[1].let_go_by_ms == state.at_ms + 3_000
    return replace(state, connectors=state.connectors.changed(1, let_go_by_ms=state.at_ms + left_ms))


def test_a_contactor_stays_closed_without_an_offer_until_the_vehicle_has_let_go() -> None:
    gateway, board = opened()
    found = charging(station(connectors=2))
    gateway.publish(found.state, ())
    gateway.publish(asked_back(found), ())
    assert board.outputs().contactor_closed
    assert board.outputs().duty_permille == DUTY_STEADY_PERMILLE


@pytest.mark.parametrize("how", ["never closed", "opened by a reading", "made safe"])
def test_a_contactor_that_is_open_is_never_closed_without_an_offer(how: str) -> None:
    gateway, board = opened()
    found = charging(station(connectors=2))
    if how != "never closed":
        gateway.publish(found.state, ())
    assert board.report is not None
    if how == "opened by a reading":
        board.report(PilotReading(connector_id=1, pilot_state="B"))
        board.report(PilotReading(connector_id=1, pilot_state="C"))
    if how == "made safe":
        gateway.make_safe()
    gateway.publish(asked_back(found), ())
    assert not board.outputs().contactor_closed


@pytest.mark.asyncio
async def test_a_vehicle_that_does_not_let_go_loses_the_contactor_though_nothing_is_published_any_more() -> None:
    gateway, board = opened()
    found = charging(station(connectors=2))
    gateway.publish(found.state, ())
    board.told.clear()
    gateway.publish(asked_back(found, left_ms=1), ())
    assert ("open", 1) not in board.told
    async with asyncio.timeout(30):
        while ("open", 1) not in board.told:  # noqa: ASYNC110  # the gateway knows nothing of its test
            await asyncio.sleep(0.01)
    assert ("withdraw", 1) not in board.told


@pytest.mark.asyncio
async def test_a_vehicle_that_is_offered_a_current_again_keeps_its_contactor() -> None:
    gateway, board = opened()
    found = charging(station(connectors=2))
    offered = found.state
    gateway.publish(offered, ())
    gateway.publish(asked_back(found, left_ms=1), ())
    gateway.publish(offered, ())
    board.told.clear()
    await asyncio.sleep((OVERDUE_MS + 50) / 1000)
    assert board.told == []


def test_an_unlock_that_is_asked_for_drives_once_and_the_next_one_again() -> None:
    idle = charging(station(connectors=2)).state
    wanting = replace(idle, connectors=idle.connectors.changed(1, unlock_wanted=True))
    gateway, board = opened()
    for state in (wanting, wanting, idle, wanting, wanting):
        gateway.publish(state, ())
    assert board.commands("drive") == [("drive", 1, False)] * 2


# ---- meters ------------------------------------------------------------------------------------------------------


def readings(gateway: Gateway, state: StationState, observation: Observation) -> list[Observation]:
    return list(gateway.read_before(state, observation, state.at_ms))


def test_a_meter_is_on_record_only_when_it_has_changed() -> None:
    gateway, board = opened()
    found = charging(station(connectors=2))
    swipe = IdTagPresented(id_tag=TAG, connector_id=1)
    board.meter = METER
    assert readings(gateway, found.state, swipe) == []
    board.meter = replace(METER, energy_wh=1_001)
    (fresh,) = readings(gateway, found.state, swipe)
    assert isinstance(fresh, MeterObserved)
    assert (fresh.connector_id, fresh.energy_wh) == (1, 1_001)


@pytest.mark.parametrize(
    "change",
    [{"power_w": 5}, {"current_ma": (1, 0, 0)}, {"voltage_mv": (229_000, 230_000, 230_000)}, {"soc_percent": 40}],
    ids=str,
)
def test_a_change_of_anything_that_is_told_counts(change: dict[str, Any]) -> None:
    gateway, board = opened()
    board.meter = replace(METER, **change)
    assert (
        len(readings(gateway, charging(station(connectors=2)).state, IdTagPresented(id_tag=TAG, connector_id=1))) == 1
    )


def test_a_register_that_was_reset_is_compared_with_what_the_meter_shows() -> None:
    """The reported register never falls, so the state's is ahead of the meter's by an offset."""
    gateway, board = opened()
    found = charging(station(connectors=2))
    found.energy_wh[1] = 0
    for _ in range(4):
        found.charge(10)
        board.meter = replace(METER, energy_wh=found.energy_wh[1])
        assert readings(gateway, found.state, IdTagPresented(id_tag=TAG, connector_id=1)) == []
    assert found.state.connectors[1].register.offset_wh == 1_000 - 10


def test_a_meter_that_fails_is_told_once_and_its_return_even_unchanged() -> None:
    gateway, board = opened()
    found = charging(station(connectors=2))
    swipe = IdTagPresented(id_tag=TAG, connector_id=1)
    (failed,) = readings(gateway, found.state, swipe)
    assert isinstance(failed, MeterFailed)
    assert failed.connector_id == 1
    assert 0 < len(failed.reason) <= 200
    found.observe(failed)
    assert readings(gateway, found.state, swipe) == []
    board.meter = METER
    assert [type(fresh) for fresh in readings(gateway, found.state, swipe)] == [MeterObserved]


def test_only_the_meters_that_matter_are_read() -> None:
    gateway, board = opened()
    board.meter = replace(METER, energy_wh=9_999)
    found = charging(station(connectors=2))
    assert [type(each) for each in readings(gateway, found.state, BoardOpened())] == [MeterObserved] * 2
    assert readings(gateway, found.state, LinkOpened(connection=3)) == []


@dataclass
class LitBoard(FakeBoard):
    """A board with lamps."""

    def set_light(self, intensity_percent: int, blink_repeat: int) -> None:
        self.told.append(("light", intensity_percent, blink_repeat))

    def answer_tag(self, connector_id: int | None, accepted: bool) -> None:
        self.told.append(("answer", connector_id, accepted))


def test_the_lamps_follow_the_keys_as_they_change() -> None:
    """9.1.4, 9.1.11."""
    board = LitBoard(connector_ids=(1,))
    gateway = Gateway(board, lambda observation: None)
    found = station().online()
    gateway.publish(found.state, ())
    gateway.publish(found.state, ())
    found.configure(LightIntensity=40, BlinkRepeat=2)
    gateway.publish(found.state, ())
    assert [item for item in board.told if isinstance(item, tuple) and item[0] == "light"] == [
        ("light", 100, 3),
        ("light", 40, 2),
    ]


@pytest.mark.parametrize(("csms_says", "accepted"), [("Accepted", True), ("Blocked", False)])
def test_a_tag_is_answered_by_the_lamps(csms_says: str, accepted: bool) -> None:
    """9.1.4."""
    board = LitBoard(connector_ids=(1,))
    gateway = Gateway(board, lambda observation: None)
    found = station().online()
    found.csms = lambda call: {"idTagInfo": {"status": csms_says}} if call.action == "Authorize" else accepting(call)
    before = len(found.log)
    found.swipe()
    gateway.publish(found.state, found.log[before:])
    assert ("answer", 1, accepted) in board.told


class FakeSensors:
    """Sensors beside the board, which say at once that it is hot."""

    def __init__(self, board: FakeBoard) -> None:
        self._board = board

    def open(self, report: Callable[[Reading], None]) -> None:
        report(TemperatureReading(connector_id=1, sensor="s", temperature_dc=900))

    def close(self) -> None:
        self._board.told.append("sensors closed")


def test_what_is_beside_the_board_is_read_with_it_and_a_hot_sensor_opens_the_contactor_at_once() -> None:
    board = FakeBoard()
    gateway = Gateway(board, board.told.append, (800, None), FakeSensors(board))
    gateway.open()
    hot = TemperatureObserved(connector_id=1, sensor="s", temperature_dc=900)
    assert [told for told in board.told if told in (hot, BoardOpened())] == [hot, BoardOpened()]
    gateway.close()
    assert "sensors closed" in board.told


@dataclass
class MonitoredBoard(FakeBoard):
    """A board with a residual current monitor at each connector."""

    def test_residual(self, connector_id: int) -> None:
        self.told.append(("test", connector_id))


def test_a_monitor_is_tried_once_for_each_wish() -> None:
    board = MonitoredBoard()
    gateway = Gateway(board, lambda observation: None)
    gateway.open()
    found = station(connectors=2).online()
    found.observe(ResidualMonitorObserved(connector_id=1, outcome=""))
    found.plug()
    found.swipe(connector_id=1)
    for _ in range(2):
        gateway.publish(found.state, ())
    assert board.told.count(("test", 1)) == 1
    found.observe(ResidualMonitorObserved(connector_id=1, outcome="passed"))
    gateway.publish(found.state, ())
    found.swipe(connector_id=1)
    found.swipe(connector_id=1)
    gateway.publish(found.state, ())
    assert board.told.count(("test", 1)) == 2


# ---- limits that the log has not taken in yet ----------------------------------------------------------------------


def offered(board: FakeBoard) -> list[int]:
    """The duties that connector 1 was commanded, in order; 1000 is none."""
    return [told[2].duty_permille for told in board.told if told[0] == "apply" and told[1] == 1]


def test_a_cap_lowers_the_duty_at_once_and_only_the_state_raises_it_again() -> None:
    gateway, board = opened()
    state = charging(station(connectors=2)).state
    gateway.publish(state, ())
    board.told.clear()
    gateway.cap({1: 10_000})
    assert offered(board) == [duty_permille_from_ma(10_000)]
    gateway.publish(state, ())
    assert offered(board)[-1] == duty_permille_from_ma(10_000), "what is published from before does not lift it"
    board.told.clear()
    gateway.cap({})
    assert board.told == []
    gateway.publish(state, ())
    assert offered(board) == [duty_permille_from_ma(32_000)]


def test_a_cap_above_the_offer_changes_nothing_and_one_below_six_amperes_withdraws_it() -> None:
    gateway, board = opened()
    gateway.publish(charging(station(connectors=2)).state, ())
    board.told.clear()
    gateway.cap({1: 63_000})
    assert board.told == []
    gateway.cap({1: 5_999})
    assert board.told == [("withdraw", 1)], "the vehicle is asked to let go, the contactor waits for that"


@pytest.mark.asyncio
async def test_under_a_cap_a_vehicle_has_its_time_to_let_go_and_not_longer() -> None:
    gateway, _ = opened()
    state = charging(station(connectors=2)).state
    gateway.publish(state, ())
    gateway.cap({1: 0})
    gateway.publish(state, ())
    left_s = gateway._overdue[1].when() - asyncio.get_running_loop().time()
    assert 0 < left_s <= (LET_GO_MS + OVERDUE_MS) / 1000
    gateway.cap({})
    gateway.publish(state, ())
    assert 1 not in gateway._overdue

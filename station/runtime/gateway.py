"""Between the board and the station: readings become observations, the state's wanted outputs become commands.

The reflex comes first: every reading passes the interlock, and where a reason against energy appears the contactor opens at
once, before anything is written (the only effect that does not wait for the log, and it only ever takes energy away). It acts
on the change: a reason that was there before has opened the contactor already, and a reading that is about another connector
moves nothing here. A vehicle that itself goes from C to B leaves the pilot alone. Closing waits for the durable record, and
for the interlock.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence

from devices import interlock
from devices.iec61851 import duty_permille_from_ma, ma_from_duty_permille
from devices.protocols import Gathering, ResidualTesting, SensorsBeside, Signalling, StationBoard
from devices.readings import (
    DUTY_STEADY_PERMILLE,
    ConnectorOutputs,
    ContactorReading,
    EmergencyStopReading,
    FaultReading,
    LimitContactReading,
    LockReading,
    MainsReading,
    MeterReading,
    MeterUnavailable,
    PilotReading,
    ProximityReading,
    Reading,
    ResidualMonitorReading,
    TagReading,
    TamperReading,
    TemperatureReading,
    VehicleIdReading,
)
from eventstore.catalogue.authorization import AuthorizationDenied, AuthorizationGranted
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
from eventstore.catalogue.limits import LimitContactObserved
from eventstore.catalogue.security import TamperObserved
from eventstore.catalogue.temperatures import TemperatureObserved
from eventstore.event import Observation, Recorded
from eventstore.value import replace
from projections.connector import CURRENT_MIN_MA, Connector
from projections.station import StationState
from station.features.configuration import BLINK_REPEAT, LIGHT_INTENSITY
from station.rules import outputs
from station.rules.energy import LET_GO_MS
from station.rules.reading_rules import meters_wanted

LOGGER = logging.getLogger(__name__)

OVERDUE_MS = 100
"""How long after the state's own deadline the gateway opens a contactor whose vehicle has not let go."""


def observation_of(reading: Reading) -> Observation:
    """What the log says of a reading."""
    match reading:
        case PilotReading():
            return PilotStateObserved(connector_id=reading.connector_id, pilot_state=reading.pilot_state)
        case ProximityReading():
            return ProximityObserved(connector_id=reading.connector_id, cable_rating_ma=reading.cable_rating_ma)
        case ContactorReading():
            return ContactorObserved(
                connector_id=reading.connector_id,
                closed=reading.closed,
                fault=reading.fault,
                inferred=reading.inferred,
            )
        case LockReading():
            return LockObserved(
                connector_id=reading.connector_id,
                locked=reading.locked,
                jammed=reading.jammed,
                inferred=reading.inferred,
            )
        case TagReading():
            return IdTagPresented(id_tag=reading.id_tag, connector_id=reading.connector_id)
        case FaultReading() if reading.active:
            return FaultObserved(
                connector_id=reading.connector_id,
                error_code=reading.error_code,
                info=reading.info,
                vendor_error_code=reading.vendor_error_code,
            )
        case FaultReading():
            return FaultCleared(connector_id=reading.connector_id, error_code=reading.error_code)
        case VehicleIdReading() | TemperatureReading() | ResidualMonitorReading():
            return _beyond_the_contactor(reading)
        case _:
            return _of_station(reading)


def _of_station(reading: EmergencyStopReading | MainsReading | TamperReading | LimitContactReading) -> Observation:
    match reading:
        case EmergencyStopReading():
            return EmergencyStopObserved(pressed=reading.pressed)
        case MainsReading():
            return MainsObserved(present=reading.present)
        case TamperReading():
            return TamperObserved(open=reading.open)
        case LimitContactReading():
            return LimitContactObserved(closed=reading.closed)


def _beyond_the_contactor(reading: VehicleIdReading | TemperatureReading | ResidualMonitorReading) -> Observation:
    if isinstance(reading, VehicleIdReading):
        return VehicleIdentified(connector_id=reading.connector_id, evccid=reading.evccid)
    if isinstance(reading, ResidualMonitorReading):
        return ResidualMonitorObserved(
            connector_id=reading.connector_id, outcome=reading.outcome, detail=reading.detail
        )
    return TemperatureObserved(
        connector_id=reading.connector_id, sensor=reading.sensor, temperature_dc=reading.temperature_dc
    )


def meter_observed(reading: MeterReading) -> MeterObserved:
    """What the log says of a reading of a meter."""
    return MeterObserved(
        connector_id=reading.connector_id,
        energy_wh=reading.energy_wh,
        power_w=reading.power_w,
        current_ma=reading.current_ma,
        voltage_mv=reading.voltage_mv,
        frequency_mhz=reading.frequency_mhz,
        temperature_dc=reading.temperature_dc,
        soc_percent=reading.soc_percent,
    )


def is_on_record(connector: Connector, fresh: MeterObserved) -> bool:
    """Whether the reading tells nothing that the state does not know."""
    known = connector.reading
    if known is None or connector.meter_failed:
        return False
    same = (
        connector.register.raw_wh,
        known.power_w,
        known.current_ma,
        known.voltage_mv,
        known.soc_percent,
    )
    return same == (fresh.energy_wh, fresh.power_w, fresh.current_ma, fresh.voltage_mv, fresh.soc_percent)


def _appears(
    reason: Callable[[interlock.InterlockState, int], str | None],
    before: interlock.InterlockState,
    after: interlock.InterlockState,
    connector_id: int,
) -> bool:
    return reason(before, connector_id) is None and reason(after, connector_id) is not None


class Gateway:
    """The one user of the board. `submit` puts an observation into the station's inbox; it never blocks.

    `tops_dc` is above which temperature each connector's contactor must be open, in tenths of a degree, if any;
    `beside` is other hardware that reports.
    """

    def __init__(
        self,
        board: StationBoard,
        submit: Callable[[Observation], None],
        tops_dc: tuple[int | None, ...] = (),
        beside: SensorsBeside | None = None,
    ) -> None:
        self._board = board
        self._beside = beside
        self._submit = submit
        self._interlock = interlock.initial_state(len(board.connector_ids), has_lock=board.has_lock, tops_dc=tops_dc)
        self._closed: set[int] = set()  # the connectors whose contactor was commanded to close, and not to open since
        self._overdue: dict[int, asyncio.TimerHandle] = {}
        self._caps: Mapping[int, int] = {}
        self._commanded: dict[int, ConnectorOutputs] = {}
        self._unlocks: dict[int, bool] = {}
        self._tests: set[int] = set()  # the connectors whose monitor is being tried
        self._is_closed = False
        self._signals = board if isinstance(board, Signalling) else None
        self._light: tuple[int, int] | None = None

    def open(self) -> None:
        """Begins to work: every input is reported once, then BoardOpened; a board that has to ask for its inputs says when it knows them."""
        self._board.open(self._report)
        if self._beside is not None:
            self._beside.open(self._report)
        if isinstance(self._board, Gathering):
            self._board.when_gathered(lambda: self._submit(BoardOpened()))
        else:
            self._submit(BoardOpened())

    def close(self) -> None:
        """Outputs safe; nothing is reported any more, and nothing that is published later reaches the board."""
        self._is_closed = True
        if self._beside is not None:
            self._beside.close()
        for connector_id in self._board.connector_ids:
            self._forget_overdue(connector_id)
        self._board.close()

    def make_safe(self) -> None:
        """Every contactor open and every pilot steady, at once."""
        self._closed.clear()
        for connector_id in self._board.connector_ids:
            self._board.open_contactor(connector_id)
            self._board.withdraw_offer(connector_id)

    def _report(self, reading: Reading) -> None:
        before, self._interlock = self._interlock, interlock.observe(self._interlock, reading)
        for connector_id in self._board.connector_ids:
            if _appears(interlock.must_open, before, self._interlock, connector_id):
                self._closed.discard(connector_id)
                self._board.open_contactor(connector_id)
            if _appears(interlock.must_not_offer, before, self._interlock, connector_id):
                self._board.withdraw_offer(connector_id)
        self._submit(observation_of(reading))

    def cap(self, caps: Mapping[int, int]) -> None:
        """The reflex on limits: from now on each connector offers at most so many mA, less at once; more comes with what is published.

        A vehicle that is offered nothing any more is given the time to let go, and not longer, though nothing be published.
        """
        self._caps = caps
        for connector_id, before in self._commanded.items():
            command = self._capped(connector_id, before)
            if command == before or self._is_closed:
                continue
            self._commanded[connector_id] = command
            if command.duty_permille != DUTY_STEADY_PERMILLE:
                self._board.apply(connector_id, command)
                continue
            self._board.withdraw_offer(connector_id)
            if connector_id in self._closed and connector_id not in self._overdue:
                self._open_in(connector_id, LET_GO_MS)

    def _capped(self, connector_id: int, command: ConnectorOutputs) -> ConnectorOutputs:
        most_ma = self._caps.get(connector_id)
        if most_ma is None or command.duty_permille == DUTY_STEADY_PERMILLE:
            return command
        if ma_from_duty_permille(command.duty_permille) <= most_ma:
            return command
        offers = most_ma >= CURRENT_MIN_MA
        return replace(command, duty_permille=duty_permille_from_ma(most_ma) if offers else DUTY_STEADY_PERMILLE)

    def publish(self, state: StationState, batch: Sequence[Recorded]) -> None:
        """Makes the board do what the durable state wants."""
        if self._is_closed or not state.connectors.known:
            return
        for connector_id in self._board.connector_ids:
            self._apply(state, connector_id)
        if self._signals is not None:
            self._signal(self._signals, state, batch)

    def _signal(self, board: Signalling, state: StationState, batch: Sequence[Recorded]) -> None:
        light = LIGHT_INTENSITY.of(state), BLINK_REPEAT.of(state)
        if light != self._light:
            self._light = light
            board.set_light(*light)
        for recorded in batch:
            if isinstance(recorded.event, AuthorizationGranted | AuthorizationDenied):
                accepted = isinstance(recorded.event, AuthorizationGranted)
                board.answer_tag(recorded.event.connector_id, accepted)

    def _apply(self, state: StationState, connector_id: int) -> None:
        wanted = outputs.wanted(state, connector_id)
        command = self._capped(connector_id, wanted.outputs)
        # Without an offer a contactor may stay as it is, until the vehicle has let go; it is never closed like that.
        stays = command.duty_permille == DUTY_STEADY_PERMILLE and connector_id not in self._closed
        if stays or interlock.must_open(self._interlock, connector_id) is not None:
            command = replace(command, contactor_closed=False)
        if interlock.must_not_offer(self._interlock, connector_id) is not None:
            command = replace(command, duty_permille=DUTY_STEADY_PERMILLE)
        (self._closed.add if command.contactor_closed else self._closed.discard)(connector_id)
        self._commanded[connector_id] = command
        self._board.apply(connector_id, command)
        self._watch_over(state, connector_id, command)
        if wanted.unlock and not self._unlocks.get(connector_id, False):
            self._unlocks[connector_id] = True
            self._board.drive_lock(connector_id, locked=False)
        elif not wanted.unlock:
            self._unlocks[connector_id] = False
        if not wanted.test:
            self._tests.discard(connector_id)
        elif connector_id not in self._tests and isinstance(self._board, ResidualTesting):
            self._tests.add(connector_id)
            self._board.test_residual(connector_id)

    def _watch_over(self, state: StationState, connector_id: int, command: ConnectorOutputs) -> None:
        """A vehicle that was asked to let go and does not: its contactor opens at the deadline, though the disk hang."""
        due_ms = state.connectors[connector_id].let_go_by_ms
        if self._caps and command.contactor_closed and command.duty_permille == DUTY_STEADY_PERMILLE and due_ms is None:
            return  # asked to let go by a cap: it opens in time, whatever is published
        if not command.contactor_closed or command.duty_permille != DUTY_STEADY_PERMILLE or due_ms is None:
            self._forget_overdue(connector_id)
        elif connector_id not in self._overdue:
            self._open_in(connector_id, due_ms - state.at_ms)

    def _open_in(self, connector_id: int, left_ms: int) -> None:
        with contextlib.suppress(RuntimeError):  # no event loop, no disk to wait for: a test in stepped time
            left_s = (max(0, left_ms) + OVERDUE_MS) / 1000
            loop = asyncio.get_running_loop()
            self._overdue[connector_id] = loop.call_later(left_s, self._open_overdue, connector_id)

    def _forget_overdue(self, connector_id: int) -> None:
        if (timer := self._overdue.pop(connector_id, None)) is not None:
            timer.cancel()

    def _open_overdue(self, connector_id: int) -> None:
        self._overdue.pop(connector_id)
        self._closed.discard(connector_id)
        self._board.open_contactor(connector_id)

    def read_before(self, state: StationState, observation: Observation, at_ms: int) -> Iterator[Observation]:
        """Fresh readings of the meters that the observation may need; none where nothing has changed."""
        for connector_id in meters_wanted(state, observation):
            if (found := self._read(state, connector_id, at_ms)) is not None:
                yield found

    def _read(self, state: StationState, connector_id: int, at_ms: int) -> Observation | None:
        connector = state.connectors[connector_id]
        try:
            reading = self._board.read_meter(connector_id, at_ms)
        except MeterUnavailable as error:
            return None if connector.meter_failed else MeterFailed(connector_id=connector_id, reason=str(error)[:200])
        fresh = meter_observed(reading)
        return None if is_on_record(connector, fresh) else fresh

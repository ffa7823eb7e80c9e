"""One connector of the board: its controller, its meter and its pins, and what all of them together let the station know."""

import logging
from collections.abc import Callable

from devices.evccid import read_evccid
from devices.evse.said import ABOVE_OFFER, CURRENT_MIN_MA, FAILURE, ChargingController, Said, Trouble
from devices.evse.watch import ENERGY_STATES, PowerFacts, Watch, judged, offered_anew
from devices.gpio.lines import Contact, OutputPin
from devices.gpio.reporter import Reporter
from devices.modbus.meter import ModbusMeter
from devices.modbus.register_map import PHASES
from devices.readings import (
    ContactorReading,
    LockReading,
    MeterReading,
    PilotReading,
    ProximityReading,
    TagReading,
    TemperatureReading,
    VehicleIdReading,
)
from devices.temperature.belief import Belief, measured

logger = logging.getLogger(__name__)

CURRENTS = frozenset(f"current_{phase}_ma" for phase in PHASES)
CONNECTED = ("B", "C", "D")
BROKEN = ("E", "F")


class ControlledConnector:
    """A connector whose controller reports here. `enable` is the pin in its enable line, `mirror` its contactor's mirror contact."""

    def __init__(
        self,
        connector_id: int,
        controller: ChargingController,
        meter: ModbusMeter,
        *,
        fixed_cable: bool,
        max_current_ma: int,
        now_ms: Callable[[], int],
        enable: OutputPin | None = None,
        mirror: Contact | None = None,
    ) -> None:
        self.connector_id = connector_id
        self.controller = controller
        self.meter = meter
        self._fixed_cable = fixed_cable
        self._max_current_ma = max_current_ma
        self._now_ms = now_ms
        self._enable = enable
        self._mirror = mirror
        self._reporter: Reporter | None = None
        self._said: Said | None = None
        self._trouble: Trouble | None = None
        self._shown_fault: tuple[str, str] | None = None
        self._watch = Watch()
        self._tag: str | None = None
        self._vehicle_id = ""
        self._belief: Belief | None = None
        self._locked = False
        self._offered_ma = 0
        self.heard = 0
        self.on_said: Callable[[], None] = lambda: None

    def open(self, reporter: Reporter) -> None:
        """Report what is known without the controller, and listen to it."""
        self._reporter = reporter
        if self._fixed_cable:
            self._rate(self._max_current_ma)
        else:
            self.lock(locked=False)
        self.meter.on_failure(self._meter_failed)
        self.controller.listen(self)

    @property
    def gathered(self) -> bool:
        """Whether everything was reported, or is known not to answer."""
        return (self._said is not None or self._trouble is not None) and self.meter.settled

    @property
    def is_off(self) -> bool:
        """Whether the controller has said, in this process, that it offers nothing."""
        return self._said is not None and self._trouble is None and self._said.offered_ma == 0

    @property
    def contact_closed(self) -> bool | None:
        """Whether the grid operator's contact is closed that hangs on its controller; None: none does, or it was not heard."""
        return None if self._said is None else self._said.contact_closed

    @property
    def trouble(self) -> Trouble | None:
        """Why its controller cannot be relied on now; None: it can."""
        return self._trouble

    def current_ma(self) -> int | None:
        """The largest of the currents that its meter shows; None if it shows none now."""
        return self._current_ma(self._now_ms())

    # What the station wants

    def offer(self, current_ma: int) -> None:
        """Let the controller offer so much; nothing below 6 A. The pin goes first where nothing may flow any more."""
        current_ma = current_ma if current_ma >= CURRENT_MIN_MA else 0
        if self._enable is not None:
            self._enable.set(current_ma > 0)
        if current_ma != self._offered_ma:
            self._watch = offered_anew(self._watch)
        self._offered_ma = current_ma
        self.controller.want(current_ma)

    def open_contactor(self) -> None:
        """Nothing may flow, unless the controller itself says that nothing does: a vehicle that waits in B keeps its offer."""
        if self._trouble is None and self._said is not None and self._said.state not in ENERGY_STATES:
            return
        self.offer(0)

    def lock(self, *, locked: bool) -> None:
        """The controller holds and frees the plug by itself; it is taken to be where the station wants it."""
        self._locked = locked
        reading = LockReading(connector_id=self.connector_id, locked=locked, jammed=False, inferred=True)
        if self._reporter is not None:
            self._reporter.emit(reading)

    @property
    def locked(self) -> bool:
        """Where the lock is taken to be."""
        return self._locked

    # What is heard

    def said(self, said: Said) -> None:
        """See `Listener.said`."""
        self._said = said
        self.heard += 1
        if not self._fixed_cable:
            plugged = said.state in CONNECTED
            self._rate(said.cable_ma or (self._max_current_ma if plugged else None))
        self._emit(PilotReading(connector_id=self.connector_id, pilot_state=said.state))
        self._show_fault(said)
        self._present(said.tag)
        self._identify(said)
        self._warm(said)
        self.look()
        self.on_said()

    def troubled(self, trouble: Trouble | None) -> None:
        """See `Listener.troubled`."""
        before, self._trouble = self._trouble, trouble
        if before is not None and (trouble is None or trouble.code != before.code):
            self._fault("InternalError", before.code, "", active=False)
        if trouble is not None:
            logger.error("connector %d: its controller: %s", self.connector_id, trouble.reason)
            self._fault("InternalError", trouble.code, trouble.reason, active=True)
        self.look()

    def look(self) -> None:
        """Judge what follows from all of it at this moment."""
        if self._said is None:
            return
        at_ms = self._now_ms()
        facts = PowerFacts(
            state=self._said.state,
            offered_ma=self._said.offered_ma,
            current_ma=self._current_ma(at_ms),
            mirror_closed=None if self._mirror is None else not self._mirror.active,
            reliable=self._trouble is None,
        )
        self._watch, judgement = judged(self._watch, facts, at_ms)
        self._emit(
            ContactorReading(
                connector_id=self.connector_id,
                closed=judgement.closed,
                fault=judgement.fault,
                inferred=judgement.inferred,
            )
        )
        self._fault("OverCurrentFailure", ABOVE_OFFER, "more current than is offered", active=judgement.above)

    def read(self, at_ms: int) -> MeterReading:
        """The meter's latest reading. Raises `MeterUnavailable`."""
        return self.meter.read(at_ms)

    def close(self) -> None:
        """Nothing is offered and nothing reported any more."""
        self.offer(0)
        self._reporter = None

    def _current_ma(self, at_ms: int) -> int | None:
        """The largest of its currents; None if the meter shows none now."""
        values = self.meter.latest(at_ms) or {}
        currents = (abs(value) for name, value in values.items() if name in CURRENTS)
        return max(currents, default=None)

    def _show_fault(self, said: Said) -> None:
        """A failure that the controller reports itself: by name, or as its state."""
        fault = said.fault
        if fault is None and said.state in BROKEN:
            fault = ("OtherError", f"the controller reports a failure (state {said.state})")
        if fault == self._shown_fault:
            return
        if self._shown_fault is not None:
            self._fault(self._shown_fault[0], FAILURE, "", active=False)
        self._shown_fault = fault
        if fault is not None:
            self._fault(fault[0], FAILURE, fault[1], active=True)

    def _present(self, tag: str) -> None:
        """A tag at the controller's own reader is presented when it appears; one that lay there at the start is not."""
        before, self._tag = self._tag, tag
        if tag and before is not None and tag != before and self._reporter is not None:
            self._reporter.emit(TagReading(id_tag=tag, connector_id=self.connector_id))

    def _identify(self, said: Said) -> None:
        """The id that a vehicle tells, once for each time that it is plugged in."""
        if said.state not in CONNECTED:
            self._vehicle_id = ""
        try:
            evccid = (
                read_evccid(said.vehicle_id) if self._vehicle_id != said.vehicle_id and said.state in CONNECTED else ""
            )
        except ValueError:
            return
        if evccid and self._reporter is not None:
            self._vehicle_id = said.vehicle_id
            self._reporter.emit(VehicleIdReading(connector_id=self.connector_id, evccid=evccid))

    def _warm(self, said: Said) -> None:
        """The controller's own temperature, as it is believed."""
        if said.temperature_dc is None and self._belief is None:
            return
        at_ms = self._now_ms()
        self._belief = measured(self._belief or Belief(good_at_ms=at_ms), said.temperature_dc, at_ms)
        if self._belief.news and self._reporter is not None:
            self._belief = self._belief.as_reported()
            self._reporter.emit(
                TemperatureReading(
                    connector_id=self.connector_id, sensor="controller", temperature_dc=self._belief.believed_dc
                )
            )

    def _rate(self, rating_ma: int | None) -> None:
        self._emit(ProximityReading(connector_id=self.connector_id, cable_rating_ma=rating_ma))

    def _meter_failed(self, reason: str | None) -> None:
        self._fault("PowerMeterFailure", "", reason or "", active=reason is not None)

    def _emit(self, reading: PilotReading | ProximityReading | ContactorReading) -> None:
        if self._reporter is not None:
            self._reporter.emit(reading)

    def _fault(self, error_code: str, vendor_error_code: str, info: str, *, active: bool) -> None:
        if self._reporter is not None:
            self._reporter.emit_fault(self.connector_id, error_code, vendor_error_code, info, active=active)

"""A `StationBoard` of charging controllers: what the station wants becomes what they are commanded, what they say becomes readings.

Theory of operation. A controller makes the pilot, sees the vehicle and switches the contactor by itself, within the times of
IEC 61851-1: the station's offer is a current that it is commanded, and taking energy away a write that goes before everything else
(`devices.modbus.bus`), with a pin in its enable line beside it where one is wired. `open` returns before the controllers were heard;
`when_gathered` says when they have been, or are known to be silent. All that runs happens on the event loop.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any

from devices.bridge import Bridge
from devices.evse.assembly import EvseDrivers, assemble, measured_by_own
from devices.evse.point import ControlledConnector
from devices.evse.wiring import EvseWiring
from devices.gpio.rack import Handle, Job, LoopTimers, Rack, ThreadPoller, Timers, pause
from devices.gpio.reporter import Reporter
from devices.gpio.sections import UNKNOWN_ROTATION, FaultSection
from devices.gpio.station_contacts import hear_station
from devices.iec61851 import ma_from_duty_permille
from devices.modbus.meter import measured_by
from devices.modbus.register_map import load_map
from devices.protocols import BoardUnavailable
from devices.readers.device_reader import DeviceReader
from devices.readings import (
    DUTY_STEADY_PERMILLE,
    ConnectorOutputs,
    LimitContactReading,
    LockReading,
    MeterReading,
    Reading,
    TagReading,
)

logger = logging.getLogger(__name__)

LOOKS_EVERY_MS = 500


class EvseBoard:
    """The board of a `wiring`. `pin_factory` None: that which the wiring names, if it has any pin. `station_time` gives the station
    time in ms; `timers` stand in for the event loop's own."""

    def __init__(
        self,
        wiring: EvseWiring,
        pin_factory: Any = None,
        *,
        station_time: Callable[[], int],
        timers: Timers | None = None,
    ) -> None:
        self.connector_ids = tuple(range(1, len(wiring.connectors) + 1))
        self.has_lock = not wiring.fixed_cable
        self._wiring = wiring
        self._factory = pin_factory
        self._station_time = station_time
        self._timers = timers
        self._stack = ExitStack()
        self._rack: Rack | None = None
        self._drivers: EvseDrivers | None = None
        self._reporter: Reporter | None = None
        self._looking: Handle | None = None
        self._gathered: Callable[[], None] | None = None
        self._wanted_locked: dict[int, bool] = {}

    # The station's side

    def open(self, report: Callable[[Reading], None]) -> None:
        """See `StationBoard.open`; what the controllers say is reported once they have said it. Raises `BoardUnavailable`."""
        assert self._reporter is None, "the board is open already"
        self._reporter = Reporter(report)
        try:
            self._make()
            self._begin(self._reporter)
        except Exception as error:
            self.close()
            if isinstance(error, BoardUnavailable):
                raise
            raise BoardUnavailable(str(error) or repr(error)) from error

    def when_gathered(self, call: Callable[[], None]) -> None:
        """See `Gathering.when_gathered`."""
        self._gathered = call

    def apply(self, connector_id: int, outputs: ConnectorOutputs) -> None:
        """See `StationBoard.apply`. A closed board stays safe."""
        if self._rack is None:
            return
        point = self._of(connector_id)
        if outputs.locked != self._wanted_locked.get(connector_id, False):
            self._wanted_locked[connector_id] = outputs.locked
            if self.has_lock and outputs.locked != point.locked:
                point.lock(locked=outputs.locked)
        point.offer(_offered_ma(outputs, self._wiring.max_current_a * 1_000))

    def drive_lock(self, connector_id: int, locked: bool) -> None:
        """See `StationBoard.drive_lock`: the controller drives it; without a lock the answer is that nothing is locked."""
        if self._rack is None:
            return
        if self.has_lock:
            self._wanted_locked[connector_id] = locked
            self._of(connector_id).lock(locked=locked)
        elif self._reporter is not None:
            self._reporter.emit(LockReading(connector_id=connector_id, locked=False, jammed=False))

    def open_contactor(self, connector_id: int) -> None:
        """See `StationBoard.open_contactor`: the controller is commanded to offer nothing, before anything else."""
        if self._drivers is not None and connector_id in self._drivers.points:
            self._of(connector_id).open_contactor()

    def withdraw_offer(self, connector_id: int) -> None:
        """See `StationBoard.withdraw_offer`."""
        if self._drivers is not None and connector_id in self._drivers.points:
            self._of(connector_id).offer(0)

    def read_meter(self, connector_id: int, at_ms: int) -> MeterReading:
        """See `StationBoard.read_meter`."""
        return self._of(connector_id).read(at_ms)

    def close(self) -> None:
        """See `StationBoard.close`. What is still to be said to the controllers is awaited by `wait_closed`."""
        self._gathered = None
        if self._rack is None:
            self._reporter = None
            return
        if self._looking is not None:
            self._looking.cancel()
        for point in () if self._drivers is None else self._drivers.points.values():
            point.close()
        if self._reporter is not None:
            self._reporter.close()
            self._reporter = None
        self._rack.bridge.close()
        self._rack = None
        try:
            self._stack.close()
        except Exception as error:  # noqa: BLE001  # everything was closed that can be; nothing is offered any more
            logger.error("closing the board: %r", error)

    async def wait_closed(self) -> None:
        """Return when the controllers know, and buses and readers have released their devices."""
        if self._drivers is None:
            return
        for bus in self._drivers.buses:
            await bus.wait_closed()
        for each in self._drivers.open_evses:
            await each.wait_closed()
        for _, reader in self._drivers.readers:
            if isinstance(reader, DeviceReader):
                await reader.wait_closed()

    def measured(self) -> frozenset[str]:
        """See `Equipped.measured`."""
        wiring = self._wiring
        return frozenset().union(
            *(
                measured_by_own(found, wiring.phases)
                if section.meter is None
                else measured_by(load_map(section.meter.map), wiring.phases)
                for section, found in zip(wiring.connectors, wiring.controllers, strict=True)
            )
        )

    def phase_rotations(self) -> Mapping[int, str]:
        """See `Equipped.phase_rotations`."""
        rotations = enumerate((connector.phase_rotation for connector in self._wiring.connectors), start=1)
        return {number: rotation for number, rotation in rotations if rotation != UNKNOWN_ROTATION}

    def refused_reads(self) -> tuple[int, ...]:
        """See `ReaderCounts.refused_reads`."""
        return () if self._drivers is None else tuple(reader.refused for _, reader in self._drivers.readers)

    @property
    def is_open(self) -> bool:
        """Whether it works."""
        return self._rack is not None

    @property
    def points(self) -> tuple[ControlledConnector, ...]:
        """Its connectors, in order; none before it was opened."""
        return () if self._drivers is None else tuple(self._drivers.points.values())

    # Opening

    def _make(self) -> None:
        loop = asyncio.get_running_loop()
        factory = self._factory
        if factory is None and self._wiring.pins:
            from devices.gpio.factory import named_factory

            factory = named_factory(self._wiring.section.pins)
        bridge: Bridge[Job] = Bridge(loop, lambda job: job())
        self._rack = Rack(
            factory=factory,
            timers=self._timers or LoopTimers(loop, self._station_time),
            bridge=bridge,
            reread_ms=self._wiring.section.reread_ms,
            new_poller=lambda name: ThreadPoller(name, loop.time, bridge.put),  # nothing here polls
        )
        self._drivers = assemble(self._rack, self._wiring, self._stack, partial(pause, self._rack.timers))

    def _begin(self, reporter: Reporter) -> None:
        drivers = self._drivers
        assert drivers is not None, "made before"
        hear_station(drivers, self._emit)
        for section, contact in drivers.faults:
            contact.on_level(partial(self._tripped, section))
        for point in drivers.points.values():
            point.on_said = self._hear_contact
            point.open(reporter)
        for number, (served, reader) in enumerate(drivers.readers, start=1):
            if isinstance(reader, DeviceReader):
                reader.on_failure(partial(self._reader_failed, served or 0, f"reader {number}"))
            reader.on_tag(partial(self._read_tag, served))
        for bus in drivers.buses:
            bus.start()
        for each in drivers.open_evses:
            each.start()
        self._look()

    def _look(self) -> None:
        """What follows from time alone; and whether everything was heard for the first time."""
        if self._rack is None or self._drivers is None:
            return
        for point in self._drivers.points.values():
            point.look()
        if self._gathered is not None and all(point.gathered for point in self._drivers.points.values()):
            gathered, self._gathered = self._gathered, None
            gathered()
        timers = self._rack.timers
        self._looking = timers.call_at(timers.now_ms() + LOOKS_EVERY_MS, self._look)

    def _of(self, connector_id: int) -> ControlledConnector:
        assert self._drivers is not None, "the board is not open"
        assert connector_id in self._drivers.points, f"connector {connector_id} does not exist"
        return self._drivers.points[connector_id]

    # What is heard

    def _emit(self, reading: Reading) -> None:
        if self._reporter is not None:
            self._reporter.emit(reading)

    def _hear_contact(self) -> None:
        """The grid operator's contact, where it hangs on a controller: closed if any of them says so."""
        heard = [point.contact_closed for point in self.points if point.contact_closed is not None]
        if heard and self._drivers is not None and self._drivers.limit_contact is None:
            self._emit(LimitContactReading(closed=any(heard)))

    def _read_tag(self, connector_id: int | None, uid: str) -> None:
        self._emit(TagReading(id_tag=uid, connector_id=connector_id))

    def _tripped(self, section: FaultSection, active: bool) -> None:
        if self._reporter is not None:
            self._reporter.emit_fault(
                section.connector, section.error_code, section.vendor_error_code, section.info, active=active
            )

    def _reader_failed(self, connector_id: int, vendor_error_code: str, reason: str | None) -> None:
        if self._reporter is not None:
            active = reason is not None
            self._reporter.emit_fault(connector_id, "ReaderFailure", vendor_error_code, reason or "", active=active)


def _offered_ma(outputs: ConnectorOutputs, max_ma: int) -> int:
    """What the controller shall offer, at most what the wiring bears; nothing where the pilot would be steady or in state F."""
    by_duty_ma = ma_from_duty_permille(outputs.duty_permille)
    if outputs.duty_permille == DUTY_STEADY_PERMILLE or not by_duty_ma:
        return 0
    return min(by_duty_ma if outputs.offer_ma is None else outputs.offer_ma, max_ma)

"""The simulated board: `StationBoard` on one side, the bench controls (hands, cars, faults) on the other.

Theory of operation. Each call counts the energy up to the station time, changes the copper, then reports every input whose level
differs from the one last reported, and only then, for a bench control, keeps the world on disk: a reflex never waits for the
disk. There is no thread and no clock; time may jump ahead, integration is exact. A vehicle that is asked to stop drawing (a
steady pilot) does so a moment later, which the event loop is asked to remember; without one, the next call finds it. Readings
are reported in order even if `report` calls the board again.

The contactor obeys every command: opening it when it must not be closed is the station's duty, not the bench's.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from msgspec.structs import replace

from devices.bench.copper import METER_SILENT, Copper
from devices.bench.errors import InvalidControl
from devices.bench.world import (
    CONTACTOR_DEFECTS,
    ConnectorWorld,
    Network,
    PlantedFault,
    check_tag,
    energy_wh,
    found_by_new_process,
    meter_changed,
    plugged,
    thermometer,
    unplugged,
    vehicle_changed,
    with_evccid,
    with_fault,
    with_monitor,
)
from devices.bench.world_file import WorldFile
from devices.in_order import InOrder
from devices.readings import (
    DUTY_STEADY_PERMILLE,
    ConnectorOutputs,
    LockReading,
    MeterReading,
    MeterUnavailable,
    Reading,
    TagReading,
)

logger = logging.getLogger(__name__)

MEASURED = frozenset({"energy_wh", "power_w", "current_ma", "voltage_mv", "frequency_mhz", "soc_percent"})
"""The members of `MeterReading` that the bench's meters give."""


class BenchBoard:
    """A board with `connectors` connectors whose world is kept in `directory`. Refused controls raise `errors.BenchRefusal`.

    `station_time` gives the station time in ms. Without `has_limit_contact` the contact for dimming is reported once a hand moves it.
    """

    def __init__(
        self,
        directory: Path,
        connectors: int,
        fixed_cable: bool,
        phases: int,
        voltage_v: int,
        max_current_a: int,
        station_time: Callable[[], int],
        has_limit_contact: bool = False,
    ) -> None:
        self.connector_ids = tuple(range(1, connectors + 1))
        self.has_lock = not fixed_cable
        self._station_time = station_time
        self._file = WorldFile(directory)
        max_current_ma = max_current_a * 1000
        world = found_by_new_process(
            self._file.load(), self.connector_ids, fixed_cable=fixed_cable, max_current_ma=max_current_ma
        )
        self._copper = Copper(
            world,
            has_lock=self.has_lock,
            phases=phases,
            voltage_v=voltage_v,
            max_current_ma=max_current_ma,
            has_limit_contact=has_limit_contact,
        )
        self._kept_wh = {connector.connector_id: energy_wh(connector) for connector in world.connectors}
        self._report: InOrder | None = None

    # The station's side

    def open(self, report: Callable[[Reading], None]) -> None:
        """Report every input. The world is kept once, so that the next process finds even an untouched one."""
        assert self._report is None, "the board is open already"
        self._report = InOrder(report)
        self._keep()
        self._show()

    def apply(self, connector_id: int, outputs: ConnectorOutputs) -> None:
        """See `StationBoard.apply`."""
        if outputs == self._copper.outputs(connector_id):
            return
        assert self._report is not None, "the board is not open"
        before = self._settle(connector_id)
        self._put_out(connector_id, outputs)
        self._keep_lock(before)
        self._show()

    def drive_lock(self, connector_id: int, locked: bool) -> None:
        """See `StationBoard.drive_lock`. Without a lock the answer is that nothing is locked."""
        before = self._copper.connector(connector_id)
        if not self.has_lock:
            self._emit((LockReading(connector_id=connector_id, locked=False, jammed=False),))
            return
        self._copper.drive(connector_id, locked)
        self._keep_lock(before)
        self._show()

    def open_contactor(self, connector_id: int) -> None:
        """See `StationBoard.open_contactor`. An unknown connector has no contactor to open."""
        if connector_id not in self.connector_ids:
            return
        self._settle(connector_id)
        self._put_out(connector_id, replace(self._copper.outputs(connector_id), contactor_closed=False))
        self._show()

    def withdraw_offer(self, connector_id: int) -> None:
        """See `StationBoard.withdraw_offer`. An unknown connector has no pilot."""
        if connector_id not in self.connector_ids:
            return
        self._settle(connector_id)
        outputs = replace(self._copper.outputs(connector_id), duty_permille=DUTY_STEADY_PERMILLE)
        self._put_out(connector_id, outputs)
        self._show()

    def test_residual(self, connector_id: int) -> None:
        """See `ResidualTesting.test_residual`."""
        self._emit(self._copper.residual_test(connector_id))

    def read_meter(self, connector_id: int, at_ms: int) -> MeterReading:
        """The meter at `at_ms`, or as it stands if it is further already.

        A register is kept before it is handed out, so that the next process never finds one that is behind.
        """
        connector = self._copper.settle(connector_id, at_ms)
        if connector.meter_failed:
            raise MeterUnavailable(METER_SILENT.info)
        if energy_wh(connector) != self._kept_wh[connector_id]:
            try:
                self._file.store(connector)
            except OSError as error:
                raise MeterUnavailable(f"the register cannot be kept: {error}") from error
            self._kept_wh[connector_id] = energy_wh(connector)
        return self._copper.meter_reading(connector_id)

    def close(self) -> None:
        """Contactors open, pilots steady, locks as they are; the world is kept."""
        if self._report is None:
            return
        for connector_id in self.connector_ids:
            self.open_contactor(connector_id)
            self.withdraw_offer(connector_id)
        self._keep()
        self._report.close()
        self._report = None

    async def wait_closed(self) -> None:
        """Nothing of a bench outlasts its closing."""

    def measured(self) -> frozenset[str]:
        """See `Equipped.measured`."""
        return MEASURED

    def phase_rotations(self) -> Mapping[int, str]:
        """See `Equipped.phase_rotations`: nobody has wired a bench."""
        return {}

    # The bench controls: hands, cars and faults

    def plug(
        self,
        connector_id: int,
        ev: bool = True,
        station: bool = True,
        seated: bool = True,
        cable_rating_ma: int | None = None,
        evccid: str = "",
    ) -> None:
        """The cable goes into the car and/or the socket; not seated: half way in, so that the lock cannot close.

        `cable_rating_ma` says which cable it is; None: the same as before. A fixed cable is what it is. `evccid` is the id that the
        car tells from now on, until it leaves. Raises `InvalidControl` for what is none.
        """
        old = self._settle(connector_id)
        new = plugged(old, ev=ev, station=station, seated=seated)
        if cable_rating_ma is not None and self.has_lock:
            new = replace(new, cable_rating_ma=cable_rating_ma)
        if evccid:
            new = with_evccid(new, evccid)
        self._copper.world = self._copper.world.with_connector(new)
        if (new.station_plugged, new.seated) != (old.station_plugged, old.seated):
            self._copper.retry_lock(connector_id)
        self._changed()

    def unplug(self, connector_id: int, ev: bool = True, station: bool = True) -> None:
        """The reverse, all or nothing: raises `StillLocked` if a locked socket end would have to come out."""
        old = self._settle(connector_id)
        new = unplugged(old, ev=ev, station=station, fixed_cable=not self.has_lock)
        self._copper.world = self._copper.world.with_connector(new)
        if old.station_plugged and not new.station_plugged:
            self._copper.free_lock(connector_id)
        self._changed()

    def vehicle(
        self,
        connector_id: int,
        ready: bool | None = None,
        max_current_a: float | None = None,
        phases: int | None = None,
        soc_percent: int | None = None,
        lets_go_s: float | None = None,
        sleeps: bool | None = None,
    ) -> None:
        """What the car does; before plugging: what the next car will do. None leaves as it is. Raises `InvalidControl`.

        `lets_go_s` is how long it goes on drawing after the pilot went steady; infinite: for ever. `sleeps`: see `ConnectorWorld`.
        """
        new = vehicle_changed(
            self._settle(connector_id),
            ready=ready,
            max_current_ma=None if max_current_a is None else round(max_current_a * 1000),
            phases=phases,
            soc_percent=soc_percent,
            lets_go_s=lets_go_s,
            sleeps=sleeps,
        )
        self._exchange(new)
        self._remember(connector_id)

    def fault(self, connector_id: int, error_code: str, info: str = "", vendor_error_code: str = "") -> None:
        """Plant a fault or warning; connector 0 is the station. Raises `InvalidControl` for what no hardware reports."""
        planted = PlantedFault(error_code=error_code, info=info, vendor_error_code=vendor_error_code)
        if connector_id == 0:
            self._becomes(station_faults=with_fault(self._copper.world.station_faults, planted))
            return
        connector = self._settle(connector_id)
        self._exchange(replace(connector, faults=with_fault(connector.faults, planted)))

    def clear_fault(self, connector_id: int) -> None:
        """Everything that was planted on the connector (0: the station) clears."""
        if connector_id == 0:
            self._becomes(station_faults=())
        else:
            self._exchange(replace(self._settle(connector_id), faults=()))

    def lock(self, connector_id: int, jammed: bool) -> None:
        """The lock does not move any more, or moves again and goes at once where it was last wanted."""
        self._copper.world = self._copper.world.with_connector(replace(self._settle(connector_id), lock_jammed=jammed))
        self._copper.free_lock(connector_id)
        self._copper.retry_lock(connector_id)
        self._changed()

    def contactor(self, connector_id: int, defect: str) -> None:
        """Plant "welded" (will not open once closed) or "stuck" (will not close); "" repairs. Raises `InvalidControl`."""
        if defect not in CONTACTOR_DEFECTS:
            raise InvalidControl(f"defect {defect!r} is not one of {CONTACTOR_DEFECTS}")
        old = self._settle(connector_id)
        self._copper.world = self._copper.world.with_connector(replace(old, contactor_defect=defect))
        self._copper.repair_contactor(connector_id)
        self._changed()

    def meter(self, connector_id: int, energy_wh: int | None = None, fail: bool | None = None) -> None:
        """Set the register, which makes it readable again, or make reading fail. Raises `InvalidControl`."""
        self._exchange(meter_changed(self._settle(connector_id), energy_wh=energy_wh, fail=fail))

    def monitor(self, connector_id: int, defect: str) -> None:
        """There is a residual current monitor that can be tested, sound ("") or with a defect. Raises `InvalidControl`."""
        self._exchange(with_monitor(self._settle(connector_id), defect))

    def temperature(self, connector_id: int, celsius: float | None = None, silent: bool = False) -> None:
        """A sensor at the connector (0: of the station) says so from now on, or is silent. Raises `InvalidControl`."""
        found = thermometer(celsius, silent=silent)
        if connector_id == 0:
            self._becomes(thermometer=found)
        else:
            self._exchange(replace(self._settle(connector_id), thermometer=found))

    def swipe(self, id_tag: str, connector_id: int | None = None) -> None:
        """A tag at the reader. Raises `InvalidControl` unless it has 1 to 20 characters that are not all blanks."""
        check_tag(id_tag)
        if connector_id is not None:
            self._copper.connector(connector_id)
        self._emit((TagReading(id_tag=id_tag, connector_id=connector_id),))

    def emergency_stop(self, pressed: bool) -> None:
        """The mushroom is pressed or released."""
        self._becomes(emergency_stop=pressed)

    def tamper(self, opened: bool) -> None:
        """The enclosure is opened or closed."""
        self._becomes(enclosure_open=opened)

    def limit_contact(self, closed: bool) -> None:
        """The grid operator's contact closes or opens."""
        self._becomes(limit_contact_closed=closed)

    def power(self, mains: bool) -> None:
        """Mains goes or comes. What the meters counted until now is kept."""
        for connector_id in self.connector_ids:
            self._settle(connector_id)
        self._becomes(mains=mains)

    def network(self, up: bool, silent: bool = False, persist: bool = False) -> None:
        """Cut the network or mend it; kept here for the link to ask by `network_now`."""
        network = Network(up=up, silent=silent and not up, persist=persist and not up)
        self._becomes(network=network)

    @property
    def network_now(self) -> Network:
        """The network as the last control left it; a new process finds it up unless the cut persists."""
        return self._copper.world.network

    def look(self) -> None:
        """Report every change that time alone has caused until now."""
        for connector_id in self.connector_ids:
            self._settle(connector_id)
        self._show()

    def lets_go_in_ms(self) -> int | None:
        """In how many ms the next vehicle stops drawing that was asked to; None: no vehicle will."""
        due = (self._copper.lets_go_at_ms(connector_id) for connector_id in self.connector_ids)
        next_ms = min((due_ms for due_ms in due if due_ms is not None), default=None)
        return None if next_ms is None else max(0, next_ms - self._station_time())

    # Counting, reporting and keeping

    def _settle(self, connector_id: int) -> ConnectorWorld:
        return self._copper.settle(connector_id, self._station_time())

    def _put_out(self, connector_id: int, outputs: ConnectorOutputs) -> None:
        self._copper.put_out(connector_id, outputs)
        self._remember(connector_id)

    def _remember(self, connector_id: int) -> None:
        """Has the event loop look again when the vehicle lets go."""
        due_ms = self._copper.lets_go_at_ms(connector_id)
        if due_ms is None:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        loop.call_later(max(1, due_ms - self._station_time()) / 1000, self._look_again, connector_id)

    def _look_again(self, connector_id: int) -> None:
        if self._report is not None:
            self.look()
            self._remember(connector_id)

    def _exchange(self, connector: ConnectorWorld) -> None:
        self._copper.world = self._copper.world.with_connector(connector)
        self._changed()

    def _becomes(self, **changes: object) -> None:
        self._copper.world = replace(self._copper.world, **changes)
        self._changed()

    def _changed(self) -> None:
        self._show()
        self._keep()

    def _show(self) -> None:
        if self._report is not None:
            self._emit(self._copper.readings_due())

    def _emit(self, readings: Iterable[Reading]) -> None:
        if self._report is not None:
            self._report.emit(readings)

    def _keep(self) -> None:
        """Keep the world. A disk that refuses does not stop the bench: what happened stays, the next change keeps it."""
        try:
            self._file.save(self._copper.world)
        except OSError as error:
            logger.warning("the bench cannot keep its world: %s", error)
            return
        for connector in self._copper.world.connectors:
            self._kept_wh[connector.connector_id] = energy_wh(connector)

    def _keep_lock(self, before: ConnectorWorld) -> None:
        connector = self._copper.connector(before.connector_id)
        if connector.locked == before.locked:
            return
        try:
            self._file.store(connector)
        except OSError as error:
            logger.warning("connector %d: the bench cannot keep where its lock is: %s", connector.connector_id, error)

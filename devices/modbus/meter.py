"""One meter on a Modbus bus as an `EnergyMeter`: the last reading, how old it is, and why there is none.

The bus reads; here is only what was read. A reading is handed out for `stale_ms`, then it is none: nothing is repeated or invented.
One missed request is no failure; silence for `stale_ms` is, and so is, at once, a reading that no meter of the wiring can give.
"""

import logging
from collections.abc import Callable, Mapping

from msgspec import Struct

from devices.modbus.plausibility import what_cannot_be
from devices.modbus.register_map import PHASES, RegisterMap
from devices.readings import MeterReading, MeterUnavailable

logger = logging.getLogger(__name__)


def measured_by(register_map: RegisterMap, phases: int) -> frozenset[str]:
    """The members of `MeterReading` that a meter with this map gives on a board with so many phases."""
    given = set(register_map.quantities)
    whole = {
        member
        for member, quantity, unit in (("current_ma", "current", "ma"), ("voltage_mv", "voltage", "mv"))
        if given.issuperset(f"{quantity}_{phase}_{unit}" for phase in PHASES[:phases])
    }
    single = {"power_w", "frequency_mhz", "temperature_dc"} & given
    return frozenset({"energy_wh", *single, *whole})


class MeterPlace(Struct, frozen=True, kw_only=True):
    """Where a meter is and what it measures: its address on the bus, and the wiring behind it."""

    connector_id: int
    unit: int
    stale_ms: int
    phases: int
    voltage_v: int
    max_current_ma: int


class ModbusMeter:
    """The meter of one connector, with the registers of `map`."""

    def __init__(self, place: MeterPlace, register_map: RegisterMap, *, started_at_ms: int) -> None:
        self.place = place
        self.map = register_map
        self._report: Callable[[str | None], None] | None = None
        self._values: Mapping[str, int] = {}
        self._read_at_ms: int | None = None
        self._heard_at_ms = started_at_ms
        self._reason = "it was not read yet"
        self._failure: str | None = None

    def read(self, at_ms: int) -> MeterReading:
        """See `EnergyMeter.read`: the reading as a connector's, phases that the board does not have left out."""
        values = self.measurands(at_ms)
        assert self._read_at_ms is not None, "there are values"
        return MeterReading(
            connector_id=self.place.connector_id,
            energy_wh=values["energy_import_wh"],
            power_w=values.get("power_w"),
            current_ma=self._per_phase(values, "current", "ma"),
            voltage_mv=self._per_phase(values, "voltage", "mv"),
            frequency_mhz=values.get("frequency_mhz"),
            temperature_dc=values.get("temperature_dc"),
            soc_percent=None,
            age_ms=max(0, at_ms - self._read_at_ms),
        )

    @property
    def settled(self) -> bool:
        """Whether it has answered or failed since the start: what `read` gives is more than that nothing was asked yet."""
        return self._read_at_ms is not None or self._failure is not None

    def measurands(self, at_ms: int) -> Mapping[str, int]:
        """Every value of the map that the meter gave, by the map's names. Raises `MeterUnavailable`."""
        if self._read_at_ms is None or at_ms - self._read_at_ms > self.place.stale_ms:
            # After a report that there is no reading (also at a start, before the first answer) the first reading is reported.
            self._fail(self._reason)
            raise MeterUnavailable(f"the meter cannot be read: {self._reason}")
        return self._values

    def latest(self, at_ms: int) -> Mapping[str, int] | None:
        """The same; None if there are none now. Asking so reports nothing."""
        fresh = self._read_at_ms is not None and at_ms - self._read_at_ms <= self.place.stale_ms
        return self._values if fresh else None

    def on_failure(self, report: Callable[[str | None], None]) -> None:
        """See `EnergyMeter.on_failure`."""
        self._report = report
        if self._failure is not None:
            report(self._failure)

    def close(self) -> None:
        """Report nothing more; the bus is closed separately."""
        self._report = None

    # The bus's side

    def answered(self, values: Mapping[str, int], at_ms: int) -> None:
        """The meter answered with all its values."""
        self._heard_at_ms = at_ms
        if "energy_import_wh" not in values:
            self._doubt("it gives no energy")
            return
        place = self.place
        wrong = what_cannot_be(
            values, phases=place.phases, voltage_v=place.voltage_v, max_current_ma=place.max_current_ma
        )
        if wrong is not None:
            self._doubt(f"it says what cannot be: {wrong}")
            return
        self._values, self._read_at_ms = values, at_ms
        self._reason = ""
        self._fail(None)

    def missed(self, reason: str, at_ms: int) -> None:
        """The meter was asked and gave no answer of use."""
        self._reason = reason
        if at_ms - self._heard_at_ms > self.place.stale_ms:
            self._fail(reason)

    def _doubt(self, reason: str) -> None:
        self._reason = reason
        self._fail(reason)

    def _fail(self, reason: str | None) -> None:
        changed = (reason is None) != (self._failure is None)
        is_other = reason is not None and reason != self._failure
        self._failure = reason
        if changed and self._report is not None:
            self._report(reason)
        elif is_other:  # the receiver of the report logs it
            logger.warning("connector %d: meter: %s", self.place.connector_id, reason)

    def _per_phase(self, values: Mapping[str, int], quantity: str, unit: str) -> tuple[int, ...]:
        names = [f"{quantity}_{phase}_{unit}" for phase in PHASES[: self.place.phases]]
        return tuple(values[name] for name in names) if all(name in values for name in names) else ()

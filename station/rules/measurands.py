"""Measurands (7.31): which the station can give, and a sample of them as the last reading of a connector has it.

A measurand may carry a phase ("Voltage.L1", 9.1.17); without one, every phase that the meter has is reported (errata
3.14.3). What a meter does not give, and a register that is in doubt, is left out, never invented or repeated. Values are decimal
text, as the wire wants them.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from eventstore.catalogue.transactions import Moment, Sample, SampledValue
from projections.connector import BelievedReading, Connector
from projections.station import StationState
from station.core.config_keys import Access, ConfigKey, Csl, Integer
from station.wire.enums import Measurand

REGISTER = Measurand.ENERGY_ACTIVE_IMPORT_REGISTER.value
INTERVAL = Measurand.ENERGY_ACTIVE_IMPORT_INTERVAL.value
PERIODIC, CLOCK, TRIGGER, BEGIN, END = (
    "Sample.Periodic",
    "Sample.Clock",
    "Trigger",
    "Transaction.Begin",
    "Transaction.End",
)
ITEMS_MAX = 20


def _decimal(value: int, digits: int) -> str:
    """An integer of 10^-digits units as decimal text, at least one place: 16000 mA is "16.0"."""
    sign, value = ("-", -value) if value < 0 else ("", value)
    whole, part = divmod(value, 10**digits)
    places = f"{part:0{digits}d}".rstrip("0") or "0"
    return f"{sign}{whole}.{places}"


def _per_phase(measurand: str, unit: str, values: Sequence[int], suffix: str = "") -> Iterator[SampledValue]:
    for number, value in enumerate(values, 1):
        phase = f"L{number}{suffix}" if len(values) > 1 else None
        yield SampledValue(value=_decimal(value, 3), measurand=measurand, unit=unit, phase=phase)


def _energy(
    state: StationState, connector: Connector, reading: BelievedReading, context: str
) -> Iterator[SampledValue]:
    if connector.register.doubt is None:
        yield SampledValue(value=str(reading.energy_wh), measurand=REGISTER, unit="Wh")


def _interval(
    state: StationState, connector: Connector, reading: BelievedReading, context: str
) -> Iterator[SampledValue]:
    """Energy since the last sample of the same series in this transaction (errata 3.77)."""
    transaction = state.transactions.on(connector.connector_id)
    if transaction is not None and connector.register.doubt is None:
        since_wh = transaction.aligned_wh if context == CLOCK else transaction.sampled_wh
        yield SampledValue(value=str(max(0, reading.energy_wh - since_wh)), measurand=INTERVAL, unit="Wh")


def _power(state: StationState, connector: Connector, reading: BelievedReading, context: str) -> Iterator[SampledValue]:
    if reading.power_w is not None:
        yield SampledValue(value=str(reading.power_w), measurand="Power.Active.Import", unit="W")


def _offered_w(
    state: StationState, connector: Connector, reading: BelievedReading, context: str
) -> Iterator[SampledValue]:
    watts = offered_ma(state, connector) * state.described.voltage_v * connector.phases // 1000
    yield SampledValue(value=str(watts), measurand="Power.Offered", unit="W")


def _offered_a(
    state: StationState, connector: Connector, reading: BelievedReading, context: str
) -> Iterator[SampledValue]:
    yield SampledValue(value=_decimal(offered_ma(state, connector), 3), measurand="Current.Offered", unit="A")


def _current(
    state: StationState, connector: Connector, reading: BelievedReading, context: str
) -> Iterator[SampledValue]:
    yield from _per_phase("Current.Import", "A", reading.current_ma)


def _voltage(
    state: StationState, connector: Connector, reading: BelievedReading, context: str
) -> Iterator[SampledValue]:
    yield from _per_phase("Voltage", "V", reading.voltage_mv, "-N")


def _frequency(
    state: StationState, connector: Connector, reading: BelievedReading, context: str
) -> Iterator[SampledValue]:
    if reading.frequency_mhz is not None:  # Hertz by definition: OCPP 1.6 has no unit for it (errata 3.84)
        yield SampledValue(value=_decimal(reading.frequency_mhz, 3), measurand="Frequency")


def _temperature(
    state: StationState, connector: Connector, reading: BelievedReading, context: str
) -> Iterator[SampledValue]:
    """Of the sensors that concern the connector the hottest; without one, what the meter says of itself (7.31)."""
    hottest_dc = state.temperatures.hottest_dc(connector.connector_id)
    if hottest_dc is not None:
        value = _decimal(hottest_dc, 1)
        yield SampledValue(value=value, measurand="Temperature", unit="Celsius", location="Body")
    elif reading.temperature_dc is not None:
        yield SampledValue(value=_decimal(reading.temperature_dc, 1), measurand="Temperature", unit="Celsius")


def _soc(state: StationState, connector: Connector, reading: BelievedReading, context: str) -> Iterator[SampledValue]:
    if reading.soc_percent is not None:
        yield SampledValue(value=str(reading.soc_percent), measurand="SoC", unit="Percent", location="EV")


Give = Callable[[StationState, Connector, BelievedReading, str], Iterator[SampledValue]]
GIVEN: Mapping[str, Give] = {
    REGISTER: _energy,
    INTERVAL: _interval,
    "Power.Active.Import": _power,
    "Power.Offered": _offered_w,
    "Current.Import": _current,
    "Current.Offered": _offered_a,
    "Voltage": _voltage,
    "Frequency": _frequency,
    "Temperature": _temperature,
    "SoC": _soc,
}
PHASED: Mapping[str, tuple[str, ...]] = {
    "Current.Import": ("L1", "L2", "L3"),
    "Voltage": ("L1", "L2", "L3", "L1-N", "L2-N", "L3-N"),
}


#: What is reported in the factory state of a station that measures it, and the member of a reading that it comes from.
FACTORY: Mapping[str, str] = {
    REGISTER: "energy_wh",
    "Power.Active.Import": "power_w",
    "Current.Import": "current_ma",
    "Voltage": "voltage_mv",
    "Temperature": "temperature_dc",
}


def factory_measurands(measured: Collection[str]) -> tuple[str, ...]:
    """The measurands of the factory state for meters that give these members of a reading; the register always."""
    return tuple(item for item, member in FACTORY.items() if item == REGISTER or member in measured)


def offered_ma(state: StationState, connector: Connector) -> int:
    """What the vehicle is offered per phase: the limit while a transaction runs, else nothing."""
    return connector.limit_ma if connector.transaction_number is not None else 0


def is_supported(item: str) -> bool:
    """Whether an item of a measurand list can be given, with or without a phase (errata 3.14.4)."""
    if item in GIVEN:
        return True
    measurand, _, phase = item.rpartition(".")
    return phase in PHASED.get(measurand, ())


def sample(
    state: StationState, connector_id: int, measurands: Sequence[str], context: str, taken: Moment
) -> Sample | None:
    """The last reading of a connector as a sample of the measurands; None if the meter gives none of them now."""
    connector = state.connectors[connector_id]
    reading = connector.reading
    if reading is None or connector.meter_failed:
        return None
    values = tuple(value for item in measurands for value in _values(state, connector, reading, item, context))
    return Sample(taken=taken, context=context, values=values) if values else None


def _values(
    state: StationState, connector: Connector, reading: BelievedReading, item: str, context: str
) -> Iterator[SampledValue]:
    if item in GIVEN:
        yield from GIVEN[item](state, connector, reading, context)
        return
    measurand, _, phase = item.rpartition(".")
    for value in GIVEN[measurand](state, connector, reading, context):
        if value.phase is None or value.phase.removesuffix("-N") == phase.removesuffix("-N"):
            yield value


def _measured(state: StationState) -> tuple[str, ...]:
    """What the board measures of `FACTORY`."""
    return state.described.measurands


def _list(
    name: str, clause: str, default: tuple[str, ...] | Callable[[StationState], tuple[str, ...]], doc: str
) -> ConfigKey[tuple[str, ...]]:
    return ConfigKey(
        name=name,
        kind=Csl(allowed=is_supported, items_max=ITEMS_MAX),
        access=Access.READ_WRITE,
        default=default,
        required=True,
        clause=clause,
        doc=doc,
    )


_FACTORY_DOC = "From the factory the register, power, current, voltage and temperature, as far as the meters give them."
METER_VALUES_SAMPLED_DATA = _list(
    "MeterValuesSampledData", "9.1.17", _measured, f"Measurands of the periodic MeterValues. {_FACTORY_DOC}"
)
METER_VALUES_ALIGNED_DATA = _list(
    "MeterValuesAlignedData", "9.1.15", _measured, f"Measurands of the clock-aligned MeterValues. {_FACTORY_DOC}"
)
STOP_TXN_SAMPLED_DATA = _list(
    "StopTxnSampledData", "9.1.27", (), "Periodic measurands in StopTransaction.transactionData."
)
STOP_TXN_ALIGNED_DATA = _list(
    "StopTxnAlignedData", "9.1.25", (), "Clock-aligned measurands in StopTransaction.transactionData."
)
STOP_TRANSACTION_MAX_METER_VALUES = ConfigKey(
    name="StopTransactionMaxMeterValues",
    kind=Integer(minimum=2, maximum=200),
    access=Access.READ_ONLY,
    default=100,
    clause="errata 3.89",
    doc="How many meter values a StopTransaction carries at most; intermediate ones are thinned.",
)


def measurands_for_stop(state: StationState) -> tuple[str, ...]:
    """The measurands of transactionData's Transaction.Begin and Transaction.End samples (errata 3.14)."""
    return tuple(dict.fromkeys((*STOP_TXN_SAMPLED_DATA.of(state), *STOP_TXN_ALIGNED_DATA.of(state))))

"""Meters: what the connectors know of theirs, event by event. What is believed of a register is `projections.register`'s to say."""

from collections.abc import Callable, Mapping
from typing import Any

from eventstore.catalogue.hardware import MeterFailed, MeterObserved
from eventstore.catalogue.transactions import (
    STUCK,
    MeterDoubted,
    MeterRegisterReturned,
    MeterResetFound,
    MeterSampled,
    MeterValuesTriggered,
)
from eventstore.event import Event, Recorded
from eventstore.value import replace
from projections import register
from projections.clock import Clock
from projections.connector import BelievedReading, Connectors
from projections.register import Register


def _on_meter(connectors: Connectors, event: MeterObserved, recorded: Recorded, _: Clock) -> Connectors:
    if not connectors.has(event.connector_id):
        return connectors
    connector = connectors[event.connector_id]
    after = register.read(
        connector.register,
        event.energy_wh,
        recorded.at_ms,
        max_power_mw=connectors.max_power_mw,
        power_w=None if connector.reading is None else connector.reading.power_w,
        idle=connector.transaction_number is None,
    )
    assert after.believed_wh is not None, "a register that was read is believed to be somewhere"
    reading = BelievedReading(
        at_ms=recorded.at_ms,
        energy_wh=after.believed_wh,
        power_w=event.power_w,
        current_ma=event.current_ma,
        voltage_mv=event.voltage_mv,
        frequency_mhz=event.frequency_mhz,
        temperature_dc=event.temperature_dc,
        soc_percent=event.soc_percent,
    )
    return connectors.changed(event.connector_id, reading=reading, register=after, meter_failed="")


def _on_meter_failed(connectors: Connectors, event: MeterFailed, recorded: Recorded, _: Clock) -> Connectors:
    return connectors.changed(event.connector_id, meter_failed=event.reason or "unreadable")


def with_register(connectors: Connectors, connector_id: int, after: Register, **facts: Any) -> Connectors:
    """The connector with another belief of its register, and the reading that goes with it."""
    reading = connectors[connector_id].reading
    if reading is not None and after.believed_wh is not None and after.believed_wh != reading.energy_wh:
        facts["reading"] = replace(reading, energy_wh=after.believed_wh)
    return connectors.changed(connector_id, register=after, **facts)


def _on_meter_reset(connectors: Connectors, event: MeterResetFound, recorded: Recorded, _: Clock) -> Connectors:
    if not connectors.has(event.connector_id):
        return connectors
    known = connectors[event.connector_id].register
    after = register.moved(known, event.offset_wh, max_power_mw=connectors.max_power_mw)
    return with_register(connectors, event.connector_id, after)


def _on_meter_returned(
    connectors: Connectors, event: MeterRegisterReturned, recorded: Recorded, _: Clock
) -> Connectors:
    if not connectors.has(event.connector_id):
        return connectors
    known = connectors[event.connector_id].register
    after = register.taken_back(known, event.offset_wh, max_power_mw=connectors.max_power_mw)
    return with_register(connectors, event.connector_id, after)


def _on_meter_doubted(connectors: Connectors, event: MeterDoubted, recorded: Recorded, _: Clock) -> Connectors:
    if not connectors.has(event.connector_id):
        return connectors
    known = connectors[event.connector_id].register
    if event.reason == STUCK:
        return connectors.changed(event.connector_id, register=replace(known, stuck=True))
    return connectors.changed(event.connector_id, register=replace(known, noted_ms=recorded.at_ms))


def _on_sampled(connectors: Connectors, event: MeterSampled, recorded: Recorded, _: Clock) -> Connectors:
    # A sample follows a look at the meter; one that found it unchanged left no reading.
    if not connectors.has(event.connector_id):
        return connectors
    connector = connectors[event.connector_id]
    power_w = None if connector.reading is None else connector.reading.power_w
    seen = register.still_so(connector.register, recorded.at_ms, power_w)
    return with_register(connectors, event.connector_id, register.told(seen, event.register_wh))


def _on_triggered(connectors: Connectors, event: MeterValuesTriggered, recorded: Recorded, _: Clock) -> Connectors:
    if not connectors.has(event.connector_id):
        return connectors
    return connectors.changed(event.connector_id, register=register.told(connectors[event.connector_id].register, 0))


FOLDS: Mapping[type[Event], Callable[[Connectors, Any, Recorded, Clock], Connectors]] = {
    MeterObserved: _on_meter,
    MeterFailed: _on_meter_failed,
    MeterResetFound: _on_meter_reset,
    MeterRegisterReturned: _on_meter_returned,
    MeterDoubted: _on_meter_doubted,
    MeterSampled: _on_sampled,
    MeterValuesTriggered: _on_triggered,
}

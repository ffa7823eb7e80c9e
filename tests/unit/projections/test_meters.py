"""What the connectors know of their meters, event by event."""

import pytest

from eventstore.catalogue.hardware import BoardOpened, MeterFailed, MeterObserved
from eventstore.catalogue.lifecycle import StationBooted
from eventstore.catalogue.transactions import (
    MeterDoubted,
    MeterRegisterReturned,
    MeterResetFound,
    MeterSampled,
    MeterValuesTriggered,
    Moment,
    Sample,
    TransactionStarted,
    TransactionStopped,
)
from eventstore.event import Event, Recorded
from eventstore.value import replace
from projections.clock import Clock
from projections.connector import Connectors
from projections.connector_folds import FOLDS
from tests.given import DESCRIPTION

MOMENT = Moment(at_ms=1, boot=1, utc_ms=1)
SAMPLE = Sample(taken=MOMENT, context="Sample.Periodic", values=())
STARTED = TransactionStarted(
    connector_id=1,
    number=1,
    id_tag="A",
    parent_id_tag=None,
    meter_start_wh=500,
    started=MOMENT,
    authorized_by="CSMS",
    reservation_id=None,
)
STOPPED = TransactionStopped(
    connector_id=1,
    number=1,
    reason="Local",
    id_tag="A",
    meter_stop_wh=500,
    stopped=MOMENT,
    meter_stale=False,
    held_for=None,
    data=(),
)
BOOT = StationBooted(
    boot=2,
    installation="1",
    software_version="0",
    firmware_version="0",
    offset_ms=0,
    clock_trusted=True,
    orderly=False,
)


def folded(connectors: Connectors, *events: Event, at_ms: int = 0) -> Connectors:
    for seq, event in enumerate(events, 1):
        recorded = Recorded(seq=seq, cause=1, at_ms=at_ms, utc_ms=0, event=event)
        connectors = FOLDS[type(event)](connectors, event, recorded, Clock())
    return connectors


def metered(*registers_wh: int) -> Connectors:
    """A connector with a running transaction that began at the first register, and read the others after it."""
    readings = [MeterObserved(connector_id=1, energy_wh=wh) for wh in registers_wh]
    started = replace(STARTED, meter_start_wh=registers_wh[0])
    return folded(Connectors(), DESCRIPTION, readings[0], started, *readings[1:])


def energy_wh(connectors: Connectors) -> int:
    reading = connectors[1].reading
    assert reading is not None, "it was read"
    return reading.energy_wh


def test_what_one_connector_is_rated_for_is_what_its_register_is_held_to() -> None:
    assert metered(0).max_power_mw == 3 * 230 * 32_000


def test_the_reported_register_never_falls_and_the_offset_explains_it() -> None:
    """Errata 3.77."""
    connectors = metered(500, 20)
    assert energy_wh(connectors) == 500
    connectors = folded(connectors, MeterResetFound(connector_id=1, offset_wh=480))
    connectors = folded(connectors, MeterObserved(connector_id=1, energy_wh=25))
    assert energy_wh(connectors) == 505


def test_an_offset_below_zero_is_that_of_a_meter_with_more_on_its_register() -> None:
    connectors = folded(metered(500, 90_500), MeterResetFound(connector_id=1, offset_wh=-90_000))
    assert energy_wh(connectors) == 500
    assert energy_wh(folded(connectors, MeterObserved(connector_id=1, energy_wh=90_507))) == 507


def test_a_reset_that_an_older_version_found_in_a_rise_that_is_believed_now_is_what_it_was_then() -> None:
    """0.1.0 held the first reading of a process to less: its decision stands."""
    connectors = folded(metered(500), BOOT, MeterObserved(connector_id=1, energy_wh=5_500))
    assert energy_wh(connectors) == 5_500
    assert energy_wh(folded(connectors, MeterResetFound(connector_id=1, offset_wh=-5_000))) == 500


def test_an_offset_is_taken_back_and_what_was_told_stands() -> None:
    connectors = folded(metered(500, 0), MeterResetFound(connector_id=1, offset_wh=500))
    connectors = folded(connectors, MeterObserved(connector_id=1, energy_wh=200))
    assert energy_wh(connectors) == 700
    connectors = folded(connectors, MeterObserved(connector_id=1, energy_wh=90_000))
    connectors = folded(connectors, MeterRegisterReturned(connector_id=1, offset_wh=0))
    assert connectors[1].register.offset_wh == 0
    assert energy_wh(connectors) == 90_000


@pytest.mark.parametrize("told", [STARTED, STOPPED], ids=["start", "stop"])
def test_a_register_that_an_older_version_told_is_what_the_register_is(told: Event) -> None:
    """0.1.0 believed every register of a running process."""
    connectors = folded(metered(100, 90_000), told)
    assert energy_wh(connectors) == 500


def test_a_sample_tells_the_register_and_says_that_the_meter_was_looked_at() -> None:
    connectors = folded(metered(500), MeterSampled(connector_id=1, number=1, register_wh=500, sample=SAMPLE), at_ms=9)
    assert connectors[1].register.at_ms == 9
    after = folded(connectors, MeterSampled(connector_id=1, number=1, register_wh=900, sample=SAMPLE), at_ms=9)
    assert energy_wh(after) == 900


def test_a_triggered_sample_tells_the_register_too() -> None:
    connectors = folded(Connectors(), DESCRIPTION, MeterObserved(connector_id=1, energy_wh=500))
    assert not connectors[1].register.told
    triggered = MeterValuesTriggered(connector_id=1, number=None, sample=SAMPLE)
    assert folded(connectors, triggered)[1].register.told


def test_a_doubt_that_was_noted_is_known() -> None:
    connectors = metered(500, 0)
    fell = MeterDoubted(connector_id=1, reason="fell", raw_wh=0, expected_wh=500)
    assert folded(connectors, fell, at_ms=7)[1].register.noted_ms == 7
    assert folded(connectors, replace(fell, reason="stuck"), at_ms=7)[1].register.stuck


@pytest.mark.parametrize("fails", [False, True])
def test_a_register_that_was_found_unchanged_at_boot_was_read_but_for_a_meter_that_fails(fails: bool) -> None:
    connectors = folded(metered(500), BOOT)
    assert connectors[1].register.unread
    if fails:
        connectors = folded(connectors, MeterFailed(connector_id=1, reason="no answer"))
    assert folded(connectors, BoardOpened())[1].register.unread is fails


def test_what_is_said_of_a_connector_that_is_not_there_changes_nothing() -> None:
    connectors = metered(500)
    for event in (
        MeterResetFound(connector_id=9, offset_wh=1),
        MeterRegisterReturned(connector_id=9, offset_wh=1),
        MeterDoubted(connector_id=9, reason="fell", raw_wh=0, expected_wh=1),
        MeterSampled(connector_id=9, number=None, register_wh=5, sample=SAMPLE),
        MeterValuesTriggered(connector_id=9, number=None, sample=SAMPLE),
    ):
        assert folded(connectors, event) == connectors

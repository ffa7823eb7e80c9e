"""What may wait to be sent, kind by kind; whole stories stand in tests/scenarios/test_outbox.py."""

import pytest

from eventstore.catalogue.maintenance import FirmwareStatusQueued
from eventstore.event import Event
from eventstore.value import replace
from projections.outbox import InFlight
from station.rules.shedding import DATA_TRANSFERS_MAX, NOTICES_MAX, STATUSES_MAX, shed
from tests.unit.station.owing import AUTHORIZE, BOOT, HEARTBEAT, STATUS, TRANSFER, TRIGGERED, owing

FIRMWARE = FirmwareStatusQueued(status="Downloading", triggered=False, tries=1)
CONFLICT = replace(STATUS, error_code="LocalListConflict")
ELSEWHERE = replace(STATUS, connector_id=2)


@pytest.mark.parametrize(
    ("event", "most"),
    [
        (STATUS, STATUSES_MAX),
        (CONFLICT, STATUSES_MAX),
        (FIRMWARE, NOTICES_MAX),
        (TRANSFER, 2 * DATA_TRANSFERS_MAX),
    ],
    ids=["status", "conflict", "firmware", "data transfer"],
)
def test_a_kind_that_floods_costs_its_own_oldest_entries_and_no_others(event: Event, most: int) -> None:
    others = (BOOT, AUTHORIZE, HEARTBEAT, TRIGGERED, *({STATUS, CONFLICT, ELSEWHERE, FIRMWARE, TRANSFER} - {event}))
    state = owing(*others, *[event] * most)
    assert not shed(state, 0)
    state = owing(*others, *[event] * (most + 2))
    first_seq = 1_000 + len(others)
    assert [(item.owed_seq, item.waiting) for item in shed(state, 0)] == [
        (first_seq, most + 2),
        (first_seq + 1, most + 1),
    ]


@pytest.mark.parametrize("event", [BOOT, AUTHORIZE, TRIGGERED, HEARTBEAT], ids=lambda event: event.NAME)
def test_what_the_station_cannot_do_without_is_never_shed(event: Event) -> None:
    assert not shed(owing(*[event] * 2_000), 0)


def test_the_entry_in_flight_is_not_shed() -> None:
    """Its answer is still to come."""
    state = owing(*[STATUS] * (STATUSES_MAX + 1))
    in_flight = InFlight(
        message_id="m", action="StatusNotification", lane="status", owed_seq=1_000, connection=1, sent_ms=0
    )
    state = replace(state, outbox=replace(state.outbox, in_flight=in_flight))
    assert [item.owed_seq for item in shed(state, 0)] == [1_001]

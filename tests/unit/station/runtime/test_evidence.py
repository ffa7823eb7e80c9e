"""What the rows of a damaged log prove of the messages: told, perhaps told, or never left."""

import pytest

from eventstore.catalogue.lifecycle import DeadlineReached, StationBooted
from eventstore.catalogue.link import (
    CallDispatched,
    CallPrepared,
    CallSettled,
    CallTimedOut,
    ConnectFailed,
    FrameReceived,
    LinkClosed,
    LinkOpened,
)
from eventstore.catalogue.registration import RegistrationAnswered, RegistrationLost
from eventstore.catalogue.transactions import Moment, TransactionStarted
from eventstore.value import replace
from projections.clock import Clock
from projections.link import Link, reconnect_delay_ms
from projections.outbox import InFlight, Outbox, Owed
from projections.registration import ACCEPTED, Registration
from projections.station import INITIAL, StationState
from station.runtime.evidence import CONNECTION_EVENTS, REGISTERED_EVENTS, Lane

KEPT = 100
STARTED = TransactionStarted(
    connector_id=1,
    number=1,
    id_tag="A",
    parent_id_tag=None,
    meter_start_wh=0,
    started=Moment(at_ms=1, boot=3, utc_ms=1),
    authorized_by="cache",
)


def kept(*, up: bool, owed: tuple[int, ...] = (), in_flight: int = 0, attempts: int = 0) -> StationState:
    """The state at the damage: connection 7, boot 3, of which 20 calls were made."""
    flying = InFlight(
        message_id="i-3-14", action="StartTransaction", lane="transaction", owed_seq=in_flight, connection=7, sent_ms=0
    )
    return replace(
        INITIAL,
        seq=KEPT,
        clock=Clock(boot=3),
        registration=Registration(status=ACCEPTED),
        link=Link(up=up, connection=7, calls_made=20, attempts=attempts, connect_due_ms=None if up else 5_000),
        outbox=Outbox(
            window=tuple(Owed(seq=seq, name="TransactionStarted", event=STARTED) for seq in owed),
            in_flight=flying if in_flight else None,
        ),
    )


def call(count: int, owed_seq: int = 0, lane: str = "transaction", boot: int = 3) -> CallDispatched:
    return CallDispatched(
        connection=7, message_id=f"i-{boot:x}-{count:x}", action="X", lane=lane, owed_seq=owed_seq, payload="{}"
    )


def prepared(count: int, owed_seq: int) -> CallPrepared:
    return CallPrepared(
        connection=7, message_id=f"i-3-{count:x}", action="X", lane="transaction", owed_seq=owed_seq, payload="{}"
    )


def settled(owed_seq: int, *, ends: bool = True) -> CallSettled:
    return CallSettled(
        message_id="m", action="X", lane="transaction", owed_seq=owed_seq, outcome="result", ends_entry=ends
    )


def booted(boot: int) -> StationBooted:
    return StationBooted(
        boot=boot,
        installation="i",
        software_version="",
        firmware_version="",
        offset_ms=0,
        clock_trusted=True,
        orderly=True,
    )


def told_and_unsure(lane: Lane) -> tuple[int, int]:
    return lane.told_seq, lane.unsure_seq


def test_what_is_owed_where_the_damage_begins_is_not_told() -> None:
    assert told_and_unsure(Lane(kept(up=True, owed=(90, 95)))) == (89, 89)
    assert told_and_unsure(Lane(kept(up=True))) == (KEPT, KEPT)


def test_a_gap_while_the_link_is_up_may_hide_that_all_was_told() -> None:
    lane = Lane(kept(up=True, owed=(90, 95)))
    lane.gap(101, 101)
    assert told_and_unsure(lane) == (89, 101)
    assert lane.room is None


@pytest.mark.parametrize(("missing", "room"), [(CONNECTION_EVENTS + 3, 3), (CONNECTION_EVENTS + 2, 2), (1, 0)])
def test_a_gap_while_it_is_down_hides_no_more_than_it_has_room_for(missing: int, room: int) -> None:
    lane = Lane(kept(up=False, owed=(90, 95)))
    lane.gap(101, 100 + missing)
    assert lane.room == room
    assert told_and_unsure(lane) == (89, 100 + missing if room >= 3 else 89)


def test_a_boot_that_is_not_accepted_yet_needs_more_room() -> None:
    for event in (booted(4), RegistrationLost(reason="", retry_due_ms=0)):
        lane = Lane(kept(up=False, owed=(90,)))
        lane.take(event, 1)
        lane.gap(102, 101 + CONNECTION_EVENTS + REGISTERED_EVENTS + 2)
        assert told_and_unsure(lane) == (89, 89)
    lane.take(RegistrationAnswered(status=ACCEPTED, interval_s=1, retry_due_ms=None), 1)
    lane.gap(200, 201 + CONNECTION_EVENTS)
    assert lane.unsure_seq > 89


def test_a_message_that_leaves_behind_the_gap_shows_where_the_lane_is() -> None:
    lane = Lane(kept(up=True, owed=(90, 95)))
    lane.gap(101, 110)
    lane.take(call(40, 95), 1)
    assert told_and_unsure(lane) == (94, 94)


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (settled(95), 95),
        (settled(95, ends=False), 94),
        (CallTimedOut(message_id="m", action="X", lane="transaction", owed_seq=95, ends_entry=False), 94),
    ],
)
def test_the_fate_of_a_message_behind_the_gap_shows_it_too(event: CallSettled | CallTimedOut, told: int) -> None:
    lane = Lane(kept(up=True, owed=(90, 95, 98)))
    lane.gap(101, 110)
    lane.take(event, 1)
    assert told_and_unsure(lane) == (told, told)


def test_one_recorded_ahead_shows_that_all_but_the_one_before_it_is_settled() -> None:
    lane = Lane(kept(up=True, owed=(90, 95)))
    lane.gap(101, 110)
    lane.take(prepared(40, 95), 1)
    assert told_and_unsure(lane) == (89, 94)


def test_the_next_message_id_shows_that_none_left_in_the_gap() -> None:
    for count, unsure in ((21, 90), (22, 110)):
        lane = Lane(kept(up=True, owed=(90, 95), in_flight=90))
        lane.gap(101, 110)
        lane.take(call(count, lane="heartbeat"), 1)
        assert told_and_unsure(lane) == (89, unsure), "the one in flight has landed, answered or not"


def test_message_ids_of_another_boot_show_nothing() -> None:
    lane = Lane(kept(up=True, owed=(90,)))
    lane.gap(101, 110)
    lane.take(call(21, lane="heartbeat", boot=4), 1)
    assert lane.unsure_seq == 110


def test_messages_that_are_seen_are_counted_also_when_they_go_again() -> None:
    lane = Lane(kept(up=True, owed=(90,)))
    for event in (call(21, lane="heartbeat"), call(19, lane="heartbeat")):
        lane.take(event, 1)
    lane.gap(103, 104)
    lane.take(call(23, lane="heartbeat"), 1)
    assert told_and_unsure(lane) == (89, 89)


@pytest.mark.parametrize(("connection", "unsure"), [(8, 89), (9, 130)])
def test_the_next_connection_shows_that_there_was_none_in_the_gap(connection: int, unsure: int) -> None:
    lane = Lane(kept(up=False, owed=(90,)))
    lane.gap(101, 130)
    assert lane.unsure_seq == 130
    lane.take(LinkOpened(connection=connection), 1)
    assert told_and_unsure(lane) == (89, unsure)


def test_the_next_connection_shows_nothing_of_the_one_that_was_up() -> None:
    lane = Lane(kept(up=True, owed=(90,)))
    lane.gap(101, 102)
    lane.take(LinkOpened(connection=8), 1)
    assert lane.unsure_seq == 102


@pytest.mark.parametrize(("due_ms", "unsure"), [(5_000, 89), (5_001, 130)])
def test_the_attempt_that_was_due_shows_that_none_was_made_before(due_ms: int, unsure: int) -> None:
    lane = Lane(kept(up=False, owed=(90,)))
    lane.gap(101, 130)
    lane.take(DeadlineReached(name="reconnect", key=0, due_ms=due_ms), 6_000)
    assert lane.unsure_seq == unsure


def back_off(attempts: int, missing: int) -> Lane:
    """A gap, then an attempt that failed as the one after `attempts` others, and the wait after it."""
    lane = Lane(kept(up=False, owed=(90,), attempts=6))
    lane.gap(101, 100 + missing)
    lane.take(ConnectFailed(reason="refused", entropy=500), 60_000)
    delay_ms = reconnect_delay_ms(Link(attempts=attempts), 500)
    lane.take(DeadlineReached(name="reconnect", key=0, due_ms=60_000 + delay_ms), 60_000 + delay_ms)
    return lane


def test_a_back_off_that_went_on_shows_that_no_connection_talked() -> None:
    needed = CONNECTION_EVENTS + 2 * 5 + 3
    assert back_off(6, needed - 1).unsure_seq == 89
    assert back_off(6, needed).unsure_seq > 89
    assert back_off(0, needed - 1).unsure_seq > 89, "it began anew"


def test_a_back_off_that_was_still_running_at_the_end_counts_by_how_long_it_ran() -> None:
    for elapsed_ms, unsure in ((40_000, 89), (10, 115)):
        lane = Lane(kept(up=False, owed=(90,), attempts=6))
        lane.gap(101, 115)
        lane.take(ConnectFailed(reason="refused", entropy=500), 60_000)
        lane.end(60_000 + elapsed_ms)
        assert lane.unsure_seq == unsure


def test_a_link_that_closed_hides_nothing_in_the_next_gap() -> None:
    lane = Lane(kept(up=True, owed=(90,)))
    lane.take(LinkClosed(connection=7, reason="", entropy=0), 1)
    lane.gap(102, 103)
    assert told_and_unsure(lane) == (89, 89)
    lane.take(FrameReceived(connection=8, text=""), 2)
    lane.gap(105, 106)
    assert lane.unsure_seq == 106, "a frame came: it was up again"


def test_what_another_event_shows_to_be_told_is_told() -> None:
    lane = Lane(kept(up=False, owed=(90, 95)))
    lane.settled(95)
    assert told_and_unsure(lane) == (95, 95)
    lane.settled(90)
    assert told_and_unsure(lane) == (95, 95)


def test_a_message_id_that_is_none_of_ours_shows_nothing() -> None:
    lane = Lane(kept(up=True, owed=(90,)))
    lane.gap(101, 110)
    lane.take(replace(call(21, lane="heartbeat"), message_id="what?"), 1)
    assert lane.unsure_seq == 110

"""The link: up or down, when to connect next, open calls."""

import pytest

from eventstore.catalogue.lifecycle import DeadlineReached
from eventstore.catalogue.link import (
    CallAnswered,
    CallDeferred,
    ConnectFailed,
    FloodFound,
    FrameReceived,
    LinkClosed,
    LinkCloseDecided,
    LinkOpened,
    NetworkRestored,
)
from eventstore.event import Event, Recorded
from eventstore.value import replace
from projections.clock import Clock
from projections.link import ATTEMPTS_COUNTED, CALM_MS, FLOOD_WAIT_MS, FOLDS, RECONNECT, Link, reconnect_delay_ms
from tests.given import DESCRIPTION


def folded(link: Link, *events: Event, at_ms: int = 0) -> Link:
    for seq, event in enumerate(events, 1):
        recorded = Recorded(seq=seq, cause=1, at_ms=at_ms, utc_ms=0, event=event)
        link = FOLDS[type(event)](link, event, recorded, Clock())
    return link


def failed(entropy: int = 0) -> ConnectFailed:
    return ConnectFailed(reason="refused", entropy=entropy)


def asked(seconds: int, entropy: int = 0) -> ConnectFailed:
    return ConnectFailed(reason="HTTP 503", entropy=entropy, retry_after_s=seconds)


def closed(entropy: int = 0) -> LinkClosed:
    return LinkClosed(connection=1, reason="gone", entropy=entropy)


FRAME = FrameReceived(connection=1, text="x")
REACHED = DeadlineReached(name=RECONNECT, key=0, due_ms=0)
DEFERRED = CallDeferred(connection=1, message_id="m", action="UnlockConnector", connector_id=1, due_ms=9)


@pytest.mark.parametrize(
    ("attempts", "entropy", "delay_ms"),
    [
        (0, 0, 500),
        (0, 999, 999),
        (1, 0, 1_000),
        (5, 0, 16_000),
        (9, 0, 150_000),
        (9, 999, 299_850),
        (1_000_000, 500, 225_000),
    ],
)
def test_the_delay_doubles_to_its_maximum_half_of_it_by_chance(attempts: int, entropy: int, delay_ms: int) -> None:
    """OCPP-J errata 3.3."""
    assert reconnect_delay_ms(Link(attempts=attempts), entropy) == delay_ms


def test_the_settings_bound_the_delay() -> None:
    link = folded(Link(), replace(DESCRIPTION, reconnect_min_ms=100, reconnect_max_ms=150))
    assert [reconnect_delay_ms(replace(link, attempts=attempts), 0) for attempts in (0, 1, 9)] == [50, 75, 75]


def test_failures_count_and_talk_ends_the_back_off() -> None:
    link = folded(Link(), failed(), failed())
    assert (link.attempts, link.connect_due_ms) == (2, 1_000)
    link = folded(link, LinkOpened(connection=1))
    assert (link.up, link.attempts, link.connect_due_ms) == (True, 2, None)
    assert folded(link, FRAME).attempts == 0
    assert folded(Link(), *[failed()] * 40).attempts == ATTEMPTS_COUNTED


def test_a_deadline_or_a_network_wants_an_attempt_unless_it_is_up() -> None:
    waiting, up = folded(Link(), closed()), folded(Link(), LinkOpened(connection=1))
    for event in (REACHED, NetworkRestored()):
        assert folded(waiting, event).connect_wanted
        assert folded(waiting, event).connect_due_ms is None
        assert not folded(up, event).connect_wanted
    assert not folded(waiting, replace(REACHED, name="sample")).connect_wanted


def test_an_opened_link_knows_its_number_and_where_it_begins_in_the_log() -> None:
    link = folded(Link(), closed(), LinkOpened(connection=7))
    assert (link.connection, link.opened_seq, link.connect_wanted, link.close_wanted) == (7, 2, False, False)


def test_only_the_present_connection_can_be_closed() -> None:
    up = folded(Link(), LinkOpened(connection=7))
    assert not folded(up, LinkCloseDecided(connection=6, reason="x")).close_wanted
    closing = folded(up, LinkCloseDecided(connection=7, reason="x"))
    assert closing.close_wanted
    assert not folded(closing, closed()).close_wanted


def test_an_open_call_lasts_until_its_answer_or_the_end_of_the_link() -> None:
    opened = folded(Link(), LinkOpened(connection=1), DEFERRED)
    assert [call.message_id for call in opened.open_calls] == ["m"]
    answer = CallAnswered(connection=1, message_id="m", action="UnlockConnector", payload="{}")
    assert folded(opened, answer).open_calls == ()
    assert folded(opened, replace(answer, message_id="n")).open_calls == opened.open_calls
    assert folded(opened, replace(answer, error_code="GenericError")).open_calls == opened.open_calls
    assert folded(opened, closed()).open_calls == ()


@pytest.mark.parametrize(
    ("seconds", "entropy", "due_ms"), [(0, 0, 500), (60, 0, 60_000), (60, 500, 63_000), (3_600, 999, 3_959_640)]
)
def test_a_csms_that_asks_for_time_gets_it_and_a_fleet_does_not_come_back_as_one(
    seconds: int, entropy: int, due_ms: int
) -> None:
    """RFC 9110, 10.2.3: Retry-After of a handshake that was refused."""
    assert folded(Link(), asked(seconds, entropy)).connect_due_ms == due_ms


def test_a_wait_that_is_shorter_than_the_back_off_changes_nothing() -> None:
    assert folded(Link(attempts=9), asked(2)).connect_due_ms == 150_000


def flooded(link: Link, *, at_ms: int = 0) -> Link:
    """A connection that is opened, floods and is closed."""
    number = link.connection + 1
    opened = folded(link, LinkOpened(connection=number), at_ms=at_ms)
    return folded(opened, FloodFound(connection=number, frames=9_000, lasted_ms=60_000), closed(), at_ms=at_ms)


def test_a_csms_that_floods_is_called_again_late_and_ever_later() -> None:
    link, waits = Link(reconnect_max_ms=1_000), []
    for _ in range(6):
        link = flooded(link)
        assert link.connect_due_ms is not None
        waits.append(link.connect_due_ms // FLOOD_WAIT_MS)
    assert waits == [1, 2, 4, 8, 12, 12]


@pytest.mark.parametrize(("lasted_ms", "waits"), [(CALM_MS - 1, 2), (CALM_MS, 1)])
def test_an_hour_without_a_flood_ends_the_count(lasted_ms: int, waits: int) -> None:
    link = folded(flooded(Link()), LinkOpened(connection=2), at_ms=1_000)
    link = folded(link, closed(), at_ms=1_000 + lasted_ms)
    assert link.connect_due_ms is not None
    assert link.connect_due_ms - link.opened_ms - lasted_ms < FLOOD_WAIT_MS
    again = flooded(link, at_ms=10**8)
    assert again.connect_due_ms == 10**8 + waits * FLOOD_WAIT_MS


def test_a_flood_of_a_connection_that_is_gone_and_one_told_twice_count_once() -> None:
    flood = FloodFound(connection=1, frames=9_000, lasted_ms=60_000)
    link = folded(Link(), LinkOpened(connection=1), flood, flood)
    assert (link.floods, link.is_flooded) == (1, True)
    assert folded(link, closed(), LinkOpened(connection=2), flood).is_flooded is False

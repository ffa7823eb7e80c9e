"""Registration with the CSMS (4.2)."""

import pytest

from eventstore.catalogue.link import CallDispatched, LinkClosed
from eventstore.catalogue.registration import BootNotificationQueued, RegistrationAnswered, RegistrationLost
from eventstore.event import Event, Recorded
from eventstore.value import replace
from projections.clock import Clock
from projections.registration import FOLDS, Registration
from tests.given import DESCRIPTION

CLOSED = LinkClosed(connection=1, reason="", entropy=0)


def folded(registration: Registration, *events: Event, at_ms: int = 50) -> Registration:
    for event in events:
        recorded = Recorded(seq=1, cause=1, at_ms=at_ms, utc_ms=0, event=event)
        registration = FOLDS[type(event)](registration, event, recorded, Clock())
    return registration


def answered(status: str, retry_due_ms: int | None = None) -> RegistrationAnswered:
    return RegistrationAnswered(status=status, interval_s=60, retry_due_ms=retry_due_ms)


def call(action: str) -> CallDispatched:
    return CallDispatched(connection=1, message_id="m", action=action, lane="x", owed_seq=1, payload="{}")


@pytest.mark.parametrize(("status", "ever"), [("Accepted", True), ("Pending", False), ("Rejected", False)])
def test_only_an_acceptance_makes_the_station_known_to_this_csms(status: str, *, ever: bool) -> None:
    registration = folded(Registration(), DESCRIPTION, answered(status, 99))
    assert registration.accepted_ever is ever
    assert (registration.status, registration.interval_s, registration.answered_ms) == (status, 60, 50)
    assert registration.boot_due_ms == 99


def test_another_url_makes_it_a_stranger_and_the_old_one_a_friend_again() -> None:
    """4.2.1."""
    registration = folded(Registration(), DESCRIPTION, answered("Accepted"))
    elsewhere = folded(registration, replace(DESCRIPTION, csms_url="ws://elsewhere/"))
    assert not elsewhere.accepted_ever
    assert folded(elsewhere, DESCRIPTION).accepted_ever
    assert not Registration().accepted_ever


@pytest.mark.parametrize(
    ("status", "after"), [("Accepted", "Unknown"), ("Pending", "Unknown"), ("Rejected", "Rejected")]
)
def test_a_lost_registration_is_unknown_but_a_rejection_stays_one(status: str, after: str) -> None:
    registration = folded(Registration(), answered(status), RegistrationLost(reason="x", retry_due_ms=70))
    assert (registration.status, registration.boot_due_ms) == (after, 70)


def test_a_queued_boot_notification_is_no_longer_due_a_triggered_one_changes_nothing() -> None:
    due = folded(Registration(), answered("Pending", 99))
    assert folded(due, BootNotificationQueued(triggered=False)).boot_due_ms is None
    assert folded(due, BootNotificationQueued(triggered=True)).boot_due_ms == 99


@pytest.mark.parametrize(
    ("registration", "due_ms"),
    [
        (Registration(status="Accepted"), None),
        (Registration(status="Pending", boot_due_ms=700), 700),
        (Registration(status="Rejected", boot_due_ms=700), 700),
        (Registration(status="Pending"), 50),
        (Registration(status="Unknown"), 50),
    ],
)
def test_a_lost_link_owes_what_was_on_its_way_and_hastens_nothing(
    registration: Registration, due_ms: int | None
) -> None:
    assert folded(registration, CLOSED).boot_due_ms == due_ms


@pytest.mark.parametrize(("action", "asked"), [("Heartbeat", 50), ("BootNotification", 50), ("MeterValues", 0)])
def test_every_call_is_a_sign_of_life_some_also_ask_for_the_time(action: str, asked: int) -> None:
    """4.6."""
    registration = folded(Registration(), call(action))
    assert (registration.last_call_ms, registration.last_time_ms) == (50, asked)

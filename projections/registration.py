"""Registration with the CSMS (4.2): accepted or not, and when BootNotification is due next."""

from collections.abc import Callable, Mapping
from typing import Any

from eventstore.catalogue.lifecycle import StationBooted, StationDescribed
from eventstore.catalogue.link import CallDispatched, CallSettled, CallTimedOut, LinkClosed, LinkOpened
from eventstore.catalogue.registration import BootNotificationQueued, RegistrationAnswered, RegistrationLost
from eventstore.event import Event, Recorded
from eventstore.value import Value, replace
from projections.clock import Clock

ACCEPTED, PENDING, REJECTED, UNKNOWN = "Accepted", "Pending", "Rejected", "Unknown"


class Registration(Value, frozen=True, kw_only=True):
    """`boot_due_ms` is when BootNotification may go next (None: not due, or already queued).

    `accepted_url` is the csms.url under which the station was accepted at least once; another URL starts anew.
    `last_call_ms` is when we last sent a CALL: Heartbeat counts from there (4.6); `last_time_ms` when we last asked for
    the time. `failures` counts the BootNotifications in a row that brought no usable answer.
    """

    status: str = UNKNOWN
    interval_s: int = 0
    boot_due_ms: int | None = None
    url: str = ""
    accepted_url: str = ""
    last_call_ms: int = 0
    answered_ms: int = 0
    last_time_ms: int = 0
    failures: int = 0

    @property
    def accepted_ever(self) -> bool:
        """Whether this CSMS has ever accepted the station (errata 3.11)."""
        return self.accepted_url != "" and self.accepted_url == self.url


def _on_boot(registration: Registration, event: StationBooted, recorded: Recorded, clock: Clock) -> Registration:
    return replace(registration, status=UNKNOWN, boot_due_ms=recorded.at_ms, last_call_ms=recorded.at_ms, failures=0)


def _on_described(registration: Registration, event: StationDescribed, recorded: Recorded, _: Clock) -> Registration:
    return replace(registration, url=event.csms_url)


def _on_answered(registration: Registration, event: RegistrationAnswered, recorded: Recorded, _: Clock) -> Registration:
    accepted_url = registration.url if event.status == ACCEPTED else registration.accepted_url
    return replace(
        registration,
        status=event.status,
        interval_s=event.interval_s,
        boot_due_ms=event.retry_due_ms,
        accepted_url=accepted_url,
        answered_ms=recorded.at_ms,
        failures=0,
    )


def _on_lost(registration: Registration, event: RegistrationLost, recorded: Recorded, _: Clock) -> Registration:
    status = REJECTED if registration.status == REJECTED else UNKNOWN
    return replace(registration, status=status, boot_due_ms=event.retry_due_ms)


def _on_queued(registration: Registration, event: BootNotificationQueued, recorded: Recorded, _: Clock) -> Registration:
    return registration if event.triggered else replace(registration, boot_due_ms=None)


def _on_dispatched(registration: Registration, event: CallDispatched, recorded: Recorded, _: Clock) -> Registration:
    if event.action in ("Heartbeat", "BootNotification"):
        return replace(registration, last_call_ms=recorded.at_ms, last_time_ms=recorded.at_ms)
    return replace(registration, last_call_ms=recorded.at_ms)


def _on_unanswered(registration: Registration, event: CallTimedOut, recorded: Recorded, _: Clock) -> Registration:
    if event.action != "BootNotification" or registration.status == ACCEPTED:
        return registration
    return replace(registration, failures=registration.failures + 1)


def _on_settled(registration: Registration, event: CallSettled, recorded: Recorded, _: Clock) -> Registration:
    if event.outcome not in ("error", "malformed") or event.action != "BootNotification":
        return registration
    return (
        registration if registration.status == ACCEPTED else replace(registration, failures=registration.failures + 1)
    )


def _on_link_opened(registration: Registration, event: LinkOpened, recorded: Recorded, _: Clock) -> Registration:
    # A CSMS that gave no answer is asked again at once: on another connection another one may be listening.
    if registration.boot_due_ms is None or not registration.failures:
        return registration
    return replace(registration, boot_due_ms=recorded.at_ms)


def _on_link_closed(registration: Registration, event: LinkClosed, recorded: Recorded, _: Clock) -> Registration:
    # A BootNotification that was queued is dropped with the link: it is due again.
    if registration.status == ACCEPTED or registration.boot_due_ms is not None:
        return registration
    return replace(registration, boot_due_ms=recorded.at_ms)


FOLDS: Mapping[type[Event], Callable[[Registration, Any, Recorded, Clock], Registration]] = {
    StationBooted: _on_boot,
    StationDescribed: _on_described,
    RegistrationAnswered: _on_answered,
    RegistrationLost: _on_lost,
    BootNotificationQueued: _on_queued,
    CallDispatched: _on_dispatched,
    CallTimedOut: _on_unanswered,
    CallSettled: _on_settled,
    LinkOpened: _on_link_opened,
    LinkClosed: _on_link_closed,
}

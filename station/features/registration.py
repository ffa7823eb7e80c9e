"""Registration: BootNotification (4.2), Heartbeat (4.6), and what the CSMS's clock does to ours.

BootNotification goes once after each boot and again after the interval that the CSMS gave; a reconnection alone sends
none (OCPP-J 5.4). Nothing else leaves before Accepted but what the CSMS triggers.

Clock: an NTP-synchronised system clock outranks the CSMS's currentTime, which outranks the last known time. The CSMS
sets the clock when ours is untrusted, or by currentTime is off by more than 2 s beyond half the round trip; a
difference of more than a day to a trusted clock is recorded and not believed.
"""

from collections.abc import Iterable

from eventstore.catalogue.configuration import ConfigurationChanged
from eventstore.catalogue.lifecycle import (
    ClockAdjusted,
    ClockDisagreed,
    DeadlineReached,
    SystemClockObserved,
)
from eventstore.catalogue.registration import (
    BootNotificationQueued,
    HeartbeatQueued,
    RegistrationAnswered,
    RegistrationLost,
)
from projections.outbox import HEARTBEAT, Owed
from projections.registration import ACCEPTED
from projections.station import StationState
from station.core.calls import BOOT_INTERVAL_S
from station.core.config_keys import Access, ConfigKey, Integer
from station.core.feature import TIME, Call, Deadline, Events, Failure, Feature, Rendered, Rule
from station.wire.messages.core import BootNotification, BootNotificationResponse, Heartbeat, HeartbeatResponse

DAY_MS = 86_400_000
DAY_S = 86_400
CLOCK_TOLERANCE_MS = 2_000
EARLIEST_UTC_MS = 1_577_836_800_000  # 2020-01-01: what claims to be earlier is no clock
JITTER_MAX_MS = 10_000
RETRY_MIN_MS = 10_000
RETRY_MAX_MS = 250_000
RETRY_JITTER_PERMILLE = 200
"""A BootNotification without a usable answer goes again after 10 s, doubled each time, at most 5 min with the jitter."""

HEARTBEAT_INTERVAL = ConfigKey(
    name="HeartbeatInterval",
    kind=Integer(),
    access=Access.READ_WRITE,
    default=300,
    required=True,
    unit="s",
    clause="9.1.10",
    doc="Idle time after which Heartbeat is sent; 0 sends one a day, for the clock.",
)


def _retry_due_ms(state: StationState, interval_s: int, at_ms: int) -> int:
    """When the next BootNotification may go: after the CSMS's interval, at most a day; without one after 60 s and a
    jitter that differs from station to station (4.2: avoid flooding)."""
    if interval_s > 0:
        return at_ms + min(interval_s, DAY_S) * 1000
    return at_ms + BOOT_INTERVAL_S * 1000 + int(state.clock.installation or "0", 16) % JITTER_MAX_MS


def _retry_after_failure_ms(state: StationState, at_ms: int) -> int:
    """When a BootNotification that got no usable answer goes again: soon, since the CSMS has not said how long to wait.

    Never later than an interval that it gave. The jitter differs from station to station.
    """
    failures, interval_s = state.registration.failures, state.registration.interval_s
    wait_ms = min(RETRY_MIN_MS << min(failures, 8), RETRY_MAX_MS)
    draw = int(state.clock.installation or "0", 16) // (failures + 1) % (RETRY_JITTER_PERMILLE + 1)
    wait_ms += wait_ms * draw // 1000
    return at_ms + (min(wait_ms, interval_s * 1000) if interval_s > 0 else wait_ms)


def _boot_is_due(state: StationState, at_ms: int) -> Events:
    registration = state.registration
    if not state.link.up or registration.boot_due_ms is None or registration.boot_due_ms > at_ms:
        return ()
    return () if _boot_is_owed(state) else (BootNotificationQueued(triggered=False),)


def _boot_is_owed(state: StationState) -> bool:
    """Whether one waits or is on its way already; a triggered one counts, as its answer does (errata 3.40)."""
    return any(isinstance(owed.event, BootNotificationQueued) for owed in state.outbox.calls)


def _render_boot(state: StationState, event: BootNotificationQueued, at_ms: int) -> Rendered:
    station = state.described
    return Rendered(
        request=BootNotification(
            charge_point_vendor=station.vendor[:20],
            charge_point_model=station.model[:20],
            charge_point_serial_number=station.serial[:25],
            charge_box_serial_number=station.serial[:25],
            firmware_version=state.maintenance.firmware_version[:50] or None,
        )
    )


def _on_boot_result(state: StationState, owed: Owed, response: BootNotificationResponse, at_ms: int) -> Events:
    accepted = response.status == ACCEPTED
    retry_due_ms = None if accepted else _retry_due_ms(state, response.interval, at_ms)
    answered = RegistrationAnswered(
        status=response.status.value, interval_s=max(0, response.interval), retry_due_ms=retry_due_ms
    )
    adjusted = _clock_from_csms(state, response.current_time, at_ms)
    interval = str(min(response.interval, DAY_S))
    if accepted and response.interval > 0 and HEARTBEAT_INTERVAL.text_of(state) != interval:
        return (answered, *adjusted, ConfigurationChanged(key=HEARTBEAT_INTERVAL.name, value=interval))
    return (answered, *adjusted)


def _on_boot_failure(state: StationState, owed: Owed, failure: Failure, at_ms: int) -> Events:
    if state.registration.status == ACCEPTED:  # a triggered one, answered badly: nothing was lost by it
        return ()
    reason = f"BootNotification: {failure.kind} {failure.error_code}".strip()
    return (RegistrationLost(reason=reason, retry_due_ms=_retry_after_failure_ms(state, at_ms)),)


def _clock_from_csms(state: StationState, csms_utc_ms: int, at_ms: int) -> Events:
    in_flight = state.outbox.in_flight
    half_trip_ms = 0 if in_flight is None else (at_ms - in_flight.sent_ms) // 2
    difference_ms = csms_utc_ms + half_trip_ms - state.clock.utc_ms(at_ms)
    if csms_utc_ms < EARLIEST_UTC_MS:
        return (ClockDisagreed(difference_ms=difference_ms),)
    if state.clock.trusted:
        if abs(difference_ms) <= CLOCK_TOLERANCE_MS + half_trip_ms:
            return ()
        if state.clock.source == "NTP" or abs(difference_ms) > DAY_MS:
            return (ClockDisagreed(difference_ms=difference_ms),)
    return (ClockAdjusted(offset_ms=state.clock.offset_ms + difference_ms, trusted=True, source="CSMS"),)


def _on_system_clock(state: StationState, event: SystemClockObserved, at_ms: int) -> Events:
    offset_ms = event.utc_ms - at_ms
    if event.trusted:
        return (ClockAdjusted(offset_ms=offset_ms, trusted=True, source="NTP"),)
    if state.clock.source == "CSMS":  # the CSMS outranks a board whose clock is not synchronised
        return ()
    # Time that is known to have passed does not un-pass: no 1970 on the wire.
    floor_ms = max(offset_ms, state.clock.offset_ms)
    return (ClockAdjusted(offset_ms=floor_ms, trusted=False, source="board"),)


def _heartbeat_due_ms(state: StationState) -> int | None:
    if not state.online or any(owed.lane == HEARTBEAT for owed in state.outbox.calls):
        return None
    interval_s = HEARTBEAT_INTERVAL.of(state)
    daily_ms = state.registration.last_time_ms + DAY_MS
    if interval_s == 0:
        return daily_ms
    return min(daily_ms, state.registration.last_call_ms + interval_s * 1000)


def _on_deadline(state: StationState, event: DeadlineReached, at_ms: int) -> Events:
    due_ms = _heartbeat_due_ms(state)
    if event.name != "heartbeat" or due_ms is None or due_ms > at_ms:
        return ()
    return (HeartbeatQueued(triggered=False),)


def _on_heartbeat_result(state: StationState, owed: Owed, response: HeartbeatResponse, at_ms: int) -> Events:
    return _clock_from_csms(state, response.current_time, at_ms)


def _deadlines(state: StationState) -> Iterable[Deadline]:
    registration = state.registration
    if (
        state.link.up
        and registration.boot_due_ms is not None
        and registration.status != ACCEPTED
        and not _boot_is_owed(state)
    ):
        yield Deadline(due_ms=registration.boot_due_ms, name="boot")
    if (due_ms := _heartbeat_due_ms(state)) is not None:
        yield Deadline(due_ms=due_ms, name="heartbeat")


FEATURE = Feature(
    name="registration",
    ocpp_profile="Core",
    calls=(
        Call(
            event=BootNotificationQueued,
            render=_render_boot,
            on_result=_on_boot_result,
            on_failure=_on_boot_failure,
            asks_to_register=True,
        ),
        Call(
            event=HeartbeatQueued,
            render=lambda state, event, at_ms: Rendered(request=Heartbeat()),
            on_result=_on_heartbeat_result,
        ),
    ),
    observes={DeadlineReached: _on_deadline, SystemClockObserved: _on_system_clock},
    rules=(Rule(decide=_boot_is_due, reads=("registration", "link", "outbox", TIME)),),
    deadlines=_deadlines,
    config_keys=(HEARTBEAT_INTERVAL,),
)

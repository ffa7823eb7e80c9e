"""Each kind of event in plain words, whether it is logged, and what it means as the cause of another.

`HEADLINE` events make the story; `DETAIL` are the steps between; `NOISE` is what only a developer misses. An event that has no
words of its own here is shown by its name and its members, so that a newer catalogue stays readable.
"""

import re
from collections.abc import Mapping

from eventstore.catalogue import (
    connectors,
    hardware,
    lifecycle,
    link,
    registration,
    reservations,
    smart_charging,
    transactions,
)
from eventstore.event import Event, Illegible
from station.telling.amounts import current, difference, duration, energy, plural
from station.telling.authorization_words import AUTHORIZATION, SOURCES
from station.telling.certificate_words import CERTIFICATES
from station.telling.commissioning_words import COMMISSIONING
from station.telling.limit_words import LIMITS
from station.telling.salvage_words import delivery, recovered, salvaged
from station.telling.security_words import SECURITY
from station.telling.shown import where
from station.telling.temperature_words import TEMPERATURES
from station.telling.upkeep_words import DETAIL, HEADLINE, NOISE, UPKEEP, Words
from station.telling.waking_words import WAKING

__all__ = ["CORRECTION_TOLD_MS", "DETAIL", "HEADLINE", "NOISE", "TABLE", "adjusted", "booted", "loudness", "words"]

CORRECTION_TOLD_MS = 60_000
"""A clock that was moved by so much is part of the story."""
_MEMBERS_MAX = 160

_PILOT = {
    "A": "no vehicle is connected",
    "B": "a vehicle is connected and asks for nothing",
    "C": "the vehicle asks for energy",
    "D": "the vehicle asks for energy, with ventilation",
    "E": "the control pilot is shorted (state E)",
    "F": "the control pilot has failed (state F)",
}
_REASONS = {
    "Local": "by the presented tag",
    "Remote": "by the CSMS",
    "EVDisconnected": "because the plug was pulled at the vehicle",
    "PowerLoss": "because the power was lost",
    "Reboot": "because the station restarted",
    "EmergencyStop": "because the emergency stop was pressed",
    "DeAuthorized": "because the CSMS did not accept the tag",
    "UnlockCommand": "because the CSMS unlocked the connector",
    "HardReset": "because of a hard reset",
    "SoftReset": "because of a soft reset",
    "Other": "because of a fault",
}


def booted(event: lifecycle.StationBooted, why: str = "") -> str:
    """StationBooted; `why` is what else is known of the end of the process before."""
    before = "" if event.boot == 1 else ", after an orderly end" if event.orderly else ", after an end without a word"
    before += f" ({why})" if before and why else ""
    clock = "" if event.clock_trusted else "; its clock is not trusted"
    return f"Boot {event.boot} with software {event.software_version}, firmware {event.firmware_version}{before}{clock}"


def _described(event: lifecycle.StationDescribed) -> str:
    return (
        f"Station {event.identity}, {event.vendor} {event.model} {event.serial}, {plural(event.connectors, 'connector')}, "
        f"at most {current(event.max_current_ma)}, CSMS {event.csms_url}"
    )


def _cable(event: hardware.ProximityObserved) -> str:
    rating = event.cable_rating_ma
    return f"Cable out{where(event)}" if rating is None else f"Cable in{where(event)}, rated {current(rating)}"


def _inferred(event: hardware.ContactorObserved | hardware.LockObserved) -> str:
    return " (inferred)" if event.inferred else ""


def _contactor(event: hardware.ContactorObserved) -> str:
    fault = {"welded": ", WELDED against command", "stuck": ", STUCK against command"}.get(event.fault, "")
    return f"Contactor {'closed' if event.closed else 'open'}{where(event)}{fault}{_inferred(event)}"


def _lock(event: hardware.LockObserved) -> str:
    jammed = ", it did not reach its end" if event.jammed else ""
    return f"Lock {'closed' if event.locked else 'open'}{where(event)}{jammed}{_inferred(event)}"


def _meter(event: hardware.MeterObserved) -> str:
    power = "" if event.power_w is None else f", {event.power_w} W"
    return f"Meter{where(event)}: {energy(event.energy_wh)}{power}"


def _monitor(event: hardware.ResidualMonitorObserved) -> str:
    if event.outcome == "":
        return f"There is a residual current monitor to be tried{where(event)}"
    if event.outcome == "passed":
        return f"The residual current monitor{where(event)} was tried: it trips and clears"
    return f"The residual current monitor{where(event)} FAILED its test: {event.detail}"


def _fault(event: hardware.FaultObserved) -> str:
    more = " ".join(part for part in (event.info, event.vendor_error_code) if part)
    return f"FAULT {event.error_code}{where(event)}{f' ({more})' if more else ''}"


def _started(event: transactions.TransactionStarted) -> str:
    reserved = "" if event.reservation_id is None else f", on reservation {event.reservation_id}"
    source = SOURCES.get(event.authorized_by, event.authorized_by)
    return (
        f"Transaction {event.number} started{where(event)}: tag {event.id_tag}, authorized {source}{reserved}, "
        f"register {energy(event.meter_start_wh)}"
    )


def _stopped(event: transactions.TransactionStopped) -> str:
    stale = " (last stored reading: the meter could not be read)" if event.meter_stale else ""
    held = "; the cable stays locked for its owner" if event.held_for else ""
    why = _REASONS.get(event.reason, f"({event.reason})")
    return f"Transaction {event.number} ended{where(event)} {why}, register {energy(event.meter_stop_wh)}{stale}{held}"


def _sampled(event: transactions.MeterSampled) -> str:
    of = "" if event.number is None else f" of transaction {event.number}"
    return f"Sample{of}{where(event)}: {energy(event.register_wh)} ({event.sample.context})"


def _assigned(event: transactions.TransactionIdAssigned) -> str:
    if event.conflict:
        return f"CONTRADICTION: the CSMS now calls transaction {event.number} {event.transaction_id}"
    return f"The CSMS calls transaction {event.number} {event.transaction_id}"


def _status(event: connectors.ConnectorStatusChanged) -> str:
    name = "Station" if event.connector_id == 0 else f"Connector {event.connector_id}"
    more = "" if event.error_code == "NoError" else f", {event.error_code}"
    return f"{name} is {event.status}{more}{f' ({event.info})' if event.info else ''}"


def _settled(event: link.CallSettled) -> str:
    late = " late" if event.late else ""
    match event.outcome:
        case "result":
            odd = f", with deviations: {'; '.join(event.deviations)}" if event.deviations else ""
            return f"{event.action} was answered{late}{odd}"
        case "given_up":
            return f"{event.action} was GIVEN UP after CALLERROR {event.error_code} {event.description}".rstrip()
        case "error":
            again = "" if event.ends_entry else "; it goes again"
            return (
                f"{event.action} was answered{late} with CALLERROR {event.error_code} {event.description}".rstrip()
                + again
            )
        case outcome:
            return f"{event.action} ended{late}: {outcome} {event.description}".rstrip()


def _answered(event: link.CallAnswered) -> str:
    odd = f"; the call deviates: {'; '.join(event.deviations)}" if event.deviations else ""
    if event.error_code:
        said = f"CALLERROR {event.error_code} {event.description}".rstrip()
        return f"Answer to {event.action or 'an unreadable call'}: {said}{odd}"
    return f"Answer to {event.action}: {_short(event.payload)}{odd}"


def _limit(event: smart_charging.LimitChanged) -> str:
    if not event.limit_ma:
        return f"Energy suspended{where(event)}"
    return f"Limit{where(event)} is {current(event.limit_ma)} on {plural(event.phases, 'phase')}"


def adjusted(event: lifecycle.ClockAdjusted, moved_ms: int | None = None) -> str:
    """ClockAdjusted; `moved_ms` is by how much it was moved, where that is known."""
    doubt = "" if event.trusted else ", still not trusted"
    if moved_ms:
        return f"Clock corrected by {difference(moved_ms)} ({event.source}){doubt}"
    return f"Clock {'set' if moved_ms is None else 'confirmed'} by {event.source}{doubt}"


def _short(text: str) -> str:
    return text if len(text) <= _MEMBERS_MAX else f"{text[: _MEMBERS_MAX - 1]}…"


TABLE: Mapping[type[Event], tuple[int, Words]] = {
    lifecycle.StationBooted: (HEADLINE, booted),
    lifecycle.StationDescribed: (DETAIL, _described),
    lifecycle.LogSalvaged: (HEADLINE, salvaged),
    lifecycle.SystemClockObserved: (DETAIL, lambda e: f"The system clock was {'synchronised' if e.trusted else 'set'}"),
    lifecycle.ClockAdjusted: (DETAIL, adjusted),
    lifecycle.ClockDisagreed: (
        HEADLINE,
        lambda e: f"The CSMS's time was not believed: off by {duration(e.difference_ms)}",
    ),
    lifecycle.StationStopping: (HEADLINE, lambda e: f"Asked to end: {e.why}"),
    lifecycle.StationStopped: (HEADLINE, lambda e: f"Ended in order: {e.why}"),
    lifecycle.DiskSpaceObserved: (DETAIL, lambda e: f"Disk space is {e.level}: {e.free_bytes >> 20} MiB free"),
    lifecycle.LogDamageFound: (HEADLINE, lambda e: f"DAMAGE found in the log while running: {e.finding}"),
    lifecycle.DecisionFailed: (HEADLINE, lambda e: f"OUR BUG: nothing could be decided: {e.error}"),
    lifecycle.ObservationRejected: (HEADLINE, lambda e: f"OUR BUG: {e.kind} could not be taken in: {e.error}"),
    lifecycle.ObservationsDropped: (
        HEADLINE,
        lambda e: f"{e.count} {e.kind} were dropped: too many waited for the log",
    ),
    lifecycle.DeadlineReached: (NOISE, lambda e: f"Deadline {e.name} {e.key or ''}".rstrip()),
    lifecycle.BooksClosed: (
        DETAIL,
        lambda e: f"The books were closed: a segment ends, it began with event {e.first_seq}",
    ),
    lifecycle.ArchiveDropped: (
        HEADLINE,
        lambda e: f"The archive of events {e.first_seq} to {e.last_seq} was deleted: {e.reason}",
    ),
    lifecycle.ArchiveThinned: (
        HEADLINE,
        lambda e: (
            f"{plural(sum(last - first + 1 for first, last in e.gaps), 'event')} that do not belong to transactions were deleted "
            f"from the archive of events {e.first_seq} to {e.last_seq}: {e.reason}"
        ),
    ),
    hardware.BoardOpened: (DETAIL, lambda e: "Every input has been read once"),
    hardware.PilotStateObserved: (
        DETAIL,
        lambda e: f"Pilot {e.pilot_state}{where(e)}: {_PILOT.get(e.pilot_state, 'unknown')}",
    ),
    hardware.ProximityObserved: (DETAIL, _cable),
    hardware.ContactorObserved: (DETAIL, _contactor),
    hardware.LockObserved: (DETAIL, _lock),
    hardware.MeterObserved: (NOISE, _meter),
    hardware.MeterFailed: (HEADLINE, lambda e: f"Meter UNREADABLE{where(e)}: {e.reason}"),
    hardware.IdTagPresented: (
        HEADLINE,
        lambda e: f"Tag {e.id_tag} presented{where(e)}{'' if e.origin == 'reader' else f' over {e.origin.upper()}'}",
    ),
    hardware.VehicleIdentified: (DETAIL, lambda e: f"The vehicle gave its id{where(e)}"),
    hardware.ResidualMonitorObserved: (HEADLINE, _monitor),
    hardware.FaultObserved: (HEADLINE, _fault),
    hardware.FaultCleared: (HEADLINE, lambda e: f"Fault {e.error_code or '(all)'} cleared{where(e)}"),
    hardware.EmergencyStopObserved: (
        HEADLINE,
        lambda e: "EMERGENCY STOP pressed" if e.pressed else "Emergency stop not pressed",
    ),
    hardware.MainsObserved: (HEADLINE, lambda e: f"Mains power is {'there' if e.present else 'GONE'}"),
    hardware.LocalListStoreFailing: (
        DETAIL,
        lambda e: f"The next local list {'cannot' if e.failing else 'can'} be stored",
    ),
    link.LinkOpened: (HEADLINE, lambda e: f"Connected to the CSMS (connection {e.connection})"),
    link.LinkClosed: (HEADLINE, lambda e: f"Connection {e.connection} lost: {e.reason}"),
    link.ConnectFailed: (NOISE, lambda e: f"Could not connect: {e.reason}"),
    link.NetworkRestored: (DETAIL, lambda e: "There is a network again"),
    link.FrameCondensed: (NOISE, lambda e: f"Received {e.length} characters that change nothing: {_short(e.head)}"),
    link.FloodFound: (HEADLINE, lambda e: f"The CSMS floods: {e.frames} frames in {duration(e.lasted_ms)}"),
    link.FrameReceived: (NOISE, lambda e: f"Received {_short(e.text)}"),
    link.FrameRefused: (HEADLINE, lambda e: f"A frame could not be read: {e.reason}"),
    link.CallDispatched: (NOISE, lambda e: f"Sent {e.action} {_short(e.payload)}"),
    link.CallPrepared: (NOISE, lambda e: f"{e.action} is to go next"),
    link.CallVoided: (NOISE, lambda e: "What was to go next does not go after all"),
    link.CallSettled: (NOISE, _settled),
    link.CallTimedOut: (
        HEADLINE,
        lambda e: f"{e.action} got NO ANSWER in time{'' if e.ends_entry else '; it goes again'}",
    ),
    link.CallAnswered: (DETAIL, _answered),
    link.CallDeferred: (DETAIL, lambda e: f"The answer to {e.action} waits for connector {e.connector_id}"),
    link.FrameIgnored: (DETAIL, lambda e: f"Frame ignored: {e.reason}"),
    link.LinkCloseDecided: (HEADLINE, lambda e: f"The connection is to be closed: {e.reason}"),
    link.OutboxWindowRead: (
        NOISE,
        lambda e: f"{plural(e.count, 'queued message')} read from the log, up to {e.to_seq}",
    ),
    registration.RegistrationAnswered: (
        HEADLINE,
        lambda e: f"The CSMS says {e.status}, interval {duration(e.interval_s * 1000)}",
    ),
    registration.RegistrationLost: (HEADLINE, lambda e: f"No longer registered: {e.reason}"),
    registration.BootNotificationQueued: (NOISE, lambda e: "BootNotification is queued"),
    registration.HeartbeatQueued: (NOISE, lambda e: "Heartbeat is queued"),
    registration.DataTransferQueued: (DETAIL, lambda e: f"DataTransfer to {e.vendor_id} is queued"),
    link.CallShed: (HEADLINE, lambda e: f"{e.action} dropped unsent: {e.waiting} of its kind were waiting"),
    link.OwedEventsLost: (
        HEADLINE,
        lambda e: (
            f"{plural(e.count, 'queued message')} LOST behind event {e.after_seq}{f', up to {e.to_seq}' if e.to_seq else ''}: the log no longer holds them"
        ),
    ),
    link.DeliveryRecovered: (HEADLINE, delivery),
    transactions.TransactionRecovered: (HEADLINE, recovered),
    link.DataTransferRequested: (DETAIL, lambda e: f"A DataTransfer to {e.vendor_id} was asked for"),
    **AUTHORIZATION,
    transactions.TransactionStarted: (HEADLINE, _started),
    transactions.MeterSampled: (NOISE, _sampled),
    transactions.StopDataSampled: (NOISE, lambda e: f"Sample for the end of transaction {e.number}"),
    transactions.MeterValuesTriggered: (DETAIL, lambda e: f"The CSMS asked for meter values{where(e)}"),
    transactions.MeterSamplesDropped: (
        HEADLINE,
        lambda e: f"{plural(e.count, 'sample')} of transaction {e.number} left out: {e.reason}",
    ),
    transactions.MeterResetFound: (
        HEADLINE,
        lambda e: f"The meter was RESET or EXCHANGED{where(e)}: {energy(e.offset_wh)} are added to its register",
    ),
    transactions.TransactionEnding: (
        HEADLINE,
        lambda e: f"Transaction {e.number} is to end{where(e)}: {e.reason}; its vehicle is asked to let go",
    ),
    transactions.MeterRegisterReturned: (HEADLINE, lambda e: f"The meter's old register is BACK{where(e)}"),
    transactions.MeterDoubted: (
        HEADLINE,
        lambda e: f"The meter's register {e.reason.upper()}{where(e)}: {energy(e.raw_wh)}",
    ),
    transactions.EnergyOfferEnded: (HEADLINE, lambda e: f"Transaction {e.number} goes on without energy: {e.reason}"),
    transactions.TransactionInvalidated: (
        HEADLINE,
        lambda e: f"The CSMS says {e.status} of transaction {e.number}: no energy beyond {energy(e.energy_limit_wh)}",
    ),
    transactions.TransactionResumed: (HEADLINE, lambda e: f"Transaction {e.number} is resumed{where(e)}"),
    transactions.TransactionStopped: (HEADLINE, _stopped),
    transactions.TransactionIdAssigned: (HEADLINE, _assigned),
    transactions.TransactionConfirmed: (HEADLINE, lambda e: f"Transaction {e.number} is settled with the CSMS"),
    connectors.ConnectorStatusChanged: (DETAIL, _status),
    connectors.StatusNotificationQueued: (NOISE, lambda e: f"StatusNotification is queued{where(e)}: {e.status}"),
    connectors.AvailabilityChanged: (HEADLINE, lambda e: f"Now {e.availability}{where(e)}"),
    connectors.AvailabilityScheduled: (HEADLINE, lambda e: f"To become {e.availability or '(withdrawn)'}{where(e)}"),
    connectors.PreparingTimedOut: (HEADLINE, lambda e: f"Nobody was authorized in time{where(e)}"),
    connectors.PreparingRestarted: (DETAIL, lambda e: f"Preparing begins anew{where(e)}"),
    connectors.EnergyAskedBack: (
        DETAIL,
        lambda e: f"Nothing is offered any more{where(e)}; the contactor opens when the vehicle has let go",
    ),
    connectors.UnlockRequested: (HEADLINE, lambda e: f"The lock is to be opened{where(e)}"),
    connectors.LockFailureFound: (
        HEADLINE,
        lambda e: f"The lock did NOT CLOSE{where(e)}: no energy through this cable",
    ),
    connectors.LockFailureEnded: (HEADLINE, lambda e: f"The lock failure is over{where(e)}"),
    reservations.ReservationMade: (
        HEADLINE,
        lambda e: f"Reservation {e.reservation_id}{where(e)} for tag {e.id_tag}",
    ),
    reservations.ReservationEnded: (HEADLINE, lambda e: f"Reservation {e.reservation_id} is over: {e.reason}"),
    smart_charging.ChargingProfileInstalled: (
        DETAIL,
        lambda e: f"Charging profile {e.profile.charging_profile_id} installed{where(e)} ({e.profile.purpose})",
    ),
    smart_charging.ChargingProfileCleared: (
        DETAIL,
        lambda e: f"Charging profile {e.charging_profile_id} cleared{where(e)}: {e.reason}",
    ),
    smart_charging.LimitChanged: (HEADLINE, _limit),
    smart_charging.LimitsPlanned: (NOISE, lambda e: "Limits planned"),
    **LIMITS,
    **TEMPERATURES,
    **UPKEEP,
    **SECURITY,
    **CERTIFICATES,
    **COMMISSIONING,
    **WAKING,
    Illegible: (HEADLINE, lambda e: f"ILLEGIBLE event {e.name} version {e.version}: {e.reason}"),
}


def words(event: Event) -> str:
    """The event in plain words."""
    known = TABLE.get(type(event))
    return _by_members(event) if known is None else known[1](event)


def loudness(event: Event) -> int:
    """HEADLINE, DETAIL or NOISE."""
    known = TABLE.get(type(event))
    return DETAIL if known is None else known[0]


def _by_members(event: Event) -> str:
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", event.NAME).capitalize()
    shown = ", ".join(f"{member} {getattr(event, member)!r}" for member in event.__struct_fields__)
    return f"{name}: {_short(shown)}" if shown else name

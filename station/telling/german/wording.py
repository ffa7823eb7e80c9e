"""Each kind of event in German, and what it means as the cause of another. What has no words here is said in English."""

from collections.abc import Callable, Mapping
from typing import Any

from eventstore.catalogue import lifecycle, link, registration
from eventstore.catalogue.hardware import (
    BoardOpened,
    EmergencyStopObserved,
    FaultObserved,
    IdTagPresented,
    LockObserved,
    MeterObserved,
    PilotStateObserved,
    ProximityObserved,
    ResidualMonitorObserved,
    VehicleIdentified,
)
from eventstore.catalogue.smart_charging import LimitChanged
from eventstore.catalogue.temperatures import TemperatureObserved
from eventstore.event import Event, Illegible
from projections.outside_limits import OUTSIDE_LIMIT_DUE
from station.telling.causes import TELL_WHY
from station.telling.german.amounts import current, duration, plural
from station.telling.german.charging import AUTHORIZATION, CONNECTORS, HARDWARE, LIMITS, TRANSACTIONS
from station.telling.german.outside import OUTSIDE
from station.telling.german.temperature import TEMPERATURES
from station.telling.german.upkeep import CERTIFICATES, COMMISSIONING, SECURITY, UPKEEP, Words
from station.telling.german.vocabulary import DEADLINES, said
from station.telling.wording import words as english
from station.wire.frames import CallFrame, FrameError, parse

_MEMBERS_MAX = 160
_DISK = {"ok": "genug", "low": "wenig", "critical": "keiner mehr"}


def _short(text: str) -> str:
    return text if len(text) <= _MEMBERS_MAX else f"{text[: _MEMBERS_MAX - 1]}…"


def _booted(event: lifecycle.StationBooted) -> str:
    before = "" if event.boot == 1 else ", nach geordnetem Ende" if event.orderly else ", nach einem Ende ohne ein Wort"
    clock = "" if event.clock_trusted else "; ihrer Uhr ist nicht zu trauen"
    return f"Start {event.boot} mit Software {event.software_version}, Firmware {event.firmware_version}{before}{clock}"


def _described(event: lifecycle.StationDescribed) -> str:
    return (
        f"Station {event.identity}, {event.vendor} {event.model} {event.serial}, "
        f"{plural(event.connectors, 'Anschluss', 'Anschlüsse')}, höchstens {current(event.max_current_ma)}, "
        f"CSMS {event.csms_url}"
    )


def _salvaged(event: lifecycle.LogSalvaged) -> str:
    lost = "keines blieb"
    if event.old_head_seq:
        lost = f"die Ereignisse {event.kept_seq + 1} bis {event.old_head_seq} fehlen"
    return f"Das Log war beschädigt ({'; '.join(event.findings)}): {lost}; das Original liegt in {event.quarantine}"


def _adjusted(event: lifecycle.ClockAdjusted) -> str:
    return f"Uhr gestellt durch {event.source}{'' if event.trusted else ', weiter nicht vertrauenswürdig'}"


def _thinned(event: lifecycle.ArchiveThinned) -> str:
    count = sum(last - first + 1 for first, last in event.gaps)
    return (
        f"{plural(count, 'Ereignis', 'Ereignisse')}, die zu keinem Ladevorgang gehören, wurden aus dem Archiv der Ereignisse "
        f"{event.first_seq} bis {event.last_seq} gelöscht: {said(event.reason)}"
    )


LIFECYCLE: Mapping[type[Event], Words] = {
    lifecycle.StationBooted: _booted,
    lifecycle.StationDescribed: _described,
    lifecycle.LogSalvaged: _salvaged,
    lifecycle.SystemClockObserved: lambda e: (
        f"Die Uhr des Systems wurde {'synchronisiert' if e.trusted else 'gestellt'}"
    ),
    lifecycle.ClockAdjusted: _adjusted,
    lifecycle.ClockDisagreed: lambda e: (
        f"Die Zeit des CSMS wurde nicht geglaubt: falsch um {duration(e.difference_ms)}"
    ),
    lifecycle.StationStopping: lambda e: f"Soll enden: {e.why}",
    lifecycle.StationStopped: lambda e: f"Geordnet beendet: {e.why}",
    lifecycle.DiskSpaceObserved: lambda e: (
        f"Platz auf dem Speicher: {_DISK.get(e.level, e.level)}, {e.free_bytes >> 20} MiB frei"
    ),
    lifecycle.LogDamageFound: lambda e: f"SCHADEN im Log gefunden, im laufenden Betrieb: {e.finding}",
    lifecycle.DecisionFailed: lambda e: f"UNSER FEHLER: nichts konnte entschieden werden: {e.error}",
    lifecycle.ObservationRejected: lambda e: f"UNSER FEHLER: {e.kind} konnte nicht aufgenommen werden: {e.error}",
    lifecycle.ObservationsDropped: lambda e: f"{e.count} {e.kind} wurden verworfen: Zu viele warteten auf das Log",
    lifecycle.DeadlineReached: lambda e: f"Frist für {DEADLINES.get(e.name, e.name)} {e.key or ''}".rstrip(),
    lifecycle.BooksClosed: lambda e: (
        f"Die Bücher wurden geschlossen: Ein Segment endet, es begann mit Ereignis {e.first_seq}"
    ),
    lifecycle.ArchiveDropped: lambda e: (
        f"Das Archiv der Ereignisse {e.first_seq} bis {e.last_seq} wurde gelöscht: {said(e.reason)}"
    ),
    lifecycle.ArchiveThinned: _thinned,
}


def _settled(event: link.CallSettled) -> str:
    late, error = (" verspätet" if event.late else ""), f"CALLERROR {event.error_code} {event.description}".rstrip()
    match event.outcome:
        case "result":
            odd = f", mit Abweichungen: {'; '.join(event.deviations)}" if event.deviations else ""
            return f"{event.action} wurde{late} beantwortet{odd}"
        case "given_up":
            return f"{event.action} wurde AUFGEGEBEN nach {error}"
        case "error":
            return f"{event.action} wurde{late} mit {error} beantwortet{'' if event.ends_entry else '; es geht noch einmal'}"
        case outcome:
            return f"{event.action} endete{late}: {outcome} {event.description}".rstrip()


def _answered(event: link.CallAnswered) -> str:
    odd = f"; die Anfrage weicht ab: {'; '.join(event.deviations)}" if event.deviations else ""
    if event.error_code:
        answer = f"CALLERROR {event.error_code} {event.description}".rstrip()
        return f"Antwort auf {event.action or 'eine unlesbare Anfrage'}: {answer}{odd}"
    return f"Antwort auf {event.action}: {_short(event.payload)}{odd}"


def _lost(event: link.OwedEventsLost) -> str:
    until = f", bis {event.to_seq}" if event.to_seq else ""
    messages = plural(event.count, "wartende Nachricht", "wartende Nachrichten")
    return f"{messages} VERLOREN hinter Ereignis {event.after_seq}{until}: Das Log hat sie nicht mehr"


def _delivery(event: link.DeliveryRecovered) -> str:
    messages = plural(event.unsure, "Nachricht", "Nachrichten")
    unsure = f"; {messages} VIELLEICHT GESENDET, nicht noch einmal" if event.unsure else ""
    return f"Die Nachrichten der Ereignisse bis {event.told_seq} wurden zugestellt{unsure}"


LINK: Mapping[type[Event], Words] = {
    link.LinkOpened: lambda e: f"Mit dem CSMS verbunden (Verbindung {e.connection})",
    link.LinkClosed: lambda e: f"Verbindung {e.connection} verloren: {e.reason}",
    link.ConnectFailed: lambda e: f"Keine Verbindung: {e.reason}",
    link.NetworkRestored: lambda e: "Es gibt wieder ein Netz",
    link.FrameCondensed: lambda e: f"{e.length} Zeichen empfangen, die nichts ändern: {_short(e.head)}",
    link.FloodFound: lambda e: f"Das CSMS flutet: {e.frames} Nachrichten in {duration(e.lasted_ms)}",
    link.FrameReceived: lambda e: f"Empfangen: {_short(e.text)}",
    link.FrameRefused: lambda e: f"Eine Nachricht war nicht lesbar: {said(e.reason)}",
    link.CallDispatched: lambda e: f"Gesendet: {e.action} {_short(e.payload)}",
    link.CallPrepared: lambda e: f"{e.action} geht als Nächstes",
    link.CallVoided: lambda e: "Was als Nächstes gehen sollte, geht doch nicht",
    link.CallSettled: _settled,
    link.CallTimedOut: lambda e: (
        f"{e.action} bekam KEINE ANTWORT in der Zeit{'' if e.ends_entry else '; es geht noch einmal'}"
    ),
    link.CallAnswered: _answered,
    link.CallDeferred: lambda e: f"Die Antwort auf {e.action} wartet auf Anschluss {e.connector_id}",
    link.FrameIgnored: lambda e: f"Nachricht übergangen: {e.reason}",
    link.LinkCloseDecided: lambda e: f"Die Verbindung soll geschlossen werden: {said(e.reason)}",
    link.OutboxWindowRead: lambda e: (
        f"{plural(e.count, 'wartende Nachricht', 'wartende Nachrichten')} aus dem Log gelesen, bis {e.to_seq}"
    ),
    link.CallShed: lambda e: f"{e.action} ungesendet verworfen: {e.waiting} dieser Art warteten",
    link.OwedEventsLost: _lost,
    link.DeliveryRecovered: _delivery,
    link.DataTransferRequested: lambda e: f"Ein DataTransfer an {e.vendor_id} wurde verlangt",
    registration.RegistrationAnswered: lambda e: f"Das CSMS sagt {e.status}, Abstand {duration(e.interval_s * 1000)}",
    registration.RegistrationLost: lambda e: f"Nicht mehr angemeldet: {said(e.reason)}",
    registration.BootNotificationQueued: lambda e: "BootNotification steht an",
    registration.HeartbeatQueued: lambda e: "Heartbeat steht an",
    registration.DataTransferQueued: lambda e: f"DataTransfer an {e.vendor_id} steht an",
}

TABLE: Mapping[type[Event], Words] = {
    **LIFECYCLE,
    **HARDWARE,
    **LINK,
    **AUTHORIZATION,
    **TRANSACTIONS,
    **CONNECTORS,
    **LIMITS,
    **OUTSIDE,
    **TEMPERATURES,
    **UPKEEP,
    **SECURITY,
    **CERTIFICATES,
    **COMMISSIONING,
    Illegible: lambda e: f"UNLESBARES Ereignis {e.name} Version {e.version}: {e.reason}",
}


def words(event: Event) -> str:
    """The event in German; in English where this version has no German for it."""
    known = TABLE.get(type(event))
    return english(event) if known is None else known(event)


_PILOT = {
    "A": "der Stecker am Fahrzeug gezogen wurde",
    "C": "das Fahrzeug Energie wollte",
    "D": "das Fahrzeug Energie wollte",
}


def _because_of_lock(event: LockObserved) -> str:
    if event.jammed:
        return "der Riegel sich nicht bewegte"
    return "der Riegel geschlossen hatte" if event.locked else "der Riegel geöffnet hatte"


def _because_of_frame(text: str) -> str:
    try:
        frame = parse(text)
    except FrameError:
        return "eine unlesbare Nachricht kam"
    return f"das CSMS es verlangte ({frame.action})" if isinstance(frame, CallFrame) else "das CSMS antwortete"


BECAUSE: Mapping[type[Event], Callable[[Any], str]] = {
    PilotStateObserved: lambda e: _PILOT.get(e.pilot_state, f"der Pilot auf {e.pilot_state} ging"),
    ProximityObserved: lambda e: f"das Kabel {'gezogen' if e.cable_rating_ma is None else 'gesteckt'} wurde",
    IdTagPresented: lambda e: f"Karte {e.id_tag} vorgehalten wurde",
    ResidualMonitorObserved: lambda e: f"der Fehlerstromwächter {'bestand' if e.outcome == 'passed' else 'durchfiel'}",
    VehicleIdentified: lambda e: "das Fahrzeug seine Kennung nannte",
    TemperatureObserved: lambda e: f"ein Temperaturfühler {'schweigt' if e.temperature_dc is None else 'es meldet'}",
    FaultObserved: lambda e: f"die Störung {e.error_code} kam",
    EmergencyStopObserved: lambda e: "der Not-Halt gedrückt wurde",
    LockObserved: _because_of_lock,
    lifecycle.StationStopping: lambda e: f"die Station enden sollte ({e.why})",
    BoardOpened: lambda e: "die Station es beim Start unterbrochen vorfand",
    lifecycle.DeadlineReached: lambda e: f"die Frist für {DEADLINES.get(e.name, e.name.replace('_', ' '))} um war",
    link.FrameReceived: lambda e: _because_of_frame(e.text),
}


def reason(event: Event, cause: Event) -> str:
    """ "weil das CSMS es verlangte (Reset)", where the event's own words do not say so; "" if there is nothing to say."""
    if isinstance(event, LimitChanged) and isinstance(cause, lifecycle.DeadlineReached | MeterObserved):
        is_outside = isinstance(cause, lifecycle.DeadlineReached) and cause.name == OUTSIDE_LIMIT_DUE
        return "" if is_outside else "wie geplant"
    known = BECAUSE.get(type(cause)) if event.NAME in TELL_WHY else None
    why = "" if known is None else f"weil {known(cause)}"
    return "" if why in words(event) else why

"""German words for connectors, tags, transactions and limits. Part of the table of `wording`."""

from collections.abc import Mapping

from eventstore.catalogue import authorization, connectors, hardware, reservations, smart_charging, transactions
from eventstore.event import Event
from station.telling.german.amounts import current, energy, plural
from station.telling.german.upkeep import Words
from station.telling.german.vocabulary import PILOT, REASONS, SOURCES, STATUSES, said, where

_DOUBTS = {"fell": "FIEL", "jumped": "SPRANG", "stuck": "STEHT STILL"}
_FATES = {
    "told": "wurde zugestellt",
    "owed": "wird jetzt gesendet",
    "unsure": "WURDE VIELLEICHT GESENDET: nicht noch einmal",
    "lost": "ist VERLOREN",
}


def _cable(event: hardware.ProximityObserved) -> str:
    rating = event.cable_rating_ma
    return f"Kabel heraus{where(event)}" if rating is None else f"Kabel steckt{where(event)}, für {current(rating)}"


def _contactor(event: hardware.ContactorObserved) -> str:
    fault = {"welded": ", VERSCHWEISST gegen den Befehl", "stuck": ", KLEMMT gegen den Befehl"}.get(event.fault, "")
    return f"Schütz {'geschlossen' if event.closed else 'offen'}{where(event)}{fault}"


def _lock(event: hardware.LockObserved) -> str:
    jammed = ", er kam nicht bis ans Ende" if event.jammed else ""
    return f"Riegel {'geschlossen' if event.locked else 'offen'}{where(event)}{jammed}"


def _meter(event: hardware.MeterObserved) -> str:
    power = "" if event.power_w is None else f", {event.power_w} W"
    return f"Zähler{where(event)}: {energy(event.energy_wh)}{power}"


def _monitor(event: hardware.ResidualMonitorObserved) -> str:
    if event.outcome == "":
        return f"Es gibt einen Fehlerstromwächter zu prüfen{where(event)}"
    if event.outcome == "passed":
        return f"Der Fehlerstromwächter{where(event)} wurde geprüft: Er löst aus und geht zurück"
    return f"Der Fehlerstromwächter{where(event)} FIEL DURCH die Prüfung: {event.detail}"


def _fault(event: hardware.FaultObserved) -> str:
    more = " ".join(part for part in (event.info, event.vendor_error_code) if part)
    return f"STÖRUNG {event.error_code}{where(event)}{f' ({more})' if more else ''}"


HARDWARE: Mapping[type[Event], Words] = {
    hardware.VehicleIdentified: lambda e: f"Das Fahrzeug{where(e)} nannte seine Kennung",
    hardware.BoardOpened: lambda e: "Jeder Eingang wurde einmal gelesen",
    hardware.PilotStateObserved: lambda e: f"Pilot {e.pilot_state}{where(e)}: {PILOT.get(e.pilot_state, 'unbekannt')}",
    hardware.ProximityObserved: _cable,
    hardware.ContactorObserved: _contactor,
    hardware.LockObserved: _lock,
    hardware.MeterObserved: _meter,
    hardware.MeterFailed: lambda e: f"Zähler NICHT LESBAR{where(e)}: {e.reason}",
    hardware.IdTagPresented: lambda e: f"Karte {e.id_tag} vorgehalten{where(e)}",
    hardware.ResidualMonitorObserved: _monitor,
    hardware.FaultObserved: _fault,
    hardware.FaultCleared: lambda e: f"Störung {e.error_code or '(alle)'} vorbei{where(e)}",
    hardware.EmergencyStopObserved: lambda e: "NOT-HALT gedrückt" if e.pressed else "Not-Halt nicht gedrückt",
    hardware.MainsObserved: lambda e: f"Die Netzspannung ist {'da' if e.present else 'WEG'}",
    hardware.LocalListStoreFailing: lambda e: (
        f"Die nächste lokale Liste kann {'nicht ' if e.failing else ''}gespeichert werden"
    ),
}


def _grant(event: authorization.AuthorizationGranted) -> str:
    place = ", für den nächsten Anschluss, der eingesteckt wird" if event.connector_id is None else where(event)
    return f"Karte {event.id_tag} freigegeben {SOURCES.get(event.source, event.source)}{place}"


AUTHORIZATION: Mapping[type[Event], Words] = {
    authorization.PlugTakenAsTag: lambda e: (
        f"{'Der Stecker' if e.origin == 'plug' else 'Die Kennung des Fahrzeugs'}{where(e)} gilt als Karte {e.id_tag}"
    ),
    authorization.AuthorizeQueued: lambda e: f"Das CSMS wird nach Karte {e.id_tag} gefragt (zu: {e.purpose})",
    authorization.AuthorizationPostponed: lambda e: (
        f"Karte {e.id_tag} muss warten{where(e)}: Das CSMS weiß noch nichts von ihrem letzten Ende"
    ),
    authorization.IdTagInfoReceived: lambda e: f"Das CSMS sagt {e.info.status} zu Karte {e.id_tag}",
    authorization.AuthorizationGranted: _grant,
    authorization.AuthorizationDenied: lambda e: f"Karte {e.id_tag} ABGELEHNT{where(e)}: {said(e.reason)}",
    authorization.AuthorizationEnded: lambda e: f"Die Freigabe{where(e)} ist weg: {said(e.reason)}",
    authorization.CacheCleared: lambda e: "Der Zwischenspeicher der Karten wurde geleert",
    authorization.LocalListReplaced: lambda e: (
        f"Lokale Liste ersetzt: Version {e.version}, {plural(len(e.entries), 'Eintrag', 'Einträge')}"
    ),
    authorization.LocalListAmended: lambda e: (
        f"Lokale Liste ergänzt: Version {e.version}, {plural(len(e.entries), 'Eintrag', 'Einträge')}"
    ),
    authorization.LocalListConflictFound: lambda e: f"Das CSMS widerspricht der lokalen Liste bei Karte {e.id_tag}",
    authorization.LocalListStoreFailed: lambda e: (
        f"Version {e.version} der lokalen Liste konnte NICHT gespeichert werden"
    ),
}


def _started(event: transactions.TransactionStarted) -> str:
    reserved = "" if event.reservation_id is None else f", auf Reservierung {event.reservation_id}"
    source = SOURCES.get(event.authorized_by, event.authorized_by)
    return (
        f"Ladevorgang {event.number} begonnen{where(event)}: Karte {event.id_tag}, freigegeben {source}{reserved}, "
        f"Zählerstand {energy(event.meter_start_wh)}"
    )


def _stopped(event: transactions.TransactionStopped) -> str:
    stale = " (letzter gespeicherter Wert: Der Zähler war nicht lesbar)" if event.meter_stale else ""
    held = "; das Kabel bleibt für seinen Besitzer verriegelt" if event.held_for else ""
    why = REASONS.get(event.reason, f"({event.reason})")
    register = energy(event.meter_stop_wh)
    return f"Ladevorgang {event.number} beendet{where(event)} {why}, Zählerstand {register}{stale}{held}"


def _sampled(event: transactions.MeterSampled) -> str:
    of = "" if event.number is None else f" von Ladevorgang {event.number}"
    return f"Messwert{of}{where(event)}: {energy(event.register_wh)} ({event.sample.context})"


def _assigned(event: transactions.TransactionIdAssigned) -> str:
    if event.conflict:
        return f"WIDERSPRUCH: Das CSMS nennt Ladevorgang {event.number} jetzt {event.transaction_id}"
    return f"Das CSMS nennt Ladevorgang {event.number} {event.transaction_id}"


def _recovered(event: transactions.TransactionRecovered) -> str:
    start, stop = (_FATES.get(fate, fate) for fate in (event.start, event.stop))
    return f"Ladevorgang {event.number}{where(event)} nach der Bergung: Sein Beginn {start}, sein Ende {stop}"


TRANSACTIONS: Mapping[type[Event], Words] = {
    transactions.TransactionRecovered: _recovered,
    transactions.TransactionStarted: _started,
    transactions.MeterSampled: _sampled,
    transactions.StopDataSampled: lambda e: f"Messwert für das Ende von Ladevorgang {e.number}",
    transactions.MeterValuesTriggered: lambda e: f"Das CSMS hat Messwerte verlangt{where(e)}",
    transactions.MeterSamplesDropped: lambda e: (
        f"{plural(e.count, 'Messwert', 'Messwerte')} von Ladevorgang {e.number} weggelassen: {e.reason}"
    ),
    transactions.MeterResetFound: lambda e: (
        f"Der Zähler wurde ZURÜCKGESETZT oder GETAUSCHT{where(e)}: {energy(e.offset_wh)} kommen zu seinem Stand hinzu"
    ),
    transactions.TransactionEnding: lambda e: (
        f"Ladevorgang {e.number} soll enden{where(e)} ({REASONS.get(e.reason, e.reason)}); sein Fahrzeug soll loslassen"
    ),
    transactions.MeterRegisterReturned: lambda e: f"Der alte Stand des Zählers ist WIEDER DA{where(e)}",
    transactions.MeterDoubted: lambda e: (
        f"Der Stand des Zählers {_DOUBTS.get(e.reason, e.reason.upper())}{where(e)}: {energy(e.raw_wh)}"
    ),
    transactions.EnergyOfferEnded: lambda e: f"Ladevorgang {e.number} geht ohne Energie weiter: {said(e.reason)}",
    transactions.TransactionInvalidated: lambda e: (
        f"Das CSMS sagt {e.status} zu Ladevorgang {e.number}: keine Energie über {energy(e.energy_limit_wh)} hinaus"
    ),
    transactions.TransactionResumed: lambda e: f"Ladevorgang {e.number} geht weiter{where(e)}",
    transactions.TransactionStopped: _stopped,
    transactions.TransactionIdAssigned: _assigned,
    transactions.TransactionConfirmed: lambda e: f"Ladevorgang {e.number} ist mit dem CSMS erledigt",
}


def _status(event: connectors.ConnectorStatusChanged) -> str:
    name = "Station" if event.connector_id == 0 else f"Anschluss {event.connector_id}"
    more = "" if event.error_code == "NoError" else f", {event.error_code}"
    info = f" ({event.info})" if event.info else ""
    return f"{name} ist {STATUSES.get(event.status, event.status)}{more}{info}"


CONNECTORS: Mapping[type[Event], Words] = {
    connectors.ConnectorStatusChanged: _status,
    connectors.StatusNotificationQueued: lambda e: f"StatusNotification steht an{where(e)}: {e.status}",
    connectors.AvailabilityChanged: lambda e: f"Jetzt {STATUSES.get(e.availability, e.availability)}{where(e)}",
    connectors.AvailabilityScheduled: lambda e: (
        f"Soll werden: {STATUSES.get(e.availability, e.availability) or '(zurückgenommen)'}{where(e)}"
    ),
    connectors.PreparingTimedOut: lambda e: f"Niemand wurde rechtzeitig freigegeben{where(e)}",
    connectors.PreparingRestarted: lambda e: f"Die Vorbereitung beginnt von vorn{where(e)}",
    connectors.EnergyAskedBack: lambda e: (
        f"Nichts wird mehr angeboten{where(e)}; das Schütz öffnet, wenn das Fahrzeug losgelassen hat"
    ),
    connectors.PilotInterrupted: lambda e: (
        f"Der Pilot wird unterbrochen{where(e)}, um das Fahrzeug zu wecken, das zum Angebot nichts sagt (Versuch {e.attempt})"
    ),
    connectors.UnlockRequested: lambda e: f"Der Riegel soll geöffnet werden{where(e)}",
    connectors.LockFailureFound: lambda e: f"Der Riegel SCHLOSS NICHT{where(e)}: keine Energie durch dieses Kabel",
    connectors.LockFailureEnded: lambda e: f"Der Fehler des Riegels ist vorbei{where(e)}",
    reservations.ReservationMade: lambda e: f"Reservierung {e.reservation_id}{where(e)} für Karte {e.id_tag}",
    reservations.ReservationEnded: lambda e: f"Reservierung {e.reservation_id} ist vorbei: {said(e.reason)}",
}


def _limit(event: smart_charging.LimitChanged) -> str:
    if not event.limit_ma:
        return f"Energie ausgesetzt{where(event)}"
    return f"Die Grenze{where(event)} ist {current(event.limit_ma)} auf {plural(event.phases, 'Phase', 'Phasen')}"


LIMITS: Mapping[type[Event], Words] = {
    smart_charging.ChargingProfileInstalled: lambda e: (
        f"Ladeprofil {e.profile.charging_profile_id} gesetzt{where(e)} ({e.profile.purpose})"
    ),
    smart_charging.ChargingProfileCleared: lambda e: (
        f"Ladeprofil {e.charging_profile_id} gelöscht{where(e)}: {said(e.reason)}"
    ),
    smart_charging.LimitChanged: _limit,
    smart_charging.LimitsPlanned: lambda e: "Grenzen geplant",
}

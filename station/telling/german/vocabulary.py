"""What the names of the standard and our own fixed words mean in German. What others say stays as they said it."""

from collections.abc import Mapping
from typing import Any

REASONS: Mapping[str, str] = {
    "Local": "durch die vorgehaltene Karte",
    "Remote": "durch das CSMS",
    "EVDisconnected": "weil der Stecker am Fahrzeug gezogen wurde",
    "PowerLoss": "weil der Strom ausfiel",
    "Reboot": "weil die Station neu startete",
    "EmergencyStop": "weil der Not-Halt gedrückt wurde",
    "DeAuthorized": "weil das CSMS die Karte nicht annahm",
    "UnlockCommand": "weil das CSMS den Anschluss entriegelte",
    "HardReset": "wegen eines harten Neustarts",
    "SoftReset": "wegen eines sanften Neustarts",
    "Other": "wegen einer Störung",
}
"""Reasons of the end of a transaction (7.36)."""
SOURCES: Mapping[str, str] = {
    "LocalList": "durch die lokale Liste",
    "Cache": "durch den Zwischenspeicher",
    "CSMS": "durch das CSMS",
    "Offline": "offline, obwohl unbekannt",
    "Remote": "durch Fernstart",
}
"""By what a tag was authorized."""
PILOT: Mapping[str, str] = {
    "A": "kein Fahrzeug ist angeschlossen",
    "B": "ein Fahrzeug ist angeschlossen und will nichts",
    "C": "das Fahrzeug will Energie",
    "D": "das Fahrzeug will Energie, mit Lüftung",
    "E": "der Control Pilot ist kurzgeschlossen (Zustand E)",
    "F": "der Control Pilot ist ausgefallen (Zustand F)",
}
"""The states of the control pilot."""
STATUSES: Mapping[str, str] = {
    "Available": "frei",
    "Preparing": "in Vorbereitung",
    "Charging": "am Laden",
    "SuspendedEV": "pausiert vom Fahrzeug",
    "SuspendedEVSE": "pausiert von der Station",
    "Finishing": "am Ende",
    "Reserved": "reserviert",
    "Unavailable": "nicht verfügbar",
    "Faulted": "gestört",
    "Operative": "in Betrieb",
    "Inoperative": "außer Betrieb",
}
"""ChargePointStatus and AvailabilityType (7.7, 7.5)."""
STEPS: Mapping[str, str] = {
    "lock_closes": "Riegel schließt",
    "lock_opens": "Riegel öffnet",
    "contactor": "Schütz ist offen",
    "meter": "Zähler misst",
    "lamp_available": "Lampe zeigt frei",
    "lamp_charging": "Lampe zeigt Laden",
    "lamp_faulted": "Lampe zeigt Störung",
}
"""Steps of the commissioning test."""
ENDS: Mapping[str, str] = {
    "done": "alle Schritte gemacht",
    "asked": "vom Prüfer beendet",
    "time": "ein Schritt wurde nicht rechtzeitig beantwortet",
    "board not read": "die Station ist neu gestartet",
    "stopping": "die Station wird beendet",
    "emergency stop": "der Not-Halt ist gedrückt",
    "vehicle": "ein Fahrzeug ist angeschlossen",
    "transaction": "ein Ladevorgang läuft",
    "authorization": "eine Karte wurde freigegeben",
    "another test runs": "eine andere Prüfung läuft",
    "no such connector": "diesen Anschluss gibt es nicht",
    "no such step is under way": "dieser Schritt ist nicht an der Reihe",
}
"""Why a commissioning test ended, or did not begin."""
FOUND: Mapping[str, str] = {
    "open": "offen",
    "closed": "geschlossen",
    "jammed": "klemmt",
    "welded": "verschweißt",
    "stuck": "klemmt",
    "read": "gelesen",
    "unread": "nicht lesbar",
    "shown": "nichts",
}
"""What the board says of a step."""
DEADLINES: Mapping[str, str] = {
    "boot": "die nächste Anmeldung",
    "connection_timeout": "das Einstecken",
    "energy_check": "die Prüfung der Energie",
    "heartbeat": "den Heartbeat",
    "let_go": "das Loslassen",
    "meter_check": "die Prüfung des Zählers",
    "opened": "das Öffnen des Schützes",
    "sample": "den Messwert",
    "aligned": "den Messwert im Raster",
    "status": "die Meldung des Status",
    "unlock": "das Entriegeln",
    "ask_again": "die erneute Frage",
    "limits": "die nächste Grenze",
    "outside_limit": "die Grenze von außen",
    "reconnect": "die nächste Verbindung",
    "returns": "die Rückkehr des Fahrzeugs",
    "reservation_expiry": "die Reservierung",
    "wake": "das Wecken des Fahrzeugs",
    "commissioning": "den Schritt der Prüfung",
}
"""What a deadline is for."""
_SAID: Mapping[str, str] = {
    "never accepted by this CSMS": "dieses CSMS hat die Station noch nie angenommen",
    "rejected by the CSMS": "vom CSMS abgelehnt",
    "going down": "die Station wird beendet",
    "about to reset": "die Station startet gleich neu",
    "firmware is being installed": "Firmware wird installiert",
    "the disk is full": "der Speicher ist voll",
    "no valid idTag": "keine gültige Kartennummer",
    "taken by another tag": "von einer anderen Karte belegt",
    "belongs to another tag": "gehört einer anderen Karte",
    "Authorize was not answered": "Authorize wurde nicht beantwortet",
    "ConnectionTimeOut": "die Zeit zum Einstecken ist abgelaufen",
    "Unplugged": "abgesteckt",
    "Cancelled": "abgebrochen",
    "Invalid": "ungültig",
    "Blocked": "gesperrt",
    "Expired": "abgelaufen",
    "ConcurrentTx": "die Karte lädt schon anderswo",
    "Accepted": "angenommen",
    "Pending": "offen",
    "Rejected": "abgelehnt",
    "Replaced": "ersetzt",
    "replaced": "ersetzt",
    "Used": "benutzt",
    "Faulted": "gestört",
    "Unavailable": "nicht verfügbar",
    "age": "Alter",
    "size": "Größe",
    "deleted by the CSMS": "vom CSMS gelöscht",
    "a new AuthorizationKey": "ein neuer AuthorizationKey",
    "a binary frame": "eine binäre Nachricht",
}


def said(text: str) -> str:
    """A reason in German where it is one of our own words or of the standard's; else as it was recorded."""
    return _SAID.get(text, text)


def where(event: Any) -> str:
    """ " an Anschluss 2", " an der Station", "" where the event names no connector."""
    number = getattr(event, "connector_id", None)
    return "" if number is None else " an der Station" if number == 0 else f" an Anschluss {number}"

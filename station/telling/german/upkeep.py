"""German words for what is done to the station itself, its security and its certificates. Part of the table of `wording`."""

from collections.abc import Callable, Mapping
from typing import Any

from eventstore.catalogue import certificates, commissioning, configuration, maintenance, security
from eventstore.event import Event
from station.telling.german.amounts import plural
from station.telling.german.vocabulary import ENDS, FOUND, STEPS, said
from station.telling.masking import without_credentials

Words = Callable[[Any], str]
_FINGERPRINT_DIGITS = 16
_KEY_SOURCES = {"csms": "vom CSMS gesetzt", "settings": "aus den Einstellungen"}
_TEST = "Inbetriebnahmeprüfung an Anschluss"


def _brief(fingerprint: str) -> str:
    return fingerprint[:_FINGERPRINT_DIGITS]


def _colon(text: str) -> str:
    return f": {said(text)}" if text else ""


def _keys_found(event: configuration.AuthorizationKeysFound) -> str:
    found = [f"Schlüssel {name} ist VERLOREN" for name in event.missing]
    found += [f"Schlüssel {name} ist BESCHÄDIGT" for name in event.damaged]
    found += [f"Schlüssel {name} wurde gefunden, den das Log nicht mehr nennt" for name in event.unnamed]
    none = "die Einstellungen haben keinen brauchbaren Schlüssel"
    found.append(f"die Einstellungen haben Schlüssel {event.settings}" if event.settings else none)
    return f"AuthorizationKey: {'; '.join(found)}"


def _key_refused(event: configuration.AuthorizationKeyRefused) -> str:
    source = _KEY_SOURCES.get(event.source, "")
    return f"Das CSMS hat den AuthorizationKey {event.key} {source} ABGELEHNT: HTTP {event.status}"


def _key_proven(event: configuration.AuthorizationKeyProven) -> str:
    return f"Das CSMS hat den AuthorizationKey {event.key} {_KEY_SOURCES.get(event.source, '')} angenommen"


def _signing_checked(event: maintenance.SigningCertificateChecked) -> str:
    if event.fault:
        return f"Signaturzertifikat: {event.fault}"
    verdict = "WIDERRUFEN" if event.revoked else "eine Wurzel bürgt dafür"
    return f"Signaturzertifikat von {event.subject}: {verdict}"


UPKEEP: Mapping[type[Event], Words] = {
    configuration.ConfigurationChanged: lambda e: f"{e.key} ist jetzt {e.value!r}",
    configuration.AuthorizationKeysFound: _keys_found,
    configuration.AuthorizationKeyRefused: _key_refused,
    configuration.AuthorizationKeyProven: _key_proven,
    maintenance.ResetAccepted: lambda e: f"Neustart ({e.kind}) angenommen",
    maintenance.ResetDue: lambda e: f"Neustart ({e.kind}): es geht los",
    maintenance.ResetFailed: lambda e: f"Der Neustart ist MISSLUNGEN: {e.reason}",
    maintenance.ResetAbandoned: lambda e: f"Neustart ({e.kind}) aufgegeben",
    maintenance.TransferRefused: lambda e: f"{e.action} wird zurückgewiesen: {e.reason}",
    maintenance.FirmwareUpdateRequested: lambda e: f"Neue Firmware verlangt: {without_credentials(e.location)}",
    maintenance.FirmwareProgressed: lambda e: (
        f"Firmware-Auftrag {e.job}: {e.status} (Versuch {e.attempt}){_colon(e.detail)}"
    ),
    maintenance.FirmwareStepDecided: lambda e: f"Firmware-Auftrag {e.job}: nächster Schritt ist {e.step}",
    maintenance.FirmwareStatusQueued: lambda e: f"FirmwareStatusNotification steht an: {e.status}",
    maintenance.SignedUpdateOffered: lambda e: (
        f"Signierte Firmware {e.request_id} angeboten: {without_credentials(e.location)}"
    ),
    maintenance.SigningCertificateChecked: _signing_checked,
    maintenance.SignedUpdateAnswered: lambda e: (
        f"Signierte Firmware {e.request_id} wird mit {e.status} beantwortet{_colon(e.reason)}"
    ),
    maintenance.SignedFirmwareStatusQueued: lambda e: f"SignedFirmwareStatusNotification steht an: {e.status}",
    maintenance.DiagnosticsRequested: lambda e: f"{e.log or 'Diagnose'} verlangt: {without_credentials(e.location)}",
    maintenance.DiagnosticsProgressed: lambda e: f"Hochladen: {e.status} {e.detail}".rstrip(),
    maintenance.DiagnosticsStepDecided: lambda e: f"Auftrag {e.job} zum Hochladen: nächster Schritt ist {e.step}",
    maintenance.DiagnosticsStatusQueued: lambda e: f"DiagnosticsStatusNotification steht an: {e.status}",
}

SECURITY: Mapping[type[Event], Words] = {
    security.TamperObserved: lambda e: "Das GEHÄUSE wurde GEÖFFNET" if e.open else "Das Gehäuse ist geschlossen",
    security.TlsFailed: lambda e: f"TLS mit dem CSMS ist misslungen: {e.detail} ({e.type})",
    security.ServiceAccessRefused: lambda e: f"Der HTTP-Dienst wies eine Anfrage von {e.peer} ab: {e.reason}",
    security.LogStatusQueued: lambda e: f"LogStatusNotification steht an: {e.status}",
    security.SecurityProfileTrialBegun: lambda e: (
        f"Das CSMS will Sicherheitsprofil {e.profile}: Die nächsten Verbindungen werden damit versucht"
    ),
    security.SecurityProfileProven: lambda e: (
        f"Sicherheitsprofil {e.profile} hat eine Verbindung geöffnet: Kein niedrigeres wird mehr benutzt"
    ),
    security.SecurityProfileFallenBack: lambda e: (
        f"Sicherheitsprofil {e.profile} hat keine Verbindung geöffnet: zurück zu {e.to}"
    ),
    security.SecurityEventRaised: lambda e: f"Sicherheitsereignis {e.type}{_colon(e.tech_info)}",
}


def _examined(event: certificates.CertificateExamined) -> str:
    if event.facts is None:
        return f"Das Zertifikat ist nicht brauchbar: {event.problem}"
    failure = f"; {event.failure}" if event.failure else ""
    return f"Das Zertifikat ist {event.facts.subject}, {event.facts.key}{failure}"


def _roots(event: certificates.RootsFound) -> str:
    found = [f"Wurzel {_brief(name)} ist VERLOREN" for name in event.missing]
    found += [f"{each.use} {each.facts.subject} wurde hier gefunden und wird benutzt" for each in event.unnamed]
    found += [f"die Einstellungen vertrauen {facts.subject}" for facts in event.settings]
    found += ["die Einstellungen vertrauen einer Sammlung von Wurzeln"] if event.is_bundle else []
    found += [] if event.settings_digest else ["die Einstellungen nennen keine Wurzel"]
    return f"Wurzelzertifikate: {'; '.join(found)}"


def _maker_roots(event: certificates.ManufacturerRootsFound) -> str:
    subjects = ", ".join(facts.subject for facts in event.roots) or "keine"
    return f"Wurzeln für signierte Firmware in den Einstellungen: {subjects}"


def _root_proven(event: certificates.CsmsRootProven) -> str:
    by = f"die Wurzel {_brief(event.root)}" if event.root else "eine Wurzel des Systems"
    return f"Für das CSMS bürgt {by}"


def _own(event: certificates.StationCertificatesFound) -> str:
    found = [f"Zertifikat {_brief(name)} ist VERLOREN" for name in event.missing]
    found += [f"{each.facts.subject} wurde hier gefunden und wird benutzt" for each in event.unnamed]
    named = None if event.settings is None else event.settings.subject
    found.append("die Einstellungen nennen keines" if named is None else f"die Einstellungen nennen {named}")
    return f"Zertifikate der Station: {'; '.join(found)}"


CERTIFICATES: Mapping[type[Event], Words] = {
    certificates.CertificateCheckBegun: lambda e: f"{e.action} bringt ein {e.use}: Es wird geprüft",
    certificates.CertificateExamined: _examined,
    certificates.CertificateCheckConcluded: lambda e: f"{e.action} eines {e.use}: {said(e.outcome)}{_colon(e.reason)}",
    certificates.RootInstalled: lambda e: f"{e.use} {e.facts.subject} wird jetzt vertraut",
    certificates.RootRemoved: lambda e: f"{e.use} {_brief(e.fingerprint)} ist weg: {said(e.reason)}",
    certificates.RootsFound: _roots,
    certificates.ManufacturerRootsFound: _maker_roots,
    certificates.CsmsRootProven: _root_proven,
    certificates.CertificateSigningBegun: lambda e: f"Ein neues Zertifikat der Station wird verlangt: {e.reason}",
    certificates.SigningRequestMade: lambda e: (
        f"Kein Schlüsselpaar: {e.failure}" if e.failure else f"Ein Schlüsselpaar wurde gemacht: {_brief(e.key)}"
    ),
    certificates.SignCertificateQueued: lambda e: "SignCertificate steht an",
    certificates.CertificateSigningEnded: lambda e: f"Aus der Anfrage nach einem Zertifikat wurde NICHTS: {e.reason}",
    certificates.StationCertificateInstalled: lambda e: f"Die Station hat ein neues Zertifikat, {e.facts.subject}",
    certificates.StationCertificateProven: lambda e: (
        f"Das CSMS hat das Zertifikat {_brief(e.certificate)} der Station angenommen"
    ),
    certificates.StationCertificateRefused: lambda e: (
        f"Das CSMS hat das Zertifikat {_brief(e.certificate)} der Station ABGELEHNT: {e.reason}"
    ),
    certificates.StationCertificateDropped: lambda e: (
        f"Das Zertifikat {_brief(e.certificate)} der Station ist weg: {said(e.reason)}"
    ),
    certificates.StationCertificatesFound: _own,
}


def _step_ended(event: commissioning.CommissioningStepEnded) -> str:
    seen = "der Prüfer sah es" if event.confirmed else "der Prüfer sah es NICHT"
    verdict = "bestanden" if event.passed else "NICHT BESTANDEN"
    step, found = STEPS.get(event.step, event.step), FOUND.get(event.found, event.found)
    return f"{_TEST} {event.connector_id}: {step}: {verdict} (das Board sagt {found}, {seen})"


def _ended(event: commissioning.CommissioningEnded) -> str:
    verdict = "BESTANDEN" if event.passed else "NICHT bestanden"
    return f"{_TEST} {event.connector_id} ist vorbei, {verdict}: {ENDS.get(event.reason, event.reason)}"


COMMISSIONING: Mapping[type[Event], Words] = {
    commissioning.CommissioningAsked: lambda e: f"{_TEST} {e.connector_id} verlangt",
    commissioning.CommissioningAnswered: lambda e: (
        f"Der Prüfer {'bestätigt' if e.confirmed else 'verneint'} den Schritt: {STEPS.get(e.step, e.step)}"
    ),
    commissioning.CommissioningStopAsked: lambda e: "Das Ende der Inbetriebnahmeprüfung wurde verlangt",
    commissioning.CommissioningRefused: lambda e: f"{_TEST} {e.connector_id} abgelehnt: {ENDS.get(e.reason, e.reason)}",
    commissioning.CommissioningBegan: lambda e: (
        f"{_TEST} {e.connector_id} beginnt, {plural(len(e.steps), 'Schritt', 'Schritte')}"
    ),
    commissioning.CommissioningStepBegan: lambda e: (
        f"{_TEST} {e.connector_id}: {STEPS.get(e.step, e.step)}, wartet auf Bestätigung"
    ),
    commissioning.CommissioningStepEnded: _step_ended,
    commissioning.CommissioningEnded: _ended,
}

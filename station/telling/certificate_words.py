"""The facts of certificates in plain words, and how loud they are."""

from collections.abc import Mapping
from typing import Any

from eventstore.catalogue import certificates
from eventstore.event import Event
from station.telling.upkeep_words import DETAIL, HEADLINE, NOISE, Words

_FINGERPRINT_DIGITS = 16


def _concluded(event: certificates.CertificateCheckConcluded) -> str:
    reason = f": {event.reason}" if event.reason else ""
    return f"{event.action} of a {event.use} is {event.outcome}{reason}"


def _examined(event: certificates.CertificateExamined) -> str:
    if event.facts is None:
        return f"The certificate cannot be used: {event.problem}"
    return f"The certificate is {event.facts.subject}, {event.facts.key}{f'; {event.failure}' if event.failure else ''}"


def _found(event: certificates.RootsFound) -> str:
    found = [f"root {name[:_FINGERPRINT_DIGITS]} is LOST" for name in event.missing]
    found += [f"{each.use} {each.facts.subject} was found here, and is used" for each in event.unnamed]
    found += [f"the settings trust {facts.subject}" for facts in event.settings]
    if event.is_bundle:
        found.append("the settings trust a collection of roots")
    if not event.settings_digest:
        found.append("the settings name no root")
    return f"Root certificates: {'; '.join(found)}"


def _maker_roots(event: certificates.ManufacturerRootsFound) -> str:
    return f"Roots for signed firmware in the settings: {', '.join(facts.subject for facts in event.roots) or 'none'}"


def _proven(event: certificates.CsmsRootProven) -> str:
    by = f"the root {event.root[:_FINGERPRINT_DIGITS]}" if event.root else "a root of the system"
    return f"The CSMS was verified by {by}"


def _made(event: certificates.SigningRequestMade) -> str:
    return event.failure or f"A key pair was made: {event.key[:_FINGERPRINT_DIGITS]}"


def _short(event: Any) -> str:
    fingerprint: str = event.certificate
    return fingerprint[:_FINGERPRINT_DIGITS]


def _own_found(event: certificates.StationCertificatesFound) -> str:
    found = [f"certificate {name[:_FINGERPRINT_DIGITS]} is LOST" for name in event.missing]
    found += [f"{each.facts.subject} was found here, and is used" for each in event.unnamed]
    found.append("the settings name none" if event.settings is None else f"the settings name {event.settings.subject}")
    return f"Certificates of the station: {'; '.join(found)}"


CERTIFICATES: Mapping[type[Event], tuple[int, Words]] = {
    certificates.CertificateCheckBegun: (NOISE, lambda e: f"{e.action} brings a {e.use}: it is looked at"),
    certificates.CertificateExamined: (DETAIL, _examined),
    certificates.CertificateCheckConcluded: (HEADLINE, _concluded),
    certificates.RootInstalled: (HEADLINE, lambda e: f"{e.use} {e.facts.subject} is trusted now"),
    certificates.RootRemoved: (
        HEADLINE,
        lambda e: f"{e.use} {e.fingerprint[:_FINGERPRINT_DIGITS]} is gone: {e.reason}",
    ),
    certificates.RootsFound: (HEADLINE, _found),
    certificates.ManufacturerRootsFound: (HEADLINE, _maker_roots),
    certificates.CsmsRootProven: (HEADLINE, _proven),
    certificates.CertificateSigningBegun: (
        HEADLINE,
        lambda e: f"A new certificate of the station is asked for: {e.reason}",
    ),
    certificates.SigningRequestMade: (DETAIL, _made),
    certificates.SignCertificateQueued: (NOISE, lambda e: "SignCertificate is queued"),
    certificates.CertificateSigningEnded: (
        HEADLINE,
        lambda e: f"The request for a certificate has come to NOTHING: {e.reason}",
    ),
    certificates.StationCertificateInstalled: (
        HEADLINE,
        lambda e: f"The station has a new certificate, {e.facts.subject}",
    ),
    certificates.StationCertificateProven: (HEADLINE, lambda e: f"The CSMS took the station's certificate {_short(e)}"),
    certificates.StationCertificateRefused: (
        HEADLINE,
        lambda e: f"The CSMS REFUSED the station's certificate {_short(e)}: {e.reason}",
    ),
    certificates.StationCertificateDropped: (
        HEADLINE,
        lambda e: f"The station's certificate {_short(e)} is gone: {e.reason}",
    ),
    certificates.StationCertificatesFound: (HEADLINE, _own_found),
}

"""The facts of certificates in plain words, and how loud they are."""

from collections.abc import Mapping

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
    found += [
        f"{each.use} {each.facts.subject} was found, which the log does not name any more" for each in event.unnamed
    ]
    found += [f"the settings trust {facts.subject}" for facts in event.settings]
    if event.is_bundle:
        found.append("the settings trust a collection of roots")
    if not event.settings_digest:
        found.append("the settings name no root")
    return f"Root certificates: {'; '.join(found)}"


def _proven(event: certificates.CsmsRootProven) -> str:
    by = f"the root {event.root[:_FINGERPRINT_DIGITS]}" if event.root else "a root of the system"
    return f"The CSMS was verified by {by}"


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
    certificates.CsmsRootProven: (HEADLINE, _proven),
}

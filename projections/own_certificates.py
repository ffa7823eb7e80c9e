"""The station's own certificates for security profile 3 (white paper, A02 and A03), and the one that is being asked for.

Theory of operation
    The newest valid certificate goes first, as measured by the start of its validity (A02.FR.09). One that the CSMS refused comes
    after all others until it opens a connection after all: those refused take turns, the oldest refusal first. The one that opened a
    connection last is `proven`; those older than it are kept for a month. What the settings name counts as the maker's, and is
    ranked among the others. Certificates and keys lie in files, on the disk before the event that names them.
"""

from collections.abc import Callable, Mapping
from typing import Any

from eventstore.catalogue.certificates import (
    CertificateFacts,
    CertificateSigningBegun,
    CertificateSigningEnded,
    SigningRequestMade,
    StationCertificateDropped,
    StationCertificateInstalled,
    StationCertificateProven,
    StationCertificateRefused,
    StationCertificatesFound,
)
from eventstore.catalogue.lifecycle import LogSalvaged
from eventstore.event import Event, Recorded
from eventstore.value import Value, replace
from projections.certificates import SETTINGS, STORED
from projections.clock import Clock

STATION_CERTIFICATE = "ChargePointCertificate"
"""The use of a certificate that is for the station itself, beside those of 6.4."""


class OwnCertificate(Value, frozen=True, kw_only=True):
    """One of the station's own; `key` is the fingerprint of its public key, "" for the one of the settings."""

    source: str
    facts: CertificateFacts
    key: str = ""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of its DER form."""
        return self.facts.fingerprint

    def is_valid(self, utc_ms: int, *, exact: bool) -> bool:
        """Whether it may be used then; if that is not `exact`, the true time may be any later one."""
        has_begun = self.facts.not_before_utc_ms <= utc_ms or not exact
        return has_begun and utc_ms < self.facts.not_after_utc_ms


class SigningRequest(Value, frozen=True, kw_only=True):
    """A certificate that is asked for; `key` and `csr` are "" until the key pair has been made."""

    request: int
    organisation: str
    common_name: str
    key: str = ""
    csr: str = ""


class OwnCertificates(Value, frozen=True, kw_only=True):
    """`proven` opened a connection at `proven_ms` for the first time since another one did; `refused`: the latest refusal last.

    `requests` counts requests for a certificate, the last of which was begun at `asked_ms`. `salvaged` says that the log has lost events,
    perhaps of a certificate, and nobody has looked for its file yet.
    """

    certificates: tuple[OwnCertificate, ...] = ()
    signing: SigningRequest | None = None
    requests: int = 0
    asked_ms: int = 0
    proven: str = ""
    proven_ms: int = 0
    refused: tuple[str, ...] = ()
    settings_digest: str = ""
    salvaged: bool = False

    @property
    def stored(self) -> tuple[OwnCertificate, ...]:
        """Those whose files must be kept."""
        return tuple(each for each in self.certificates if each.source == STORED)

    @property
    def of_settings(self) -> CertificateFacts | None:
        """What is known of the one that the settings name."""
        return next((each.facts for each in self.certificates if each.source == SETTINGS), None)

    @property
    def keys(self) -> frozenset[str]:
        """The keys whose files must be kept."""
        asked = {self.signing.key} if self.signing is not None and self.signing.key else set()
        return frozenset({each.key for each in self.stored} | asked)

    def find(self, fingerprint: str) -> OwnCertificate | None:
        """The one of this fingerprint."""
        return next((each for each in self.certificates if each.fingerprint == fingerprint), None)

    def ranked(self, utc_ms: int, *, exact: bool) -> tuple[OwnCertificate, ...]:
        """Those that are valid then, in the order in which they are to be tried."""

        def refusal(each: OwnCertificate) -> int:
            return self.refused.index(each.fingerprint) + 1 if each.fingerprint in self.refused else 0

        valid = [each for each in self.certificates if each.is_valid(utc_ms, exact=exact)]
        return tuple(sorted(sorted(valid, key=self._age, reverse=True), key=refusal))

    def _age(self, one: OwnCertificate) -> tuple[int, int]:
        return one.facts.not_before_utc_ms, self.certificates.index(one)

    def is_newer(self, one: OwnCertificate, other: OwnCertificate) -> bool:
        """As measured by the start of the validity period (A02.FR.09); of two that began together the one that came later."""
        return self._age(one) > self._age(other)

    @property
    def ends_utc_ms(self) -> int | None:
        """When the last of those that were not refused ends; None if there is none."""
        usable = [each for each in self.certificates if each.fingerprint not in self.refused]
        return max((each.facts.not_after_utc_ms for each in usable), default=None)


def _on_begun(own: OwnCertificates, event: CertificateSigningBegun, recorded: Recorded, _: Clock) -> OwnCertificates:
    signing = SigningRequest(
        request=event.request,
        organisation=event.organisation,
        common_name=event.common_name,
    )
    return replace(own, signing=signing, requests=event.request, asked_ms=recorded.at_ms)


def _on_made(own: OwnCertificates, event: SigningRequestMade, recorded: Recorded, _: Clock) -> OwnCertificates:
    if own.signing is None or own.signing.request != event.request or event.failure:
        return own
    return replace(own, signing=replace(own.signing, key=event.key, csr=event.csr))


def _on_ended(own: OwnCertificates, event: CertificateSigningEnded, recorded: Recorded, _: Clock) -> OwnCertificates:
    is_it = own.signing is not None and own.signing.request == event.request
    return replace(own, signing=None) if is_it else own


def _on_installed(
    own: OwnCertificates, event: StationCertificateInstalled, recorded: Recorded, _: Clock
) -> OwnCertificates:
    new = OwnCertificate(source=STORED, facts=event.facts, key=event.key)
    is_asked = own.signing is not None and own.signing.key == event.key
    return replace(
        own,
        certificates=(*_without(own.certificates, new.fingerprint), new),
        signing=None if is_asked else own.signing,
        refused=tuple(each for each in own.refused if each != new.fingerprint),
    )


def _without(certificates: tuple[OwnCertificate, ...], *fingerprints: str) -> tuple[OwnCertificate, ...]:
    return tuple(each for each in certificates if each.fingerprint not in fingerprints)


def _on_dropped(
    own: OwnCertificates, event: StationCertificateDropped, recorded: Recorded, _: Clock
) -> OwnCertificates:
    return _tidied(replace(own, certificates=_without(own.certificates, event.certificate)))


def _tidied(own: OwnCertificates) -> OwnCertificates:
    """Nothing is remembered of certificates that are not there any more."""
    there = {each.fingerprint for each in own.certificates}
    return replace(
        own,
        proven=own.proven if own.proven in there else "",
        refused=tuple(each for each in own.refused if each in there),
    )


def certificate_proven(own: OwnCertificates, event: StationCertificateProven, at_ms: int = 0) -> OwnCertificates:
    """A certificate opened a connection."""
    refused = tuple(each for each in own.refused if each != event.certificate)
    if own.proven == event.certificate:
        return own if refused == own.refused else replace(own, refused=refused)
    return replace(own, proven=event.certificate, proven_ms=at_ms, refused=refused)


def _on_proven(own: OwnCertificates, event: StationCertificateProven, recorded: Recorded, _: Clock) -> OwnCertificates:
    return certificate_proven(own, event, recorded.at_ms)


def _on_refused(
    own: OwnCertificates, event: StationCertificateRefused, recorded: Recorded, _: Clock
) -> OwnCertificates:
    others = tuple(each for each in own.refused if each != event.certificate)
    return replace(own, refused=(*others, event.certificate))


def certificates_found(own: OwnCertificates, event: StationCertificatesFound) -> OwnCertificates:
    """What the files of the certificates come to."""
    kept = tuple(each for each in own.stored if each.fingerprint not in event.missing)
    unnamed = tuple(OwnCertificate(source=STORED, facts=each.facts, key=each.key) for each in event.unnamed)
    settings = () if event.settings is None else (OwnCertificate(source=SETTINGS, facts=event.settings),)
    found = (*(each for each in settings if each.fingerprint not in {one.fingerprint for one in kept}), *kept, *unnamed)
    is_changed = event.settings_digest != own.settings_digest
    # What somebody put in its place at the station is tried anew.
    refused = tuple(each for each in own.refused if not (is_changed and each in {one.fingerprint for one in settings}))
    after = replace(own, certificates=found, settings_digest=event.settings_digest, refused=refused, salvaged=False)
    return _tidied(after)


def _on_found(own: OwnCertificates, event: StationCertificatesFound, recorded: Recorded, _: Clock) -> OwnCertificates:
    return certificates_found(own, event)


def _on_salvaged(own: OwnCertificates, event: LogSalvaged, recorded: Recorded, _: Clock) -> OwnCertificates:
    return replace(own, salvaged=True)


FOLDS: Mapping[type[Event], Callable[[OwnCertificates, Any, Recorded, Clock], OwnCertificates]] = {
    CertificateSigningBegun: _on_begun,
    SigningRequestMade: _on_made,
    CertificateSigningEnded: _on_ended,
    StationCertificateInstalled: _on_installed,
    StationCertificateProven: _on_proven,
    StationCertificateRefused: _on_refused,
    StationCertificateDropped: _on_dropped,
    StationCertificatesFound: _on_found,
    LogSalvaged: _on_salvaged,
}

"""A station with a root that ends in nine days, and a certificate of its own that has ended and was refused."""

from eventstore.catalogue.certificates import (
    CertificateFacts,
    RootsFound,
    StationCertificateRefused,
    StationCertificatesFound,
)
from tests.given import UTC_2026_MS, StationUnderTest, station

DAY_MS = 86_400_000


def _facts(digit: str, ends_ms: int) -> CertificateFacts:
    return CertificateFacts(
        fingerprint=digit * 64,
        subject="CN=x",
        issuer="CN=x",
        serial="1",
        not_before_utc_ms=0,
        not_after_utc_ms=ends_ms,
        key="EC secp256r1",
    )


def certified() -> StationUnderTest:
    """The station, booted."""
    found = station(profiles_off=()).boot()
    found.observe(
        RootsFound(settings_digest="d", settings=(_facts("0", UTC_2026_MS + 10 * DAY_MS),)),
        StationCertificatesFound(settings_digest="d", settings=_facts("1", UTC_2026_MS)),
        StationCertificateRefused(certificate="1" * 64, reason="HTTP 401"),
    )
    return found

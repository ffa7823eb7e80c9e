"""What is missing for a security profile, said in words."""

import pytest

from eventstore.catalogue.certificates import CertificateFacts, RootsFound, StationCertificatesFound
from eventstore.catalogue.configuration import AuthorizationKeysFound
from station.rules.security_profiles import missing_for
from tests.given import UTC_2026_MS, station

FACTS = CertificateFacts(
    fingerprint="f",
    subject="s",
    issuer="s",
    serial="1",
    not_before_utc_ms=0,
    not_after_utc_ms=2 * UTC_2026_MS,
    key="EC",
)
KEY = AuthorizationKeysFound(settings="fp:1")
ROOT = RootsFound(settings_digest="d", settings=(FACTS,))
BUNDLE = RootsFound(settings_digest="d", is_bundle=True)
OWN = StationCertificatesFound(settings_digest="d", settings=FACTS)
NO_KEY, NO_ROOT, NO_OWN = "an AuthorizationKey", "a root certificate of the CSMS", "a certificate of the station"


@pytest.mark.parametrize(
    ("found", "missing"),
    [
        ((), ("", NO_KEY, NO_KEY, NO_ROOT)),
        ((KEY,), ("", "", NO_ROOT, NO_ROOT)),
        ((KEY, ROOT), ("", "", "", NO_OWN)),
        ((KEY, BUNDLE), ("", "", "", NO_OWN)),
        ((ROOT, OWN), ("", NO_KEY, NO_KEY, "")),
        ((KEY, ROOT, OWN), ("", "", "", "")),
    ],
)
def test_each_profile_needs_its_own(found: tuple[RootsFound, ...], missing: tuple[str, ...]) -> None:
    """A05.FR.02 to A05.FR.04."""
    under_test = station().boot()
    under_test.observe(*found)
    assert tuple(missing_for(under_test.state, profile, under_test.at_ms) for profile in range(4)) == missing


def test_a_key_whose_file_is_gone_is_none() -> None:
    under_test = station().online()
    under_test.ask("ChangeConfiguration", {"key": "AuthorizationKey", "value": "fp:1"})
    assert missing_for(under_test.state, 1, under_test.at_ms) == ""
    under_test.observe(AuthorizationKeysFound(settings="", missing=("fp:1",)))
    assert missing_for(under_test.state, 1, under_test.at_ms) == NO_KEY

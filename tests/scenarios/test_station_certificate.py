"""The station's own certificate: asked for, received, used, renewed and dropped (white paper, A02 and A03). The jobs' findings are given."""

from typing import Any

import pytest

from eventstore.catalogue.certificates import (
    CertificateCheckConcluded,
    CertificateExamined,
    CertificateFacts,
    CertificateSigningBegun,
    CertificateSigningEnded,
    IssuerHashes,
    KeyFile,
    SigningRequestMade,
    StationCertificateDropped,
    StationCertificateInstalled,
    StationCertificateProven,
    StationCertificateRefused,
    StationCertificatesFound,
)
from eventstore.catalogue.link import LinkCloseDecided
from eventstore.catalogue.security import SecurityEventRaised
from station.rules.station_certificate import OWN_MAX
from tests.given import UTC_2026_MS, StationUnderTest, answering, station

DAY_MS = 86_400_000
CPO, SERIAL = "Power Inc", "CB-0001"


def facts(
    name: str, *, begins_ms: int = UTC_2026_MS - DAY_MS, ends_ms: int = UTC_2026_MS + 90 * DAY_MS
) -> CertificateFacts:
    digits = name.encode().hex().upper()
    hashes = IssuerHashes(algorithm="SHA256", issuer_name=digits, issuer_key=digits)
    return CertificateFacts(
        fingerprint=name,
        subject=f"CN={SERIAL},O={CPO}",
        issuer="CN=ca",
        serial=digits,
        not_before_utc_ms=begins_ms,
        not_after_utc_ms=ends_ms,
        key="EC secp256r1",
        issuer_hashes=(hashes,),
    )


def secured(profile: int = 3, *, cpo: str = CPO, **says: Any) -> StationUnderTest:
    """A station of security profile 3 whose maker gave it a certificate."""
    found = station(
        profiles_off=(), security_profile=profile, csms_url="wss://csms.example/ocpp", factory={"CpoName": cpo}
    )
    accepted = {"status": "Accepted", "currentTime": "2026-01-01T00:00:00Z", "interval": 10_000_000}
    found.csms = answering(**{"BootNotification": accepted, "SignCertificate": {"status": "Accepted"}, **says})
    found.boot()
    found.observe(
        StationCertificatesFound(settings_digest="d", settings=facts("maker", begins_ms=UTC_2026_MS - 9 * DAY_MS))
    )
    found.connect()
    found.observe(StationCertificateProven(certificate="maker"))
    return found.forget()


def advance_to(found: StationUnderTest, at_ms: int) -> None:
    found.advance((at_ms - found.at_ms) / 1000)


def trigger(found: StationUnderTest) -> str:
    answer = found.ask("ExtendedTriggerMessage", {"requestedMessage": "SignChargePointCertificate"})
    assert answer is not None
    assert answer.payload is not None
    return str(answer.payload["status"])


def ask(found: StationUnderTest, key: str = "key") -> None:
    """The CSMS asks for a new certificate, and the job makes a key pair."""
    assert trigger(found) == "Accepted"
    assert found.state.own_certificates.signing is not None
    found.observe(
        SigningRequestMade(request=found.state.own_certificates.signing.request, key=key, csr=f"csr of {key}")
    )


def sent(found: StationUnderTest) -> list[str]:
    return [call["csr"] for call in found.sent("SignCertificate")]


def signed(found: StationUnderTest, name: str, key: str = "key", **more: Any) -> str:
    """The answer to CertificateSigned, once the job has found this."""
    found.ask("CertificateSigned", {"certificateChain": "PEM"})
    check = found.state.certificates.checks[0].check
    findings: dict[str, Any] = {
        "facts": facts(name),
        "public_key": key,
        "common_name": SERIAL,
        "organisation": CPO,
        "is_anchored": True,
        "chain_ends_utc_ms": UTC_2026_MS + 60 * DAY_MS,
    }
    found.observe(CertificateExamined(**{"check": check, "problem": "", **findings, **more}))
    found.advance(0)  # what is due now
    answer = found.answers[-1]
    assert answer.payload is not None
    assert answer.action == "CertificateSigned"
    return str(answer.payload["status"])


def own(found: StationUnderTest) -> list[str]:
    return [each.fingerprint for each in found.state.own_certificates.certificates]


def ranked(found: StationUnderTest) -> list[str]:
    now_ms = found.state.clock.utc_ms(found.at_ms)
    return [each.fingerprint for each in found.state.own_certificates.ranked(now_ms, exact=True)]


def closings(found: StationUnderTest) -> list[str]:
    return [event.reason for event in found.events(LinkCloseDecided)]


def again(found: StationUnderTest, certificate: str) -> None:
    """The link closes and opens again, with this certificate."""
    found.disconnect()
    found.observe(StationCertificateProven(certificate=certificate))
    found.connect()


# ---- asking --------------------------------------------------------------------------------------------------------


def test_the_request_names_cpo_and_serial_number_and_goes_out_once_the_key_pair_is_made() -> None:
    """A02.FR.02, FR.03, FR.13."""
    found = secured()
    ask(found)
    signing = found.state.own_certificates.signing
    assert signing is not None
    assert (signing.organisation, signing.common_name) == (CPO, SERIAL)
    assert sent(found) == ["csr of key"]


def test_a_second_trigger_makes_no_second_key_pair_while_the_first_is_on_its_way() -> None:
    found = secured(SignCertificate=None)
    assert [trigger(found), trigger(found)] == ["Accepted", "Accepted"]
    found.observe(SigningRequestMade(request=1, key="key", csr="csr"))
    assert trigger(found) == "Accepted"
    assert len(found.events(CertificateSigningBegun)) == 1


def test_a_trigger_after_that_makes_a_new_key_pair() -> None:
    """A02.FR.02; the certificate for the one before is not taken any more."""
    found = secured()
    ask(found, "key 1")
    ask(found, "key 2")
    assert sent(found) == ["csr of key 1", "csr of key 2"]
    assert signed(found, "one", "key 1") == "Rejected"
    assert signed(found, "two", "key 2") == "Accepted"


def test_without_cpo_name_a_trigger_is_rejected() -> None:
    """A02, 5: it must be set."""
    assert trigger(secured(cpo="")) == "Rejected"


def test_a_key_pair_that_cannot_be_made_ends_the_request() -> None:
    found = secured()
    trigger(found)
    found.observe(SigningRequestMade(request=1, failure="the disk is full"))
    assert found.events(CertificateSigningEnded)[-1].reason == "the disk is full"
    assert sent(found) == []
    assert found.state.own_certificates.signing is None


def test_a_csms_that_rejects_the_request_ends_it() -> None:
    found = secured(SignCertificate={"status": "Rejected"})
    ask(found)
    assert "rejected" in found.events(CertificateSigningEnded)[-1].reason
    assert found.state.own_certificates.keys == frozenset()


def test_a_csms_that_knows_no_certificates_ends_it_with_its_error() -> None:
    found = secured(SignCertificate="NotImplemented")
    ask(found)
    assert "NotImplemented" in found.events(CertificateSigningEnded)[-1].reason


def test_a_csms_that_says_nothing_is_asked_three_times() -> None:
    found = secured(SignCertificate=None)
    ask(found)
    found.advance(200)
    assert sent(found) == ["csr of key"] * 3
    assert "timeout" in found.events(CertificateSigningEnded)[-1].reason


# ---- receiving -----------------------------------------------------------------------------------------------------


def test_a_good_certificate_is_accepted_and_the_station_comes_back_with_it() -> None:
    """A02.FR.06, FR.08, FR.09; TC_074."""
    found = secured()
    ask(found)
    assert signed(found, "new") == "Accepted"
    assert closings(found) == ["a new certificate of the station is valid"]
    assert ranked(found) == ["new", "maker"]
    assert "ReconfigurationOfSecurityParameters" in [event.type for event in found.events(SecurityEventRaised)]
    again(found, "new")
    assert len(closings(found)) == 1, "it is in use now"


def test_below_profile_3_it_is_kept_for_the_day_when_it_is_needed() -> None:
    found = secured(2)
    ask(found)
    assert signed(found, "new") == "Accepted"
    assert closings(found) == []


@pytest.mark.parametrize(
    ("found_of_it", "reason"),
    [
        ({"problem": "it cannot be read", "facts": None}, "cannot be read"),
        ({"public_key": "another"}, "a key that this station does not have"),
        ({"is_anchored": False}, "leads to no root"),
        ({"chain_ends_utc_ms": UTC_2026_MS}, "expired"),
        ({"common_name": "CB-0002"}, "not the serial number"),
        ({"organisation": "Other Inc"}, "not CpoName"),
    ],
    ids=["damaged", "key", "chain", "expired", "CN", "O"],
)
def test_a_bad_certificate_is_rejected_with_its_security_event(found_of_it: dict[str, Any], reason: str) -> None:
    """A02.FR.06, FR.07; the request stays open, and the right one is taken after it."""
    found = secured()
    ask(found)
    assert signed(found, "bad", **found_of_it) == "Rejected"
    assert own(found) == ["maker"]
    assert reason in found.events(CertificateCheckConcluded)[-1].reason
    assert [event.type for event in found.events(SecurityEventRaised)][-1] == "InvalidChargePointCertificate"
    assert signed(found, "new") == "Accepted"


def test_what_cannot_be_stored_is_rejected_without_blaming_the_certificate() -> None:
    found = secured()
    ask(found)
    assert signed(found, "new", failure="no space") == "Rejected"
    assert "InvalidChargePointCertificate" not in [event.type for event in found.events(SecurityEventRaised)]


def test_a_chain_that_is_too_long_is_rejected_unread() -> None:
    """CertificateSignedMaxChainSize."""
    found = station(profiles_off=(), factory={"CertificateSignedMaxChainSize": "10"}).online()
    answer = found.ask("CertificateSigned", {"certificateChain": "x" * 11})
    assert answer is not None
    assert answer.payload == {"status": "Rejected"}
    assert [event.type for event in found.events(SecurityEventRaised)][-1] == "InvalidChargePointCertificate"
    found.ask("CertificateSigned", {"certificateChain": "x" * 10})
    assert len(found.state.certificates.checks) == 1


def test_a_certificate_of_the_station_cannot_be_deleted_as_a_root() -> None:
    """M04.FR.05."""
    found = secured()
    hashes = facts("maker").issuer_hashes[0]
    wanted = {
        "hashAlgorithm": "SHA256",
        "issuerNameHash": hashes.issuer_name,
        "issuerKeyHash": hashes.issuer_key,
        "serialNumber": facts("maker").serial,
    }
    answer = found.ask("DeleteCertificate", {"certificateHashData": wanted})
    assert answer is not None
    assert answer.payload == {"status": "Failed"}


# ---- using ---------------------------------------------------------------------------------------------------------


def test_a_certificate_that_begins_later_is_used_from_its_beginning_on() -> None:
    """A02.FR.08."""
    found = secured()
    ask(found)
    now_ms = found.state.clock.utc_ms(found.at_ms)
    assert signed(found, "new", facts=facts("new", begins_ms=now_ms + 60_000)) == "Accepted"
    assert ranked(found) == ["maker"]
    found.advance(59)
    assert closings(found) == []
    found.advance(1)
    assert len(closings(found)) == 1
    assert ranked(found) == ["new", "maker"]


def test_one_that_the_csms_refuses_comes_after_the_others_until_it_opens_a_connection() -> None:
    found = secured()
    ask(found)
    signed(found, "new")
    found.disconnect()
    found.observe(StationCertificateRefused(certificate="new", reason="tlsv1 alert unknown ca"))
    assert ranked(found) == ["maker", "new"]
    found.observe(StationCertificateRefused(certificate="maker", reason="tlsv1 alert unknown ca"))
    assert ranked(found) == ["new", "maker"]
    found.observe(StationCertificateRefused(certificate="new", reason="tlsv1 alert unknown ca"))
    again(found, "maker")
    assert ranked(found) == ["maker", "new"]
    assert len(closings(found)) == 1, "the refused one is no reason to leave"
    found.observe(StationCertificateProven(certificate="new"))
    assert ranked(found) == ["new", "maker"]


def test_an_expired_one_is_not_used() -> None:
    found = secured()
    assert ranked(found) == ["maker"]
    late = found.state.own_certificates.ranked(UTC_2026_MS + 90 * DAY_MS, exact=True)
    assert late == ()


def test_without_a_clock_one_that_begins_later_may_have_begun() -> None:
    found = secured()
    assert [each.fingerprint for each in found.state.own_certificates.ranked(0, exact=False)] == ["maker"]


def test_the_old_one_is_kept_for_a_month_after_the_new_one_has_worked() -> None:
    """A02.FR.10."""
    found = secured()
    ask(found)
    signed(found, "one")
    again(found, "one")
    ask(found, "key 2")
    signed(found, "two", "key 2", facts=facts("two", begins_ms=UTC_2026_MS))
    again(found, "two")
    proven_ms = found.at_ms
    advance_to(found, proven_ms + 30 * DAY_MS - 1)
    assert own(found) == ["maker", "one", "two"]
    advance_to(found, proven_ms + 30 * DAY_MS)
    assert own(found) == ["maker", "two"]
    assert found.events(StationCertificateDropped)[-1].certificate == "one"
    assert found.state.own_certificates.keys >= {"key 2"}
    assert "key" not in found.state.own_certificates.keys


def test_no_more_than_a_few_are_kept_and_never_without_the_one_that_works() -> None:
    found = secured(2)
    for number in range(OWN_MAX + 2):
        ask(found, f"key {number}")
        assert (
            signed(found, f"c{number}", f"key {number}", facts=facts(f"c{number}", begins_ms=UTC_2026_MS + number))
            == "Accepted"
        )
        if number == 0:
            found.observe(StationCertificateProven(certificate="c0"))
    assert own(found) == ["maker", "c0", "c3", "c4", "c5", "c6"]


# ---- renewing ------------------------------------------------------------------------------------------------------


def test_a_month_before_its_end_a_new_certificate_is_asked_for() -> None:
    """A03.FR.02; and again a week later, if nothing came of it."""
    found = secured()
    due_ms = found.state.clock.at_ms(UTC_2026_MS + 60 * DAY_MS)
    advance_to(found, due_ms - 1)
    assert found.events(CertificateSigningBegun) == []
    advance_to(found, due_ms)
    [begun] = found.events(CertificateSigningBegun)
    assert begun.reason == "the certificate ends within a month"
    found.observe(SigningRequestMade(request=1, key="key", csr="csr"))
    advance_to(found, due_ms + 7 * DAY_MS - 1)
    assert len(found.events(CertificateSigningBegun)) == 1
    advance_to(found, due_ms + 7 * DAY_MS)
    assert len(found.events(CertificateSigningBegun)) == 2


def test_without_cpo_name_nothing_is_asked_for() -> None:
    """A03, 5: the key must be set; once it is, the request goes out."""
    found = secured(cpo="")
    advance_to(found, found.state.clock.at_ms(UTC_2026_MS + 61 * DAY_MS))
    assert found.events(CertificateSigningBegun) == []
    found.ask("ChangeConfiguration", {"key": "CpoName", "value": CPO})
    found.advance(1)
    assert found.events(CertificateSigningBegun)[-1].organisation == CPO


def test_a_lost_file_is_used_no_more_and_one_that_a_salvaged_log_forgot_is_again() -> None:
    found = secured()
    ask(found)
    signed(found, "new")
    [installed] = found.events(StationCertificateInstalled)
    found.observe(StationCertificatesFound(settings_digest="d", settings=facts("maker"), missing=("new",)))
    assert own(found) == ["maker"]
    unnamed = (KeyFile(facts=installed.facts, key=installed.key),)
    found.observe(StationCertificatesFound(settings_digest="d", settings=facts("maker"), unnamed=unnamed))
    assert own(found) == ["maker", "new"]


def test_what_somebody_puts_in_place_of_the_settings_certificate_is_tried_anew() -> None:
    found = secured()
    found.observe(StationCertificateRefused(certificate="maker", reason="HTTP 401"))
    found.observe(StationCertificatesFound(settings_digest="e", settings=facts("maker")))
    assert found.state.own_certificates.refused == ()

"""Root certificates are listed, installed and deleted by the CSMS (white paper, M03 to M05). The job's findings are given here."""

from typing import Any

import pytest

from eventstore.catalogue.certificates import (
    CertificateCheckConcluded,
    CertificateExamined,
    CertificateFacts,
    CsmsRootProven,
    IssuerHashes,
    RootFile,
    RootInstalled,
    RootRemoved,
    RootsFound,
)
from eventstore.catalogue.security import SecurityEventRaised
from eventstore.value import replace
from projections.certificates import CSMS_ROOT, MANUFACTURER_ROOT, SYSTEM
from station import RELEASED_UTC_MS
from tests.given import UTC_2026_MS, SentAnswer, StationUnderTest, station

YEAR_MS = 365 * 86_400_000


def facts(name: str, *, until_ms: int = UTC_2026_MS + YEAR_MS) -> CertificateFacts:
    """Those of a root whose fingerprint, hashes and serial number follow from its name."""
    digits = name.encode().hex().upper()
    return CertificateFacts(
        fingerprint=name,
        subject=f"CN={name}",
        issuer=f"CN={name}",
        serial=digits,
        not_before_utc_ms=UTC_2026_MS - YEAR_MS,
        not_after_utc_ms=until_ms,
        key="EC secp256r1",
        issuer_hashes=tuple(
            IssuerHashes(algorithm=algorithm, issuer_name=f"{algorithm[3:]}{digits}", issuer_key=f"AB{digits}")
            for algorithm in ("SHA256", "SHA384", "SHA512")
        ),
    )


def secured(*of_settings: str, **factory: str) -> StationUnderTest:
    found = station(profiles_off=(), factory=factory, csms_url="wss://csms.example/ocpp").online()
    if of_settings:
        found.observe(RootsFound(settings_digest="d", settings=tuple(facts(name) for name in of_settings)))
    return found


def send(found: StationUnderTest, use: str = CSMS_ROOT) -> None:
    found.ask("InstallCertificate", {"certificateType": use, "certificate": "PEM"})


def examined(found: StationUnderTest, name: str, **more: Any) -> CertificateExamined:
    number = found.state.certificates.checks[0].check
    return CertificateExamined(**{"check": number, "problem": "", "facts": facts(name), "signed_by": (), **more})


def status(answer: SentAnswer) -> str:
    assert answer.payload is not None, answer
    return str(answer.payload["status"])


def install(found: StationUnderTest, name: str, use: str = CSMS_ROOT, **more: Any) -> str:
    """The answer to InstallCertificate, once the job has found this."""
    before = len(found.answers)
    send(found, use)
    assert len(found.answers) == before, "answered before anybody has looked at it"
    found.observe(examined(found, name, **more))
    [answer] = found.answers[before:]
    return status(answer)


def asked(found: StationUnderTest, action: str, payload: dict[str, Any]) -> dict[str, Any]:
    answer = found.ask(action, payload)
    assert answer is not None
    assert answer.payload is not None, answer
    return answer.payload


def ids(found: StationUnderTest, use: str = CSMS_ROOT) -> dict[str, Any]:
    return asked(found, "GetInstalledCertificateIds", {"certificateType": use})


def hash_data(name: str, algorithm: str = "SHA256") -> dict[str, str]:
    hashes = next(each for each in facts(name).issuer_hashes if each.algorithm == algorithm)
    return {
        "hashAlgorithm": algorithm,
        "issuerNameHash": hashes.issuer_name,
        "issuerKeyHash": hashes.issuer_key,
        "serialNumber": facts(name).serial,
    }


def delete(found: StationUnderTest, data: dict[str, str]) -> str:
    return str(asked(found, "DeleteCertificate", {"certificateHashData": data})["status"])


def trusted(found: StationUnderTest, use: str = CSMS_ROOT) -> list[str]:
    return [root.fingerprint for root in found.state.certificates.of(use)]


def raised(found: StationUnderTest) -> list[str]:
    return [event.type for event in found.events(SecurityEventRaised)]


def test_what_was_installed_is_listed_by_its_hashes() -> None:
    """M03.FR.02 to 04, M05.FR.02."""
    found = secured()
    assert ids(found) == {"status": "NotFound"}
    assert install(found, "one") == "Accepted"
    assert ids(found) == {"status": "Accepted", "certificateHashData": [hash_data("one")]}
    assert ids(found, MANUFACTURER_ROOT) == {"status": "NotFound"}
    assert "ReconfigurationOfSecurityParameters" in raised(found)


def test_what_the_settings_trust_counts_as_installed_by_the_maker() -> None:
    assert ids(secured("maker")) == {"status": "Accepted", "certificateHashData": [hash_data("maker")]}


def test_the_two_uses_are_two_stores() -> None:
    """White paper 6.4."""
    found = secured()
    assert install(found, "one", MANUFACTURER_ROOT) == "Accepted"
    assert install(found, "one") == "Accepted"
    assert (trusted(found), trusted(found, MANUFACTURER_ROOT)) == (["one"], ["one"])


@pytest.mark.parametrize(
    ("found_of_it", "reason"),
    [
        ({"problem": "it is no CA certificate (basicConstraints)", "facts": None}, "it is no CA certificate"),
        ({"facts": facts("old", until_ms=UTC_2026_MS)}, "it has expired"),
    ],
    ids=["damaged", "expired"],
)
def test_an_invalid_root_is_rejected_with_its_security_event(found_of_it: dict[str, Any], reason: str) -> None:
    """M05.FR.06; InvalidCentralSystemCertificate is what TC_078 asks for."""
    found = secured()
    assert install(found, "bad", **found_of_it) == "Rejected"
    assert trusted(found) == []
    assert raised(found)[-1] == "InvalidCentralSystemCertificate"
    assert reason in found.events(CertificateCheckConcluded)[-1].reason


def test_the_same_mistake_is_reported_once_an_hour() -> None:
    """What can come in masses from outside."""
    found = secured()
    for _ in range(3):
        assert install(found, "bad", problem="it is damaged", facts=None) == "Rejected"
    assert raised(found).count("InvalidCentralSystemCertificate") == 1


def test_an_invalid_root_of_the_manufacturer_says_nothing_of_the_csms() -> None:
    found = secured()
    assert install(found, "bad", MANUFACTURER_ROOT, problem="it is damaged", facts=None) == "Rejected"
    assert "InvalidCentralSystemCertificate" not in raised(found)


def test_without_a_clock_a_root_is_judged_at_a_time_that_has_passed_for_certain() -> None:
    """A station whose calendar says 1970 must get in, and what has expired long since must not."""
    found = secured()
    found.state = replace(found.state, clock=replace(found.state.clock, trusted=False, offset_ms=0))
    send(found)
    assert found.observe(examined(found, "old", facts=facts("old", until_ms=RELEASED_UTC_MS)))
    assert status(found.answers[-1]) == "Rejected"
    send(found)
    assert found.observe(examined(found, "one", facts=facts("one", until_ms=RELEASED_UTC_MS + 1)))
    assert status(found.answers[-1]) == "Accepted"


def test_what_cannot_be_stored_has_failed() -> None:
    """M05.FR.04."""
    found = secured()
    assert install(found, "one", failure="it cannot be stored: No space left on device") == "Failed"
    assert trusted(found) == []


def test_no_more_are_installed_than_the_store_takes() -> None:
    """M05.FR.03; those of the settings do not count, and one that is there is no further one."""
    found = secured("maker", CertificateStoreMaxLength="2")
    assert [install(found, name) for name in ("one", "two", "three", "two", "maker")] == [
        "Accepted",
        "Accepted",
        "Rejected",
        "Accepted",
        "Accepted",
    ]
    assert trusted(found) == ["maker", "one", "two"]
    assert delete(found, hash_data("one")) == "Accepted"
    assert install(found, "three") == "Accepted"


@pytest.mark.parametrize("algorithm", ["SHA256", "SHA384", "SHA512"])
def test_a_root_is_deleted_by_the_hashes_of_any_algorithm(algorithm: str) -> None:
    """M04.FR.02, FR.07; hexadecimal digits in any case, and leading zeroes are tolerated."""
    found = secured()
    install(found, "one")
    install(found, "two")
    data = {name: value.lower() for name, value in hash_data("one", algorithm).items()} | {"hashAlgorithm": algorithm}
    data["serialNumber"] = f"00{data['serialNumber']}"
    assert delete(found, data) == "Accepted"
    assert trusted(found) == ["two"]
    assert delete(found, data) == "NotFound"


def test_hashes_of_another_algorithm_name_nothing() -> None:
    """M04.FR.04."""
    found = secured()
    install(found, "one")
    assert delete(found, {**hash_data("one"), "hashAlgorithm": "SHA512"}) == "NotFound"


def test_the_root_by_which_the_csms_is_verified_cannot_be_deleted() -> None:
    """M04.FR.06."""
    found = secured()
    install(found, "one")
    install(found, "two")
    found.observe(CsmsRootProven(root="two"))
    assert delete(found, hash_data("two")) == "Failed"
    assert delete(found, hash_data("one")) == "Accepted"
    assert trusted(found) == ["two"]


def test_a_root_of_the_settings_that_was_deleted_is_trusted_no_more_until_the_settings_name_others() -> None:
    found = secured("maker", "other")
    assert delete(found, hash_data("maker")) == "Accepted"
    same = RootsFound(settings_digest="d", settings=(facts("maker"), facts("other")))
    found.observe(same)
    assert trusted(found) == ["other"]
    found.observe(RootsFound(settings_digest="e", settings=(facts("maker"),)))
    assert trusted(found) == ["maker"]


def test_a_link_that_goes_ends_the_check() -> None:
    found = secured()
    send(found)
    late = examined(found, "one")
    found.disconnect()
    assert found.observe(late) == [late]
    assert trusted(found) == []


def test_a_disk_that_hangs_is_a_failure_in_time() -> None:
    found = secured()
    send(found)
    late = examined(found, "one")
    found.advance(19)
    assert found.answers == [] or found.answers[-1].action != "InstallCertificate"
    found.advance(1)
    assert status(found.answers[-1]) == "Failed"
    assert found.observe(late) == [late]


def test_a_csms_that_does_not_wait_is_answered_in_order_and_at_some_point_refused() -> None:
    found = secured()
    for _ in range(5):
        send(found)
    assert [status(answer) for answer in found.answers if answer.action == "InstallCertificate"] == ["Failed"]
    for name in ("one", "two", "three", "four"):
        found.observe(examined(found, name))
    assert [status(answer) for answer in found.answers[-4:]] == ["Accepted"] * 4
    assert len({answer.message_id for answer in found.answers[-4:]}) == 4


# ---- AdditionalRootCertificateCheck ----------------------------------------------------------------------------------


def checking(*of_settings: str) -> StationUnderTest:
    return secured(*of_settings, AdditionalRootCertificateCheck="true")


def test_a_new_root_must_be_signed_by_the_one_that_it_replaces() -> None:
    """M05.FR.09, FR.10; the first one has nobody to sign it."""
    found = checking()
    assert install(found, "first") == "Accepted"
    assert install(found, "stranger") == "Rejected"
    assert trusted(found) == ["first"]


def test_the_root_that_was_replaced_is_a_fallback_until_the_new_one_has_verified_a_connection() -> None:
    """M05.FR.08, FR.11 to 13."""
    found = checking("old")
    found.observe(CsmsRootProven(root="old"))
    assert install(found, "new", signed_by=("old",)) == "Accepted"
    assert found.state.certificates.rungs(0) == (("new",), ("old",))
    found.observe(CsmsRootProven(root="new"))
    assert trusted(found) == ["new"]
    assert found.state.certificates.rungs(0) == (("new",),)
    assert found.events(RootRemoved)[-1].fingerprint == "old"
    found.observe(RootsFound(settings_digest="d", settings=(facts("old"),)))
    assert trusted(found) == ["new"]


def test_the_fallback_stays_the_root_that_is_known_to_work() -> None:
    found = checking("old")
    found.observe(CsmsRootProven(root="old"))
    install(found, "new", signed_by=("old",))
    assert install(found, "newer", signed_by=("old",)) == "Rejected", "it would replace the new one"
    assert install(found, "newer", signed_by=("new",)) == "Accepted"
    assert found.state.certificates.rungs(0) == (("newer",), ("old",))
    assert delete(found, hash_data("newer")) == "Accepted"
    assert found.state.certificates.rungs(0) == (("old",),)


def test_the_check_is_none_of_the_manufacturers_roots() -> None:
    found = checking()
    assert [install(found, name, MANUFACTURER_ROOT) for name in ("one", "two")] == ["Accepted", "Accepted"]


# ---- what a connection is tried with -------------------------------------------------------------------------------------


def test_the_systems_roots_are_the_last_resort_until_one_of_the_stations_own_is_proven() -> None:
    """A root that leads nowhere must not take the way to the CSMS."""
    found = secured()
    assert found.state.certificates.rungs(0) == (SYSTEM,)
    install(found, "one")
    assert found.state.certificates.rungs(0) == (("one",), SYSTEM)
    found.observe(CsmsRootProven(root="one"))
    assert found.state.certificates.rungs(0) == (("one",),)


def test_an_expired_root_is_left_out_where_there_is_another() -> None:
    """White paper 7.1: else it would spoil a chain that ends in it."""
    found = secured("maker")
    install(found, "one", facts=facts("one", until_ms=UTC_2026_MS + YEAR_MS // 2))
    now_ms = UTC_2026_MS + YEAR_MS // 2
    assert found.state.certificates.rungs(now_ms - 1) == (("maker", "one"),)
    assert found.state.certificates.rungs(now_ms) == (("maker",),)
    assert found.state.certificates.rungs(UTC_2026_MS + 2 * YEAR_MS) == (("maker", "one"),)


def test_a_file_that_is_lost_is_trusted_no_more_and_one_that_a_salvaged_log_forgot_is_again() -> None:
    found = secured()
    install(found, "one")
    root = found.events(RootInstalled)[-1]
    found.observe(RootsFound(missing=("one",)))
    assert ids(found) == {"status": "NotFound"}
    found.observe(RootsFound(unnamed=(RootFile(use=CSMS_ROOT, facts=root.facts),)))
    assert trusted(found) == ["one"]

"""SecurityProfile goes up, by trial, and never down again (white paper, A05 and 7.6)."""

import pytest

from eventstore.catalogue.certificates import CertificateFacts, RootsFound, StationCertificatesFound
from eventstore.catalogue.configuration import AuthorizationKeysFound
from eventstore.catalogue.link import ConnectFailed, LinkCloseDecided
from eventstore.catalogue.security import SecurityProfileFallenBack, SecurityProfileProven, SecurityProfileTrialBegun
from eventstore.value import replace
from station import RELEASED_UTC_MS
from tests.given import UTC_2026_MS, StationUnderTest, station

YEAR_MS = 365 * 86_400_000
LATER = UTC_2026_MS + YEAR_MS
FAILED = ConnectFailed(reason="no", entropy=0)


def of(profile: int = 1, *, key: bool = True, root: int = LATER, own: int = LATER, **more: object) -> StationUnderTest:
    """An online station with all that a higher profile needs, unless said otherwise."""
    found = station(security_profile=profile, **{"profiles_off": (), **more}).online()
    if root:
        found.observe(RootsFound(settings_digest="d", settings=(facts(root),)))
    if own:
        found.observe(StationCertificatesFound(settings_digest="d", settings=facts(own)))
    if key:
        found.observe(AuthorizationKeysFound(settings="fp:1"))
    return found.forget()


def facts(not_after_utc_ms: int) -> CertificateFacts:
    """Of a root that ends then."""
    return CertificateFacts(
        fingerprint="f",
        subject="s",
        issuer="s",
        serial="1",
        not_before_utc_ms=0,
        not_after_utc_ms=not_after_utc_ms,
        key="EC secp256r1",
    )


def change(found: StationUnderTest, value: object) -> str:
    answer = found.ask("ChangeConfiguration", {"key": "SecurityProfile", "value": str(value)})
    assert answer is not None
    assert answer.payload is not None
    return str(answer.payload["status"])


def read(found: StationUnderTest) -> dict[str, object]:
    answer = found.ask("GetConfiguration", {"key": ["SecurityProfile"]})
    assert answer is not None
    assert answer.payload is not None
    [key] = answer.payload["configurationKey"]
    return dict(key)


def hung_up(found: StationUnderTest) -> StationUnderTest:
    """The link has closed as the station decided, and the next attempt is due."""
    assert found.state.link.close_wanted
    found.disconnect("closed by us")
    return found.forget()


def tried(found: StationUnderTest, times: int) -> list[int]:
    """The profiles of the next attempts, all of which fail."""
    profiles = []
    for _ in range(times):
        profiles.append(found.state.security_profile.next)
        found.observe(FAILED)
        found.advance(600)
    return profiles


def test_it_can_be_read_and_written() -> None:
    assert read(of(1)) == {"key": "SecurityProfile", "readonly": False, "value": "1"}


@pytest.mark.parametrize(
    ("profile", "value"), [(0, 0), (1, 0), (1, 1), (2, 1), (3, 2), (3, 3), (3, 4), (1, -1), (1, "")]
)
def test_a_lower_or_equal_value_is_rejected_and_so_is_none_at_all(profile: int, value: object) -> None:
    """A05.FR.01."""
    found = of(profile)
    assert change(found, value) == "Rejected"
    assert read(found)["value"] == str(profile)
    assert found.events(LinkCloseDecided) == []


@pytest.mark.parametrize(
    ("profile", "value", "without", "status"),
    [
        (0, 1, {"key": False}, "Rejected"),
        (0, 2, {"key": False}, "Rejected"),
        (0, 3, {"key": False}, "Accepted"),
        (0, 1, {"root": 0}, "Accepted"),
        (1, 2, {"root": 0}, "Rejected"),
        (1, 2, {"root": UTC_2026_MS - 1}, "Rejected"),
        (1, 3, {"root": 0}, "Rejected"),
        (1, 2, {"own": 0}, "Accepted"),
        (2, 3, {"own": 0}, "Rejected"),
        (2, 3, {"own": UTC_2026_MS - 1}, "Rejected"),
        (0, 1, {"identity": "CB:1"}, "Rejected"),
        (0, 1, {"security_profile_fixed": True}, "Rejected"),
        (0, 1, {}, "Accepted"),
        (0, 2, {}, "Accepted"),
        (0, 3, {}, "Accepted"),
    ],
)
def test_what_a_profile_needs_must_be_there(profile: int, value: int, without: dict[str, object], status: str) -> None:
    """A05.FR.02 to A05.FR.05; a certificate that has expired is none."""
    found = of(profile, **without)  # type: ignore[arg-type]
    assert change(found, value) == status
    assert (found.events(SecurityProfileTrialBegun) != []) is (status == "Accepted")
    assert found.state.link.close_wanted is (status == "Accepted")


def test_a_station_that_does_not_know_the_time_takes_a_root_for_valid_that_has_not_expired_for_certain() -> None:
    found = of(1, root=RELEASED_UTC_MS + YEAR_MS)
    found.state = replace(found.state, clock=replace(found.state.clock, trusted=False, offset_ms=0))
    assert change(found, 2) == "Accepted"


def test_without_the_extension_there_is_no_such_key() -> None:
    found = station(security_profile=1).online()
    assert change(found, 2) == "NotSupported"


def test_the_new_profile_is_used_on_the_reconnection_and_holds_from_then_on() -> None:
    """A05.FR.06, A05.FR.07. TC_083: BootNotification and the statuses, on the new profile."""
    found = of(1)
    assert change(found, 2) == "Accepted"
    assert read(found)["value"] == "2"
    hung_up(found)
    assert found.state.security_profile.next == 2
    found.connect()
    assert found.events(SecurityProfileProven) == [SecurityProfileProven(profile=2)]
    assert found.actions() == ["BootNotification", "StatusNotification 0 Available", "StatusNotification 1 Available"]
    found.disconnect()
    assert tried(found, 5) == [2] * 5, "it is never fallen back from"
    assert change(found.connect(), 1) == "Rejected"


def test_a_charging_car_notices_nothing_of_it() -> None:
    found = of(1)
    found.plug()
    found.swipe()
    assert found.state.connectors[1].status == "Charging"
    assert change(found, 2) == "Accepted"
    hung_up(found)
    found.connect()
    assert found.state.connectors[1].status == "Charging"
    assert "StopTransaction" not in found.actions()


def test_one_that_opens_no_connection_is_fallen_back_from() -> None:
    """A05.FR.08. The station is never without a way in: the profiles take turns."""
    found = of(1)
    change(found, 2)
    hung_up(found)
    assert tried(found, 6) == [2, 2, 1, 2, 2, 1]
    tried(found, 2)
    found.connect()
    assert found.events(SecurityProfileFallenBack) == [SecurityProfileFallenBack(profile=2, to=1)]
    assert read(found)["value"] == "1"
    assert "BootNotification" not in found.actions()
    found.disconnect()
    assert tried(found, 3) == [1, 1, 1]
    assert change(found.connect(), 2) == "Accepted", "it may be asked for again"


@pytest.mark.parametrize("failures", [0, 1, 2, 3])
def test_a_trial_goes_on_where_it_was_through_restarts(failures: int) -> None:
    found = of(1)
    change(found, 3)
    hung_up(found)
    tried(found, failures)
    found.boot(orderly=False)
    assert found.state.security_profile.next == (3, 3, 1)[failures % 3]
    found.connect()
    assert found.state.security_profile.in_force == (3, 3, 1)[failures % 3]
    assert found.state.security_profile.trial is None


def test_what_was_proven_outlives_restarts_and_other_settings() -> None:
    found = of(0)
    change(found, 2)
    hung_up(found)
    found.connect()
    for settings, expected in ((0, 2), (1, 2), (3, 3), (0, 2)):
        found.description = replace(found.description, security_profile=settings)
        found.boot()
        assert found.state.security_profile.next == expected


def test_somebody_at_the_station_can_lower_it() -> None:
    """A00.FR.005: by another way than OCPP. What was raised is forgotten."""
    found = of(0)
    change(found, 2)
    hung_up(found)
    found.connect()
    found.description = replace(found.description, security_profile=1, security_profile_fixed=True)
    found.boot()
    assert found.state.security_profile.next == 1
    found.connect()
    assert change(found, 2) == "Rejected"
    found.description = replace(found.description, security_profile_fixed=False)
    found.boot().connect()
    assert found.state.security_profile.next == 1
    assert change(found, 2) == "Accepted"


@pytest.mark.parametrize(
    "changed", [{"security_profile": 2}, {"security_profile_fixed": True}, {"profiles_off": ("Security",)}]
)
def test_other_settings_end_a_trial_that_they_leave_no_room_for(changed: dict[str, object]) -> None:
    found = of(1)
    change(found, 2)
    hung_up(found)
    found.description = replace(found.description, **changed)
    found.boot()
    held = found.state.security_profile
    assert (held.trial, held.next) == (None, found.description.security_profile)


def test_a_higher_one_may_be_asked_for_before_the_link_has_closed() -> None:
    found = of(1)
    assert [change(found, value) for value in (2, 2, 1, 3)] == ["Accepted", "Rejected", "Rejected", "Accepted"]
    hung_up(found)
    assert found.state.security_profile.next == 3


def test_a_new_authorization_key_closes_the_link_of_a_raised_profile() -> None:
    found = of(0)
    change(found, 1)
    hung_up(found)
    found.connect()
    found.forget()
    found.ask("ChangeConfiguration", {"key": "AuthorizationKey", "value": "fp:2"})
    assert found.state.link.close_wanted


def test_a_proven_profile_is_a_security_event() -> None:
    """Section 8: ReconfigurationOfSecurityParameters; from profile 1 on they are sent."""
    found = of(0, security_events="by profile")
    change(found, 1)
    hung_up(found)
    found.connect()
    sent = [(each["type"], each["techInfo"]) for each in found.sent("SecurityEventNotification")]
    assert sent == [("ReconfigurationOfSecurityParameters", "SecurityProfile 1")]

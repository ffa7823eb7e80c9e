"""What is a security event, how often it is raised, and that it is raised once."""

from typing import Any

import pytest

from eventstore.catalogue.configuration import AuthorizationKeyRefused, ConfigurationChanged
from eventstore.catalogue.lifecycle import (
    ClockAdjusted,
    DiskSpaceObserved,
    LogDamageFound,
    LogSalvaged,
    StationBooted,
    StationStopped,
)
from eventstore.catalogue.link import CallAnswered, CallSettled, FrameRefused, LinkOpened
from eventstore.catalogue.maintenance import (
    FirmwareStatusQueued,
    ResetAccepted,
    SignedFirmwareStatusQueued,
    SignedUpdateAnswered,
)
from eventstore.catalogue.security import ServiceAccessRefused, TamperObserved, TlsFailed
from eventstore.event import Event, Recorded
from eventstore.value import replace as replaced
from projections.security import CAUSES_MAX, DAMAGE_FOLDED_MS, FOLDED_MS, PENDING_MAX
from projections.station import INITIAL, StationState, evolve
from tests.given import DESCRIPTION

ON = replaced(DESCRIPTION, profiles_off=())
OFF = replaced(DESCRIPTION, profiles_off=("Security",))


def fold(state: StationState, *events: Event, at_ms: int = 0) -> StationState:
    for event in events:
        state = evolve(state, Recorded(seq=state.seq + 1, cause=1, at_ms=at_ms, utc_ms=at_ms, event=event))
    return state


def boot(**members: Any) -> StationBooted:
    facts: dict[str, Any] = {
        "boot": 1,
        "installation": "i",
        "software_version": "0.2.0",
        "firmware_version": "1",
        "offset_ms": 0,
        "clock_trusted": True,
        "orderly": True,
    }
    return StationBooted(**(facts | members))


def quiet() -> StationState:
    """A station that has booted, and whose boot has been raised."""
    state = fold(INITIAL, boot(), ON)
    return replaced(state, security=replaced(state.security, pending=()))


def raised(*events: Event, state: StationState | None = None) -> list[tuple[str, str]]:
    found = fold(state or quiet(), *events)
    return [(each.type, each.tech_info) for each in found.security.pending]


def settled(action: str, outcome: str, error_code: str = "") -> CallSettled:
    return CallSettled(
        message_id="m",
        action=action,
        lane="security",
        owed_seq=1,
        outcome=outcome,
        error_code=error_code,
        ends_entry=False,
    )


def answered(error_code: str, action: str = "Reset") -> CallAnswered:
    return CallAnswered(connection=1, message_id="m", action=action, payload="", error_code=error_code)


def salvaged(old_head_seq: int, kept_seq: int) -> LogSalvaged:
    return LogSalvaged(old_head_seq=old_head_seq, old_head_digest="", kept_seq=kept_seq, quarantine="", findings=())


def test_a_boot_is_raised_once_the_station_is_described() -> None:
    state = fold(INITIAL, boot())
    assert state.security.pending == ()
    [(kind, info)] = raised(ON, state=state)
    assert kind == "StartupOfTheDevice"
    assert info == "software 0.2.0, firmware 1; the last run ended: in order"


def test_a_boot_says_how_the_run_before_it_ended() -> None:
    [(_, killed)] = raised(boot(orderly=False), ON)
    [(_, ended)] = raised(StationStopped(why="SIGTERM"), boot(), ON)
    assert killed.endswith("without a word")
    assert ended.endswith("SIGTERM")


def test_a_reset_and_new_firmware_are_raised_at_the_next_boot() -> None:
    found = raised(ResetAccepted(kind="Hard", due_ms=0), StationStopped(why="Reset"), boot(firmware_version="2"), ON)
    assert found[1:] == [("ResetOrReboot", "Hard Reset"), ("FirmwareUpdated", "1 to 2")]


def test_without_the_extension_nothing_is_raised() -> None:
    state = fold(INITIAL, boot(), OFF)
    assert raised(TamperObserved(open=True), FrameRefused(connection=1, reason="r"), state=state) == []


def test_switching_the_extension_off_forgets_what_was_not_raised() -> None:
    assert raised(boot(boot=2), OFF, state=fold(quiet(), TamperObserved(open=True))) == []


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (ClockAdjusted(offset_ms=60_001, trusted=True, source="CSMS"), ("SettingSystemTime", "moved by +60 s, by CSMS")),
        (ClockAdjusted(offset_ms=-90_000, trusted=True, source="NTP"), ("SettingSystemTime", "moved by -90 s, by NTP")),
        (ConfigurationChanged(key="AuthorizationKey", value="fp:1"), ("ReconfigurationOfSecurityParameters", "AuthorizationKey")),
        (ConfigurationChanged(key="CpoName", value="x"), ("ReconfigurationOfSecurityParameters", "CpoName")),
        (AuthorizationKeyRefused(key="fp:1", source="csms", status=401), ("FailedToAuthenticateAtCentralSystem", "AuthorizationKey fp:1: HTTP 401")),
        (FrameRefused(connection=1, reason="a binary frame"), ("InvalidMessages", "a binary frame")),
        (answered("FormationViolation", ""), ("InvalidMessages", "a frame: FormationViolation")),
        (answered("OccurenceConstraintViolation"), ("InvalidMessages", "Reset: OccurenceConstraintViolation")),
        (settled("Heartbeat", "malformed"), ("InvalidMessages", "the answer to Heartbeat")),
        (DiskSpaceObserved(level="low", free_bytes=5 * 2**20), ("MemoryExhaustion", "disk low: 5 MiB free")),
        (LogDamageFound(finding="000000000001-000000000500.cbz is missing"), ("SecurityLogWasCleared", "000000000001-000000000500.cbz is missing")),
        (salvaged(10, 7), ("SecurityLogWasCleared", "events 8 to 10 of the log are lost")),
        (TamperObserved(open=True), ("TamperDetectionActivated", "the enclosure is open")),
        (ServiceAccessRefused(peer="192.0.2.7", reason="no token"), ("FailedToAuthenticateAtService", "192.0.2.7: no token")),
    ],
)  # fmt: skip
def test_what_happens_is_raised_by_its_name(event: Event, expected: tuple[str, str]) -> None:
    assert raised(event) == [expected]


@pytest.mark.parametrize(
    "event",
    [
        ClockAdjusted(offset_ms=60_000, trusted=True, source="CSMS"),
        ConfigurationChanged(key="HeartbeatInterval", value="60"),
        answered("NotSupported"),
        answered("", "Heartbeat"),
        settled("Heartbeat", "result"),
        DiskSpaceObserved(level="ok", free_bytes=1),
        salvaged(7, 7),
        TamperObserved(open=False),
    ],
)
def test_what_is_usual_is_not_raised(event: Event) -> None:
    assert raised(event) == []


def test_a_disk_that_recovers_is_raised_when_it_fills_again() -> None:
    low, fine, full = (DiskSpaceObserved(level=level, free_bytes=0) for level in ("low", "ok", "critical"))
    assert [info for _, info in raised(low, low, fine, full)] == ["disk low: 0 MiB free", "disk critical: 0 MiB free"]


def test_an_enclosure_is_raised_each_time_it_is_opened() -> None:
    opened, closed = TamperObserved(open=True), TamperObserved(open=False)
    assert len(raised(opened, opened, closed, opened)) == 2


def test_a_cause_is_raised_again_after_an_hour_with_the_number_of_those_between() -> None:
    refused = FrameRefused(connection=1, reason="r")
    state = fold(quiet(), refused, refused, refused)
    before = fold(state, refused, at_ms=FOLDED_MS - 1)
    assert [each.tech_info for each in before.security.pending] == ["r"]
    at = fold(before, refused, at_ms=FOLDED_MS)
    assert [each.tech_info for each in at.security.pending] == ["r", "r (3 more since the last one)"]
    assert fold(at, refused, at_ms=FOLDED_MS).security.pending == at.security.pending


def test_many_causes_and_many_happenings_are_bounded() -> None:
    state = quiet()
    for number in range(PENDING_MAX + 10):
        state = fold(state, FrameRefused(connection=1, reason=f"r{number}"))
    assert len(state.security.pending) == PENDING_MAX
    assert len(state.security.causes) == CAUSES_MAX


@pytest.mark.parametrize("error_code", ["NotImplemented", "NotSupported"])
def test_a_csms_that_knows_no_security_events_is_remembered_until_the_next_connection(error_code: str) -> None:
    state = fold(quiet(), settled("SecurityEventNotification", "error", error_code))
    assert state.security.refused
    assert not fold(state, LinkOpened(connection=2)).security.refused


def test_any_other_error_says_nothing_of_what_the_csms_knows() -> None:
    assert not fold(quiet(), settled("SecurityEventNotification", "error", "InternalError")).security.refused
    assert not fold(quiet(), settled("Heartbeat", "error", "NotImplemented")).security.refused


EXPIRED = TlsFailed(type="InvalidCentralSystemCertificate", detail="certificate has expired")


def test_a_csms_that_is_wrong_for_a_week_gives_one_event() -> None:
    state = quiet()
    for hour in range(7 * 24):
        state = fold(state, EXPIRED, at_ms=hour * FOLDED_MS)
    assert raised(state=state) == [("InvalidCentralSystemCertificate", "certificate has expired")]
    other = replaced(EXPIRED, detail="self-signed certificate")
    assert [info for _, info in raised(other, state=state)] == ["certificate has expired", "self-signed certificate"]


def test_one_that_goes_wrong_again_gives_another_one_but_not_within_the_hour() -> None:
    state = fold(quiet(), EXPIRED, LinkOpened(connection=1))
    assert len(raised(EXPIRED, state=state)) == 1
    later = fold(state, EXPIRED, LinkOpened(connection=2), at_ms=1_000)
    again = fold(later, EXPIRED, at_ms=FOLDED_MS)
    assert [each.tech_info for each in again.security.pending] == [
        "certificate has expired",
        "certificate has expired (1 more since the last one)",
    ]


def test_firmware_whose_maker_is_not_believed_is_raised_once() -> None:
    """White paper, L01.FR.02 and L01.FR.03."""
    invalid = SignedUpdateAnswered(job=1, request_id=7, status="InvalidCertificate", reason="no root")
    assert raised(invalid) == [("InvalidFirmwareSigningCertificate", "request 7: no root")]
    assert raised(replaced(invalid, status="RevokedCertificate")) == raised(invalid)
    assert raised(replaced(invalid, status="Rejected")) == []
    signature = SignedFirmwareStatusQueued(status="InvalidSignature", request_id=7)
    assert raised(signature) == [("InvalidFirmwareSignature", "request 7")]
    again = replaced(signature, tries=2), replaced(signature, triggered=True), replaced(signature, status="Downloaded")
    assert raised(*again) == []


def test_a_missing_archive_is_raised_once_a_week_though_every_start_finds_it() -> None:
    found = LogDamageFound(finding="an archive is missing")
    state = fold(quiet(), found)
    assert len(fold(state, found, at_ms=DAMAGE_FOLDED_MS - 1).security.pending) == 1
    assert len(fold(state, found, at_ms=DAMAGE_FOLDED_MS).security.pending) == 2


def test_firmware_that_calls_itself_as_the_old_one_is_an_update_too_and_no_update_is_raised_twice() -> None:
    """Section 8: FirmwareUpdated is critical."""
    signed, plain = (
        SignedFirmwareStatusQueued(status="Installed", request_id=7),
        FirmwareStatusQueued(status="Installed"),
    )
    same, new = boot(), boot(firmware_version="2")
    for events, told in (
        ((same, ON, signed), ["1, request 7"]),
        ((same, ON, plain), ["1, without a signature"]),
        ((new, ON, signed), ["1 to 2"]),
        ((same, ON, replaced(signed, tries=2), replaced(plain, triggered=True)), []),
    ):
        assert [info for type_, info in raised(*events) if type_ == "FirmwareUpdated"] == told

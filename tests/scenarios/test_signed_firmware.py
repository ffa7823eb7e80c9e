"""SignedUpdateFirmware and SignedFirmwareStatusNotification (security white paper, L01) in stepped time."""

from collections.abc import Mapping
from typing import Any

import pytest

from eventstore.catalogue.lifecycle import SystemClockObserved
from eventstore.catalogue.maintenance import (
    FirmwareUpdateRequested,
    SignedUpdateAnswered,
    SigningCertificateChecked,
    TransferRefused,
)
from eventstore.catalogue.security import SecurityEventRaised
from station.features.maintenance.signed_firmware import CHECKED_WITHIN_MS
from tests.given import SentAnswer
from tests.scenarios.conftest import OFFSET_MS, World, world
from tests.scenarios.test_firmware import NEW, OLD, install, is_restart_wanted, job_of, reboot, report, update

IMAGE = "https://files.example/new.fwi"
HAPPY = ["Downloading", "Downloaded", "SignatureVerified", "Installing"]
FOR_EVER = 4_102_444_800_000


def secured(**facts: Any) -> World:
    """A station that knows the security extension and says so."""
    return world(profiles_off=(), security_events="always", **facts)


def payload(station: World, **changes: Any) -> dict[str, Any]:
    """SignedUpdateFirmware, due at once unless said otherwise."""
    request: dict[str, Any] = {"requestId": 7}
    firmware = {
        "location": IMAGE,
        "retrieveDateTime": station.utc(-5),
        "signingCertificate": "-----BEGIN CERTIFICATE-----",
        "signature": "c2lnbmF0dXJl",
    }
    for name, value in changes.items():
        (firmware if name in {*firmware, "installDateTime"} else request)[name] = value
    return {**request, "firmware": firmware}


def send(station: World, **changes: Any) -> str:
    """The CALL comes; its message id."""
    message_id = f"offer-{station.mark}"
    station.station.receive([2, message_id, "SignedUpdateFirmware", payload(station, **changes)])
    return message_id


def answer_to(station: World, message_id: str) -> SentAnswer | None:
    return next((one for one in station.station.answers if one.message_id == message_id), None)


def check(station: World, fault: str = "", **members: Any) -> None:
    """The runner's report on the certificate."""
    offered = station.state.maintenance.offered
    assert offered is not None, "nothing is offered"
    facts: dict[str, Any] = {"subject": "CN=maker", "not_before_utc_ms": 0, "not_after_utc_ms": FOR_EVER} | members
    station.observe(SigningCertificateChecked(job=offered.job, fault=fault, **facts))


def offer(station: World, fault: str = "", *, verdict: Mapping[str, Any] | None = None, **changes: Any) -> str:
    """An update is offered and its certificate checked; the status that it is answered with."""
    message_id = send(station, **changes)
    assert answer_to(station, message_id) is None, "answered before the certificate was checked"
    check(station, fault, **verdict or {})
    answer = answer_to(station, message_id)
    assert answer is not None
    assert answer.payload is not None
    return str(answer.payload["status"])


def told(station: World, since: int = 0) -> list[str]:
    return [call.payload["status"] for call in station.sent("SignedFirmwareStatusNotification", since)]


def raised(station: World, since: int = 0) -> list[str]:
    return [event.type for event in station.found(SecurityEventRaised, since)]


def verify(station: World) -> None:
    """Downloaded, and the signature holds."""
    report(station, "Downloaded")
    report(station, "SignatureVerified")


def install_signed(station: World, version: str = NEW) -> None:
    verify(station)
    report(station, "Installed", version=version)
    report(station, "Activated")


# The whole way


def test_a_signed_update_tells_each_status_with_its_request_and_the_new_version_says_installed() -> None:
    """L01.FR.01, L01.FR.10, TC_080: the answer, the statuses, the boot, Installed and FirmwareUpdated."""
    station = secured()
    mark = station.mark
    assert offer(station) == "Accepted"
    assert station.order(mark)[0] == "answer"
    assert told(station) == ["Downloading"]
    install_signed(station)
    assert told(station) == HAPPY
    assert is_restart_wanted(station)
    mark = station.mark
    reboot(station, NEW)
    assert told(station, mark) == ["Installed"]
    assert station.sent("BootNotification", mark)[0].payload["firmwareVersion"] == NEW
    assert raised(station, mark).count("FirmwareUpdated") == 1
    calls = station.sent("SignedFirmwareStatusNotification")
    assert {call.payload["requestId"] for call in calls} == {7}
    assert station.sent("FirmwareStatusNotification") == []
    assert station.state.maintenance.firmware is None


def test_connectors_stay_in_service_until_the_signature_is_verified() -> None:
    """L01.FR.07: what waits for a verdict holds up nobody."""
    station = secured()
    offer(station)
    report(station, "Downloaded")
    assert station.status(1) == "Available"
    report(station, "SignatureVerified")
    assert station.status(1) == station.status(2) == "Unavailable"


def test_installing_waits_for_the_transaction_while_free_connectors_are_unavailable() -> None:
    """L01.FR.05 to 07."""
    station = secured()
    station.swipe("TAG", 1)
    station.plug(1)
    offer(station)
    verify(station)
    assert told(station) == ["Downloading", "Downloaded", "SignatureVerified"]
    assert station.status(2) == "Unavailable"
    station.unplug(1)
    assert told(station)[-1] == "Installing"


def test_an_old_version_that_comes_up_again_says_installation_failed() -> None:
    station = secured()
    offer(station)
    install_signed(station)
    mark = station.mark
    reboot(station, OLD)
    assert told(station, mark) == ["InstallationFailed"]
    assert "FirmwareUpdated" not in raised(station, mark)


# The certificate


@pytest.mark.parametrize(
    ("fault", "verdict", "status", "reason"),
    [
        ("no root vouches for CN=x", {}, "InvalidCertificate", "no root vouches for CN=x"),
        ("", {"not_after_utc_ms": OFFSET_MS}, "InvalidCertificate", "CN=maker: certificate has expired"),
        ("", {"not_before_utc_ms": FOR_EVER}, "InvalidCertificate", "CN=maker: certificate is not yet valid"),
        ("", {"revoked": True}, "RevokedCertificate", "the certificate of CN=maker is revoked"),
    ],
)
def test_a_certificate_that_vouches_for_nothing_is_answered_so_and_raised(
    fault: str, verdict: dict[str, Any], status: str, reason: str
) -> None:
    """L01.FR.02, L01.FR.23 to 25."""
    station = secured()
    mark = station.mark
    assert offer(station, fault, verdict=verdict) == status
    assert raised(station, mark) == ["InvalidFirmwareSigningCertificate"]
    [sent] = station.sent("SecurityEventNotification", mark)
    assert sent.payload["techInfo"] == f"request 7: {reason}"
    assert told(station) == []
    assert station.state.maintenance.firmware is None
    assert [event.reason for event in station.found(SignedUpdateAnswered)] == [reason]


def test_a_certificate_holds_to_the_last_moment_of_its_period() -> None:
    """RFC 5280, 4.1.2.5."""
    for late, status in ((0, "Accepted"), (1, "InvalidCertificate")):
        station = secured()
        end = {"not_after_utc_ms": station.at_ms + OFFSET_MS - late}
        assert offer(station, verdict=end) == status


def test_a_bad_certificate_leaves_the_update_under_way_alone() -> None:
    """L01.FR.23: it is validated before anything is accepted."""
    station = secured()
    offer(station)
    assert offer(station, "rubbish", requestId=8) == "InvalidCertificate"
    assert job_of(station).step == "download"
    install_signed(station)
    assert told(station) == HAPPY


def test_a_check_that_never_ends_is_rejected() -> None:
    station = secured()
    message_id = send(station)
    station.wait(CHECKED_WITHIN_MS / 1000 - 1)
    assert answer_to(station, message_id) is None
    station.wait(1)
    answer = answer_to(station, message_id)
    assert answer is not None
    assert answer.payload == {"status": "Rejected"}
    assert station.state.maintenance.offered is None
    mark = station.mark
    station.observe(SigningCertificateChecked(job=1, fault="", not_after_utc_ms=FOR_EVER))
    assert station.mark == mark + 1, "too late"


def test_while_one_certificate_is_checked_another_request_is_rejected() -> None:
    station = secured()
    first = send(station)
    second = send(station, requestId=8)
    answer = answer_to(station, second)
    assert answer is not None
    assert answer.payload == {"status": "Rejected"}
    check(station)
    assert answer_to(station, first) is not None
    signed = job_of(station).signed
    assert signed is not None
    assert signed.request_id == 7


@pytest.mark.parametrize("cut", ["link", "power"])
def test_an_offer_that_was_not_answered_was_not_accepted(cut: str) -> None:
    """The CSMS saw no answer, so it asks again."""
    station = secured()
    send(station)
    if cut == "link":
        station.disconnect()
        station.connect()
    else:
        reboot(station)
    assert station.state.maintenance.offered is None
    station.observe(SigningCertificateChecked(job=1, fault="", not_after_utc_ms=FOR_EVER))
    assert station.found(FirmwareUpdateRequested) == []
    assert offer(station) == "Accepted"


def test_a_diagnostics_job_takes_no_number_of_an_offer() -> None:
    station = secured()
    message_id = send(station)
    station.request("GetDiagnostics", location="ftp://files.example/")
    check(station)
    assert answer_to(station, message_id) is not None
    numbers = {job_of(station).request.job, station.state.maintenance.diagnostics.request.job}  # type: ignore[union-attr]
    assert len(numbers) == 2
    assert job_of(station).signed is not None


# Dates


def test_a_retrieve_date_to_come_is_download_scheduled_once() -> None:
    """L01.FR.13."""
    station = secured()
    offer(station, retrieveDateTime=station.utc(3_600))
    assert told(station) == ["DownloadScheduled"]
    reboot(station)
    station.wait(3_000)
    assert told(station) == ["DownloadScheduled"]
    station.wait(600)
    assert told(station) == ["DownloadScheduled", "Downloading"]


def test_an_install_date_to_come_is_install_scheduled_and_serves_drivers_until_then() -> None:
    """L01.FR.16, L01.FR.17."""
    station = secured()
    offer(station, installDateTime=station.utc(3_600))
    verify(station)
    scheduled = ["Downloading", "Downloaded", "SignatureVerified", "InstallScheduled"]
    assert told(station) == scheduled
    assert station.status(1) == "Available"
    reboot(station)
    station.wait(3_590)
    assert told(station) == scheduled
    station.wait(10)
    assert told(station) == [*scheduled, "Installing"]
    assert station.status(1) == "Unavailable"


def test_at_the_install_date_a_transaction_is_waited_for() -> None:
    """L01.FR.18, L01.FR.19."""
    station = secured()
    offer(station, installDateTime=station.utc(60))
    verify(station)
    station.swipe("TAG", 1)
    station.plug(1)
    station.wait(60)
    assert told(station)[-1] == "InstallScheduled"
    assert station.status(2) == "Unavailable"
    station.unplug(1)
    assert told(station)[-1] == "Installing"


def test_an_install_date_that_has_passed_is_none() -> None:
    """L01.FR.16."""
    station = secured()
    offer(station, installDateTime=station.utc(-60))
    verify(station)
    assert told(station) == HAPPY


def test_dates_are_times_of_the_calendar_whatever_the_clock_does() -> None:
    station = secured()
    offer(station, installDateTime=station.utc(3_600))
    verify(station)
    station.observe(SystemClockObserved(utc_ms=station.at_ms + OFFSET_MS + 3_600_000, trusted=True))
    assert told(station)[-1] == "Installing"


# Failures


def test_a_download_that_is_tried_again_is_paused_in_between() -> None:
    """L01.FR.01, L01.FR.14."""
    station = secured()
    offer(station, retries=1, retryInterval=10)
    report(station, "DownloadFailed")
    assert told(station) == ["Downloading", "DownloadPaused"]
    station.wait(10)
    assert told(station) == ["Downloading", "DownloadPaused", "Downloading"]
    report(station, "DownloadFailed")
    assert told(station)[-1] == "DownloadFailed"
    assert station.state.maintenance.firmware is None


def test_a_signature_that_does_not_hold_ends_the_update_and_is_raised() -> None:
    """L01.FR.03: the image never reaches the installer."""
    station = secured()
    offer(station)
    report(station, "Downloaded")
    mark = station.mark
    report(station, "InvalidSignature")
    assert told(station, mark) == ["InvalidSignature"]
    assert raised(station, mark) == ["InvalidFirmwareSignature"]
    assert station.state.maintenance.firmware is None
    assert station.status(1) == "Available"


@pytest.mark.parametrize("at", ["signature", "install"])
def test_an_image_that_cannot_be_verified_any_more_is_not_installed(at: str) -> None:
    """6.8: InstallVerificationFailed."""
    station = secured()
    offer(station)
    report(station, "Downloaded")
    if at == "install":
        report(station, "SignatureVerified")
    report(station, "InstallVerificationFailed")
    assert told(station)[-1] == "InstallVerificationFailed"
    assert station.state.maintenance.firmware is None
    assert station.status(1) == "Available"


def test_a_failed_installation_leaves_the_old_firmware_in_service() -> None:
    station = secured()
    offer(station)
    verify(station)
    report(station, "InstallationFailed")
    assert told(station) == [*HAPPY, "InstallationFailed"]
    assert (station.status(1), station.state.maintenance.firmware) == ("Available", None)


def test_a_machine_that_reboots_for_the_image_says_so() -> None:
    """L01.FR.15."""
    station = secured()
    offer(station)
    verify(station)
    report(station, "Rebooting", version=NEW)
    assert told(station) == [*HAPPY, "InstallRebooting"]
    mark = station.mark
    reboot(station, NEW)
    assert told(station, mark) == ["Installed"]


@pytest.mark.parametrize("location", ["gopher://files.example/x", "nowhere", "http://"])
def test_a_location_that_cannot_be_used_cancels_what_was_under_way(location: str) -> None:
    """L01.FR.26: whether there is a file is not looked at before the answer."""
    station = secured()
    offer(station)
    assert offer(station, location=location, requestId=8) == "AcceptedCanceled"
    last = station.sent("SignedFirmwareStatusNotification")[-1].payload
    assert last == {"status": "DownloadFailed", "requestId": 8}
    assert [event.action for event in station.found(TransferRefused)] == ["SignedUpdateFirmware"]
    assert station.state.maintenance.firmware is None


# One after the other


def to_step(station: World, step: str) -> None:
    """A signed update is under way and is at this step."""
    dated: dict[str, Any] = {"": {"retrieveDateTime": station.utc(3_600)}}
    dated["scheduled"] = {"installDateTime": station.utc(3_600)}
    offer(station, **dated.get(step, {}))
    if step in ("", "download"):
        return
    report(station, "DownloadFailed" if step == "retry" else "Downloaded")
    if step in ("retry", "signature"):
        return
    report(station, "SignatureVerified")
    if step in ("idle", "install", "scheduled"):
        return
    report(station, "Rebooting" if step == "reboot" else "Installed", version=NEW)
    if step not in ("activate", "reboot"):
        report(station, "Activated")


@pytest.mark.parametrize("step", ["", "retry", "download", "signature", "scheduled", "idle"])
def test_an_update_that_is_not_being_installed_is_cancelled_by_the_next_one(step: str) -> None:
    """L01.FR.26."""
    station = secured()
    if step == "idle":
        station.swipe("TAG", 1)
        station.plug(1)
    to_step(station, step)
    assert job_of(station).step == step
    mark = station.mark
    assert offer(station, requestId=8) == "AcceptedCanceled"
    assert {call.payload["requestId"] for call in station.sent("SignedFirmwareStatusNotification", mark)} == {8}
    assert job_of(station).step == "download"
    assert (job_of(station).sha256, job_of(station).file) == ("", "")


@pytest.mark.parametrize("step", ["install", "activate", "restart", "reboot"])
def test_what_is_being_installed_is_not_undone_half_way(step: str) -> None:
    """L01.FR.27."""
    station = secured()
    to_step(station, step)
    assert job_of(station).step == step
    assert offer(station, requestId=8) == "Rejected"
    signed = job_of(station).signed
    assert signed is not None
    assert signed.request_id == 7


def test_a_request_that_only_repeats_the_one_under_way_changes_nothing() -> None:
    """A CSMS that saw no answer asks again."""
    station = secured()
    dates: dict[str, Any] = {"retrieveDateTime": station.utc(-5)}
    offer(station, **dates)
    for _ in range(2):
        number = job_of(station).request.job
        assert offer(station, **dates) == "Accepted"
        assert job_of(station).request.job == number
    verify(station)
    assert job_of(station).step == "install"
    assert offer(station, **dates) == "Accepted"
    assert told(station) == HAPPY


def test_updates_of_both_kinds_replace_each_other() -> None:
    station = secured()
    update(station)
    assert offer(station) == "AcceptedCanceled"
    update(station)
    assert job_of(station).signed is None
    install(station)
    assert station.sent("FirmwareStatusNotification")[-1].payload == {"status": "Installing"}


# Power cuts


@pytest.mark.parametrize("step", ["download", "signature", "install", "activate"])
def test_a_power_cut_repeats_the_step_and_no_status(step: str) -> None:
    station = secured()
    to_step(station, step)
    before = told(station)
    for _ in range(3):
        reboot(station)
        assert job_of(station).step == step
    assert told(station) == before


@pytest.mark.parametrize(
    ("step", "end"),
    [("download", "DownloadFailed"), ("signature", "InstallVerificationFailed"), ("install", "InstallationFailed")],
)
def test_a_step_that_is_cut_again_and_again_has_failed(step: str, end: str) -> None:
    """An image that kills the station must not do so for ever."""
    station = secured()
    if step == "download":
        offer(station, retries=0)
    else:
        to_step(station, step)
    for _ in range(4):
        reboot(station)
    assert told(station)[-1] == end
    assert station.state.maintenance.firmware is None


def test_statuses_of_an_outage_are_reported_after_it_in_order() -> None:
    station = secured()
    offer(station, retrieveDateTime=station.utc(60))
    station.disconnect()
    station.wait(60)
    install_signed(station)
    reboot(station, NEW, connected=False)
    assert told(station) == ["DownloadScheduled"]
    station.connect()
    assert told(station) == ["DownloadScheduled", *HAPPY, "Installed"]


def test_a_status_that_nobody_answers_is_reported_again_three_times_in_all() -> None:
    station = secured()
    station.held.add("SignedFirmwareStatusNotification")
    offer(station)
    station.wait(600)
    assert told(station) == 3 * ["Downloading"]


# What the settings say


def test_where_firmware_must_be_signed_the_old_message_is_not_supported() -> None:
    """L01.FR.20."""
    station = secured(requires_signed_firmware=True)
    answer = station.ask("UpdateFirmware", {"location": IMAGE, "retrieveDate": station.utc(-5)})
    assert answer.error_code == "NotSupported"
    assert station.state.maintenance.firmware is None
    assert offer(station) == "Accepted"
    answer = station.ask("UpdateFirmware", {"location": IMAGE, "retrieveDate": station.utc(-5)})
    assert answer.error_code == "NotSupported"
    assert job_of(station).signed is not None


@pytest.mark.parametrize(("step", "status"), [("download", "DownloadFailed"), ("idle", "InstallationFailed")])
def test_an_update_without_a_signature_ends_where_the_settings_come_to_want_one(step: str, status: str) -> None:
    """L01.FR.20: nor does one that waited for the restart."""
    station = secured()
    station.swipe("TAG", 1)
    station.plug(1)
    update(station)
    if step == "idle":
        report(station, "Downloaded")
    assert job_of(station).step == step
    station.off_for(5, requires_signed_firmware=True)
    assert station.state.maintenance.firmware is None
    station.connect()
    assert station.sent("FirmwareStatusNotification")[-1].payload == {"status": status}


@pytest.mark.parametrize("off", [("Security",), ("FirmwareManagement",)])
def test_with_the_extension_or_firmware_management_off_it_is_not_supported(off: tuple[str, ...]) -> None:
    station = world(profiles_off=off)
    assert station.ask("SignedUpdateFirmware", payload(station)).error_code == "NotSupported"


# Bad input


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"signingCertificate": 5_501 * "x"}, "PropertyConstraintViolation"),
        ({"signature": 801 * "x"}, "PropertyConstraintViolation"),
        ({"location": 513 * "x"}, "PropertyConstraintViolation"),
        ({"installDateTime": "tomorrow"}, "PropertyConstraintViolation"),
        ({"requestId": "7"}, "TypeConstraintViolation"),
        ({"requestId": None}, "TypeConstraintViolation"),
        ({"colour": "red"}, "FormationViolation"),
    ],
)
def test_a_request_that_breaks_the_schema_is_refused_and_changes_nothing(changes: dict[str, Any], code: str) -> None:
    station = secured()
    assert station.ask("SignedUpdateFirmware", payload(station, **changes)).error_code == code
    assert station.state.maintenance.offered is None


# What is said when the CSMS asks


def asked(station: World) -> Mapping[str, Any]:
    """The FirmwareStatusNotification that TriggerMessage brings."""
    mark = station.mark
    answer = station.request("TriggerMessage", requestedMessage="FirmwareStatusNotification")
    assert answer == {"status": "Accepted"}
    return station.sent("FirmwareStatusNotification", mark)[0].payload


@pytest.mark.parametrize(
    ("step", "status"),
    [
        ("", "Idle"),
        ("download", "Downloading"),
        ("retry", "Downloading"),
        ("scheduled", "Downloaded"),
        ("reboot", "Installing"),
    ],
)
def test_the_message_of_1_6_says_of_a_signed_update_what_it_has_a_status_for(step: str, status: str) -> None:
    """4.5, 5.17."""
    station = secured()
    to_step(station, step)
    assert asked(station) == {"status": status}


def extended(station: World) -> tuple[str, Mapping[str, Any]]:
    """The message that ExtendedTriggerMessage brings."""
    mark = station.mark
    answer = station.request("ExtendedTriggerMessage", requestedMessage="FirmwareStatusNotification")
    assert answer == {"status": "Accepted"}
    (sent,) = station.sent("", mark)
    return sent.action, sent.payload


@pytest.mark.parametrize(
    ("step", "status"), [("", "DownloadScheduled"), ("retry", "DownloadPaused"), ("scheduled", "InstallScheduled")]
)
def test_asked_for_the_status_is_the_last_one_with_its_request(step: str, status: str) -> None:
    """L01.FR.29."""
    station = secured()
    to_step(station, step)
    told = "SignedFirmwareStatusNotification", {"status": status, "requestId": 7}
    assert extended(station) == told
    reboot(station)
    assert extended(station) == told


def test_asked_for_after_a_failure_it_is_that_and_after_installed_or_nothing_idle() -> None:
    """L01.FR.21, L01.FR.28, L01.FR.29."""
    station = secured()
    idle = "SignedFirmwareStatusNotification", {"status": "Idle"}
    assert extended(station) == idle
    offer(station, location="nowhere")
    assert extended(station)[1] == {"status": "DownloadFailed", "requestId": 7}
    offer(station, requestId=8)
    install_signed(station)
    reboot(station, NEW)
    assert extended(station) == idle


def test_asked_for_while_an_update_without_a_signature_is_under_way_its_own_message_tells() -> None:
    station = secured()
    update(station)
    assert extended(station) == ("FirmwareStatusNotification", {"status": "Downloading"})


def test_without_firmware_management_there_is_no_status_to_ask_for() -> None:
    """6.17."""
    station = world(profiles_off=("FirmwareManagement",))
    answer = station.request("ExtendedTriggerMessage", requestedMessage="FirmwareStatusNotification")
    assert answer == {"status": "NotImplemented"}

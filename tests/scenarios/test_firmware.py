"""UpdateFirmware and FirmwareStatusNotification (5.19, 4.5, errata 3.47 to 3.49 and 3.63) in stepped time."""

from typing import Any

import pytest

from eventstore.catalogue.hardware import BoardOpened, PilotStateObserved, ProximityObserved
from eventstore.catalogue.lifecycle import StationBooted, SystemClockObserved
from eventstore.catalogue.maintenance import FirmwareProgressed, ResetFailed, TransferRefused
from projections.maintenance import FirmwareJob
from station import VERSION
from tests.scenarios.conftest import OFFSET_MS, World, world

IMAGE = "ftp://user:secret@files.example/images/new.fwi"
LONGEST = "http://files.example/" + (8_192 - 21) * "x"
NEW, OLD = "9.9.9", VERSION


def update(station: World, *, location: str = IMAGE, in_s: int = -5, **members: Any) -> None:
    """UpdateFirmware, due at once unless said otherwise; its answer says nothing."""
    assert station.request("UpdateFirmware", location=location, retrieveDate=station.utc(in_s), **members) == {}


def job_of(station: World) -> FirmwareJob:
    job = station.state.maintenance.firmware
    assert job is not None, "no update is under way"
    return job


def report(station: World, status: str, *, version: str = "", retry_after_s: int = 0) -> None:
    """The job runner's report on the present step."""
    job = job_of(station)
    file = "1-image.fwi" if status == "Downloaded" else ""
    station.observe(
        FirmwareProgressed(
            job=job.request.job,
            status=status,
            attempt=job.attempt,
            detail="",
            file=file,
            version=version,
            retry_after_s=retry_after_s,
        )
    )


def install(station: World, version: str = NEW) -> None:
    """Downloaded, installed and activated."""
    report(station, "Downloaded")
    report(station, "Installed", version=version)
    report(station, "Activated")


def told(station: World, since: int = 0) -> list[str]:
    return [call.payload["status"] for call in station.sent("FirmwareStatusNotification", since)]


def reboot(station: World, version: str = OLD, *, connected: bool = True) -> None:
    """The process ends and a firmware of that version boots, with nothing plugged in."""
    under_test = station.station
    if station.state.link.up:
        station.disconnect()
    under_test.at_ms += 5_000
    under_test.boots += 1
    booted = StationBooted(
        boot=under_test.boots,
        installation="0000abcd",
        software_version=VERSION,
        firmware_version=version,
        offset_ms=OFFSET_MS,
        clock_trusted=True,
        orderly=False,
    )
    station.observe(booted, station.description)
    for connector_id in range(1, station.description.connectors + 1):
        station.observe(ProximityObserved(connector_id=connector_id, cable_rating_ma=None))
        station.observe(PilotStateObserved(connector_id=connector_id, pilot_state="A"))
        under_test.read_meter(connector_id)
    station.observe(BoardOpened())
    if connected:
        station.connect()


def is_restart_wanted(station: World) -> bool:
    reset = station.state.maintenance.reset
    return reset is not None and reset.due


def charging_on_1() -> World:
    station = world()
    station.swipe("TAG", 1)
    station.plug(1)
    assert station.state.transactions.on(1) is not None
    return station


# The whole way


def test_an_update_tells_each_status_once_and_the_new_version_says_installed() -> None:
    """5.19, errata 3.47: the answer, Downloading, Downloaded, Installing, the boot, Installed."""
    station = world()
    mark = station.mark
    update(station)
    assert station.order(mark)[0] == "answer"
    assert told(station) == ["Downloading"]
    assert job_of(station).step == "download"
    install(station)
    assert told(station) == ["Downloading", "Downloaded", "Installing"]
    assert is_restart_wanted(station)
    mark = station.mark
    reboot(station, NEW)
    assert told(station, mark) == ["Installed"]
    assert station.sent("BootNotification", mark)[0].payload["firmwareVersion"] == NEW
    assert station.order(mark)[0] == "BootNotification"
    assert station.state.maintenance.firmware is None
    station.wait(86_400)
    assert told(station, mark) == ["Installed"]


def test_all_connectors_are_unavailable_from_downloaded_to_the_restart_and_available_after_it() -> None:
    """Errata 3.49, OCTT 7.17."""
    station = world()
    mark = station.mark
    update(station)
    install(station)
    assert station.statuses(1, mark) == station.statuses(2, mark) == ["Unavailable"]
    mark = station.mark
    reboot(station, NEW)
    assert station.statuses(1, mark) == station.statuses(2, mark) == ["Available"]


def test_an_old_version_that_comes_up_again_says_installation_failed() -> None:
    """4.5: the old firmware stays in service."""
    station = world()
    update(station)
    install(station)
    mark = station.mark
    reboot(station, OLD)
    assert told(station, mark) == ["InstallationFailed"]
    assert station.status(1) == "Available"
    assert station.state.maintenance.firmware is None


def test_an_installer_that_names_no_version_is_believed() -> None:
    """5.19."""
    station = world()
    update(station)
    install(station, version="")
    mark = station.mark
    reboot(station, OLD)
    assert told(station, mark) == ["Installed"]


# retrieveDate


def test_nothing_is_retrieved_before_the_retrieve_date() -> None:
    """Errata 3.63: after that time the station is allowed to retrieve."""
    station = world()
    update(station, in_s=3_600)
    station.wait(3_599)
    assert told(station) == []
    assert job_of(station).step == ""
    station.wait(1)
    assert told(station) == ["Downloading"]


def test_the_retrieve_date_is_a_time_of_the_calendar_whatever_the_clock_does() -> None:
    """5.19: a clock that is set brings the date nearer."""
    station = world()
    update(station, in_s=3_600)
    station.observe(SystemClockObserved(utc_ms=station.at_ms + OFFSET_MS + 3_600_000, trusted=True))
    assert told(station) == ["Downloading"]


def test_an_update_that_waits_for_its_date_outlives_a_restart() -> None:
    """5.19."""
    station = world()
    update(station, in_s=3_600)
    reboot(station)
    station.wait(3_600)
    assert told(station) == ["Downloading"]


# Retries


@pytest.mark.parametrize(
    ("retries", "tries"), [({"retries": 0}, 1), ({"retries": 2}, 3), ({}, 4), ({"retries": -3}, 1)]
)
def test_a_failing_download_is_tried_once_more_than_it_has_retries(retries: dict[str, Any], tries: int) -> None:
    """6.55, lesson 40: DownloadFailed once, after the last try."""
    station = world()
    update(station, retryInterval=10, **retries)
    for attempt in range(1, tries + 1):
        assert (job_of(station).step, job_of(station).attempt) == ("download", attempt)
        assert told(station) == ["Downloading"]
        report(station, "DownloadFailed")
        station.wait(10)
    assert told(station) == ["Downloading", "DownloadFailed"]
    assert station.state.maintenance.firmware is None
    assert station.status(1) == "Available"


def test_a_retry_waits_for_the_interval() -> None:
    """6.55: retryInterval in seconds; absent, a minute; 0 is no busy loop."""
    cases: tuple[tuple[dict[str, Any], int], ...] = (({"retryInterval": 300}, 300), ({}, 60), ({"retryInterval": 0}, 1))
    for members, wait_s in cases:
        station = world()
        update(station, **members)
        report(station, "DownloadFailed")
        assert job_of(station).step == "retry"
        station.wait(wait_s - 1)
        assert job_of(station).step == "retry"
        station.wait(1)
        assert job_of(station).step == "download"


@pytest.mark.parametrize(
    "location",
    ["gopher://files.example/x", "http://", "not a url", "http://[::1", "ftp://h:99999/x", LONGEST + "x"],
)
def test_a_location_that_cannot_be_used_fails_at_once(location: str) -> None:
    """OCTT 7.17: no crash, DownloadFailed, the station stays in service; the log says why."""
    station = world()
    update(station, location=location, in_s=3_600)
    assert told(station) == ["DownloadFailed"]
    assert station.state.maintenance.firmware is None
    (refused,) = station.found(TransferRefused)
    assert (refused.action, bool(refused.reason)) == ("UpdateFirmware", True)


def test_a_location_of_8192_characters_is_taken_and_a_longer_one_refused_with_the_limit() -> None:
    """Pre-signed URLs are long."""
    station = world()
    update(station, location=LONGEST)
    assert job_of(station).step == "download"
    assert station.found(TransferRefused) == []
    station = world()
    update(station, location=LONGEST + "x")
    assert [event.reason for event in station.found(TransferRefused)] == [
        "the location has 8193 characters, more than 8192"
    ]


@pytest.mark.parametrize(("asked_s", "wait_s"), [(0, 60), (59, 60), (61, 61), (3_600, 3_600), (90_000, 3_600)])
def test_a_retry_waits_for_the_server_that_asks_for_time_but_not_for_ever(asked_s: int, wait_s: int) -> None:
    """RFC 9110, 10.2.3: Retry-After."""
    station = world()
    update(station, retryInterval=60)
    report(station, "DownloadFailed", retry_after_s=asked_s)
    station.wait(wait_s - 1)
    assert job_of(station).step == "retry"
    station.wait(1)
    assert job_of(station).step == "download"
    assert job_of(station).retry_after_s == 0


def test_a_protocol_that_the_settings_take_away_is_not_used() -> None:
    """9.5.1."""
    station = world(factory={"SupportedFileTransferProtocols": "HTTPS"})
    listed = station.request("GetConfiguration", key=["SupportedFileTransferProtocols"])["configurationKey"]
    assert listed == [{"key": "SupportedFileTransferProtocols", "readonly": True, "value": "HTTPS"}]
    update(station)
    assert told(station) == ["DownloadFailed"]


# Waiting for transactions


def test_installing_waits_for_the_transaction_to_end_while_free_connectors_are_unavailable() -> None:
    """Errata 3.48, 3.49."""
    station = charging_on_1()
    update(station)
    report(station, "Downloaded")
    assert told(station) == ["Downloading", "Downloaded"]
    assert station.status(2) == "Unavailable"
    assert station.state.transactions.on(1) is not None
    station.unplug(1)
    assert told(station) == ["Downloading", "Downloaded", "Installing"]
    assert station.status(1) == "Unavailable"


def test_no_transaction_starts_while_an_image_waits_to_be_installed() -> None:
    """Errata 3.49."""
    station = charging_on_1()
    update(station)
    report(station, "Downloaded")
    mark = station.mark
    station.plug(2)
    station.swipe("OTHER", 2)
    answer = station.request("RemoteStartTransaction", idTag="OTHER", connectorId=2)
    assert answer == {"status": "Rejected"}
    assert station.sent("StartTransaction", mark) == []


def test_installing_does_not_begin_on_the_way_into_a_reset() -> None:
    """5.14, 5.19: it begins after the boot."""
    station = charging_on_1()
    update(station)
    report(station, "Downloaded")
    mark = station.mark
    station.request("Reset", type="Hard")
    assert told(station, mark) == []
    reboot(station)
    assert told(station, mark) == ["Installing"]


# Failures of the installation


def test_a_failed_installation_leaves_the_old_firmware_in_service() -> None:
    """4.5."""
    station = world()
    update(station)
    report(station, "Downloaded")
    report(station, "InstallationFailed")
    assert told(station) == ["Downloading", "Downloaded", "Installing", "InstallationFailed"]
    assert not is_restart_wanted(station)
    assert (station.status(1), station.state.maintenance.firmware) == ("Available", None)


def test_a_failed_activation_is_a_failed_installation() -> None:
    """4.5."""
    station = world()
    update(station)
    report(station, "Downloaded")
    report(station, "Installed", version=NEW)
    report(station, "ActivationFailed")
    assert told(station)[-1] == "InstallationFailed"
    assert station.status(1) == "Available"


def test_a_restart_that_never_succeeds_is_a_failed_installation() -> None:
    """9.1.22: the restart is tried again like a reset; then the station goes on as it is."""
    station = world()
    update(station)
    install(station)
    station.observe(ResetFailed(reason="no such file"))
    assert is_restart_wanted(station)
    station.observe(ResetFailed(reason="no such file"))
    assert told(station)[-1] == "InstallationFailed"
    assert (station.status(1), station.state.maintenance.reset) == ("Available", None)


# Installers that reboot the machine


def test_an_installer_may_reboot_the_machine_itself() -> None:
    """5.19: the station waits for it instead of restarting in place."""
    station = world()
    update(station)
    report(station, "Downloaded")
    report(station, "Rebooting", version=NEW)
    station.wait(60)
    assert not is_restart_wanted(station)
    mark = station.mark
    reboot(station, NEW)
    assert told(station, mark) == ["Installed"]


def test_a_machine_that_does_not_reboot_is_not_waited_for_for_ever() -> None:
    """5.19: after ten minutes the process is replaced, and its version decides."""
    station = world()
    update(station)
    report(station, "Downloaded")
    report(station, "Rebooting", version=NEW)
    station.wait(600)
    assert is_restart_wanted(station)
    mark = station.mark
    reboot(station, OLD)
    assert told(station, mark) == ["InstallationFailed"]


def test_another_version_after_a_boot_in_the_midst_of_installing_is_installed() -> None:
    """5.19: the installer rebooted the machine without a word."""
    station = world()
    update(station)
    report(station, "Downloaded")
    mark = station.mark
    reboot(station, NEW)
    assert told(station, mark) == ["Installed"]


# Outages and power cuts


def test_statuses_of_an_outage_are_reported_after_it_in_order() -> None:
    """Lesson 40: the update goes on without the CSMS, which hears everything once."""
    station = world()
    update(station, in_s=60)
    station.disconnect()
    station.wait(60)
    report(station, "Downloaded")
    report(station, "Installed", version=NEW)
    report(station, "Activated")
    assert is_restart_wanted(station)
    reboot(station, NEW, connected=False)
    assert told(station) == []
    station.connect()
    assert told(station) == ["Downloading", "Downloaded", "Installing", "Installed"]


def test_a_power_cut_while_downloading_goes_on_with_the_same_try() -> None:
    """8.1: nothing is told twice."""
    station = world()
    update(station, retries=0)
    for _ in range(3):
        reboot(station)
        assert (job_of(station).step, job_of(station).attempt) == ("download", 1)
    report(station, "Downloaded")
    assert told(station) == ["Downloading", "Downloaded", "Installing"]


def test_an_installation_that_is_cut_again_and_again_has_failed() -> None:
    """4.5: an image that kills the station must not do so for ever."""
    station = world()
    update(station)
    report(station, "Downloaded")
    for _ in range(4):
        assert job_of(station).step == "install"
        reboot(station)
    assert told(station) == ["Downloading", "Downloaded", "Installing", "InstallationFailed"]


def test_a_power_cut_between_installation_and_activation_activates_again() -> None:
    """5.19."""
    station = world()
    update(station)
    report(station, "Downloaded")
    report(station, "Installed", version=NEW)
    reboot(station)
    assert job_of(station).step == "activate"
    report(station, "Activated")
    assert is_restart_wanted(station)


def test_before_the_restart_the_csms_hears_installing() -> None:
    """5.19: the restart waits for the answer to it, though not for ever."""
    station = world()
    update(station)
    report(station, "Downloaded")
    station.held.add("FirmwareStatusNotification")
    report(station, "Installed", version=NEW)
    report(station, "Activated")
    assert is_restart_wanted(station), "everything was answered"
    station = world()
    station.held.add("FirmwareStatusNotification")
    update(station)
    install(station)
    assert not is_restart_wanted(station)
    station.wait(30)
    assert is_restart_wanted(station)


def test_a_status_that_nobody_answers_is_reported_again_three_times_in_all() -> None:
    """4.5: a link that swallowed a status does not lose it."""
    station = world()
    station.held.add("FirmwareStatusNotification")
    update(station)
    station.wait(600)
    assert told(station) == 3 * ["Downloading"]


def test_a_status_that_a_later_one_has_overtaken_is_not_reported_again() -> None:
    """4.5: never backwards."""
    station = world()
    station.held.add("FirmwareStatusNotification")
    update(station, retries=0)
    report(station, "DownloadFailed")
    station.wait(600)
    assert told(station) == ["Downloading", *3 * ["DownloadFailed"]]


# More than one request


def test_a_second_update_replaces_one_that_is_not_installing_yet() -> None:
    """One job at a time; the operator may correct the location."""
    station = world()
    update(station)
    stale = job_of(station)
    update(station, location="http://files.example/right.fwi")
    assert (job_of(station).request.location, job_of(station).request.job) == ("http://files.example/right.fwi", 2)
    assert told(station) == ["Downloading", "Downloading"]
    late = FirmwareProgressed(job=stale.request.job, status="DownloadFailed", attempt=1, detail="")
    station.observe(late)
    assert job_of(station).step == "download"


def test_a_second_update_does_not_disturb_an_installation() -> None:
    """One job at a time."""
    station = world()
    update(station)
    report(station, "Downloaded")
    update(station, location="http://files.example/other.fwi")
    assert job_of(station).request.location == IMAGE
    report(station, "Installed", version=NEW)
    assert told(station) == ["Downloading", "Downloaded", "Installing"]


def test_the_same_update_once_more_changes_nothing() -> None:
    """A CSMS that heard no answer asks again."""
    station = world()
    date = station.utc(0)
    for _ in range(2):
        assert station.request("UpdateFirmware", location=IMAGE, retrieveDate=date) == {}
    assert told(station) == ["Downloading"]


# Trigger, profile


def test_a_trigger_tells_the_status_reported_last_and_idle_without_an_update() -> None:
    """4.5: Idle only on trigger."""
    station = world()

    def trigger() -> str:
        mark = station.mark
        asked = station.request("TriggerMessage", requestedMessage="FirmwareStatusNotification")
        assert asked == {"status": "Accepted"}
        (status,) = told(station, mark)
        return status

    assert trigger() == "Idle"
    update(station, in_s=60, retries=0)
    assert trigger() == "Idle"
    station.wait(60)
    assert trigger() == "Downloading"
    report(station, "DownloadFailed")
    assert trigger() == "Idle"


def test_with_the_profile_off_nothing_of_it_is_supported() -> None:
    """CALLERROR NotSupported, and the key disappears unless the security extension has a use for it."""
    station = world(profiles_off=("FirmwareManagement", "Security"))
    asked = station.ask("UpdateFirmware", {"location": IMAGE, "retrieveDate": station.utc(0)})
    assert asked.error_code == "NotSupported"
    answer = station.request("GetConfiguration", key=["SupportedFileTransferProtocols"])
    assert answer["unknownKey"] == ["SupportedFileTransferProtocols"]


def test_an_update_ends_where_its_profile_is_switched_off() -> None:
    """Connectors do not stay Unavailable for an installation that nobody takes further."""
    station = charging_on_1()
    update(station)
    report(station, "Downloaded")
    station.off_for(60, profiles_off=("FirmwareManagement",))
    assert station.status(2) == "Available"
    assert station.state.maintenance.firmware is None


def test_statuses_that_are_owed_survive_that_the_profile_is_switched_off() -> None:
    """A setting that changes between two boots must not stop everything else that is owed."""
    station = world()
    station.held.add("FirmwareStatusNotification")
    update(station)
    station.off_for(60, profiles_off=("FirmwareManagement",))
    mark = station.mark
    station.connect()
    assert station.order(mark)[0] == "BootNotification"
    assert station.sent("StatusNotification", mark)

"""What is said of firmware when the CSMS asks (5.17; white paper, L01.FR.28 and L01.FR.29)."""

import pytest

from eventstore.catalogue.maintenance import FirmwareUpdateRequested, SignedFirmwareStatusQueued, SignedUpdateOffered
from eventstore.value import replace
from projections.maintenance import FirmwareJob, Maintenance
from projections.station import INITIAL, StationState
from station.rules.firmware_status import firmware_status, signed_firmware_status
from station.wire.enums import FirmwareStatus
from station.wire.security_enums import SignedFirmwareStatus

REQUEST = FirmwareUpdateRequested(job=1, location="x", retrieve_utc_ms=0, retries=0, retry_interval_s=0)
OFFER = SignedUpdateOffered(
    job=1,
    request_id=7,
    location="x",
    retrieve_utc_ms=0,
    install_utc_ms=None,
    signing_certificate="",
    signature="",
    retries=0,
    retry_interval_s=0,
    due_ms=0,
)


def of(*, job: FirmwareJob | None = None, last: str = "") -> StationState:
    said = SignedFirmwareStatusQueued(status=last, request_id=7) if last else None
    return replace(INITIAL, maintenance=Maintenance(firmware=job, signed_status=said))


@pytest.mark.parametrize("status", [each.value for each in SignedFirmwareStatus])
def test_every_status_of_a_signed_update_has_one_in_1_6(status: str) -> None:
    state = of(job=FirmwareJob(request=REQUEST, signed=OFFER, status=status))
    if status not in ("InvalidSignature", "InstallVerificationFailed"):  # ends: the job is gone with them
        assert FirmwareStatus(firmware_status(state).status)
    assert firmware_status(state).triggered


def test_without_an_update_it_is_idle() -> None:
    assert firmware_status(INITIAL).status == "Idle"
    assert firmware_status(of(job=FirmwareJob(request=REQUEST))).status == "Idle"
    idle = SignedFirmwareStatusQueued(status="Idle", request_id=None, triggered=True)
    assert signed_firmware_status(INITIAL) == idle


@pytest.mark.parametrize(
    ("last", "status", "request_id"),
    [("Downloading", "Downloading", 7), ("InvalidSignature", "InvalidSignature", 7), ("Installed", "Idle", None)],
)
def test_the_last_status_of_a_signed_update_is_said_with_its_request(
    last: str, status: str, request_id: int | None
) -> None:
    """L01.FR.21, L01.FR.28, L01.FR.29."""
    expected = SignedFirmwareStatusQueued(status=status, request_id=request_id, triggered=True)
    assert signed_firmware_status(of(last=last)) == expected


def test_an_update_without_a_signature_says_how_far_it_is_by_its_own_message() -> None:
    state = of(job=FirmwareJob(request=REQUEST, status="Downloading"), last="InvalidSignature")
    assert signed_firmware_status(state) == firmware_status(state)
    assert firmware_status(state).status == "Downloading"

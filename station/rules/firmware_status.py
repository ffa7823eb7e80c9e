"""What is said of firmware when the CSMS asks for it (5.17; security white paper, L01.FR.28 and L01.FR.29)."""

from collections.abc import Mapping

from eventstore.catalogue.maintenance import FirmwareStatusQueued, SignedFirmwareStatusQueued
from projections.station import StationState

IDLE, INSTALLED = "Idle", "Installed"
_IN_1_6: Mapping[str, str] = {
    "DownloadScheduled": IDLE,
    "DownloadPaused": "Downloading",
    "SignatureVerified": "Downloaded",
    "InstallScheduled": "Downloaded",
    "InstallRebooting": "Installing",
}
"""Statuses that FirmwareStatusNotification does not have, and the one that is true instead."""


def firmware_status(state: StationState) -> FirmwareStatusQueued:
    """FirmwareStatusNotification for TriggerMessage: the status of the update under way, of either kind, else Idle."""
    job = state.maintenance.firmware
    status = IDLE if job is None else job.status or IDLE
    return FirmwareStatusQueued(status=_IN_1_6.get(status, status), triggered=True)


def signed_firmware_status(state: StationState) -> FirmwareStatusQueued | SignedFirmwareStatusQueued:
    """What ExtendedTriggerMessage of FirmwareStatusNotification brings: the last status of a signed update, with its request.

    Idle, without a request, if that was Installed or there never was one. While an update without a signature is under way its own
    message says how far it is: Idle would be untrue.
    """
    job, last = state.maintenance.firmware, state.maintenance.signed_status
    if job is not None and job.signed is None:
        return firmware_status(state)
    if last is None or last.status == INSTALLED:
        return SignedFirmwareStatusQueued(status=IDLE, request_id=None, triggered=True)
    return SignedFirmwareStatusQueued(status=last.status, request_id=last.request_id, triggered=True)

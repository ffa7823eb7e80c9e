"""The words for what is done to the station itself: its configuration, its keys, its resets, firmware and diagnostics.

Part of the table of `wording`, and how loud each is.
"""

from collections.abc import Callable, Mapping
from typing import Any

from eventstore.catalogue import configuration, maintenance
from eventstore.catalogue.configuration import AuthorizationKeyProven, AuthorizationKeyRefused, AuthorizationKeysFound
from eventstore.event import Event
from station.telling.masking import without_credentials

HEADLINE, DETAIL, NOISE = 0, 1, 2

Words = Callable[[Any], str]

_SOURCES = {"csms": "set by the CSMS", "settings": "of the settings"}


def _keys_found(event: AuthorizationKeysFound) -> str:
    """What the files of the keys were found to be."""
    found = [f"key {name} is LOST" for name in event.missing]
    found += [f"key {name} is DAMAGED" for name in event.damaged]
    found += [f"key {name} was found, which the log does not name any more" for name in event.unnamed]
    found.append(f"the settings have key {event.settings}" if event.settings else "the settings have no usable key")
    return f"AuthorizationKey: {'; '.join(found)}"


def _key_refused(event: AuthorizationKeyRefused) -> str:
    """A key that was not accepted."""
    return f"The CSMS REFUSED the AuthorizationKey {event.key} {_SOURCES.get(event.source, '')}: HTTP {event.status}"


def _key_proven(event: AuthorizationKeyProven) -> str:
    """A key that opened a connection."""
    return f"The CSMS took the AuthorizationKey {event.key} {_SOURCES.get(event.source, '')}"


def _firmware(event: maintenance.FirmwareProgressed) -> str:
    detail = f": {event.detail}" if event.detail else ""
    return f"Firmware job {event.job}: {event.status} (attempt {event.attempt}){detail}"


def _offered(event: maintenance.SignedUpdateOffered) -> str:
    return f"Signed firmware update {event.request_id} offered: {without_credentials(event.location)}"


def _checked(event: maintenance.SigningCertificateChecked) -> str:
    if event.fault:
        return f"Signing certificate: {event.fault}"
    return f"Signing certificate of {event.subject}: {'REVOKED' if event.revoked else 'a root vouches for it'}"


def _offer_answered(event: maintenance.SignedUpdateAnswered) -> str:
    reason = f": {event.reason}" if event.reason else ""
    return f"Signed firmware update {event.request_id} is answered {event.status}{reason}"


UPKEEP: Mapping[type[Event], tuple[int, Words]] = {
    configuration.ConfigurationChanged: (HEADLINE, lambda e: f"{e.key} is now {e.value!r}"),
    configuration.AuthorizationKeysFound: (HEADLINE, _keys_found),
    configuration.AuthorizationKeyRefused: (HEADLINE, _key_refused),
    configuration.AuthorizationKeyProven: (HEADLINE, _key_proven),
    maintenance.ResetAccepted: (HEADLINE, lambda e: f"{e.kind} reset accepted"),
    maintenance.ResetDue: (DETAIL, lambda e: f"{e.kind} reset: restarting now"),
    maintenance.ResetFailed: (HEADLINE, lambda e: f"The restart FAILED: {e.reason}"),
    maintenance.ResetAbandoned: (HEADLINE, lambda e: f"{e.kind} reset abandoned"),
    maintenance.TransferRefused: (HEADLINE, lambda e: f"{e.action} is refused: {e.reason}"),
    maintenance.FirmwareUpdateRequested: (
        HEADLINE,
        lambda e: f"Firmware update asked for: {without_credentials(e.location)}",
    ),
    maintenance.FirmwareProgressed: (HEADLINE, _firmware),
    maintenance.FirmwareStepDecided: (DETAIL, lambda e: f"Firmware job {e.job}: next step is {e.step}"),
    maintenance.FirmwareStatusQueued: (NOISE, lambda e: f"FirmwareStatusNotification is queued: {e.status}"),
    maintenance.SignedUpdateOffered: (HEADLINE, _offered),
    maintenance.SigningCertificateChecked: (DETAIL, _checked),
    maintenance.SignedUpdateAnswered: (HEADLINE, _offer_answered),
    maintenance.SignedFirmwareStatusQueued: (
        NOISE,
        lambda e: f"SignedFirmwareStatusNotification is queued: {e.status}",
    ),
    maintenance.DiagnosticsRequested: (
        HEADLINE,
        lambda e: f"{e.log or 'Diagnostics'} asked for: {without_credentials(e.location)}",
    ),
    maintenance.DiagnosticsProgressed: (HEADLINE, lambda e: f"Upload: {e.status} {e.detail}".rstrip()),
    maintenance.DiagnosticsStepDecided: (NOISE, lambda e: f"Upload job {e.job}: next step is {e.step}"),
    maintenance.DiagnosticsStatusQueued: (NOISE, lambda e: f"DiagnosticsStatusNotification is queued: {e.status}"),
}

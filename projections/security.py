"""What happened that is a security event (white paper, section 8), until it is raised.

Theory of operation
    Facts are judged here as they are folded. What counts is `pending` until the security feature raises it, in the same batch.
    What can come in masses from outside (InvalidMessages, refused credentials) is raised once an hour for each cause, with the
    number of those that were not. What TLS fails by is raised once until a connection opens, which may be a week later.
    docs/security.md has all types of section 8, and why two of them are never raised.
"""

from collections.abc import Callable, Mapping
from typing import Any

from eventstore.catalogue.certificates import (
    CertificateCheckConcluded,
    RootInstalled,
    RootRemoved,
    StationCertificateInstalled,
)
from eventstore.catalogue.configuration import AuthorizationKeyRefused, ConfigurationChanged
from eventstore.catalogue.lifecycle import (
    ClockAdjusted,
    DiskSpaceObserved,
    LogDamageFound,
    LogSalvaged,
    StationBooted,
    StationDescribed,
    StationStopped,
)
from eventstore.catalogue.link import CallAnswered, CallSettled, FrameRefused, LinkOpened
from eventstore.catalogue.maintenance import (
    FirmwareStatusQueued,
    ResetAccepted,
    SignedFirmwareStatusQueued,
    SignedUpdateAnswered,
)
from eventstore.catalogue.security import (
    SecurityEventRaised,
    SecurityProfileProven,
    ServiceAccessRefused,
    TamperObserved,
    TlsFailed,
)
from eventstore.catalogue.transactions import Moment
from eventstore.event import Event, Recorded
from eventstore.value import Value, replace
from projections.certificates import CSMS_ROOT
from projections.clock import Clock
from projections.own_certificates import STATION_CERTIFICATE

EXTENSION = "Security"
"""As the extension is named among the profiles that the settings switch off."""
ACTION = "SecurityEventNotification"
REFUSED = frozenset({"NotImplemented", "NotSupported"})
SECURITY_KEYS = frozenset({"AuthorizationKey", "CpoName"})
INVALID = frozenset(
    {
        "FormationViolation",
        "OccurenceConstraintViolation",
        "PropertyConstraintViolation",
        "ProtocolError",
        "TypeConstraintViolation",
    }
)
SERVICE_REFUSED = "FailedToAuthenticateAtService"
"""A type of our own: section 8 has none for whoever is turned away at the station itself."""
INVALID_CERTIFICATE = frozenset({"InvalidCertificate", "RevokedCertificate"})
CLOCK_STEP_MS = 60_000
"""A clock that was set by more than this has changed; less is keeping it right."""
FOLDED_MS = 3_600_000
DAMAGE_FOLDED_MS = 7 * 86_400_000
"""What is missing of the log is found again at every start."""
CAUSES_MAX = 32
PENDING_MAX = 64

_INVALID = {CSMS_ROOT: "InvalidCentralSystemCertificate", STATION_CERTIFICATE: "InvalidChargePointCertificate"}
"""What is raised for an invalid certificate of this use."""


class Happening(Value, frozen=True, kw_only=True):
    """Something that is to be raised: the type of section 8, and what it was."""

    type: str
    tech_info: str


class Cause(Value, frozen=True, kw_only=True):
    """What was raised for a cause at `at_ms`, and how often it came since then; `stands` until a connection opens."""

    type: str
    cause: str
    at_ms: int
    since: int = 0
    stands: bool = False


class RaisedEvent(Value, frozen=True, kw_only=True):
    """A security event that was raised, and its place in the log."""

    seq: int
    type: str
    tech_info: str
    occurred: Moment


class Security(Value, frozen=True, kw_only=True):
    """`enabled` once a description said that the extension is on; `booted` says of a boot what is raised after that.

    `refused` says that the CSMS of this connection does not know SecurityEventNotification. `stopped` is why the last run ended, with
    the kind of the reset that did it; `is_updated` that this one began with other firmware. `raised` counts all that were raised, `last` is the newest of them.
    """

    enabled: bool = False
    pending: tuple[Happening, ...] = ()
    causes: tuple[Cause, ...] = ()
    refused: bool = False
    booted: tuple[Happening, ...] = ()
    firmware_version: str = ""
    is_updated: bool = False
    stopped: str = ""
    reset: str = ""
    offset_ms: int | None = None
    disk: str = "ok"
    tampered: bool = False
    raised: int = 0
    last: RaisedEvent | None = None

    def stands(self, type_: str, cause: str) -> bool:
        """Whether this is known, and no connection has opened since."""
        return any(each.stands and (each.type, each.cause) == (type_, cause) for each in self.causes)


def _happened(security: Security, type_: str, tech_info: str) -> Security:
    if not security.enabled or len(security.pending) >= PENDING_MAX:
        return security
    return replace(security, pending=(*security.pending, Happening(type=type_, tech_info=tech_info)))


def _folded(
    security: Security, type_: str, cause: str, at_ms: int, *, stands: bool = False, every_ms: int = FOLDED_MS
) -> Security:
    """Once an hour, or `every_ms`, for each cause; one that `stands` is not raised again at all."""
    known = next((each for each in security.causes if (each.type, each.cause) == (type_, cause)), None)
    if known is not None and at_ms - known.at_ms < every_ms:
        again = replace(known, since=known.since + 1, stands=stands)
        return replace(security, causes=tuple(again if each is known else each for each in security.causes))
    others = tuple(each for each in security.causes if each is not known)
    causes = (*others, Cause(type=type_, cause=cause, at_ms=at_ms, stands=stands))[-CAUSES_MAX:]
    more = f" ({known.since} more since the last one)" if known is not None and known.since else ""
    return _happened(replace(security, causes=causes), type_, cause + more)


def _on_boot(security: Security, event: StationBooted, recorded: Recorded, _: Clock) -> Security:
    ended = security.stopped or ("in order" if event.orderly else "without a word")
    versions = f"software {event.software_version}, firmware {event.firmware_version}"
    booted = [Happening(type="StartupOfTheDevice", tech_info=f"{versions}; the last run ended: {ended}")]
    if event.orderly and security.stopped == "Reset":
        booted.append(Happening(type="ResetOrReboot", tech_info=f"{security.reset} Reset".strip()))
    before = security.firmware_version
    is_updated = before not in ("", event.firmware_version)
    if is_updated:
        booted.append(Happening(type="FirmwareUpdated", tech_info=f"{before} to {event.firmware_version}"))
    return replace(
        security,
        booted=tuple(booted),
        firmware_version=event.firmware_version,
        is_updated=is_updated,
        stopped="",
        reset="",
        offset_ms=event.offset_ms,
    )


def _on_described(security: Security, event: StationDescribed, recorded: Recorded, _: Clock) -> Security:
    enabled = EXTENSION not in event.profiles_off
    pending = (*security.pending, *security.booted)[:PENDING_MAX] if enabled else ()
    return replace(security, enabled=enabled, pending=pending, booted=())


def _on_stopped(security: Security, event: StationStopped, recorded: Recorded, _: Clock) -> Security:
    return replace(security, stopped=event.why)


def _on_reset(security: Security, event: ResetAccepted, recorded: Recorded, _: Clock) -> Security:
    return replace(security, reset=event.kind)


def _on_adjusted(security: Security, event: ClockAdjusted, recorded: Recorded, _: Clock) -> Security:
    before, after = security.offset_ms, replace(security, offset_ms=event.offset_ms)
    if before is None or abs(event.offset_ms - before) <= CLOCK_STEP_MS:
        return after
    seconds = (event.offset_ms - before) / 1000
    return _happened(after, "SettingSystemTime", f"moved by {seconds:+.0f} s, by {event.source}")


def _on_changed(security: Security, event: ConfigurationChanged, recorded: Recorded, _: Clock) -> Security:
    if event.key not in SECURITY_KEYS:
        return security
    return _happened(security, "ReconfigurationOfSecurityParameters", event.key)


def _on_proven(security: Security, event: SecurityProfileProven, recorded: Recorded, _: Clock) -> Security:
    return _happened(security, "ReconfigurationOfSecurityParameters", f"SecurityProfile {event.profile}")


def _on_key_refused(security: Security, event: AuthorizationKeyRefused, recorded: Recorded, _: Clock) -> Security:
    cause = f"AuthorizationKey {event.key}: HTTP {event.status}"
    return _folded(security, "FailedToAuthenticateAtCentralSystem", cause, recorded.at_ms)


def _on_tls_failed(security: Security, event: TlsFailed, recorded: Recorded, _: Clock) -> Security:
    if security.stands(event.type, event.detail):
        return security
    return _folded(security, event.type, event.detail, recorded.at_ms, stands=True)


def _on_frame_refused(security: Security, event: FrameRefused, recorded: Recorded, _: Clock) -> Security:
    return _folded(security, "InvalidMessages", event.reason, recorded.at_ms)


def _on_answered(security: Security, event: CallAnswered, recorded: Recorded, _: Clock) -> Security:
    if event.error_code not in INVALID:
        return security
    what = event.action or "a frame"
    return _folded(security, "InvalidMessages", f"{what}: {event.error_code}", recorded.at_ms)


def _on_settled(security: Security, event: CallSettled, recorded: Recorded, _: Clock) -> Security:
    if event.action == ACTION and event.outcome == "error" and event.error_code in REFUSED:
        return replace(security, refused=True)
    if event.outcome == "malformed":
        return _folded(security, "InvalidMessages", f"the answer to {event.action}", recorded.at_ms)
    return security


def _on_opened(security: Security, event: LinkOpened, recorded: Recorded, _: Clock) -> Security:
    if not security.refused and not any(each.stands for each in security.causes):
        return security
    causes = tuple(replace(each, stands=False) if each.stands else each for each in security.causes)
    return replace(security, refused=False, causes=causes)


def _on_disk(security: Security, event: DiskSpaceObserved, recorded: Recorded, _: Clock) -> Security:
    worse = ("ok", "low", "critical").index(event.level) > ("ok", "low", "critical").index(security.disk)
    after = replace(security, disk=event.level)
    if not worse:
        return after
    return _happened(after, "MemoryExhaustion", f"disk {event.level}: {event.free_bytes // 2**20} MiB free")


def _on_salvaged(security: Security, event: LogSalvaged, recorded: Recorded, _: Clock) -> Security:
    if event.old_head_seq <= event.kept_seq:
        return security
    lost = f"events {event.kept_seq + 1} to {event.old_head_seq} of the log are lost"
    return _happened(security, "SecurityLogWasCleared", lost)


def _on_damage(security: Security, event: LogDamageFound, recorded: Recorded, _: Clock) -> Security:
    return _folded(security, "SecurityLogWasCleared", event.finding, recorded.at_ms, every_ms=DAMAGE_FOLDED_MS)


def _on_tamper(security: Security, event: TamperObserved, recorded: Recorded, _: Clock) -> Security:
    if event.open == security.tampered:
        return security
    after = replace(security, tampered=event.open)
    return _happened(after, "TamperDetectionActivated", "the enclosure is open") if event.open else after


def _on_service(security: Security, event: ServiceAccessRefused, recorded: Recorded, _: Clock) -> Security:
    return _folded(security, SERVICE_REFUSED, f"{event.peer}: {event.reason}", recorded.at_ms)


def _on_concluded(security: Security, event: CertificateCheckConcluded, recorded: Recorded, _: Clock) -> Security:
    if not event.is_invalid or event.use not in _INVALID:
        return security
    return _folded(security, _INVALID[event.use], f"{event.action}: {event.reason}", recorded.at_ms)


def _on_root(security: Security, event: RootInstalled | RootRemoved, recorded: Recorded, _: Clock) -> Security:
    what = event.facts.subject if isinstance(event, RootInstalled) else f"{event.fingerprint[:16]} {event.reason}"
    return _happened(security, "ReconfigurationOfSecurityParameters", f"{event.use} {what}")


def _on_update_answered(security: Security, event: SignedUpdateAnswered, recorded: Recorded, _: Clock) -> Security:
    if event.status not in INVALID_CERTIFICATE:
        return security
    return _happened(security, "InvalidFirmwareSigningCertificate", f"request {event.request_id}: {event.reason}")


def _on_firmware_status(
    security: Security, event: FirmwareStatusQueued | SignedFirmwareStatusQueued, recorded: Recorded, _: Clock
) -> Security:
    if event.triggered or event.tries > 1:
        return security
    request = f"request {event.request_id}" if isinstance(event, SignedFirmwareStatusQueued) else "without a signature"
    if event.status == "InvalidSignature":
        return _happened(security, "InvalidFirmwareSignature", request)
    if event.status != "Installed" or security.is_updated:
        return security
    # The new firmware calls itself as the old one did, so that no boot has shown it.
    return _happened(security, "FirmwareUpdated", f"{security.firmware_version}, {request}")


def _on_certificate(security: Security, event: StationCertificateInstalled, recorded: Recorded, _: Clock) -> Security:
    return _happened(security, "ReconfigurationOfSecurityParameters", f"{STATION_CERTIFICATE} {event.facts.subject}")


def _on_raised(security: Security, event: SecurityEventRaised, recorded: Recorded, _: Clock) -> Security:
    last = RaisedEvent(seq=recorded.seq, type=event.type, tech_info=event.tech_info, occurred=event.occurred)
    return replace(security, pending=security.pending[1:], raised=security.raised + 1, last=last)


FOLDS: Mapping[type[Event], Callable[[Security, Any, Recorded, Clock], Security]] = {
    StationBooted: _on_boot,
    StationDescribed: _on_described,
    StationStopped: _on_stopped,
    ResetAccepted: _on_reset,
    ClockAdjusted: _on_adjusted,
    ConfigurationChanged: _on_changed,
    SecurityProfileProven: _on_proven,
    AuthorizationKeyRefused: _on_key_refused,
    TlsFailed: _on_tls_failed,
    FrameRefused: _on_frame_refused,
    CallAnswered: _on_answered,
    CallSettled: _on_settled,
    LinkOpened: _on_opened,
    DiskSpaceObserved: _on_disk,
    LogSalvaged: _on_salvaged,
    LogDamageFound: _on_damage,
    TamperObserved: _on_tamper,
    ServiceAccessRefused: _on_service,
    CertificateCheckConcluded: _on_concluded,
    RootInstalled: _on_root,
    StationCertificateInstalled: _on_certificate,
    RootRemoved: _on_root,
    SignedUpdateAnswered: _on_update_answered,
    SignedFirmwareStatusQueued: _on_firmware_status,
    FirmwareStatusQueued: _on_firmware_status,
    SecurityEventRaised: _on_raised,
}

"""What holds for every transfer of a file that the CSMS asks for: where to, how often, by which protocol, and what its status says.

A status that got no answer in time is queued again, a few times, unless a later one has been queued since.
"""

from urllib.parse import urlsplit

from eventstore.catalogue.maintenance import DiagnosticsStatusQueued, FirmwareStatusQueued, SignedFirmwareStatusQueued
from eventstore.catalogue.security import LogStatusQueued
from eventstore.event import Event
from eventstore.value import replace
from projections.outbox import Owed
from projections.station import StationState
from station.core.config_keys import Access, ConfigKey, Csl
from station.core.feature import Events, Failure
from station.wire.instants import format_utc_ms

PROTOCOLS: tuple[str, ...] = ("FTP", "FTPS", "HTTP", "HTTPS")
LOCATION_LENGTH_MAX = 8_192  # what HTTP servers and clients bear; pre-signed URLs with a session token have some 2,500

RETRIES_DEFAULT = 3
RETRY_INTERVAL_DEFAULT_S = 60
RETRY_INTERVAL_MIN_S = 1  # a retryInterval of 0 must not become a busy loop
RETRY_INTERVAL_MAX_S = 7 * 86_400
RETRY_AFTER_MAX_S = 3_600  # no server of files holds a job up for longer
TELLING_TRIES_MAX = 3

SUPPORTED_FILE_TRANSFER_PROTOCOLS = ConfigKey(
    name="SupportedFileTransferProtocols",
    kind=Csl(allowed=lambda item: item in PROTOCOLS, items_max=len(PROTOCOLS)),
    access=Access.READ_ONLY,
    default=PROTOCOLS,
    clause="9.5.1 (errata 3.88)",
    doc="By which protocols firmware is downloaded, and diagnostics and logs are uploaded.",
)


def location_fault(state: StationState, location: str) -> str:
    """Why nothing can be transferred there, for people; "" if the location is a URL with a host, of a protocol on offer."""
    if len(location) > LOCATION_LENGTH_MAX:
        return f"the location has {len(location)} characters, more than {LOCATION_LENGTH_MAX}"
    try:
        parts = urlsplit(location)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "the location is not a URL"
    offered = SUPPORTED_FILE_TRANSFER_PROTOCOLS.of(state)
    if parts.scheme.upper() not in offered:
        return f"the protocol {parts.scheme[:20]!r} is not in SupportedFileTransferProtocols ({', '.join(offered)})"
    return "" if host else "the location names no host"


def tries_again(retries: int | None) -> int:
    """How often it is tried again after the first time: 0 is one try (errata 3.50), absent is our choice."""
    return RETRIES_DEFAULT if retries is None else max(0, retries)


def interval_s(seconds: int | None) -> int:
    """How many seconds lie between two tries, of those that the CSMS asks for; absent is our choice."""
    wanted_s = RETRY_INTERVAL_DEFAULT_S if seconds is None else seconds
    return min(max(wanted_s, RETRY_INTERVAL_MIN_S), RETRY_INTERVAL_MAX_S)


def wait_ms(retry_interval_s: int, retry_after_s: int) -> int:
    """How long to wait before the next try: what the CSMS asked for, or the file's server, whichever is longer."""
    return max(retry_interval_s, min(retry_after_s, RETRY_AFTER_MAX_S)) * 1000


def file_name(state: StationState, job: int, at_ms: int, suffix: str) -> str:
    """One of its own for each job: identity, UTC and job number, made of letters, digits, "-", "_" and "."."""
    signs = (sign if sign.isascii() and sign.isalnum() else "-" for sign in state.described.identity)
    identity = "".join(signs).strip("-")
    utc = format_utc_ms(state.clock.utc_ms(at_ms))[:19].replace("-", "").replace(":", "")
    return f"{identity}_{utc}Z_{job}{suffix}"


def tell_again(state: StationState, owed: Owed, failure: Failure, at_ms: int) -> Events:
    """What follows when a status of a job got no answer: the same once more, or nothing."""
    event = owed.event
    if not isinstance(
        event, FirmwareStatusQueued | SignedFirmwareStatusQueued | DiagnosticsStatusQueued | LogStatusQueued
    ):
        return ()
    if failure.kind != "timeout" or event.triggered or event.tries >= TELLING_TRIES_MAX:
        return ()
    if any(other.seq > owed.seq and _subject(other.event) == _subject(event) for other in state.outbox.calls):
        return ()
    return (replace(event, tries=event.tries + 1),)


def _subject(event: Event) -> tuple[type[Event], int | None]:
    """Whose status it is, as far as the notification says it."""
    return type(event), event.request_id if isinstance(event, LogStatusQueued) else None

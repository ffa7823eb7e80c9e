"""How a connection to the CSMS is opened: TLS and key as the security profile asks, and what the outcome says of them.

The files are looked at for each attempt, so that new ones hold from the next connection on.
"""

from collections.abc import Iterator

from eventstore.catalogue.security import TlsFailed
from eventstore.event import Observation
from projections.clock import CALENDAR_AGREES_MS
from projections.station import StationState
from station.rules.certificate_time import CertificateTime, certificate_time
from station.runtime.clock import StationClock
from station.runtime.csms_tls import CERTIFICATE, CsmsContext
from station.runtime.keyring import Keyring
from station.runtime.secrets import Secrets, basic_credentials
from station.runtime.tls import tls_context
from station.runtime.websocket import WebSocketTerms, hint_for, refusal_status
from station.settings.loading import Settings
from station.wire.frames import MAX_FRAME_BYTES

OPEN_TIMEOUT_S = 30
CLOSE_TIMEOUT_S = 1
"""How long a CSMS may take to close in order: whoever lives on back-up power cannot wait for long."""


class Approach:
    """One attempt after the other, each from `terms` to `failed` or to `opened`."""

    def __init__(self, settings: Settings, clock: StationClock, secrets: Secrets) -> None:
        self._settings = settings
        self._clock = clock
        self._keyring = Keyring(settings, secrets)
        self._tls: CsmsContext | None = None  # of the attempt, or of the connection

    def terms(self, state: StationState) -> WebSocketTerms:
        """Reads files, so not on the event loop. Raises SettingsError, OSError and NoKeyLeftError."""
        self._tls = None
        if self._settings.csms.url.startswith("wss:"):
            self._tls = tls_context(self._settings, self._judged_at(state))
        key = self._keyring.choose(state.credentials)
        credentials = None if key is None else basic_credentials(self._settings.station.identity, key.secret)
        return WebSocketTerms(
            tls=self._tls,
            headers={} if credentials is None else {"Authorization": credentials},
            timeout_s=OPEN_TIMEOUT_S,
            options={
                "close_timeout": CLOSE_TIMEOUT_S,
                "max_size": MAX_FRAME_BYTES,
                "user_agent_header": "chargebox",
            },
        )

    def _judged_at(self, state: StationState) -> CertificateTime | None:
        """When certificates are judged; None where that is the machine's time, by which OpenSSL goes."""
        when = certificate_time(state.clock, self._clock.at_ms())
        agrees = abs(self._clock.system_utc_ms() - when.utc_ms) <= CALENDAR_AGREES_MS
        return None if when.exact and agrees else when

    def found(self) -> Iterator[Observation]:
        """What `terms` found, whether it raised or not."""
        if (news := self._keyring.news()) is not None:
            yield news

    def failed(self, state: StationState, error: Exception) -> Iterator[Observation]:
        """What an attempt that failed says of TLS and key."""
        yield from self._tls_failures(state)
        if (refused := self._keyring.refused(state.credentials, refusal_status(error))) is not None:
            yield refused

    def why_not(self, error: Exception) -> str:
        """Why an attempt failed, with what to look at; without what the url's query may hold."""
        reason, hint = reason_of(error), hint_for(self._settings, refusal_status(error))
        late = "" if self._tls is None else "; ".join(each.detail for each in self._tls.failures)
        if late and late not in reason and late.replace(" ", "_").upper() not in reason:
            reason = f"{reason} (TLS: {late})"
        return self._settings.without_query(f"{reason} ({hint})" if hint else reason)

    def met(self, state: StationState) -> Iterator[Observation]:
        """What failed at other addresses on the way to a connection that has opened."""
        yield from self._tls_failures(state)

    def opened(self, state: StationState) -> Iterator[Observation]:
        """What a connection that has opened says of the key."""
        if (proven := self._keyring.proven(state.credentials)) is not None:
            yield proven

    def _tls_failures(self, state: StationState) -> Iterator[Observation]:
        for each in () if self._tls is None else self._tls.failures:
            if not state.security.stands(each.type, each.detail):
                yield TlsFailed(type=each.type, detail=each.detail)

    def judge_again(self, state: StationState, connection: int) -> Iterator[Observation]:
        """Once, when the time is known: the certificate of a connection that was opened before that."""
        if not state.clock.trusted:
            return
        tls, self._tls = self._tls, None
        if tls is None or tls.when is None or tls.when.exact or tls.period is None:
            return
        fault = certificate_time(state.clock, self._clock.at_ms()).fault(*tls.period)
        if fault:
            yield TlsFailed(type=CERTIFICATE, detail=fault, connection=connection)


def reason_of(error: BaseException) -> str:
    """An error in a line of the log."""
    return f"{type(error).__name__}: {error}".strip().rstrip(":")[:250]

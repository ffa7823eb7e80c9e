"""How a connection to the CSMS is opened: TLS and key as the security profile asks, and what the outcome says of them.

The files are looked at for each attempt, so that new ones hold from the next connection on.
"""

import ssl
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from eventstore.catalogue.security import TlsFailed
from eventstore.event import Observation
from eventstore.value import replace
from projections.clock import CALENDAR_AGREES_MS
from projections.security_profile import CLIENT_CERTIFICATE
from projections.station import StationState
from station.rules.certificate_time import CertificateTime, certificate_time
from station.runtime.clock import StationClock
from station.runtime.csms_tls import CERTIFICATE, NOT_AUTHENTICATED, CsmsContext
from station.runtime.dialing import Dialer
from station.runtime.keyring import Keyring
from station.runtime.own_identity import OwnIdentity
from station.runtime.secrets import Secrets, basic_credentials
from station.runtime.tls import tls_context
from station.runtime.trust import Trust
from station.runtime.websocket import WebSocketTerms, hint_for, open_websocket, refusal_status
from station.settings.loading import Settings
from station.wire.frames import MAX_FRAME_BYTES

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

OPEN_TIMEOUT_S = 30
CLOSE_TIMEOUT_S = 1
"""How long a CSMS may take to close in order: whoever lives on back-up power cannot wait for long."""


class Approach:
    """One attempt after the other, each from `attempts` to `failed` or to `opened`."""

    def __init__(self, settings: Settings, clock: StationClock, secrets: Secrets) -> None:
        self._settings = settings
        self._clock = clock
        self._keyring = Keyring(settings, secrets)
        self._trust = Trust(settings)
        self._own = OwnIdentity(settings)
        self._url = ""
        self._tls: CsmsContext | None = None  # of the attempt, or of the connection

    def attempts(self, state: StationState) -> tuple[WebSocketTerms, ...]:
        """With what it is tried; the next one counts where the certificate of the CSMS cannot be verified by this one's roots.

        Reads files, so not on the event loop. Raises SettingsError, OSError and NoKeyLeftError.
        """
        self._tls = None
        self._own.forget()
        profile = state.security_profile.next
        self._url = self._settings.connection_url_for(profile)
        key = self._keyring.choose(state.credentials, profile)
        credentials = None if key is None else basic_credentials(self._settings.station.identity, key.secret)
        plain = WebSocketTerms(
            tls=None,
            headers={} if credentials is None else {"Authorization": credentials},
            timeout_s=OPEN_TIMEOUT_S,
            options={
                "close_timeout": CLOSE_TIMEOUT_S,
                "max_size": MAX_FRAME_BYTES,
                "user_agent_header": "chargebox",
            },
        )
        if not self._url.startswith("wss:"):
            return (plain,)
        when, now = self._judged_at(state), certificate_time(state.clock, self._clock.at_ms())
        own = self._own.choose(state.own_certificates, now) if profile == CLIENT_CERTIFICATE else None
        rungs = self._trust.rungs(state.certificates, now.utc_ms)
        if not rungs:
            tls_context(self._settings, profile, when)  # raises what is wrong with `ca_file`, if that is the reason
        return tuple(replace(plain, tls=tls_context(self._settings, profile, when, anchors, own)) for anchors in rungs)

    async def open(self, attempts: Sequence[WebSocketTerms], dialer: Dialer) -> "ClientConnection":
        """The first of them that leads to a connection. Raises as `open_websocket` does."""
        for number, terms in enumerate(attempts, start=1):
            assert terms.tls is None or isinstance(terms.tls, CsmsContext), "made above"
            self._tls = terms.tls
            try:
                return await open_websocket(self._url, terms, dialer)
            except ssl.SSLCertVerificationError:
                if number == len(attempts):
                    raise
        raise ConnectionError("no root certificate is left by which the CSMS could be verified")

    def _judged_at(self, state: StationState) -> CertificateTime | None:
        """When certificates are judged; None where that is the machine's time, by which OpenSSL goes."""
        when = certificate_time(state.clock, self._clock.at_ms())
        agrees = abs(self._clock.system_utc_ms() - when.utc_ms) <= CALENDAR_AGREES_MS
        return None if when.exact and agrees else when

    def found(self) -> Iterator[Observation]:
        """What `attempts` found, whether it raised or not."""
        for news in (self._keyring.news(), self._trust.news(), self._own.news()):
            if news is not None:
                yield news

    def failed(self, state: StationState, error: Exception) -> Iterator[Observation]:
        """What an attempt that failed says of TLS and key."""
        yield from self._tls_failures(state)
        status = refusal_status(error)
        if (refused := self._keyring.refused(state.credentials, status)) is not None:
            yield refused
        failures = () if self._tls is None else self._tls.failures
        alert = next((each.detail for each in failures if each.type == NOT_AUTHENTICATED), "")
        if (certificate := self._own.refused(alert, error, status)) is not None:
            yield certificate

    def why_not(self, error: Exception) -> str:
        """Why an attempt failed, with what to look at; without what the url's query may hold."""
        reason, hint = reason_of(error), hint_for(self._settings, refusal_status(error))
        late = "" if self._tls is None else "; ".join(each.detail for each in self._tls.failures)
        if late and late not in reason and late.replace(" ", "_").upper() not in reason:
            reason = f"{reason} (TLS: {late})"
        return self._settings.without_query(f"{reason} ({hint})" if hint else reason)

    def met(self, state: StationState) -> Iterator[Observation]:
        """What failed at other addresses on the way to a connection that has opened, and the certificate that opened it.

        That comes before the connection itself: else there would seem to be a newer one to come back with.
        """
        yield from self._tls_failures(state)
        if (certificate := self._own.proven()) is not None:
            yield certificate

    def opened(self, state: StationState) -> Iterator[Observation]:
        """What a connection that has opened says of the key, and of the roots."""
        if (proven := self._keyring.proven(state.credentials)) is not None:
            yield proven
        if self._tls is not None and (root := self._trust.proven(self._tls.chain)) is not None:
            yield root

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

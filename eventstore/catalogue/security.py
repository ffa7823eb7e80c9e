"""The security extension (white paper): security events (A04 and section 8), the status of a log on its way (N01)."""

from typing import ClassVar

from eventstore.catalogue.transactions import Moment
from eventstore.event import Decision, Observation


class TamperObserved(Observation, frozen=True, kw_only=True):
    """The contact that watches the enclosure: `open` is true while the enclosure is open."""

    NAME: ClassVar[str] = "TamperObserved"

    open: bool


class SecurityEventRaised(Decision, frozen=True, kw_only=True):
    """Something happened that section 8 of the white paper names as `type`; `send`: SecurityEventNotification is queued for it.

    `tech_info` says what it was, in at most 255 characters. `occurred` is when.
    """

    NAME: ClassVar[str] = "SecurityEventRaised"

    type: str
    tech_info: str
    occurred: Moment
    send: bool


class TlsFailed(Observation, frozen=True, kw_only=True):
    """TLS with the CSMS failed by what section 8 of the white paper names as `type`: its certificate, version or cipher suite, or ours.

    `detail` says what it was. `connection` is the one that was open with it, 0 where the handshake failed. Recorded once for each cause
    until a connection opens, however often it is tried.
    """

    NAME: ClassVar[str] = "TlsFailed"

    type: str
    detail: str
    connection: int = 0


class LogStatusQueued(Decision, frozen=True, kw_only=True):
    """LogStatusNotification is queued (5.13) for the GetLog with that `request_id`; None only if it was triggered and there is none.

    `tries` counts those of this status that nobody answered, and this.
    """

    NAME: ClassVar[str] = "LogStatusQueued"

    status: str
    request_id: int | None
    triggered: bool = False
    tries: int = 1


class ServiceAccessRefused(Observation, frozen=True, kw_only=True):
    """The HTTP service refused a request of `peer`, an address or a network, for this `reason`; of each peer once an hour."""

    NAME: ClassVar[str] = "ServiceAccessRefused"

    peer: str
    reason: str


class SecurityProfileTrialBegun(Decision, frozen=True, kw_only=True):
    """The CSMS has raised SecurityProfile (A05.FR.05): the next connections are tried with it."""

    NAME: ClassVar[str] = "SecurityProfileTrialBegun"

    profile: int


class SecurityProfileProven(Decision, frozen=True, kw_only=True):
    """A connection opened with the security profile on trial: no lower one is used from now on (A05.FR.07)."""

    NAME: ClassVar[str] = "SecurityProfileProven"

    profile: int


class SecurityProfileFallenBack(Decision, frozen=True, kw_only=True):
    """No connection opened with the security profile on trial, but one with that before it, `to` (A05.FR.08)."""

    NAME: ClassVar[str] = "SecurityProfileFallenBack"

    profile: int
    to: int

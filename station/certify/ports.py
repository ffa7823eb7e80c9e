"""What a rig is made of, as far as it cares: a CSMS, hands, the station's process, and a place for files.

The suite of tests has a CSMS of its own, built on another library; the command has the one that is built in. What is done to the
station is done by the bench controls or by a person.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Literal, Protocol

Payload = dict[str, Any]
Answer = Payload | Callable[[Payload], Payload]
FileProtocol = Literal["ftp", "http"]


class CallRefused(Exception):  # noqa: N818  # an answer, not our error
    """The station answered a CALL with this CALLERROR."""

    def __init__(self, code: str, description: str = "") -> None:
        super().__init__(f"{code}: {description}".removesuffix(": "))
        self.code = code


class SeenFrame(Protocol):
    """A frame in the order in which the CSMS saw it: `order` counts over all connections and both directions.

    `at_s` is the CSMS's monotonic clock, `utc_ms` its calendar. A result or error has the action of the CALL that it answers.
    """

    @property
    def order(self) -> int: ...
    @property
    def at_s(self) -> float: ...
    @property
    def utc_ms(self) -> int: ...
    @property
    def connection(self) -> int: ...
    @property
    def outbound(self) -> bool: ...
    @property
    def kind(self) -> str: ...
    @property
    def message_id(self) -> str: ...
    @property
    def action(self) -> str: ...
    @property
    def payload(self) -> Payload: ...
    @property
    def text(self) -> str: ...
    @property
    def error_code(self) -> str: ...


class CsmsPort(Protocol):
    """A CSMS for one station: its record, its answers, its clock, and how it proves who it is."""

    @property
    def frames(self) -> Sequence[SeenFrame]:
        """Everything so far."""
        ...

    @property
    def deviations(self) -> Sequence[str]:
        """What of it breaks the standard's schemas, a sentence each."""
        ...

    @property
    def is_linked(self) -> bool:
        """Whether the station is connected."""
        ...

    @property
    def link_count(self) -> int:
        """How many connections there were."""
        ...

    @property
    def authorizations(self) -> Sequence[str]:
        """The Authorization header of each connection attempt that reached HTTP, "" for none."""
        ...

    @property
    def paths(self) -> Sequence[str]:
        """The path of each of those."""
        ...

    def tls(self) -> Any:
        """The `ssl.SSLObject` of the last connection, None without TLS."""
        ...

    def secure(self, context: Any, password: bytes | None) -> None:
        """From the next `come_up` on: this TLS (None: none), and this Basic password alone (None: any, or none)."""
        ...

    async def go_down(self) -> None:
        """Every connection is closed, and new ones are refused."""
        ...

    async def come_up(self) -> None:
        """Connections are taken again at the same address."""
        ...

    def utc(self) -> datetime:
        """Its calendar."""
        ...

    def advance(self, seconds: float) -> None:
        """Its calendar moves on."""
        ...

    def answer(self, action: str, *answers: Answer) -> None:
        """The next answers to an action, one for each CALL; then the standing answer holds again."""
        ...

    def always(self, action: str, answer: Answer) -> None:
        """The standing answer to an action from now on."""
        ...

    def started(self, status: str = "Accepted", **id_tag_info: Any) -> Payload:
        """An answer to StartTransaction with the next transaction id."""
        ...

    async def request(self, action: str, **members: Any) -> Payload:
        """A CALL and the payload of its answer. Raises CallRefused, or AssertionError where none comes in time."""
        ...

    async def until(self, condition: Callable[[], Any], what: str) -> Any:
        """Waits for a condition on the record; returns its value. Raises AssertionError that names what never came."""
        ...


class HandsPort(Protocol):
    """What is done to the station from outside. Each returns once the station has taken notice. Raises CannotBeDone."""

    async def plug(self, connector_id: int = 1, *, ev: bool = True, station: bool = True, seated: bool = True) -> None:
        """The cable goes into the vehicle and the station; not `seated`: half way, so that the lock cannot close."""
        ...

    async def unplug(self, connector_id: int = 1, *, ev: bool = True, station: bool = True) -> None:
        """The cable comes out of the vehicle and the station."""
        ...

    async def swipe(self, id_tag: str, connector_id: int | None = None) -> None:
        """A tag is held to the reader."""
        ...

    async def fault(self, connector_id: int) -> str:
        """A fault appears; connector 0 is the station. Returns its ChargePointErrorCode."""
        ...

    async def clear_fault(self, connector_id: int) -> None:
        """It is gone."""
        ...

    async def network(self, up: bool) -> None:
        """The network is cut, so that the connection is reset and none can be made; or is back."""
        ...

    async def mains_lost(self) -> None:
        """Mains goes; the station ends by itself, at once or in order."""
        ...

    async def power_cycle(self) -> None:
        """The station is off and on again; nothing was prepared for it."""
        ...

    async def fail_local_list(self) -> None:
        """The next list cannot be stored."""
        ...

    async def wait(self, seconds: float) -> None:
        """So much time passes for the station and for the CSMS."""
        ...


class StationProcess(Protocol):
    """The station's program."""

    @property
    def pid(self) -> int: ...

    async def start(self) -> None:
        """Starts it, and waits until it is ready."""
        ...

    async def exited(self) -> int:
        """Waits until it has ended by itself; its exit status."""
        ...


class StationReading(Protocol):
    """What the station says of itself, over its HTTP service."""

    async def state(self) -> Any:
        """GET /api/state."""
        ...

    async def events(self, after: int = 0) -> list[Any]:
        """The log behind that sequence number."""
        ...


class Files(Protocol):
    """A running file server of the laboratory."""

    @property
    def url(self) -> str: ...

    def put(self, name: str, content: bytes) -> str:
        """Offers a file; its URL."""
        ...

    def received(self) -> Mapping[str, bytes]:
        """What lies there, by name."""
        ...


ServeFiles = Callable[[FileProtocol], AbstractAsyncContextManager[Files]]

"""What the service works on, as narrow ports: the station, its log, the bench, the link."""

import os
import signal
from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from eventstore.chain import Head, Row
from eventstore.event import Observation, Recorded
from eventstore.value import Value
from projections.station import StationState
from station.core.feature import Registry
from station.settings.loading import Settings

if TYPE_CHECKING:
    from devices.bench.board import BenchBoard


class LogPort(Protocol):
    """What is asked of the event log."""

    @property
    def head(self) -> Head:
        """The last durable event's seq and digest."""
        ...

    async def read_rows(self, after: int, limit: int) -> list[Row]:
        """The rows behind seq `after` as stored, in order. Raises StorageFailed."""
        ...

    async def read_kinds(self, after: int, until: int, names: Collection[str]) -> list[Row]:
        """The rows of these types behind seq `after` up to `until`, in order. Raises StorageFailed."""
        ...

    def bytes_on_disk(self) -> int:
        """What the log takes on the disk."""
        ...

    def archive_bytes(self) -> int:
        """What its closed segments take."""
        ...

    def free_bytes(self) -> int:
        """What the file system has left."""
        ...


class ClockPort(Protocol):
    """Station time."""

    def at_ms(self) -> int:
        """Station time now."""
        ...


class StationPort(Protocol):
    """What is asked of the running station. Everything in `state` is durable."""

    @property
    def state(self) -> StationState: ...
    @property
    def registry(self) -> Registry: ...
    @property
    def log(self) -> LogPort: ...
    @property
    def clock(self) -> ClockPort: ...
    @property
    def followers(self) -> list[Callable[[StationState, Sequence[Recorded]], None]]:
        """Who is called with what has become durable."""
        ...

    @property
    def dropped(self) -> int:
        """Observations that were dropped because too many of their kind waited."""
        ...

    def submit(self, observation: Observation) -> None:
        """Into the inbox; never blocks."""
        ...

    async def observe(self, *observations: Observation) -> int:
        """Submit, wait until durable; the last seq."""
        ...

    async def settle(self) -> int:
        """Wait until everything submitted, and what it led to at once, is durable; the last seq."""
        ...

    async def advance(self, milliseconds: int) -> int:
        """Station time moves ahead, deadlines due in between fire in order; the last seq."""
        ...

    def trouble(self) -> str | None:
        """Why the station is not well; None while it is."""
        ...


class NetworkPort(Protocol):
    """The bench's hand on the network cable."""

    def network(self, *, up: bool, silent: bool = False) -> None:
        """Cut the network or restore it."""
        ...


async def oldest_utc_ms(log: LogPort, state: StationState) -> int | None:
    """UTC of the oldest event in the outbox, as it was believed then; None if the outbox is empty. Raises StorageFailed."""
    seq = state.outbox.oldest_seq
    rows = [] if seq is None else await log.read_rows(seq - 1, 1)
    return rows[0].utc_ms if rows else None


def kill_this_process() -> None:
    """Mains without back-up power is gone: nothing is flushed, nothing is said."""
    os.kill(os.getpid(), signal.SIGKILL)


def as_recorded(state: StationState, at_ms: int) -> StationState:
    """A state as the log has it, where no meter can be read."""
    return state


class ServiceContext(Value, frozen=True, kw_only=True):
    """All that the service works on. `board` is given on a bench only.

    `diagnostics` writes the diagnostics file of a state; None where there is none. `refused_reads` gives how often each reader gave what is no card. `live` gives a state with what the meters say at a moment, for showing it (`runtime.live_meters`).
    `on_mains_lost` is called once the answer to a loss of mains has left: the station then goes down in order. `die` ends the
    process that has no back-up power.
    """

    station: StationPort
    board: "BenchBoard | None"
    link: NetworkPort
    settings: Settings
    on_mains_lost: Callable[[], None]
    live: Callable[[StationState, int], StationState] = as_recorded
    refused_reads: Callable[[], tuple[int, ...]] = tuple
    die: Callable[[], None] = kill_this_process
    diagnostics: Callable[[Path, StationState], Awaitable[None]] | None = None

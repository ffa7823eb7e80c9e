"""Taking over a log: from the newest usable snapshot and the events behind it to the state, then the boot's own events."""

import logging
from collections.abc import Sequence

from eventstore.catalogue.lifecycle import DiskSpaceObserved, LogSalvaged, StationBooted, StationDescribed
from eventstore.catalogue.link import OutboxWindowRead
from eventstore.event import Recorded
from eventstore.log import EventLog
from projections.digest import fingerprint, state_bytes, state_from
from projections.station import INITIAL, StationState, evolve
from station.feature import Registry
from station.kernel import step
from station.runtime.station import read_window

LOGGER = logging.getLogger(__name__)

SNAPSHOT_EVERY = 2_000  # events; folding that many takes some 20 ms


async def fold_log(log: EventLog) -> tuple[StationState, int]:
    """The state at the log's head, and the seq of the snapshot it was folded from (0: from nothing)."""
    state = await _from_snapshot(log)
    base_seq = state.seq
    async for events in log.fold_source(base_seq):
        for recorded in events:
            state = evolve(state, await filled(log, recorded))
    return state, base_seq


async def filled(log: EventLog, recorded: Recorded) -> Recorded:
    """The event with what was not logged again with it: an OutboxWindowRead names a range of the log only."""
    event = recorded.event
    if not isinstance(event, OutboxWindowRead):
        return recorded
    window = await read_window(log, event.after_seq, event.count, to_seq=event.to_seq)
    return Recorded(seq=recorded.seq, cause=recorded.cause, at_ms=recorded.at_ms, utc_ms=recorded.utc_ms, event=window)


async def _from_snapshot(log: EventLog) -> StationState:
    snapshot = await log.load_snapshot(fingerprint())
    if snapshot is None:
        return INITIAL
    try:
        state = state_from(snapshot.state)
    except (ValueError, KeyError) as error:
        LOGGER.warning("the snapshot cannot be used, the log is folded whole: %s", error)
        return INITIAL
    return state if state.seq == snapshot.seq else INITIAL


async def save_snapshot(log: EventLog, state: StationState) -> None:
    """Keeps the state, which must be durable, as the start of the next fold."""
    if state.seq:
        await log.save_snapshot(state.seq, fingerprint(), state_bytes(state))


def boot_base_ms(state: StationState, system_utc_ms: int) -> int:
    """Station time at boot: the last one, plus the time that the board's calendar clock says has passed since.

    A clock that is behind our last UTC says nothing: then no time has passed as far as we know.
    """
    if state.seq == 0:
        return 0
    return state.at_ms + max(0, system_utc_ms - state.clock.utc_ms(state.at_ms))


def boot_event(
    state: StationState,
    *,
    at_ms: int,
    system_utc_ms: int,
    trusted: bool,
    installation: str,
    versions: tuple[str, str],
    boot_id: str,
) -> StationBooted:
    """What this boot is. An untrusted calendar clock never sets UTC back behind what the log knows."""
    offset_ms = system_utc_ms - at_ms
    if not trusted and state.seq:
        offset_ms = max(offset_ms, state.clock.utc_ms(state.at_ms) - at_ms)
    software_version, firmware_version = versions
    return StationBooted(
        boot=state.clock.boot + 1,
        installation=state.clock.installation or installation,
        software_version=software_version,
        firmware_version=firmware_version,
        offset_ms=offset_ms,
        clock_trusted=trusted,
        orderly=state.seq == 0 or state.boot.ended != "",
        boot_id=boot_id,
    )


async def begin(
    log: EventLog,
    state: StationState,
    registry: Registry,
    at_ms: int,
    booted: StationBooted,
    described: StationDescribed,
    disk: DiskSpaceObserved,
) -> StationState:
    """Appends the boot's events, and what was found damaged; the station serves only after this has returned."""
    batch: list[Recorded] = []
    for event in (booted, described, disk, *_salvage_events(log)):
        state, events = step(state, event, at_ms, registry)
        batch.extend(events)
    await log.append(batch)
    if log.boot_report.recovery is not None:
        await log.acknowledge_recovery()
    return state


def _salvage_events(log: EventLog) -> Sequence[LogSalvaged]:
    recovery = log.boot_report.recovery
    if recovery is None:
        return ()
    return (
        LogSalvaged(
            old_head_seq=recovery.known_seq,
            old_head_digest=recovery.known_digest,
            kept_seq=recovery.kept_seq,
            quarantine=recovery.quarantine,
            findings=tuple(recovery.findings)[:16],
        ),
    )

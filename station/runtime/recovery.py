"""Taking over a log: from the newest usable snapshot and the events behind it to the state, then the boot's own events."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator

from eventstore.catalogue.lifecycle import (
    DiskSpaceObserved,
    LogDamageFound,
    LogSalvaged,
    StationBooted,
    StationDescribed,
)
from eventstore.catalogue.link import OutboxWindowRead, OwedEventsLost
from eventstore.descriptors import is_shortage
from eventstore.errors import LogCorrupt, LogTooNew, OutOfDescriptors
from eventstore.event import Observation, Recorded
from eventstore.log import EventLog
from eventstore.value import replace
from projections.digest import STATE_LAYOUT, fingerprint, state_bytes, state_from
from projections.station import INITIAL, Folding, StationState
from station.core.feature import Registry
from station.core.kernel import step
from station.runtime.recovered import NOTHING_RECOVERED, Recovered, recovered
from station.runtime.station import Follower, read_window

LOGGER = logging.getLogger(__name__)

SNAPSHOT_EVERY = 2_000  # events; folding that many takes some 20 ms


class GapError(LogCorrupt):
    """Events that the fold needs are not in the log any more."""


async def fold_log(log: EventLog) -> tuple[StationState, int]:
    """The state at the log's head, and the seq of the state it was folded from (0: from nothing).

    Folded from the newest state that is of use: a snapshot, else what a segment begins with, else from the first event. Where
    there is none, nothing is known but where the log ends: `is_lost`. Raises LogTooNew when a newer version knows it.
    """
    async for base in _bases(log):
        try:
            return await _folded(log, base), base.seq
        except GapError as error:
            LOGGER.error("the log cannot be folded from event %d on: %s", base.seq, error)
    LOGGER.error("no state of the station can be had from the log; it begins anew behind event %d", log.head.seq)
    last = await log.read_rows(log.head.seq - 1, 1)
    return replace(INITIAL, seq=log.head.seq, at_ms=last[0].at_ms if last else 0), log.head.seq


def is_lost(state: StationState) -> bool:
    """Whether a state folded from a log says nothing of what happened before: the log has a history, but no boot.

    A log of which nothing could be kept begins with LogSalvaged when it was salvaged by hand: that, and the transactions that
    were found behind the damage, is all its history.
    """
    return state.seq > 1 and state.clock.boot == 0 and state.transactions.last_number == 0


async def _bases(log: EventLog) -> AsyncIterator[StationState]:
    """The states to fold from, the best one first."""
    snapshot = await _from_snapshot(log)
    if snapshot is not None:
        yield snapshot
    newest = 0
    async for opening in log.openings():
        newest = max(newest, opening.layout)
        try:
            yield state_from(opening.state, opening.layout)
        except (ValueError, KeyError) as error:
            LOGGER.warning("the state at event %d cannot be used: %s", opening.head.seq, error)
    if await log.first_seq() == 1:
        yield INITIAL
    elif newest > STATE_LAYOUT:
        raise LogTooNew(
            f"the log was written by a newer version: its states have layout {newest}, this one knows {STATE_LAYOUT}"
        )


async def _folded(log: EventLog, state: StationState) -> StationState:
    folding = Folding(state)
    async for events in log.fold_source(state.seq):
        for recorded in events:
            if recorded.seq != folding.seq + 1:
                raise GapError(f"events {folding.seq + 1} to {recorded.seq - 1} are missing")
            if type(recorded.event) is OutboxWindowRead:
                for part in await _parts(log, recorded, recorded.event):
                    folding.add(part)
            else:
                folding.add(recorded)
    return folding.state()


async def _parts(log: EventLog, recorded: Recorded, event: OutboxWindowRead) -> tuple[Recorded, ...]:
    """The event, filled; where a closed segment has lost some of what was read then, what is left, and the loss.

    Most often those were delivered long ago: that their archive rotted since takes nothing from the state.
    """
    try:
        return (await filled(log, recorded),)
    except GapError as error:
        LOGGER.warning("%s", error)
    window = await read_window(log, event.after_seq, event.count, to_seq=event.to_seq)
    lost = OwedEventsLost(after_seq=window.to_seq, count=event.count - window.count, to_seq=event.to_seq)
    parts = (window, lost) if window.count else (lost,)
    return tuple(
        Recorded(seq=recorded.seq, cause=recorded.cause, at_ms=recorded.at_ms, utc_ms=recorded.utc_ms, event=part)
        for part in parts
    )


async def filled(log: EventLog, recorded: Recorded) -> Recorded:
    """The event with what was not logged again with it: an OutboxWindowRead names a range of the log only."""
    event = recorded.event
    if not isinstance(event, OutboxWindowRead):
        return recorded
    window = await read_window(log, event.after_seq, event.count, to_seq=event.to_seq)
    if window.count != event.count:
        raise GapError(f"{event.count - window.count} queued events up to event {event.to_seq} are missing")
    return Recorded(seq=recorded.seq, cause=recorded.cause, at_ms=recorded.at_ms, utc_ms=recorded.utc_ms, event=window)


async def _from_snapshot(log: EventLog) -> StationState | None:
    """The snapshot, if it is of use and not older than the state that the live segment begins with."""
    snapshot = await log.load_snapshot(fingerprint())
    if snapshot is None or snapshot.seq < log.opening.head.seq:
        return None
    try:
        state = state_from(snapshot.state)
    except (ValueError, KeyError) as error:
        LOGGER.warning("the snapshot cannot be used: %s", error)
        return None
    return state if state.seq == snapshot.seq else None


async def save_snapshot(log: EventLog, state: StationState) -> None:
    """Keeps the state, which must be durable, as the start of the next fold. Raises StorageFailed, OutOfDescriptors."""
    if not state.seq:
        return
    try:  # in a thread: reading the code, or a state with a large list, takes longer than the loop may be held
        code = await asyncio.to_thread(fingerprint)
    except OSError as error:
        if is_shortage(error):
            raise OutOfDescriptors(f"a snapshot cannot be made now: {error}") from error
        raise
    await log.save_snapshot(state.seq, code, await asyncio.to_thread(state_bytes, state))


def boot_base_ms(state: StationState, system_utc_ms: int, *, trusted: bool) -> int:
    """Station time at boot: the last one, plus the time that the board's calendar clock says has passed since.

    That is believed only if both ends of it are: the last boot knew the time, and the calendar is `trusted` now, or was
    confirmed then. A calendar that nobody ever confirmed may have jumped by years, and what it says moves no station
    time. One that is behind our last UTC says nothing. Then no time has passed as far as we know.
    """
    clock = state.clock
    if not clock.is_calendar_confirmed and not (trusted and clock.trusted):
        return state.at_ms
    return state.at_ms + max(0, system_utc_ms - clock.utc_ms(state.at_ms))


def boot_event(
    state: StationState,
    *,
    at_ms: int,
    system_utc_ms: int,
    trusted: bool,
    installation: str,
    versions: tuple[str, str],
    boot_id: str,
    found: Recovered = NOTHING_RECOVERED,
) -> StationBooted:
    """What this boot is. An untrusted calendar clock never sets UTC back behind what the log knows.

    After a salvage it comes behind all boots that are `found`, and under a new name of the installation: what is lost may
    have had the same number, and no message id goes out twice.
    """
    offset_ms = system_utc_ms - at_ms
    if not trusted and state.clock.boot:
        offset_ms = max(offset_ms, state.clock.utc_ms(state.at_ms) - at_ms)
    software_version, firmware_version = versions
    return StationBooted(
        boot=max(state.clock.boot, found.boot) + 1,
        installation=installation if found.boot else state.clock.installation or installation,
        software_version=software_version,
        firmware_version=firmware_version,
        offset_ms=offset_ms,
        clock_trusted=trusted,
        orderly=state.clock.boot == 0 or state.boot.ended != "",
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
    found: Recovered | None = None,
    *more: Observation,
    tell: Follower | None = None,
) -> StationState:
    """Appends the boot's events, what was found damaged, what was `found` of the transactions that it hit, and `more`.

    The station serves only after this has returned. `tell` is called with it once it is durable.
    """
    found = await find_recovered(log, state) if found is None else found
    batch: list[Recorded] = []
    for event in (booted, described, disk, *salvage_events(log, state, found), *notices(log), *more):
        state, events = step(state, event, at_ms, registry)
        batch.extend(events)
    await log.append(batch)
    if log.boot_report.recovery is not None:
        await log.witness()
        await log.acknowledge_recovery()
    if tell is not None:
        tell(state, batch)
    return state


def notices(log: EventLog) -> Iterator[LogDamageFound]:
    """What was found missing beside the log that was opened, and has been made anew."""
    for notice in log.boot_report.notices:
        yield LogDamageFound(finding=notice)


async def find_recovered(log: EventLog, state: StationState) -> Recovered:
    """What a salvage of the log that was opened leaves to be sent, from the `state` that was kept. Raises StorageError, OSError."""
    return await recovered(log, state, nothing_kept=is_lost(state))


def salvage_events(log: EventLog, state: StationState, found: Recovered = NOTHING_RECOVERED) -> Iterator[Observation]:
    """What the log that was opened has to say of a loss, of which no event tells yet."""
    recovery = log.boot_report.recovery
    if recovery is not None and not found.is_named:
        yield LogSalvaged(
            old_head_seq=recovery.known_seq,
            old_head_digest=recovery.known_digest,
            kept_seq=recovery.kept_seq,
            quarantine=recovery.quarantine,
            findings=tuple(recovery.findings)[:16],
        )
        yield from found.observations
    if is_lost(state):
        yield LogSalvaged(
            old_head_seq=log.head.seq,
            old_head_digest=log.head.digest.hex(),
            kept_seq=log.head.seq,
            quarantine="",
            findings=("no state could be folded: closed segments are missing or damaged", *log.findings)[:16],
        )

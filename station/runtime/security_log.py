"""The security log as a file (white paper, N01.FR.03): JSON Lines, UTF-8, made from the log whenever it is asked for.

The first line says whose it is, which time was asked for, and where the log ends: the `seq` of its last event and the digest of
all of it. Then a line for each security event, in order, with its `seq` and its digest in the chain of the log; each of them can
be held against the log later (`chargebox replay LOG verify --anchor SEQ:DIGEST`). The last line counts them, and tells what is
missing; a file without it is not whole.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from eventstore.catalogue.maintenance import DiagnosticsRequested
from eventstore.catalogue.security import SecurityEventRaised
from eventstore.chain import Row
from eventstore.codec import decode
from projections.station import StationState
from station.runtime.log_slices import LogSource, Window, slices
from station.telling.masking import without_credentials
from station.wire.instants import format_utc_ms

FORMAT = 1
EVENTS_MAX = 200_000
"""So many events one file holds: the first of the time asked for."""


async def write_security_log(file: Path, log: LogSource, request: DiagnosticsRequested, state: StationState) -> None:
    """Write the file; `file` appears once it is whole. Raises OSError, and what the log's reader raises."""
    fresh = file.with_name(f"{file.name}.part")
    stream = await asyncio.to_thread(fresh.open, "wb")
    try:
        await _write(stream, log, request, state)
    finally:
        await asyncio.to_thread(stream.close)
    await asyncio.to_thread(fresh.replace, file)


async def _write(stream: BinaryIO, log: LogSource, request: DiagnosticsRequested, state: StationState) -> None:
    head, window = log.head, Window.of(request, state)
    about = {
        "security_log": FORMAT,
        "identity": state.described.identity,
        "created": format_utc_ms(state.clock.utc_ms(state.at_ms)),
        "asked_from": None if request.start_utc_ms is None else format_utc_ms(request.start_utc_ms),
        "asked_until": None if request.stop_utc_ms is None else format_utc_ms(request.stop_utc_ms),
        "log_head": {"seq": head.seq, "digest": head.digest.hex()},
    }
    await asyncio.to_thread(stream.write, _line(about))
    count, begins, is_cut_short = 0, None, False
    async for rows in slices(log, 0, head.seq):
        begins = rows[0].seq if begins is None else begins
        found = [row for row in window.within(rows) if row.type == SecurityEventRaised.NAME and row.seq <= head.seq]
        is_cut_short = count + len(found) > EVENTS_MAX
        lines = await asyncio.to_thread(_lines, found[: EVENTS_MAX - count], state)
        await asyncio.to_thread(stream.write, lines)
        count += min(len(found), EVENTS_MAX - count)
        if is_cut_short:
            break
    told = {
        "events": count,
        "log_begins": begins,
        "dropped": [list(gap) for gap in await log.cut_out()],
        "cut_short": is_cut_short,
    }
    await asyncio.to_thread(stream.write, _line(told))


def _lines(rows: Sequence[Row], state: StationState) -> bytes:
    return b"".join(_line(_told(row, state)) for row in rows)


def _told(row: Row, state: StationState) -> dict[str, Any]:
    event = decode(row.type, row.version, row.payload)
    assert isinstance(event, SecurityEventRaised), "rows of this type only"
    return {
        "seq": row.seq,
        "utc": format_utc_ms(state.clock.utc_of(event.occurred)),
        "type": event.type,
        "tech_info": without_credentials(event.tech_info),
        "digest": row.digest.hex(),
    }


def _line(content: dict[str, Any]) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE)

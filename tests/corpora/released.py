"""The logs of released versions, which every later version must open: tests/corpora/<version>/.

    python -m tests.corpora.released

writes the corpus of the present version anew, and refuses to once that version is released (named in CHANGELOG.md without
"unreleased"). A corpus of a released version is never touched again, but for what the newest code makes of it:

    python -m tests.corpora.released --expect

writes the expectations of all corpora anew; a difference there is a change of behaviour, for the changelog.

Each version has two logs of the same story: `segmented` has an archive, a closed segment that waits to be compressed, and a
live one; `single` is one file of the first schema, as it was before there were segments.
"""

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from importlib import metadata
from pathlib import Path
from typing import Any

import orjson

from eventstore.chain import EMPTY, Row, verify
from eventstore.codec import catalogue_codec
from eventstore.database import DATABASE_NAME, migrate, open_writer
from eventstore.log import EventLog
from eventstore.segments import past_segments
from migrations import MIGRATIONS
from projections.digest import STATE_LAYOUT, digest, state_bytes
from projections.station import INITIAL, Folding, StationState
from station.runtime.books import books_closed
from station.runtime.recovery import fold_log
from tests.replay_logs import HOUR_S, MINUTE_S, StoryStation, metered, session, story

CORPORA = Path(__file__).parent
ROOT = CORPORA.parent.parent
LOGS = ("segmented", "single")
EXPECTED = "expected.json"
_LEFT_OUT = ("lock", "reserve")


def versions() -> list[Path]:
    """The corpora of all versions, oldest first."""
    return sorted(path.parent for path in CORPORA.glob(f"*/{EXPECTED}"))


def tell() -> tuple[StoryStation, dict[int, bytes]]:
    """A story that has something of everything; and the states at which its books are closed, by seq."""
    station = metered(story())
    states: dict[int, bytes] = {}

    def close_books() -> None:
        first_seq = max(states, default=0) + 1
        event, content = books_closed(station.state, station.at_ms, first_seq)
        station.observe(event)
        states[station.state.seq] = content

    entry = {"idTag": "04A2B3C4", "idTagInfo": {"status": "Accepted", "parentIdTag": "FAMILY"}}
    local_list = {"listVersion": 3, "updateType": "Full", "localAuthorizationList": [entry]}
    assert station.ask("SendLocalList", local_list) is not None
    session(station, tag="04A2B3C4", minutes=25)
    station.fault("EVCommunicationError")
    station.advance(MINUTE_S)
    station.clear_fault("EVCommunicationError")
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10.0}]}
    profile = {"chargingProfileId": 4, "stackLevel": 1, "chargingProfilePurpose": "TxDefaultProfile"}
    profile |= {"chargingProfileKind": "Relative", "chargingSchedule": schedule}
    station.ask("SetChargingProfile", {"connectorId": 0, "csChargingProfiles": profile})
    expiry = "2026-01-03T00:00:00Z"
    station.ask("ReserveNow", {"connectorId": 2, "expiryDate": expiry, "idTag": "0411D0D0", "reservationId": 12})
    station.ask("ChangeAvailability", {"connectorId": 2, "type": "Inoperative"})
    station.ask("ChangeAvailability", {"connectorId": 2, "type": "Operative"})
    station.ask("DataTransfer", {"vendorId": "nobody", "data": "…"})
    close_books()
    station.disconnect("the network is unreachable")
    for _ in range(3):
        session(station, tag="04A2B3C4", minutes=55)
    station.plug(1)
    station.advance(5)
    station.swipe("04A2B3C4", 1)
    station.advance(20 * MINUTE_S)
    close_books()
    station.power_cut(6 * MINUTE_S, pilots={1: "C"})
    station.advance(20 * MINUTE_S)
    station.connect()
    station.advance(10)
    station.disconnect("reset by peer")
    session(station, tag="04A2B3C4", minutes=30)
    station.advance(HOUR_S)
    station.stop()
    return station, states


async def _write(directory: Path) -> None:
    station, states = tell()
    log = await EventLog.open(directory, identity=station.description.identity)
    try:
        done = 0
        for seq, content in states.items():
            await log.append(station.log[done:seq])
            books: Any = station.log[seq - 1].event
            assert await log.close_segment(
                state=content, layout=books.layout, fingerprint=books.fingerprint, owed_seq=books.owed_seq
            )
            if not done:
                for segment in log.archives.waiting:
                    await log.archives.compress(segment, _at_once)
            done = seq
        await log.append(station.log[done:])
        await log.witness()
    finally:
        await log.close()


async def _at_once() -> None:
    """No pause."""


async def _rows(directory: Path) -> list[Row]:
    log = await EventLog.open(directory, identity="")
    try:
        return await log.read_rows(0, 1_000_000)
    finally:
        await log.close()


def write_single(rows: list[Row], directory: Path) -> None:
    """The same events in one file of the first schema, as it was before there were segments."""
    directory.mkdir()
    with closing(open_writer(directory / DATABASE_NAME)) as connection:
        migrate(connection, MIGRATIONS[:1])
        connection.execute("INSERT INTO meta VALUES ('identity', 'CB-0417')")
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        connection.execute("COMMIT")
    (directory / "identity").write_text("CB-0417\n")


def make(target: Path) -> None:
    """Write the corpus of the present version."""
    shutil.rmtree(target, ignore_errors=True)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name) / LOGS[0]
        asyncio.run(_write(scratch))
        shutil.copytree(scratch, target / LOGS[0], ignore=shutil.ignore_patterns(*_LEFT_OUT))
        write_single(asyncio.run(_rows(scratch)), target / LOGS[1])


ASSUMED: Mapping[str, str] = {
    "connectors.by_id.register.told": "layout 1 does not say whether a register was told: it is taken for told",
    "charging_profiles.all.received": "layout 1 does not say when a profile came",
}
"""What a state that was made of an older layout's may differ in from one that was folded from the first event, and why."""


def apart(one: StationState, other: StationState) -> list[str]:
    """The members in which two states differ, by their way from the state, without places in lists."""
    ways = _apart(orjson.loads(state_bytes(one)), orjson.loads(state_bytes(other)), "")
    return sorted({way.removeprefix(".") for way in ways})


def _apart(one: Any, other: Any, way: str) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for name in one.keys() | other.keys():
            yield from _apart(one.get(name), other.get(name), f"{way}.{name}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for mine, its in zip(one, other, strict=True):
            yield from _apart(mine, its, way)
    elif one != other:
        yield way


def folded(rows: list[Row]) -> StationState:
    """The state from the first event on, whatever openings there are."""
    folding = Folding(INITIAL)
    for recorded in catalogue_codec().decode_rows(rows):
        folding.add(recorded)
    return folding.state()


async def opened(directory: Path) -> dict[str, Any]:
    """What the present version makes of a log: every event decoded, the chain and the fold, from the first event and not."""
    log = await EventLog.open(directory, identity="")
    try:
        assert log.boot_report.recovered == (), log.boot_report.recovered
        rows = await log.read_rows(0, 1_000_000)
        assert verify(EMPTY, rows, (await log.commitments_from(1)).content) == log.head
        state, base_seq = await fold_log(log)
        from_start = folded(rows)
        differing = [way for way in apart(state, from_start) if way not in ASSUMED]
        assert not differing, (
            f"{directory.name}: folded on from event {base_seq} and folded from the first one, the state differs in "
            f"{', '.join(differing)}. A step of LAYOUT_STEPS (projections/digest.py) does not make of the older state what its "
            "events say: mend it, or, if the older layout cannot tell, say so in ASSUMED"
        )
        return {
            "events": log.head.seq,
            "head_digest": log.head.digest.hex(),
            "folded_from": base_seq,
            "state_digest": digest(from_start),
            "layout": STATE_LAYOUT,
            "pending": state.outbox.pending,
            "transactions": state.transactions.last_number,
            "local_list_version": state.authorization.list_version,
        }
    finally:
        await log.close()


def verdict(directory: Path) -> int:
    """The exit status of `chargebox replay DIR verify`."""
    command = [sys.executable, "-m", "station.cli", "replay", str(directory), "verify"]
    return subprocess.run(command, capture_output=True, cwd=ROOT, check=False).returncode


def examine(corpus: Path, scratch: Path) -> dict[str, Any]:
    """What the present version makes of all logs of a version."""
    found = {}
    for name in LOGS:
        copied = scratch / name
        shutil.copytree(corpus / name, copied)
        verified = verdict(copied)
        found[name] = {**asyncio.run(opened(copied)), "verify": verified}
    return found


def expect(corpus: Path) -> None:
    """Write down what the present version makes of a corpus."""
    with tempfile.TemporaryDirectory() as name:
        found = examine(corpus, Path(name))
    (corpus / EXPECTED).write_text(json.dumps(found, indent=2) + "\n")


def is_released(version: str) -> bool:
    """Whether the changelog says so."""
    text = (ROOT / "CHANGELOG.md").read_text()
    return f"## {version}\n" in text or (f"## {version} (" in text and f"## {version} (unreleased)" not in text)


def main(arguments: list[str]) -> int:
    """Writes what is asked for; returns the exit status."""
    version = metadata.version("chargebox")
    if "--expect" in arguments:
        for corpus in versions():
            expect(corpus)
        return 0
    if is_released(version):
        print(f"{version} is released: its corpus stays as it is")
        return 1
    make(CORPORA / version)
    expect(CORPORA / version)
    for segment in past_segments(CORPORA / version / LOGS[0]):
        print(segment.path.relative_to(CORPORA), segment.path.stat().st_size)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

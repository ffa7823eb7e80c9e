"""The security log as a file: a line for each security event, with its digest in the log."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from eventstore.catalogue.maintenance import DiagnosticsRequested
from eventstore.catalogue.security import SecurityEventRaised, TamperObserved
from eventstore.chain import EMPTY, Head, Row
from eventstore.commitments import Commitments
from eventstore.log import EventLog
from eventstore.value import replace
from station.runtime import security_log
from station.runtime.security_log import write_security_log
from tests.given import UTC_2026_MS, StationUnderTest, charging, station

pytestmark = pytest.mark.asyncio

REQUEST = DiagnosticsRequested(
    job=1,
    location="ftp://h/",
    file_name="x_security.jsonl",
    start_utc_ms=None,
    stop_utc_ms=None,
    retries=0,
    retry_interval_s=1,
    log="SecurityLog",
    request_id=1,
)


def tampered(times: int = 1, apart_s: int = 0) -> StationUnderTest:
    """A station that charges, and whose enclosure is opened so often."""
    found = charging(station(profiles_off=()))
    for _ in range(times):
        found.observe(TamperObserved(open=True), TamperObserved(open=False))
        found.advance(apart_s)
    return found


async def file_of(
    tmp_path: Path, found: StationUnderTest, request: DiagnosticsRequested = REQUEST
) -> tuple[list[dict[str, Any]], list[Row]]:
    """The lines of the file, and the rows of the log that it was made of."""
    log = await EventLog.open(tmp_path / "log", identity="CB-0001")
    try:
        await log.append(found.log)
        target = tmp_path / "1-x_security.jsonl"
        await write_security_log(target, log, request, found.state)
        assert not target.with_name(f"{target.name}.part").exists()
        return [json.loads(line) for line in target.read_text().splitlines()], await log.read_rows(0, 10_000)
    finally:
        await log.close()


async def test_each_security_event_is_a_line_with_its_place_and_digest_in_the_log(tmp_path: Path) -> None:
    """N01.FR.03, A04.FR.04."""
    found = tampered()
    (first, *events, last), rows = await file_of(tmp_path, found)
    raised = [row for row in rows if row.type == SecurityEventRaised.NAME]
    assert [event["type"] for event in events] == ["StartupOfTheDevice", "TamperDetectionActivated"]
    assert [(event["seq"], event["digest"]) for event in events] == [(row.seq, row.digest.hex()) for row in raised]
    assert events[0]["utc"] == "2026-01-01T00:00:01.000Z"
    assert events[0]["tech_info"].startswith("software ")
    assert first["log_head"] == {"seq": rows[-1].seq, "digest": rows[-1].digest.hex()}
    assert (first["security_log"], first["identity"]) == (1, "CB-0001")
    assert last == {"events": 2, "log_begins": 1, "dropped": [], "cut_short": False}


async def test_only_the_time_asked_for_is_in_the_file(tmp_path: Path) -> None:
    found = tampered(3, apart_s=3_600)
    request = replace(REQUEST, start_utc_ms=UTC_2026_MS + 3_000_000, stop_utc_ms=UTC_2026_MS + 4_000_000)
    (first, *events, last), _ = await file_of(tmp_path, found, request)
    assert [event["utc"] for event in events] == ["2026-01-01T01:00:01.000Z"]
    assert (first["asked_from"], first["asked_until"]) == ("2026-01-01T00:50:00.000Z", "2026-01-01T01:06:40.000Z")
    assert last["events"] == 1


async def test_a_log_without_security_events_is_a_file_that_says_so(tmp_path: Path) -> None:
    lines, _ = await file_of(tmp_path, charging())
    assert [sorted(line) for line in lines] == [
        ["asked_from", "asked_until", "created", "identity", "log_head", "security_log"],
        ["cut_short", "dropped", "events", "log_begins"],
    ]


async def test_a_flood_of_events_is_cut_and_the_last_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(security_log, "EVENTS_MAX", 3)
    (_, *events, last), _ = await file_of(tmp_path, tampered(5))
    assert len(events) == 3
    assert last == {"events": 3, "log_begins": 1, "dropped": [], "cut_short": True}


class Gone:
    """A log of which some events were cut out for room."""

    head: Head = EMPTY

    async def commitments_from(self, seq: int) -> Commitments:
        return Commitments()

    async def cut_out(self) -> Sequence[tuple[int, int]]:
        return [(5, 9)]

    async def read_rows(self, after: int, limit: int) -> Sequence[Row]:
        return []


async def test_what_was_cut_out_of_the_archives_is_named(tmp_path: Path) -> None:
    target = tmp_path / "x.jsonl"
    await write_security_log(target, Gone(), REQUEST, charging().state)
    assert json.loads(target.read_text().splitlines()[-1])["dropped"] == [[5, 9]]


async def test_a_disk_that_takes_no_more_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"x\.jsonl"):
        await write_security_log(tmp_path / "missing" / "x.jsonl", Gone(), REQUEST, charging().state)

import asyncio
import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from station.service import page_sessions
from tests.unit.station.service.stations import Served, served

FACTORY = (("AllowOfflineTxForUnknownId", "true"), ("MeterValueSampleInterval", "0"))


async def got(station: Served, path: str) -> Any:
    response = await station.http.get(f"/api/view/{path}")
    assert response.status_code == 200, response.text
    return response.json()


async def charge(station: Served, times: int) -> None:
    """So many sessions, one after the other."""
    await station.accepted_and_offline()
    for _ in range(times):
        await station.seq_of("/bench/connectors/1/plug", {})
        await station.seq_of("/bench/swipe", {"id_tag": "DEADBEEF", "connector_id": 1})
        await station.seq_of("/bench/swipe", {"id_tag": "DEADBEEF", "connector_id": 1})
        await station.station.settle()
        await station.seq_of("/bench/connectors/1/unplug", {})


@pytest.mark.asyncio
async def test_the_list_goes_on_with_what_came_since(tmp_path: Path) -> None:
    async with served(tmp_path, factory_values=FACTORY) as station:
        assert (await got(station, "sessions"))["sessions"] == []
        await charge(station, 2)
        shown = await got(station, "sessions")
        assert [line["number"] for line in shown["sessions"]] == [2, 1]
        assert [line["stop"] for line in shown["sessions"]] == ["waits", "waits"]
        assert (shown["first_seq"], shown["seq"]) == (1, station.station.log.head.seq)
        alone = await got(station, f"sessions?before={shown['sessions'][0]['seq']}")
        assert alone["sessions"] == shown["sessions"][1:], "with what became of it, which stands behind that"


@pytest.mark.asyncio
async def test_the_list_is_read_back_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_sessions, "WINDOW", 7)
    async with served(tmp_path, factory_values=FACTORY) as station:
        await charge(station, 3)
        numbers: list[int] = []
        before = station.station.log.head.seq + 1
        while before > 1:
            part = await got(station, f"sessions?before={before}&limit=1")
            numbers += [line["number"] for line in part["sessions"]]
            assert part["first_seq"] < before
            before = part["first_seq"]
        assert numbers == [3, 2, 1]


@pytest.mark.asyncio
async def test_one_session_goes_on_while_it_runs(tmp_path: Path) -> None:
    async with served(tmp_path, factory_values=FACTORY) as station:
        await station.accepted_and_offline()
        await station.seq_of("/bench/connectors/1/plug", {})
        await station.seq_of("/bench/swipe", {"id_tag": "DEADBEEF", "connector_id": 1})
        (line,) = (await got(station, "sessions"))["sessions"]
        first = await got(station, f"session?seq={line['seq']}")
        assert first["session"] == line
        await station.seq_of("/bench/swipe", {"id_tag": "DEADBEEF", "connector_id": 1})
        await station.station.settle()
        later = await got(station, f"session?seq={line['seq']}")
        assert later["session"]["reason"] == "Local"
        assert later["story"][: len(first["story"])] == first["story"]
        assert any("because tag …BEEF was presented" in line["text"] for line in later["story"])
        assert (await station.http.get("/api/view/session?seq=1")).status_code == 404
        assert (await station.http.get("/api/view/session?seq=1000000")).status_code == 404


@pytest.mark.asyncio
async def test_a_month_is_downloaded_as_csv(tmp_path: Path) -> None:
    async with served(tmp_path, factory_values=FACTORY) as station:
        await charge(station, 2)
        began = (await got(station, "sessions"))["sessions"][0]["started_at"]
        month = datetime.fromtimestamp(began / 1000, UTC).isoformat()[:7]
        response = await station.http.get(f"/api/view/sessions.csv?month={month}")
        assert response.headers["content-disposition"] == f'attachment; filename="sessions-{month}.csv"'
        lines = list(csv.DictReader(response.text.splitlines()))
        assert [line["number"] for line in lines] == ["1", "2"]
        assert "DEADBEEF" not in response.text
        assert len((await station.http.get("/api/view/sessions.csv?month=1999-01")).text.splitlines()) == 1
        for month in ("2026-13", "2026-1", "now", ""):
            assert (await station.http.get(f"/api/view/sessions.csv?month={month}")).status_code == 422


@pytest.mark.asyncio
async def test_ten_who_ask_at_once_get_the_same(tmp_path: Path) -> None:
    async with served(tmp_path, factory_values=FACTORY) as station:
        await charge(station, 1)
        shown = await asyncio.gather(*(got(station, "sessions") for _ in range(10)))
        assert all(each["sessions"] == shown[0]["sessions"] for each in shown)

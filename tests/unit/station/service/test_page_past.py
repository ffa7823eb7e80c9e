"""The past on the living page: what is asked is handed to a process of its own, and whatever becomes of that, the station goes on."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from station.service import page_past
from station.service.answers import Refused
from station.service.page_past import WAITING_MAX, PastProcess
from tests.unit.station.service.stations import LOOPBACK, Served, served

ECHO = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    if asked["path"] == "/die":
        sys.exit(1)
    if asked["path"] == "/talk":
        print("what is no answer", flush=True)
        continue
    if asked["path"] == "/hang":
        continue
    text = json.dumps(asked)
    print(json.dumps({"status": 200, "headers": {"content-type": "application/json"}, "length": len(text)}))
    sys.stdout.write(text)
    sys.stdout.flush()
"""


@pytest_asyncio.fixture
async def process(tmp_path: Path) -> AsyncIterator[PastProcess]:
    found = PastProcess(tmp_path, (sys.executable, "-c", ECHO))
    yield found
    await found.close()


def pid_of(process: PastProcess) -> int:
    assert process._process is not None
    return process._process.pid


@pytest.mark.asyncio
async def test_one_process_answers_all_until_nobody_asks_any_more(
    process: PastProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await asyncio.gather(*(process.ask("/x", {"at": str(number)}, 9) for number in range(WAITING_MAX)))
    assert [f'"at": "{number}"' in answer.content.decode() for number, answer in enumerate(found)] == [True] * 16
    first = pid_of(process)
    monkeypatch.setattr(page_past, "IDLE_S", 0)
    await process.ask("/x", {}, 9)
    assert pid_of(process) == first
    await asyncio.sleep(0)  # the loop has its turn, and nobody has asked
    await asyncio.sleep(0)
    assert process._process is None
    await process.ask("/x", {}, 9)
    assert pid_of(process) != first


@pytest.mark.asyncio
async def test_only_so_many_may_wait(process: PastProcess) -> None:
    asking = [asyncio.ensure_future(process.ask("/x", {}, 9)) for _ in range(WAITING_MAX)]
    await asyncio.sleep(0)
    with pytest.raises(Refused, match="many look at the past"):
        await process.ask("/x", {}, 9)
    assert len(await asyncio.gather(*asking)) == WAITING_MAX


@pytest.mark.parametrize("path", ["/die", "/talk"])
@pytest.mark.asyncio
async def test_a_process_that_fails_is_replaced(process: PastProcess, path: str) -> None:
    await process.ask("/x", {}, 9)
    first = pid_of(process)
    with pytest.raises(Refused, match="cannot be read just now"):
        await process.ask(path, {}, 9)
    assert (await process.ask("/x", {}, 9)).status == 200
    assert pid_of(process) != first


@pytest.mark.asyncio
async def test_what_takes_too_long_is_ended(process: PastProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_past, "ANSWER_S", 0.05)
    with pytest.raises(Refused, match="could not be worked out"):
        await process.ask("/hang", {}, 9)
    assert process._process is None


@pytest.mark.asyncio
async def test_without_the_program_it_is_refused(tmp_path: Path) -> None:
    process = PastProcess(tmp_path, (str(tmp_path / "nothing"),))
    with pytest.raises(Refused, match="cannot be read just now"):
        await process.ask("/x", {}, 9)
    await process.close()


@pytest.mark.asyncio
async def test_the_views_of_the_station_at_a_past_moment(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        before = station.station.log.head.seq
        now = await got(station, "view/now", at=before)
        await station.seq_of("/bench/connectors/1/plug", {})
        assert now["connectors"][0]["pilot"] == "A"
        head_seq = station.station.log.head.seq
        later = await got(station, "view/now", at=head_seq)
        assert later["connectors"][0]["pilot"] != "A"
        assert await got(station, "view/now", at=before) == now, "the past stays what it was"
        assert (await got(station, "view/head", utc_ms=now["utc_ms"]))["seq"] <= head_seq
        (event,) = (await got(station, "events", at=before, after=0))["events"]
        assert event["type"] == "StationBooted"
        csv = await station.http.get(f"/api/past/view/sessions.csv?at={before}&month=2026-01")
        assert csv.headers["content-type"] == "text/csv; charset=utf-8"
        for path, status, says in (
            (f"view/now?at={head_seq + 10}", 404, f"the log ends with event {head_seq}"),
            ("view/now", 422, "at: is required"),
            ("view/now?at=-1", 422, "at"),
            ("view/now?at=1", 400, "not known yet what station"),
            ("view/bench?at=5", 404, "no such thing"),
            ("bench?at=5", 404, "no such thing"),
        ):
            response = await station.http.get(f"/api/past/{path}")
            assert response.status_code == status, path
            assert says in response.json()["error"]


async def got(station: Served, path: str, **query: int) -> Any:
    response = await station.http.get(f"/api/past/{path}", params={name: str(value) for name, value in query.items()})
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.asyncio
async def test_whoever_may_not_read_may_not_look_at_the_past(tmp_path: Path) -> None:
    async with served(tmp_path, token=b"s3cret") as station:
        assert (await station.http.get("/api/past/view/now?at=5")).status_code == 401
        assert (await station.http.get("/api/past/view/now?at=5", headers={"origin": LOOPBACK})).status_code == 401

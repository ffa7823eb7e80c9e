from pathlib import Path
from typing import Any

import pytest

from eventstore.catalogue.hardware import EmergencyStopObserved
from station.page_files import page_version
from station.service.page_views import Following
from station.views.recent import KINDS as RECENT_KINDS
from station.views.recent import Recent
from tests.unit.station.service.stations import Served, served


async def story(station: Served, query: str = "") -> Any:
    response = await station.http.get(f"/api/view/story?{query}")
    assert response.status_code == 200, response.text
    return response.json()


async def press(station: Served, times: int) -> None:
    """So many events of the story."""
    await station.station.observe(*(EmergencyStopObserved(pressed=not n % 2) for n in range(times)))
    await station.station.settle()


@pytest.mark.asyncio
async def test_now_is_of_the_present_moment_and_names_the_version_of_the_page(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        await station.seq_of("/bench/connectors/1/plug", {})
        shown = (await station.http.get("/api/view/now")).json()
        assert (shown["page"], shown["seq"]) == (page_version(), station.station.state.seq)
        assert [connector["why"]["say"] for connector in shown["connectors"]] == ["why.refused.unaccepted"] * 2
        assert shown["station"]["free_bytes"] > 0
        assert shown["connectors"][0]["pilot"] != "A"


@pytest.mark.asyncio
async def test_what_happened_since_the_last_look_is_read_once_more_only(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        assert (await station.http.get("/api/view/now")).json()["link"]["up"] is False
        await station.accepted_and_offline()
        shown = (await station.http.get("/api/view/now")).json()
        assert shown["link"]["trouble"]["reason"] == "cut"
        assert shown["outbox"]["why"] is None or shown["outbox"]["why"]["say"] == "outbox.offline"


@pytest.mark.asyncio
async def test_the_story_goes_on_without_a_gap_and_without_a_double(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        await press(station, 30)
        whole = await story(station, "limit=500")
        seqs = [line["seq"] for line in whole["lines"]]
        assert seqs == sorted(set(seqs))
        assert whole["seq"] == station.station.log.head.seq
        found: list[int] = []
        after = 0
        while after < whole["seq"]:
            part = await story(station, f"after={after}&limit=7")
            found += [line["seq"] for line in part["lines"]]
            assert part["seq"] > after
            after = part["seq"]
        assert found == seqs
        back: list[int] = []
        before = whole["seq"] + 1
        while before > 1:
            part = await story(station, f"before={before}&limit=7")
            back = [line["seq"] for line in part["lines"]] + back
            before = part["first_seq"]
        assert back == seqs


@pytest.mark.asyncio
async def test_a_line_names_its_cause_wherever_that_stands(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        await station.accepted_and_offline()
        await station.seq_of("/bench/connectors/1/plug", {})
        await station.seq_of("/bench/swipe", {"id_tag": "DEADBEEF", "connector_id": 1})
        last = (await story(station))["lines"][-1]
        alone = (await story(station, f"after={last['seq'] - 1}&limit=1"))["lines"]
        assert alone == [last]
        assert (await story(station, "details=true&limit=500"))["lines"] != (await story(station, "limit=500"))["lines"]


@pytest.mark.asyncio
@pytest.mark.parametrize("query", ["limit=0", "limit=501", "after=-1", "before=x", "details=1", "more=1"])
async def test_a_query_that_means_nothing_is_refused(tmp_path: Path, query: str) -> None:
    async with served(tmp_path) as station:
        response = await station.http.get(f"/api/view/story?{query}")
        assert response.status_code == 422


@pytest.mark.asyncio
async def test_behind_the_end_there_is_nothing(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        assert (await story(station, "after=1000000"))["lines"] == []
        assert (await story(station, "before=1"))["lines"] == []


@pytest.mark.asyncio
async def test_the_conversation_goes_on_where_it_was_left(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        await station.accepted_and_offline()
        first = (await station.http.get("/api/view/conversation")).json()
        assert [exchange["action"] for exchange in first["exchanges"]][:2] == ["", "BootNotification"]
        assert first["seq"] == station.station.log.head.seq
        await station.connect()
        later = (await station.http.get(f"/api/view/conversation?after={first['seq']}")).json()
        assert [exchange["outcome"] for exchange in later["exchanges"]] == ["opened"]
        assert [exchange["outcome"] for exchange in later["open"]] == ["open"]


@pytest.mark.asyncio
async def test_schedule_and_configuration_are_of_this_station(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        schedule = (await station.http.get("/api/view/schedule")).json()
        assert [connector["connector_id"] for connector in schedule["connectors"]] == [1, 2]
        keys = (await station.http.get("/api/view/configuration")).json()["keys"]
        assert {"HeartbeatInterval", "NumberOfConnectors"} <= {key["name"] for key in keys}


@pytest.mark.asyncio
async def test_a_fold_that_was_not_asked_for_long_begins_anew(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        following = Following(station.station, Recent, RECENT_KINDS, look_back=50)
        first = await following.caught_up()
        assert await following.caught_up() is first
        await press(station, 30)
        assert station.station.log.head.seq - first.seq > 50
        again = await following.caught_up()
        assert again is not first
        assert again.seq == station.station.log.head.seq

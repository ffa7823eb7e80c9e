"""What speaks against a run on a real board."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from station.certify.refusing import RunRefused, log_at_rest, running_station
from station.settings.loading import Settings, parse_settings
from tests.replay_logs import StoryStation, metered, session, story, write_log

pytestmark = pytest.mark.asyncio


def settings(listen: str = "", storage: Path = Path("/nowhere")) -> Settings:
    text = f'[station]\nidentity = "A"\n[csms]\nurl = "ws://127.0.0.1:9/ocpp"\n[storage]\ndirectory = "{storage}"\n'
    return parse_settings(f'{text}[service]\nlisten = "{listen}"\n', "x")


@asynccontextmanager
async def answering(body: bytes) -> AsyncIterator[int]:
    """A service that has one answer; its port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(4096):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" + body)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (
            b'{"transactions": [{"number": 7, "connector_id": 2, "stopped_at": null}]}',
            r"is charging a car \(transaction 7 on connector 2\)",
        ),
        (
            b'{"transactions": [{"number": 7, "connector_id": 2, "stopped_at": "x"}]}',
            "the station runs with these settings",
        ),
        (b"not json", "the station runs with these settings"),
    ],
)
async def test_a_station_that_runs_is_left_alone(body: bytes, why: str) -> None:
    async with answering(body) as port:
        with pytest.raises(RunRefused, match=why):
            await running_station(settings(f"127.0.0.1:{port}"))


async def test_where_nobody_listens_no_station_runs() -> None:
    async with answering(b"{}") as port:
        pass
    await running_station(settings(f"127.0.0.1:{port}"))
    await running_station(settings(""))


async def test_a_new_station_has_no_log(tmp_path: Path) -> None:
    log_at_rest(settings(storage=tmp_path), even_if_charging=False)


def log_of(station: StoryStation, directory: Path) -> Settings:
    """The settings of a station of this story, whose log lies at rest."""
    write_log(station, directory)
    return settings(storage=directory)


async def test_a_log_with_a_car_that_charges_is_no_ground_to_begin_unless_asked_for(tmp_path: Path) -> None:
    station = metered(story())
    station.plug(1)
    station.advance(4)
    station.swipe("DEADBEEF", 1)
    station.advance(60)
    at_rest = await asyncio.to_thread(log_of, station, tmp_path)
    with pytest.raises(RunRefused, match=r"a car that is charging \(transaction 1\)"):
        log_at_rest(at_rest, even_if_charging=False)
    log_at_rest(at_rest, even_if_charging=True)


async def test_messages_for_another_csms_are_not_given_to_the_laboratorys(tmp_path: Path) -> None:
    station = metered(story())
    session(station, minutes=1)  # the tag is known from then on
    station.disconnect("the network is unreachable")
    session(station, minutes=1)
    at_rest = await asyncio.to_thread(log_of, station, tmp_path)
    with pytest.raises(RunRefused, match="messages wait for your CSMS"):
        log_at_rest(at_rest, even_if_charging=False)


async def test_a_station_that_has_delivered_everything_may_be_tried(tmp_path: Path) -> None:
    station = metered(story())
    session(station, minutes=1)
    log_at_rest(await asyncio.to_thread(log_of, station, tmp_path), even_if_charging=False)


async def test_a_log_that_cannot_be_read_is_no_ground_to_begin(tmp_path: Path) -> None:
    (tmp_path / "chargebox.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(RunRefused, match=str(tmp_path)):
        log_at_rest(settings(storage=tmp_path), even_if_charging=False)

"""The link, against a real WebSocket server."""

import asyncio
import base64
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from eventstore.catalogue.configuration import ConfigurationChanged
from eventstore.catalogue.link import (
    CallAnswered,
    CallDispatched,
    CallPrepared,
    ConnectFailed,
    FloodFound,
    FrameCondensed,
    FrameReceived,
    FrameRefused,
    LinkClosed,
    LinkCloseDecided,
    LinkOpened,
)
from eventstore.event import Event, Observation, Recorded
from eventstore.value import replace
from projections.station import StationState
from station.runtime.clock import SystemClock
from station.runtime.link import CsmsLink
from station.runtime.secrets import Secrets
from station.runtime.throttle import FLOOD_AFTER_MS, FRAMES_BURST
from station.settings.loading import Settings, parse_settings
from station.wire.frames import MAX_FRAME_BYTES
from tests.given import StationUnderTest, station
from tests.names import Names, swallowing

IDENTITY = "CB 1/ä"


@dataclass
class Server:
    """A CSMS that notes what reaches it; `on_open` may do anything with a connection."""

    url: str = ""
    paths: list[str] = field(default_factory=list)
    headers: list[str | None] = field(default_factory=list)
    frames: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    connections: list[ServerConnection] = field(default_factory=list)
    on_open: Callable[[ServerConnection], Awaitable[None]] | None = None

    async def handle(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        self.paths.append(socket.request.path)
        self.headers.append(socket.request.headers.get("Authorization"))
        self.connections.append(socket)
        if self.on_open is not None:
            await self.on_open(socket)
        with contextlib.suppress(Exception):
            async for text in socket:
                self.frames.put_nowait(str(text))


@contextlib.asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[Server]:
    found = Server()
    options.setdefault("subprotocols", ["ocpp1.6"])
    async with serve(found.handle, "127.0.0.1", 0, ping_interval=None, **options) as server:
        found.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ocpp/"
        yield found


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as found:
        yield found


def settings(url: str, **csms: object) -> Settings:
    lines = "".join(f"{key} = {value!r}\n" for key, value in csms.items())
    return parse_settings(f'[station]\nidentity = "{IDENTITY}"\n[csms]\nurl = "{url}"\n{lines}', "test")


class _StandingClock(SystemClock):
    """Station time moves when it is pushed, and not by itself: what follows from it does not depend on the machine."""

    def at_ms(self) -> int:
        return self._base_ms


class Rig:
    """A link with a state of its own, and what it submitted."""

    def __init__(self, url: str, directory: Path, clock: SystemClock | None = None, **csms: object) -> None:
        self.found: StationUnderTest = station(security_profile=csms.get("security_profile", 0)).boot()
        self.seen: asyncio.Queue[Observation] = asyncio.Queue()
        self.secrets = Secrets(directory)
        self.clock = clock or SystemClock()
        self.link = CsmsLink(settings(url, **csms), self.clock, self.secrets, self.seen.put_nowait, lambda: True)

    @property
    def state(self) -> StationState:
        return self.found.state

    def publish(self, *events: Event) -> None:
        batch = [Recorded(seq=seq, cause=1, at_ms=0, utc_ms=0, event=event) for seq, event in enumerate(events, 1)]
        self.link.publish(self.state, batch)

    async def next(self, kind: type[Observation]) -> Any:
        async with asyncio.timeout(60):
            seen = await self.seen.get()
        assert isinstance(seen, kind), seen
        return seen

    async def opened(self) -> "Rig":
        self.publish()
        seen = await self.next(LinkOpened)
        self.found.observe(seen)
        self.publish()
        return self


def dispatched(payload: str = "{}", connection: int = 1, message_id: str = "m1") -> CallDispatched:
    return CallDispatched(
        connection=connection, message_id=message_id, action="Heartbeat", lane="heartbeat", owed_seq=1, payload=payload
    )


@pytest.mark.asyncio
async def test_the_identity_is_percent_encoded_and_joined_with_one_slash(server: Server, tmp_path: Path) -> None:
    """OCPP-J 3.1.1."""
    rig = await Rig(server.url, tmp_path).opened()
    assert server.paths == ["/ocpp/CB%201%2F%C3%A4"]
    assert server.connections[0].subprotocol == "ocpp1.6"
    await rig.link.close()
    assert isinstance(await rig.next(LinkClosed), LinkClosed)


@pytest.mark.asyncio
async def test_a_server_that_does_not_select_the_subprotocol_is_left(tmp_path: Path) -> None:
    """OCPP-J 3.1.2, 3.2."""
    async with serving(subprotocols=None) as server:
        rig = Rig(server.url, tmp_path)
        rig.publish()
        failed = await rig.next(ConnectFailed)
        assert "ocpp1.6" in failed.reason


@pytest.mark.asyncio
async def test_nobody_at_the_address_is_a_failed_attempt_with_its_reason(tmp_path: Path) -> None:
    rig = Rig("ws://127.0.0.1:9/ocpp", tmp_path)
    rig.publish()
    failed = await rig.next(ConnectFailed)
    assert failed.reason
    assert 0 <= failed.entropy < 1000


def attempts() -> list[str]:
    """The attempts under way."""
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name() == "link"]


@pytest.mark.asyncio
async def test_a_state_from_before_the_end_of_an_attempt_begins_no_other(tmp_path: Path) -> None:
    """Whatever else is recorded meanwhile: that state still wants the attempt that has just ended."""
    rig = Rig("ws://127.0.0.1:9/ocpp", tmp_path)
    rig.publish()
    assert attempts() == ["link"]
    failed = await rig.next(ConnectFailed)
    await asyncio.sleep(0)
    rig.publish()
    assert attempts() == []
    rig.found.observe(failed)
    rig.publish(failed)
    rig.found.advance(3600)
    rig.publish()
    assert attempts() == ["link"]
    await rig.link.close()


@pytest.mark.asyncio
async def test_frames_of_a_batch_leave_in_its_order_with_the_bytes_recorded(server: Server, tmp_path: Path) -> None:
    rig = await Rig(server.url, tmp_path).opened()
    answer = CallAnswered(connection=1, message_id="x", action="Reset", payload='{"status":"Accepted"}')
    rig.publish(answer, dispatched('{"value": 8.10}'))
    assert await server.frames.get() == '[3,"x",{"status":"Accepted"}]'
    assert await server.frames.get() == '[2,"m1","Heartbeat",{"value": 8.10}]'
    await rig.link.close()


@pytest.mark.asyncio
async def test_frames_of_another_connection_do_not_leave(server: Server, tmp_path: Path) -> None:
    rig = await Rig(server.url, tmp_path).opened()
    rig.publish(dispatched(connection=7), dispatched(message_id="mine"))
    assert "mine" in await server.frames.get()
    await rig.link.close()


@pytest.mark.asyncio
async def test_what_arrives_is_observed_and_a_binary_frame_refused(server: Server, tmp_path: Path) -> None:
    async def talk(socket: ServerConnection) -> None:
        await socket.send('[3,"1",{}]')
        await socket.send(b"\x00\x01")

    server.on_open = talk
    rig = await Rig(server.url, tmp_path).opened()
    assert (await rig.next(FrameReceived)).text == '[3,"1",{}]'
    assert "binary" in (await rig.next(FrameRefused)).reason
    await rig.link.close()


@pytest.mark.asyncio
async def test_a_frame_above_the_limit_closes_the_link(server: Server, tmp_path: Path) -> None:
    """512 KiB."""

    async def flood(socket: ServerConnection) -> None:
        await socket.send("x" * (MAX_FRAME_BYTES + 1))

    server.on_open = flood
    rig = await Rig(server.url, tmp_path).opened()
    assert "1009" in (await rig.next(LinkClosed)).reason


@pytest.mark.asyncio
async def test_a_link_that_the_csms_closes_is_observed_with_its_reason(server: Server, tmp_path: Path) -> None:
    rig = await Rig(server.url, tmp_path).opened()
    await server.connections[0].close(1001, "maintenance")
    closed = await rig.next(LinkClosed)
    assert closed.connection == 1
    assert "1001" in closed.reason


@pytest.mark.asyncio
async def test_the_link_closes_when_the_state_wants_it_after_what_was_queued_has_left(
    server: Server, tmp_path: Path
) -> None:
    rig = await Rig(server.url, tmp_path).opened()
    decided = LinkCloseDecided(connection=1, reason="a new key")
    state = rig.state
    closing = replace(state, link=replace(state.link, close_wanted=True))
    answer = CallAnswered(connection=1, message_id="x", action="ChangeConfiguration", payload="{}")
    batch = [
        Recorded(seq=seq, cause=1, at_ms=0, utc_ms=0, event=event) for seq, event in enumerate((answer, decided), 1)
    ]
    rig.link.publish(closing, batch)
    assert await server.frames.get() == '[3,"x",{}]'
    assert (await rig.next(LinkClosed)).reason == "closed by the station"


@pytest.mark.asyncio
async def test_a_flood_is_slowed_condensed_and_given_up(server: Server, tmp_path: Path) -> None:
    """Station time is pushed ahead: nobody waits a minute."""
    frame = '[2,"x","Nonsense",{}]'

    async def flood(socket: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await socket.send(frame)

    server.on_open = flood
    rig = await Rig(server.url, tmp_path, clock=_StandingClock()).opened()
    for _ in range(FRAMES_BURST):
        assert (await rig.next(FrameReceived)).text == frame
    condensed = 0
    while not isinstance(seen := await asyncio.wait_for(rig.seen.get(), 60), FloodFound):
        assert isinstance(seen, FrameCondensed)
        condensed += 1
        rig.clock.push(20)
    assert seen.lasted_ms >= FLOOD_AFTER_MS
    assert seen.frames == condensed
    await rig.link.close()


@pytest.mark.asyncio
async def test_a_retired_link_opens_no_connection_and_keeps_the_one_that_is_up(server: Server, tmp_path: Path) -> None:
    rig = await Rig(server.url, tmp_path).opened()
    rig.link.retire()
    rig.publish(dispatched())
    assert "m1" in await server.frames.get()
    await server.connections[0].close()
    rig.found.observe(await rig.next(LinkClosed))
    rig.found.advance(600)
    assert rig.state.link.connect_wanted
    rig.publish()
    await asyncio.sleep(0.05)
    assert len(server.connections) == 1


@pytest.mark.asyncio
async def test_an_attempt_that_is_under_way_is_given_up_when_the_link_retires(tmp_path: Path) -> None:
    with socket.socket() as deaf:  # accepts, and never answers the handshake
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        rig = Rig(f"ws://127.0.0.1:{deaf.getsockname()[1]}/ocpp", tmp_path)
        rig.publish()
        await asyncio.sleep(0.05)
        rig.link.retire()
        await rig.link.close()
    assert rig.seen.empty()


@pytest.mark.asyncio
async def test_a_network_that_goes_resets_the_link_and_lets_attempts_fail_at_once(
    server: Server, tmp_path: Path
) -> None:
    rig = await Rig(server.url, tmp_path).opened()
    rig.link.network(up=False)
    closed = await rig.next(LinkClosed)
    rig.found.observe(closed)
    rig.found.advance(5)
    rig.publish()
    assert "no network" in (await rig.next(ConnectFailed)).reason
    rig.link.network(up=True)


@pytest.mark.asyncio
async def test_a_half_open_link_is_found_by_the_missing_pong(server: Server, tmp_path: Path) -> None:
    """OCPP-J errata 3.9: the bytes vanish both ways, nobody closes anything."""
    rig = await Rig(server.url, tmp_path).opened()
    for key, value in (("WebSocketPingInterval", "1"), ("MessageTimeout", "1")):
        rig.found.observe_decision(ConfigurationChanged(key=key, value=value))
    rig.link.network(up=False, silent=True)
    rig.publish(dispatched())
    assert "no pong" in (await rig.next(LinkClosed)).reason
    assert server.frames.empty()


@pytest.mark.asyncio
async def test_basic_credentials_are_the_identity_and_the_key_of_the_settings(server: Server, tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    key_file.write_text("hex:00112233445566778899AABBCCDDEEFF\n")
    rig = Rig(server.url, tmp_path, security_profile=1, authorization_key_file=str(key_file))
    await rig.opened()
    expected = IDENTITY.encode() + b":" + bytes.fromhex("00112233445566778899AABBCCDDEEFF")
    assert server.headers == ["Basic " + base64.b64encode(expected).decode()]
    await rig.link.close()


@pytest.mark.asyncio
async def test_a_key_that_the_csms_set_outranks_that_of_the_settings(server: Server, tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    key_file.write_text("0123456789abcdef")
    rig = Rig(server.url, tmp_path, security_profile=1, authorization_key_file=str(key_file))
    name = rig.secrets.keep(b"fedcba9876543210")
    rig.found.observe_decision(ConfigurationChanged(key="AuthorizationKey", value=name))
    await rig.opened()
    assert server.headers == ["Basic " + base64.b64encode(IDENTITY.encode() + b":fedcba9876543210").decode()]
    await rig.link.close()


@pytest.mark.asyncio
async def test_a_prepared_call_leaves_on_the_arrival_of_the_answer_before_it_and_only_once(
    server: Server, tmp_path: Path
) -> None:
    async def answer(socket: ServerConnection) -> None:
        await socket.send('[3, "other", {}]')
        await socket.send('[3, "m1", {}]')

    rig = await Rig(server.url, tmp_path).opened()
    rig.found.observe_decision(replace(dispatched(), lane="transaction", action="MeterValues"))
    prepared = CallPrepared(
        connection=1, message_id="m2", action="MeterValues", lane="transaction", owed_seq=2, payload='{"n":2}'
    )
    rig.found.observe_decision(prepared)
    rig.publish()
    await answer(server.connections[0])
    assert (await rig.next(FrameReceived)).ahead == ""
    assert (await rig.next(FrameReceived)).ahead == "m2"
    assert await server.frames.get() == '[2,"m2","MeterValues",{"n":2}]'
    rig.publish(dispatched(message_id="m2"), dispatched(message_id="m3"))
    assert '"m3"' in await server.frames.get()
    await rig.link.close()


@pytest.mark.asyncio
async def test_the_answer_to_a_call_that_left_ahead_is_no_part_of_a_flood(server: Server, tmp_path: Path) -> None:
    """It may come before the log says that the call has left; a queue drains as fast as the CSMS answers."""
    rig = await Rig(server.url, tmp_path, clock=_StandingClock()).opened()
    rig.found.observe_decision(replace(dispatched(), lane="transaction", action="MeterValues"))
    rig.found.observe_decision(
        CallPrepared(connection=1, message_id="m2", action="MeterValues", lane="transaction", owed_seq=2, payload="{}")
    )
    rig.publish()
    for _ in range(FRAMES_BURST + 1):
        await server.connections[0].send('[2,"x","Nonsense",{}]')
    for _ in range(FRAMES_BURST):
        await rig.next(FrameReceived)
    await rig.next(FrameCondensed)  # the budget is overdrawn
    rig.clock.push(20)
    await server.connections[0].send('[3,"m1",{}]')
    await server.connections[0].send('[3,"m2",{}]')
    assert (await rig.next(FrameReceived)).ahead == "m2"
    assert (await rig.next(FrameReceived)).text == '[3,"m2",{}]'
    await rig.link.close()


@pytest.mark.asyncio
async def test_an_error_does_not_let_the_prepared_call_go(server: Server, tmp_path: Path) -> None:
    rig = await Rig(server.url, tmp_path).opened()
    rig.found.observe_decision(replace(dispatched(), lane="transaction", action="MeterValues"))
    rig.found.observe_decision(
        CallPrepared(connection=1, message_id="m2", action="MeterValues", lane="transaction", owed_seq=2, payload="{}")
    )
    rig.publish()
    await server.connections[0].send('[4, "m1", "InternalError", "", {}]')
    assert (await rig.next(FrameReceived)).ahead == ""
    rig.publish(dispatched(message_id="m3"))
    assert '"m3"' in await server.frames.get()
    await rig.link.close()


@pytest.mark.asyncio
async def test_a_refusal_says_what_to_look_at_and_how_long_to_wait(tmp_path: Path) -> None:
    def refuse(connection: ServerConnection, request: Request) -> Response:
        return Response(
            503 if "busy" in request.path else 401, "No", Headers({"Retry-After": "40", "Content-Length": "0"})
        )

    async with serving(process_request=refuse) as server:
        rig = Rig(server.url.replace("ocpp", "busy"), tmp_path)
        rig.publish()
        assert (await rig.next(ConnectFailed)).retry_after_s == 40
        rig = Rig(server.url, tmp_path)
        rig.publish()
        failed = await rig.next(ConnectFailed)
    assert "HTTP 401 (the CSMS refuses the Basic password" in failed.reason
    assert failed.retry_after_s == 0


@pytest.mark.asyncio
async def test_the_query_of_the_url_stands_behind_the_identity_and_in_no_reason(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rig = await Rig(f"{server.url}?token=abc", tmp_path).opened()
    assert server.paths == ["/ocpp/CB%201%2F%C3%A4?token=abc"]
    await rig.link.close()
    async with serving(
        process_request=lambda *_: Response(307, "T", Headers({"Location": "?token=abc"}))
    ) as round_trip:
        rig = Rig(f"{round_trip.url}?token=abc", tmp_path)
        rig.publish()
        assert "abc" not in (await rig.next(ConnectFailed)).reason
    assert "abc" not in caplog.text


@pytest.mark.asyncio
async def test_a_url_that_ends_in_the_identity_is_named_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Rig("ws://127.0.0.1:9/ocpp/CB%201%2F%C3%A4/?token=abc", tmp_path)
    assert "leave it out of url" in caplog.text
    assert "abc" not in caplog.text
    caplog.clear()
    Rig("ws://127.0.0.1:9/ocpp", tmp_path)
    assert caplog.text == ""


@pytest.mark.asyncio
async def test_a_csms_whose_first_address_swallows_packets_is_reached_within_one_attempt(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Names(monkeypatch).known["csms.test"] = ("127.0.0.2", "127.0.0.1")
    with swallowing("127.0.0.2", urlsplit(server.url).port or 0):
        rig = await Rig(server.url.replace("127.0.0.1", "csms.test"), tmp_path).opened()
        await rig.link.close()

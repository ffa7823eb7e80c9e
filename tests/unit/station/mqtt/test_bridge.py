"""The station on a real broker, and on brokers that do what none should."""

import asyncio
import json
import logging
import resource
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from eventstore.catalogue.hardware import IdTagPresented, PilotStateObserved
from eventstore.catalogue.limits import OutsideLimitReported
from eventstore.event import Observation
from projections.station import StationState
from station.mqtt.bridge import MqttBridge, read_password
from station.runtime.clock import SystemClock
from station.service.commands import COMMANDS
from station.settings.loading import Settings, parse_settings
from tests.csms.tls import issue, make_authority
from tests.given import StationUnderTest, charging
from tests.mosquitto import WAIT_S, Listener, Mosquitto, Stranger, free_port, needs_mosquitto

pytestmark = pytest.mark.asyncio

TOPIC = "chargebox/CB-0001"


def settings_of(url: str, **mqtt: object) -> Settings:
    lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in mqtt.items())
    return parse_settings(
        f'[station]\nidentity = "CB-0001"\n[csms]\nurl = "ws://127.0.0.1:9/"\n[mqtt]\nurl = "{url}"\n{lines}\n',
        "settings",
    )


class Running:
    """A station in pure code, whose durable batches the bridge follows."""

    def __init__(self, settings: Settings, found: StationUnderTest, answer_s: float) -> None:
        self.found = found
        self.readings = 0
        self.submitted: list[Observation] = []
        self.clock = SystemClock()
        self.bridge = MqttBridge(
            settings,
            self.clock,
            lambda: self.found.state,
            self._live,
            self.submitted.append,
            commands=COMMANDS if settings.mqtt.allow_commands else {},
            retry_max_ms=20,
            answer_s=answer_s,
        )

    def _live(self, state: StationState, at_ms: int) -> StationState:
        self.readings += 1
        return state

    def observe(self, *observations: Any) -> None:
        before = len(self.found.log)
        self.found.observe(*observations)
        self.bridge.publish(self.found.state, self.found.log[before:])


@asynccontextmanager
async def running(settings: Settings, answer_s: float = WAIT_S) -> AsyncIterator[Running]:
    run = Running(settings, charging(), answer_s)
    task = asyncio.create_task(run.bridge.run())
    try:
        yield run
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def broker_in(directory: Path, **how: Any) -> AsyncIterator[Mosquitto]:
    broker = Mosquitto(directory, **how)
    await broker.start()
    try:
        yield broker
    finally:
        broker.kill()


@needs_mosquitto
async def test_everything_is_there_for_who_comes_later_and_what_changes_follows(tmp_path: Path) -> None:
    async with broker_in(tmp_path) as broker, running(settings_of(f"mqtt://127.0.0.1:{broker.port}")) as run:
        async with Listener(broker.port) as first:
            await first.until(f"{TOPIC}/connector/1/status", "Charging")
            await first.until(f"{TOPIC}/connector/1/current_l3_a", "0")
        async with Listener(broker.port) as listener:
            await listener.until(f"{TOPIC}/connector/1/tag", "…BEEF")
            await listener.until(f"{TOPIC}/connector/1/limit_a", "32")
            assert "homeassistant/device/chargebox_CB-0001/config" in listener.texts
            assert listener.retained == set(listener.texts)
            run.observe(PilotStateObserved(connector_id=1, pilot_state="B"))
            await listener.until(f"{TOPIC}/connector/1/status", "SuspendedEV")
            run.observe(IdTagPresented(id_tag="CAFEBABE", connector_id=None))
            await listener.until(f"{TOPIC}/presented", '{"tag":"…BABE","connector_id":null}')
            assert not any("CAFEBABE" in text or "DEADBEEF" in text for _, text in listener.every)


@needs_mosquitto
async def test_the_station_is_offline_when_its_process_is_gone_and_online_again(tmp_path: Path) -> None:
    async with broker_in(tmp_path) as broker:
        settings = settings_of(f"mqtt://127.0.0.1:{broker.port}")
        async with Listener(broker.port) as listener:
            for _ in range(2):
                async with running(settings):
                    await listener.until(f"{TOPIC}/availability", "online")
                await listener.until(f"{TOPIC}/availability", "offline")


@needs_mosquitto
async def test_a_broker_that_is_killed_is_found_again(tmp_path: Path) -> None:
    async with broker_in(tmp_path) as broker, running(settings_of(f"mqtt://127.0.0.1:{broker.port}")) as run:
        async with Listener(broker.port) as listener:
            await listener.until(f"{TOPIC}/connector/1/status", "Charging")
        broker.kill()
        run.observe(PilotStateObserved(connector_id=1, pilot_state="B"))
        await asyncio.sleep(0.1)
        await broker.start()
        async with Listener(broker.port) as listener:
            await listener.until(f"{TOPIC}/connector/1/status", "SuspendedEV")
            await listener.until(f"{TOPIC}/availability", "online")


@needs_mosquitto
async def test_a_password_opens_the_way_and_a_wrong_one_is_named_without_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secret = tmp_path / "password"
    secret.write_text("wrong horse\n")
    async with broker_in(tmp_path, password="battery staple") as broker:
        settings = settings_of(f"mqtt://127.0.0.1:{broker.port}", username="station", password_file=str(secret))
        async with running(settings):
            await logged(caplog, "Not authori")
            secret.write_text("battery staple\nanything\n")
            login = {"username": "station", "password": "battery staple"}
            async with Listener(broker.port, **login) as listener:
                await listener.until(f"{TOPIC}/availability", "online")
    assert "wrong horse" not in caplog.text
    assert "battery staple" not in caplog.text


async def logged(caplog: pytest.LogCaptureFixture, text: str) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(int(WAIT_S / 0.01)):
        if text in caplog.text:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(caplog.text)


@needs_mosquitto
async def test_commands_are_obeyed_where_the_settings_allow_them_and_what_is_wrong_is_refused(tmp_path: Path) -> None:
    async with broker_in(tmp_path) as broker:
        settings = settings_of(f"mqtt://127.0.0.1:{broker.port}", allow_commands=True)
        async with Listener(broker.port) as listener:
            await listener.client.publish(f"{TOPIC}/set/tag", '{"id_tag": "OLD"}', retain=True)
            async with running(settings) as run:
                await listener.until(f"{TOPIC}/connector/1/status", "Charging")
                refused = f"{TOPIC}/refused"
                why = "a command must not be retained: it would be obeyed again at each connection"
                await listener.until(refused, json.dumps({"command": "set/tag", "why": why}, separators=(",", ":")))
                await listener.client.publish(f"{TOPIC}/set/tag", '{"id_tag": "CAFEBABE", "connector_id": 1}')
                await listener.client.publish(f"{TOPIC}/set/limit", '{"max_current_a": 10, "valid_s": 60}')
                await eventually(lambda: len(run.submitted) == 2)
                assert {type(each) for each in run.submitted} == {IdTagPresented, OutsideLimitReported}
                await listener.client.publish(f"{TOPIC}/set/limit", b"\xff")
                await eventually(lambda: "is not JSON" in listener.texts[refused])
                assert len(run.submitted) == 2


@needs_mosquitto
async def test_without_leave_no_command_is_asked_for(tmp_path: Path) -> None:
    async with (
        broker_in(tmp_path) as broker,
        running(settings_of(f"mqtt://127.0.0.1:{broker.port}")) as run,
        Listener(broker.port) as listener,
    ):
        await listener.until(f"{TOPIC}/connector/1/status", "Charging")
        await listener.client.publish(f"{TOPIC}/set/tag", '{"id_tag": "CAFEBABE"}')
        await listener.until(f"{TOPIC}/set/tag", '{"id_tag": "CAFEBABE"}')
        run.observe(PilotStateObserved(connector_id=1, pilot_state="B"))
        await listener.until(f"{TOPIC}/connector/1/status", "SuspendedEV")
    assert run.submitted == []


async def eventually(condition: Callable[[], bool]) -> None:
    for _ in range(int(WAIT_S / 0.01)):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come")


@needs_mosquitto
async def test_a_broker_must_prove_itself_by_the_authority_of_the_settings(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    right, wrong = (make_authority(tmp_path, name=name) for name in ("right", "wrong"))
    server = issue(tmp_path, right)
    async with broker_in(tmp_path, certificate=server.certificate_file, key=server.key_file) as broker:
        url = f"mqtts://127.0.0.1:{broker.port}"
        async with running(settings_of(url, ca_file=str(wrong.certificate_file))):
            await logged(caplog, "certificate verify failed")
        async with running(settings_of(url, ca_file=str(right.certificate_file))):
            await logged(caplog, "connected to")


CONNACK = b"\x20\x02\x00\x00"
GROWTH_KB_MAX = 8 << 10
PUBLISH = 3


async def packet_of(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The next packet of the station, as its kind and the rest."""
    (first,) = await reader.readexactly(1)
    length = shift = 0
    while True:
        (byte,) = await reader.readexactly(1)
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return first >> 4, await reader.readexactly(length)


def message(payload: bytes, *, qos: int = 0) -> bytes:
    """PUBLISH on the topic "x", with an id of 1 where the QoS wants one."""
    body = b"\x00\x01x" + (b"\x00\x01" if qos else b"") + payload
    length, rest = bytearray(), len(body)
    while True:
        length.append(rest & 0x7F | (0x80 if rest > 0x7F else 0))
        rest >>= 7
        if not rest:
            return bytes([0x30 | qos << 1]) + bytes(length) + body


async def acknowledge(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, published: list[bytes], turn: asyncio.Lock
) -> None:
    """As a broker does, between two messages of its own; the topics of what is published are kept."""
    while True:
        kind, rest = await packet_of(reader)
        if kind == PUBLISH:
            end = 2 + int.from_bytes(rest[:2])
            published.append(rest[2:end])
            async with turn:
                writer.write(b"\x40\x02" + rest[end : end + 2])


async def test_a_broker_that_says_nothing_costs_a_wait_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with Stranger(serve) as broker, running(settings_of(f"mqtt://127.0.0.1:{broker.port}"), answer_s=0.1):
        await logged(caplog, "Operation timed out")
        for _ in range(int(WAIT_S / 0.01)):
            if broker.connections > 2:
                break
            await asyncio.sleep(0.01)
        assert broker.connections > 2
    assert caplog.text.count("Operation timed out") == 1, "it is logged once"


async def test_a_broker_that_answers_no_message_is_left(caplog: pytest.LogCaptureFixture) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet_of(reader)
        writer.write(CONNACK)
        await reader.read()

    async with Stranger(serve) as broker, running(settings_of(f"mqtt://127.0.0.1:{broker.port}"), answer_s=0.1):
        await logged(caplog, "Operation timed out")


PIECE = b"y" * (1 << 16)
ONE_OF_TEN_MEGABYTES = (b"\x30\x84\x80\x80\x05" + b"\x00\x02xy", *[PIECE] * 160)
MANY_SMALL_ONES = (message(b"y" * 20) * 200,) * 4


@pytest.mark.parametrize(
    "flood", [ONE_OF_TEN_MEGABYTES, MANY_SMALL_ONES], ids=["one of ten megabytes", "many small ones"]
)
async def test_messages_that_nobody_asked_for_cost_bounded_memory_and_the_station_stays_published(
    flood: tuple[bytes, ...],
) -> None:
    published: list[bytes] = []
    sent, turn = asyncio.Event(), asyncio.Lock()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet_of(reader)
        writer.write(CONNACK)
        acknowledging = asyncio.ensure_future(acknowledge(reader, writer, published, turn))
        try:
            async with turn:
                for piece in flood:
                    writer.write(piece)
                    await writer.drain()
            sent.set()
            await acknowledging
        finally:
            acknowledging.cancel()

    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with Stranger(serve) as broker, running(settings_of(f"mqtt://127.0.0.1:{broker.port}")) as run:
        await asyncio.wait_for(sent.wait(), WAIT_S)
        wanted = f"{TOPIC}/connector/1/status".encode()
        run.observe(PilotStateObserved(connector_id=1, pilot_state="B"))
        for _ in range(int(WAIT_S / 0.01)):
            if published.count(wanted):
                break
            await asyncio.sleep(0.01)
        assert published.count(wanted)
        assert broker.connections == 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < GROWTH_KB_MAX


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (CONNACK + message(b"", qos=2), "a message of QoS 2"),
        (CONNACK + b"\x90\xff\xff\x03", "a packet of 65539 bytes that is no message"),
        (b"\xff" * 64, "this is no MQTT"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n" + b"\n" * 90, "MQTT: "),
        (b"", "the broker closed the connection"),
    ],
)
async def test_what_is_no_broker_is_left_and_named(caplog: pytest.LogCaptureFixture, sent: bytes, said: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet_of(reader)
        writer.write(sent)
        if sent:
            await reader.read()

    async with Stranger(serve) as broker, running(settings_of(f"mqtt://127.0.0.1:{broker.port}")):
        await logged(caplog, said)


async def test_a_broker_that_is_not_there_is_named(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    async with running(settings_of(f"mqtt://127.0.0.1:{free_port()}")):
        await logged(caplog, "Connect call failed")
    missing = {"username": "station", "password_file": str(tmp_path / "missing")}
    async with running(settings_of("mqtt://127.0.0.1:1", **missing)):
        await logged(caplog, "No such file")


async def test_a_password_is_the_first_line_of_its_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    for content, password in ((b"secret\nmore\n", "secret"), (b"secret", "secret"), (b"", "")):
        file.write_bytes(content)
        assert read_password(file) == password
    file.write_bytes(b"x" * 5_000)
    with pytest.raises(ValueError, match="longer than"):
        read_password(file)

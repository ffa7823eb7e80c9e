"""The station on an MQTT broker: what it is, kept published, beside everything else and never in its way.

It follows the durable batches and only notes that something has changed: nothing is queued. What is published is worked out from the
newest state when the broker has taken what came before, and only what differs from what it has. So a broker that is slow, hangs or
is gone costs one round of texts, and misses what was replaced meanwhile.

One connection is one session: availability, discovery, all topics, then what changes. The broker publishes "offline" when the
connection ends and nobody said so (the last will), which is how every session of ours ends. After a failure it is tried again, later and
later, half of the wait by chance, as towards the CSMS.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import orjson

from eventstore.catalogue.hardware import IdTagPresented
from eventstore.event import Observation, Recorded
from eventstore.value import Value
from projections.station import StationState
from station.mqtt.discovery import discovery
from station.mqtt.gate import Broker, BrokerGate, gate_to
from station.mqtt.topics import (
    AVAILABILITY,
    OFFLINE,
    ONLINE,
    presented,
    station_topic,
    topics,
    without_new_readings,
)
from station.runtime import entropy
from station.runtime.clock import SystemClock
from station.settings.loading import MqttSettings, Settings

if TYPE_CHECKING:
    import aiomqtt

LOGGER = logging.getLogger(__name__)

RETRY_MIN_MS, RETRY_MAX_MS = 1_000, 300_000
SETTLED_MS = 60_000
"""A session that lasted so long was a good one: the next failure is the first again."""
PACE_MS = 500
"""What changes faster than this is published as it is then."""
ANSWER_S = 10.0
LAST_S = 1.0
"""How long the library may take for the last that came before a connection closed."""
KEEPALIVE_S = 30
INCOMING_MAX = 16
AT_LEAST_ONCE = 1
PASSWORD_BYTES_MAX = 4_096


class Presented(Value, frozen=True, kw_only=True):
    """A tag that was presented and not published yet; a later one replaces it."""

    id_tag: str
    connector_id: int | None


Command = Callable[[bytes, StationState], Observation]
"""What a message is to the station. Raises ValueError with what is wrong with it."""


def available() -> bool:
    """Whether the library is there. Raises nothing."""
    try:
        import aiomqtt  # noqa: F401
    except ImportError:
        return False
    return True


def read_password(path: Path) -> str:
    """The password in a file: its first line. Raises OSError, ValueError if it is no text or too long."""
    with path.open("rb") as file:
        content = file.read(PASSWORD_BYTES_MAX + 1)
    if len(content) > PASSWORD_BYTES_MAX:
        raise ValueError(f"{path} is longer than {PASSWORD_BYTES_MAX} bytes")
    return content.decode().partition("\n")[0]


def broker_of(settings: Settings) -> Broker:
    """Where the broker is that the settings name. Asserts that they name one."""
    assert settings.mqtt.broker is not None, "the settings name a broker"
    host, port, tls = settings.mqtt.broker
    return Broker(host=host, port=port, tls=tls, ca_file=settings.mqtt.ca_file)


async def try_login(settings: Settings) -> str:
    """Whether the broker takes the station: why not, or nothing. Under another name, as two of one name drive each other away."""
    try:
        password = await _password(settings.mqtt)
        async with gate_to(broker_of(settings), lambda _: None) as gate:
            client = _client(gate, settings.mqtt, password, f"chargebox-doctor-{settings.station.identity}")
            await _entered(client, gate)
            await client.__aexit__(None, None, None)
            return ""
    except Exception as error:  # noqa: BLE001  # whatever the library says, it is what is to be shown
        return str(error) or type(error).__name__


async def _password(mqtt: MqttSettings) -> str | None:
    file = mqtt.password_file
    return None if file is None else await asyncio.to_thread(read_password, file)


def _client(
    gate: BrokerGate,
    mqtt: MqttSettings,
    password: str | None,
    identifier: str,
    *,
    will: "aiomqtt.Will | None" = None,
    timeout: float = ANSWER_S,
) -> "aiomqtt.Client":
    import aiomqtt

    quiet = logging.getLogger("station.mqtt.library")  # what matters of it is logged here, once
    quiet.setLevel(logging.CRITICAL)
    return aiomqtt.Client(
        str(gate.path),
        transport="unix",
        username=mqtt.username or None,
        password=password,
        identifier=identifier[:64],
        keepalive=KEEPALIVE_S,
        timeout=timeout,
        max_queued_incoming_messages=INCOMING_MAX,
        max_inflight_messages=1,
        will=will,
        logger=quiet,
    )


async def _entered(client: "aiomqtt.Client", gate: BrokerGate) -> None:
    """Wait for the broker's answer, but not longer than for the connection that it comes over."""
    entering = asyncio.ensure_future(client.__aenter__())
    waited: set[asyncio.Future[Any]] = {entering, gate.ended}
    try:
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({entering}, timeout=LAST_S)  # a broker that refuses says why, and closes
        if not entering.done():
            raise ConnectionError(gate.ended.result())
    finally:
        entering.cancel()
        await asyncio.gather(entering, return_exceptions=True)
    entering.result()


class MqttBridge:
    """Keeps a station published. `live` gives the state with what the meters say at a moment; what a message on the topic of one of the
    `commands` is to the station is given to `submit`."""

    def __init__(
        self,
        settings: Settings,
        clock: SystemClock,
        state: Callable[[], StationState],
        live: Callable[[StationState, int], StationState],
        submit: Callable[[Observation], None],
        *,
        commands: Mapping[str, Command] = MappingProxyType({}),
        retry_max_ms: int = RETRY_MAX_MS,
        answer_s: float = ANSWER_S,
    ) -> None:
        self._mqtt = settings.mqtt
        self._broker = broker_of(settings)
        self._topic = station_topic(settings.mqtt.base_topic, settings.station.identity)
        self._full_tags = settings.mqtt.id_tags == "full"
        self._clock = clock
        self._state = state
        self._live = live
        self._submit = submit
        self._commands = commands
        self._waiting: dict[str, bytes] = {}
        self._commanded = asyncio.Event()
        self._refused: dict[str, str] = {}
        self._retry_max_ms = retry_max_ms
        self._answer_s = answer_s
        self._changed = asyncio.Event()
        self._presented: Presented | None = None
        self._attempts = 0
        self._reported = ""
        self._passed_over = 0

    def publish(self, state: StationState, batch: Sequence[Recorded]) -> None:
        """Follows the station."""
        for recorded in batch:
            if isinstance(recorded.event, IdTagPresented):
                tag = recorded.event
                self._presented = Presented(id_tag=tag.id_tag, connector_id=tag.connector_id)
        self._changed.set()

    async def run(self) -> None:
        """One session after another, until cancelled."""
        while True:
            began_ms = self._clock.at_ms()
            try:
                why = await self._session()
            except Exception as error:  # noqa: BLE001  # neither a broker nor the library's mistakes end a station that charges
                why = str(error) or type(error).__name__
            if self._clock.at_ms() - began_ms >= SETTLED_MS:
                self._attempts = 0
            ceiling_ms = min(self._retry_max_ms, RETRY_MIN_MS << min(self._attempts, 16))
            self._attempts += 1
            wait_ms = ceiling_ms // 2 + ceiling_ms * entropy.draw() // (2 * entropy.ENTROPY_MAX)
            self._tell(why)
            await self._clock.sleep_until(self._clock.at_ms() + wait_ms)

    def _tell(self, why: str) -> None:
        """A failure is logged once, and again when it is another."""
        level = logging.DEBUG if why == self._reported else logging.WARNING
        LOGGER.log(level, "MQTT: %s:%d: %s; tried again", self._broker.host, self._broker.port, why)
        self._reported = why

    def _over(self, count: int) -> None:
        if not self._passed_over:
            LOGGER.warning(
                "MQTT: a message of the broker was too long, and is passed over; more of them are not logged"
            )
        self._passed_over += count

    async def _session(self) -> str:
        """Connect and publish until it is over; why it is. Raises OSError, TimeoutError, and what the library raises."""
        import aiomqtt

        will = aiomqtt.Will(f"{self._topic}/{AVAILABILITY}", OFFLINE, qos=AT_LEAST_ONCE, retain=True)
        password = await _password(self._mqtt)
        async with gate_to(self._broker, self._over) as gate:
            client = _client(gate, self._mqtt, password, f"chargebox-{self._topic}", will=will, timeout=self._answer_s)
            await _entered(client, gate)
            LOGGER.info("MQTT: connected to %s:%d", self._broker.host, self._broker.port)
            self._reported = ""
            self._waiting.clear()  # of a connection before
            publishing = asyncio.ensure_future(self._keep_published(client))
            receiving = asyncio.ensure_future(self._receive(client))
            obeying = asyncio.ensure_future(self._obey())
            waited: set[asyncio.Future[Any]] = {publishing, receiving, obeying, gate.ended}
            try:
                await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            finally:
                publishing.cancel()
                obeying.cancel()
                gate.close()
                # It ends with the connection, and takes what the library has to say of that.
                await asyncio.wait({receiving}, timeout=self._answer_s)
                receiving.cancel()
                await asyncio.gather(publishing, receiving, obeying, return_exceptions=True)
            return _why(publishing) or _why(obeying) or gate.ended.result()

    async def _keep_published(self, client: "aiomqtt.Client") -> None:
        sent: dict[str, str] = {}
        every_ms = int(self._mqtt.interval_s * 1000)
        due_ms = self._clock.at_ms()
        while True:
            self._changed.clear()
            now_ms = self._clock.at_ms()
            is_due = now_ms >= due_ms
            if is_due:
                due_ms = now_ms + every_ms
            wanted = self._wanted(now_ms)
            for topic, text in (wanted if is_due else without_new_readings(wanted, sent)).items():
                if sent.get(topic) != text:
                    await client.publish(topic, text.encode(), qos=AT_LEAST_ONCE, retain=True)
                    sent[topic] = text
            await self._publish_tag(client)
            await self._publish_refusals(client)
            await self._clock.sleep_until(self._clock.at_ms() + PACE_MS)
            await self._clock.wait(self._changed, due_ms)

    def _wanted(self, at_ms: int) -> Mapping[str, str]:
        state = self._state()
        wanted = {f"{self._topic}/{AVAILABILITY}": ONLINE}
        if self._mqtt.discovery:
            topic, document = discovery(state, self._mqtt.discovery_prefix, self._topic)
            wanted[topic] = orjson.dumps(document).decode()
        texts = topics(self._live(state, at_ms), at_ms, full_tags=self._full_tags)
        return wanted | {f"{self._topic}/{name}": text for name, text in texts.items()}

    async def _publish_tag(self, client: "aiomqtt.Client") -> None:
        """An event, not a state: it is not kept for who comes later."""
        if (tag := self._presented) is None:
            return
        self._presented = None
        shown: dict[str, Any] = {
            "tag": presented(tag.id_tag, full_tags=self._full_tags),
            "connector_id": tag.connector_id,
        }
        await client.publish(f"{self._topic}/presented", orjson.dumps(shown), qos=AT_LEAST_ONCE)

    async def _publish_refusals(self, client: "aiomqtt.Client") -> None:
        while self._refused:
            name, why = self._refused.popitem()
            shown = {"command": name, "why": why}
            await client.publish(f"{self._topic}/refused", orjson.dumps(shown), qos=AT_LEAST_ONCE)

    async def _receive(self, client: "aiomqtt.Client") -> None:
        """Commands, where there are any; else nothing is asked for. It ends when the connection does."""
        for name in self._commands:
            await client.subscribe(f"{self._topic}/{name}", qos=AT_LEAST_ONCE)
        async for message in client.messages:
            name = str(message.topic).removeprefix(f"{self._topic}/")
            if name not in self._commands:
                continue
            if message.retain:
                self._refuse(name, "a command must not be retained: it would be obeyed again at each connection")
                continue
            self._waiting[name] = bytes(message.payload)
            self._commanded.set()

    async def _obey(self) -> None:
        """One command of each kind at a time; a later one replaces one that still waits."""
        while True:
            await self._commanded.wait()
            self._commanded.clear()
            while self._waiting:
                name, payload = self._waiting.popitem()
                try:
                    self._submit(self._commands[name](payload, self._state()))
                except ValueError as error:
                    self._refuse(name, str(error))
            await self._clock.sleep_until(self._clock.at_ms() + PACE_MS)

    def _refuse(self, name: str, why: str) -> None:
        LOGGER.warning("MQTT: %s: %s", name, why)
        self._refused[name] = why
        self._changed.set()


def _why(work: "asyncio.Future[None]") -> str:
    """Why it ended by itself; empty if it did not."""
    error = None if work.cancelled() else work.exception()
    return "" if error is None else str(error) or type(error).__name__

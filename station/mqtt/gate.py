"""The gate between the MQTT library and a broker: nothing that the broker does, or leaves undone, reaches further than this.

The library would look up names and shake hands on a thread that cannot be stopped, and would keep whatever a broker sends, up to 256
MB for one message. So it is given a socket of this machine instead, and here stands what it must not do: the addresses of the broker
are tried as everywhere (`dialing`), TLS is asyncio's, all of it within CONNECT_S; what comes back is read in small portions
(`packets`), so many a second; and when the gate is closed, the library's end is closed, whatever it was doing.
"""

import asyncio
import contextlib
import shutil
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from eventstore.value import Value
from station.mqtt.packets import PACKETS_AT_ONCE, BrokerBroke, portion
from station.runtime.dialing import Dialer
from station.runtime.tls import client_context

CONNECT_S = 10.0
ACCEPT_S = 10.0
TURN_S = 0.05
"""How long the broker waits after each PACKETS_AT_ONCE packets or BYTES_AT_ONCE: so 320 a second are read, or 5 MiB."""
CHUNK_BYTES = 16_384
BYTES_AT_ONCE = 262_144
SOCKET_NAME = "broker"


class Broker(Value, frozen=True, kw_only=True):
    """Where a broker is: with TLS, held to `ca_file` or the system's anchors, or without."""

    host: str
    port: int
    tls: bool
    ca_file: Path | None = None


class BrokerGate:
    """One connection to a broker. `path` is the socket that the library connects to, once; `ended` why it is over."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        self._to_library: asyncio.StreamWriter | None = None

    def close(self) -> None:
        """The library's connection ends now."""
        self.end("closed")
        if self._to_library is not None:
            self._to_library.close()

    def opened(self, to_library: asyncio.StreamWriter) -> None:
        """The library has connected."""
        self._to_library = to_library

    def end(self, why: str) -> None:
        """It is over; the first reason counts."""
        if not self.ended.done():
            self.ended.set_result(why)


@asynccontextmanager
async def gate_to(broker: Broker, passed_over: Callable[[int], None]) -> AsyncIterator[BrokerGate]:
    """A gate to the broker; `passed_over` is called with how many messages were too long. Raises OSError, of which SSLError is one, and TimeoutError."""
    reader, writer = await _connected(broker)
    directory = Path(tempfile.mkdtemp(prefix="chargebox-mqtt-"))  # mode 0700: nobody else finds the way in
    gate = BrokerGate(directory / SOCKET_NAME)
    ours: set[asyncio.Task[None]] = set()

    def accepted(from_us: asyncio.StreamReader, to_us: asyncio.StreamWriter) -> None:
        server.close()
        shutil.rmtree(directory, ignore_errors=True)
        gate.opened(to_us)
        for coroutine in (_outward(from_us, writer, gate), _inward(reader, to_us, gate, passed_over)):
            task = asyncio.get_running_loop().create_task(coroutine)
            task.add_done_callback(lambda _: gate.end("closed"))
            ours.add(task)

    server = await asyncio.start_unix_server(accepted, gate.path, limit=CHUNK_BYTES)
    try:
        yield gate
    finally:
        server.close()
        shutil.rmtree(directory, ignore_errors=True)
        for task in ours:
            task.cancel()
        await asyncio.gather(*ours, return_exceptions=True)
        writer.transport.abort()


async def _connected(broker: Broker) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(CONNECT_S):
        # The files are read at each connection, so that new ones hold from the next one on.
        context = await asyncio.to_thread(client_context, broker.ca_file) if broker.tls else None
        found = await Dialer().dial(broker.host, broker.port)
        try:
            return await asyncio.open_connection(
                sock=found, ssl=context, server_hostname=broker.host if broker.tls else None, limit=CHUNK_BYTES
            )
        except BaseException:
            found.close()
            raise


async def _outward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: BrokerGate) -> None:
    """From the library to the broker: as fast as the broker takes it."""
    try:
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
        gate.end("closed")
    except OSError as error:
        gate.end(str(error) or type(error).__name__)


async def _inward(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: BrokerGate, passed_over: Callable[[int], None]
) -> None:
    """From the broker to the library: in portions, and nothing that is too long."""
    waiting, skip, is_full = b"", 0, False
    packets = read = 0
    try:
        while True:
            if not is_full:
                chunk = await reader.read(CHUNK_BYTES)
                if not chunk:
                    gate.end("the broker closed the connection")
                    return
                waiting += chunk
                read += len(chunk)
            taken = portion(waiting, skip)
            waiting, skip, is_full = taken.waiting, taken.skip, taken.count == PACKETS_AT_ONCE
            packets += taken.count
            if taken.passed_over:
                passed_over(taken.passed_over)
            writer.write(taken.packets)
            await writer.drain()
            if packets >= PACKETS_AT_ONCE or read >= BYTES_AT_ONCE:
                packets = read = 0
                await asyncio.sleep(TURN_S)
    except BrokerBroke as error:
        gate.end(f"the broker sent {error}")
    except (OSError, ssl.SSLError) as error:
        gate.end(str(error) or type(error).__name__)
    finally:
        with contextlib.suppress(RuntimeError):
            writer.close()

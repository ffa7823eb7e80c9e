"""A PN532 on a serial port: asked again and again for the card in its field, so that one that falls silent is noticed.

Written here, because what there is for it (Adafruit's CircuitPython driver, nfcpy) blocks while it waits and is made for much more.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from devices.readers.device_reader import ReaderDevice
from devices.readers.pn532_frame import (
    ACK,
    CHIP,
    GET_FIRMWARE_VERSION,
    IN_LIST_PASSIVE_TARGET,
    RF_CONFIGURATION,
    SAM_CONFIGURATION,
    WAKE,
    Frame,
    FrameKind,
    command,
    frames_of,
    uid_of_target,
)

POLL_MS = 200
"""How often it is asked for a card."""
REPEAT_MS_MIN = 3 * POLL_MS
"""A card that is held is read so often at least, even if the field misses it once."""
ANSWER_S = 0.5
"""How long an answer may take; the chip itself needs some 50 ms, for a search too."""
TRIES = 3
_CHUNK = 256
_NORMAL_MODE = (0x01, 0x14, 0x01)
"""SAMConfiguration (7.2.10): no SAM, one second, with the interrupt line."""
_FEW_TRIES = (0x05, 0xFF, 0x01, 0x02)
"""RFConfiguration (7.3.1), item 5: a search for a card ends after three tries instead of lasting until one comes."""
_ONE_TYPE_A = (0x01, 0x00)
"""InListPassiveTarget (7.3.5): one card, ISO/IEC 14443 type A at 106 kbit/s."""


class Port(Protocol):
    """Where bytes go to."""

    def write(self, data: bytes) -> None:
        """Send, without waiting."""
        ...


class Unanswered(Exception):  # noqa: N818  # what a try came to, handled by the next
    """The chip gave no answer of use; the text says what it gave."""


class Pn532:
    """The conversation with a chip: one command at a time. Raises OSError where `read` does, or if a command stays unanswered."""

    def __init__(self, read: Callable[[int], Awaitable[bytes]], port: Port, *, answer_s: float = ANSWER_S) -> None:
        self._read = read
        self._port = port
        self._answer_s = answer_s
        self._waiting = b""
        self._frames: list[Frame] = []

    async def begin(self) -> None:
        """Wake the chip and set it up."""
        self._port.write(WAKE)
        await self._ask(SAM_CONFIGURATION, *_NORMAL_MODE)
        version = await self._ask(GET_FIRMWARE_VERSION)
        if version[1:2] != bytes((CHIP,)):
            raise OSError("is no PN532")
        await self._ask(RF_CONFIGURATION, *_FEW_TRIES)

    async def card(self) -> bytes | None:
        """The UID of the card in the field; None: there is none."""
        data = await self._ask(IN_LIST_PASSIVE_TARGET, *_ONE_TYPE_A)
        try:
            return uid_of_target(data)
        except ValueError as error:
            raise OSError(f"answers with {error}") from error

    async def _ask(self, code: int, *parameters: int) -> bytes:
        reason = ""
        for number in range(TRIES):
            if number:
                self._port.write(
                    ACK + WAKE
                )  # an ACK ends what the chip is busy with (6.2.1.3); it may have lost its supply
            self._waiting, self._frames = b"", []
            self._port.write(command(code, *parameters))
            try:
                async with asyncio.timeout(self._answer_s):
                    await self._acknowledged()
                    return await self._answer(code + 1)
            except TimeoutError:
                reason = "no answer"
            except Unanswered as unanswered:
                reason = str(unanswered)
        raise OSError(reason)

    async def _acknowledged(self) -> None:
        """Whatever comes before the ACK belongs to an earlier try."""
        while (kind := (await self._next()).kind) is not FrameKind.ACK:
            if kind is FrameKind.NACK:
                raise Unanswered("it did not understand")

    async def _answer(self, code: int) -> bytes:
        while True:
            frame = await self._next()
            if frame.kind is FrameKind.ANSWER and frame.data[0] == code:
                return frame.data
            if frame.kind is FrameKind.NOT_UNDERSTOOD:
                raise Unanswered("it did not understand")
            if frame.kind is FrameKind.DAMAGED:
                raise Unanswered("damaged answers")

    async def _next(self) -> Frame:
        while not self._frames:
            chunk = await self._read(_CHUNK)
            if not chunk:
                raise OSError("closed")
            self._waiting, frames = frames_of(self._waiting + chunk)
            self._frames += frames
        return self._frames.pop(0)


async def serve_pn532(
    place: ReaderDevice,
    opened: Callable[[], None],
    line: Callable[[str], None],
    *,
    pause_ms: Callable[[int], Awaitable[None]],
    answer_s: float = ANSWER_S,
) -> None:
    """Open the port and hand over the UID of the card in the field, until the chip is gone. Raises OSError, or ImportError without serialx."""
    import serialx

    try:
        reader, writer = await serialx.open_serial_connection(place.device, baudrate=place.baudrate)
    except serialx.SerialException as error:
        raise OSError(str(error)) from error
    try:
        chip = Pn532(reader.read, writer, answer_s=answer_s)
        await chip.begin()
        opened()
        while True:
            uid = await chip.card()
            if uid is not None:
                line(uid.hex())
            await pause_ms(POLL_MS)
    except serialx.SerialException as error:
        raise OSError(str(error)) from error
    finally:
        writer.close()

"""A reader that is a USB keyboard: the kernel's input events, without a library in between.

The device is grabbed, so that what a card types appears nowhere else. An event is `struct input_event` of linux/input.h as this
machine lays it out; digits, the letters A to F and Enter are all that a reader types.
"""

import asyncio
import fcntl
import os
import struct
from collections.abc import Callable, Mapping
from functools import partial

from devices.readers.device_reader import LINE_LENGTH_MAX, ReaderDevice

EVENT = struct.Struct("@llHHi")
EV_KEY = 1
PRESSED = 1
ENTER = 28
KEYPAD_ENTER = 96
KEYS: Mapping[int, str] = {
    **dict(enumerate("1234567890", start=2)),
    **dict(zip((82, 79, 80, 81, 75, 76, 77, 71, 72, 73), "0123456789", strict=True)),
    **dict(zip((30, 48, 46, 32, 18, 33), "ABCDEF", strict=True)),
}
"""linux/input-event-codes.h: the row of digits, the keypad, and A to F."""
_EVIOCGRAB = 0x40044590
_EVENTS_AT_ONCE = 64


class Typed:
    """What has been typed since the last Enter. Pure."""

    def __init__(self) -> None:
        self._waiting = b""
        self._text = ""

    def lines(self, received: bytes) -> tuple[str, ...]:
        """The lines that these bytes of events end; half an event waits for its other half."""
        received = self._waiting + received
        whole = len(received) - len(received) % EVENT.size
        self._waiting = received[whole:]
        lines = []
        for _, _, kind, code, value in EVENT.iter_unpack(received[:whole]):
            if kind != EV_KEY or value != PRESSED:
                continue
            if code in {ENTER, KEYPAD_ENTER}:
                lines.append(self._text)
                self._text = ""
            elif code in KEYS and len(self._text) < LINE_LENGTH_MAX:
                self._text += KEYS[code]
        return tuple(lines)


def grab(descriptor: int) -> None:
    """Take the keyboard away from everybody else. Raises OSError."""
    fcntl.ioctl(descriptor, _EVIOCGRAB, 1)


async def serve_keyboard(
    place: ReaderDevice, opened: Callable[[], None], line: Callable[[str], None], take: Callable[[int], None] = grab
) -> None:
    """Open the keyboard and hand over what is typed until it is gone. Raises OSError."""
    loop = asyncio.get_running_loop()
    descriptor = os.open(place.device, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    lost = loop.create_future()
    try:
        take(descriptor)
        opened()
        loop.add_reader(descriptor, partial(_receive, descriptor, Typed(), line, lost))
        await lost
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _receive(descriptor: int, typed: Typed, line: Callable[[str], None], lost: asyncio.Future[None]) -> None:
    try:
        received = os.read(descriptor, EVENT.size * _EVENTS_AT_ONCE)
    except BlockingIOError:
        return
    except OSError as error:
        if not lost.done():
            lost.set_exception(error)
        return
    if not received:
        if not lost.done():
            lost.set_result(None)
        return
    for text in typed.lines(received):
        line(text)

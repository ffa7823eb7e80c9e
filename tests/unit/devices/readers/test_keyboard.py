"""A keyboard reader, by the kernel's own event structures through a pipe in the file system."""

import asyncio
import errno
import os
from pathlib import Path

import pytest

from devices.readers.device_reader import ReaderDevice
from devices.readers.keyboard import ENTER, EV_KEY, EVENT, KEYPAD_ENTER, KEYS, Typed, grab, serve_keyboard
from tests.contract.hand_time import until

CODES = {sign: code for code, sign in KEYS.items()}
ROW = dict(zip("1234567890", range(2, 12), strict=True))


def strokes(text: str, enter: int = ENTER, codes: dict[str, int] | None = None) -> bytes:
    """What the kernel gives for keys that are pressed, held and released."""
    events = b""
    for code in (*((codes or CODES)[sign] for sign in text), enter):
        for value in (1, 2, 0):
            events += EVENT.pack(1, 2, 4, 4, code)  # MSC_SCAN, which nobody reads
            events += EVENT.pack(1, 2, EV_KEY, code, value)
            events += EVENT.pack(1, 2, 0, 0, 0)  # SYN_REPORT
    return events


def test_lines_are_what_was_pressed_before_enter() -> None:
    assert Typed().lines(strokes("04A1B2C3") + strokes("99")) == ("04A1B2C3", "99")


def test_the_row_of_digits_and_the_keypad_type_the_same() -> None:
    assert Typed().lines(strokes("1234567890", codes=ROW) + strokes("1234567890", enter=KEYPAD_ENTER)) == (
        "1234567890",
        "1234567890",
    )


def test_half_an_event_waits_for_its_other_half() -> None:
    typed, events = Typed(), strokes("04A1")
    lines = [line for byte in events for line in typed.lines(bytes([byte]))]
    assert lines == ["04A1"]


def test_other_keys_and_endless_lines_are_ignored() -> None:
    typed = Typed()
    assert typed.lines(EVENT.pack(0, 0, EV_KEY, 57, 1)) == ()
    for _ in range(1_000):
        typed.lines(EVENT.pack(0, 0, EV_KEY, 2, 1))
    (line,) = typed.lines(strokes(""))
    assert len(line) == 64


@pytest.mark.asyncio
async def test_what_a_card_types_is_handed_over_until_the_reader_is_pulled_out(tmp_path: Path) -> None:
    device = tmp_path / "event0"
    os.mkfifo(device)
    lines: list[str] = []
    opened = asyncio.Event()
    grabbed: list[int] = []
    serving = asyncio.create_task(
        serve_keyboard(ReaderDevice(device=str(device)), opened.set, lines.append, grabbed.append)
    )
    await opened.wait()
    with device.open("wb", buffering=0) as keyboard:
        keyboard.write(strokes("04A1B2C3"))
        await until(lambda: bool(lines))
    await serving
    assert lines == ["04A1B2C3"]
    assert len(grabbed) == 1


@pytest.mark.asyncio
async def test_a_keyboard_that_cannot_be_grabbed_or_is_not_there_is_an_error(tmp_path: Path) -> None:
    place = ReaderDevice(device=str(tmp_path / "event0"))
    with pytest.raises(OSError, match="No such file"):
        await serve_keyboard(place, lambda: None, lambda line: None)
    os.close(os.open(place.device, os.O_CREAT))
    with pytest.raises(OSError, match="ioctl") as caught:
        await serve_keyboard(place, lambda: None, lambda line: None, grab)
    assert caught.value.errno == errno.ENOTTY

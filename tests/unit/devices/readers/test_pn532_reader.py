"""A PN532 behind a pseudo-terminal: its cards, and a line on which everything goes wrong."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from devices.readers.device_reader import REOPEN_MS, DeviceReader, ReaderDevice
from devices.readers.pn532_reader import POLL_MS, TRIES, Pn532, serve_pn532
from tests.contract.hand_time import until
from tests.unit.devices.readers.pn532_chip import ACK, Chip, framed

pytestmark = pytest.mark.asyncio

PATIENT_S = 60.0
"""Nothing here is about how fast the machine is, but for a chip that says nothing."""
HASTY_S = 0.05


class Rig:
    """The reader on a chip; each pause moves the time by its length and lasts a moment."""

    def __init__(self, link: Path, answer_s: float) -> None:
        self.at_ms = 0
        self.pauses: list[int] = []
        self.tags: list[str] = []
        self.failures: list[str | None] = []
        self.chip = Chip(link)
        serve = partial(serve_pn532, pause_ms=self._pause, answer_s=answer_s)
        place = ReaderDevice(device=str(link), baudrate=115_200)
        self.reader = DeviceReader(place, serve, now_ms=lambda: self.at_ms, pause_ms=self._pause)
        self.reader.on_failure(self.failures.append)
        self.reader.on_tag(self.tags.append)

    async def _pause(self, duration_ms: int) -> None:
        self.at_ms += duration_ms
        self.pauses.append(duration_ms)
        await asyncio.sleep(0.001)

    async def polls(self, count: int = 5) -> None:
        """So many polls later."""
        wanted = self.pauses.count(POLL_MS) + count
        await until(lambda: self.pauses.count(POLL_MS) >= wanted, within_s=60)

    async def close(self) -> None:
        self.reader.close()
        await self.reader.wait_closed()
        self.chip.pull_out()


@pytest_asyncio.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(tmp_path / "reader", PATIENT_S)
    yield rig
    await rig.close()


@pytest_asyncio.fixture
async def hasty(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(tmp_path / "reader", HASTY_S)
    yield rig
    await rig.close()


@pytest.mark.parametrize("uid", ["04A1B2C3", "04A1B2C3D4E5F6", "04A1B2C3D4E5F6070809"])
async def test_a_card_that_is_held_is_one_presentation_and_held_again_another(rig: Rig, uid: str) -> None:
    rig.chip.card = bytes.fromhex(uid)
    await rig.polls(30)
    assert rig.tags == [uid]
    rig.chip.card = None
    await rig.polls(10)  # longer than repeat_ms
    rig.chip.card = bytes.fromhex(uid)
    await rig.polls()
    assert rig.tags == [uid, uid]
    assert rig.failures == [None]


async def test_another_card_is_a_presentation_at_once(rig: Rig) -> None:
    rig.chip.card = b"\x01\x02\x03\x04"
    await rig.polls()
    rig.chip.card = b"\x05\x06\x07\x08"
    await rig.polls()
    assert rig.tags == ["01020304", "05060708"]


@pytest.mark.parametrize("fault", ["checksum", "nack", "not understood", "garbage"])
async def test_a_damaged_answer_is_asked_for_again(rig: Rig, fault: str) -> None:
    await rig.polls()
    rig.chip.card = b"\x01\x02\x03\x04"
    rig.chip.faults = [fault] * (TRIES - 1)
    await rig.polls()
    assert rig.tags == ["01020304"]
    assert rig.failures == [None]


async def test_bytes_that_come_one_by_one_are_put_together(rig: Rig) -> None:
    rig.chip.split = True
    rig.chip.card = b"\x01\x02\x03\x04"
    await rig.polls()
    assert rig.tags == ["01020304"]
    assert rig.failures == [None]


async def test_damaged_answers_without_end_are_a_failure_and_the_reader_is_set_up_anew(rig: Rig) -> None:
    await rig.polls()
    rig.chip.faults = ["checksum"] * TRIES
    await until(lambda: rig.failures[-1] is None and len(rig.failures) > 1, within_s=60)
    assert "damaged answers" in str(rig.failures[1])
    assert REOPEN_MS in rig.pauses
    rig.chip.card = b"\x01\x02\x03\x04"
    await rig.polls()
    assert rig.tags == ["01020304"]


@pytest.mark.parametrize("fault", ["lost ack", "short"])
async def test_an_answer_that_does_not_come_wholly_is_asked_for_again(hasty: Rig, fault: str) -> None:
    await hasty.polls()
    hasty.chip.card = b"\x01\x02\x03\x04"
    hasty.chip.faults = [fault]
    await until(lambda: hasty.tags == ["01020304"], within_s=60)


async def test_a_chip_that_says_nothing_is_a_failure_until_it_answers(hasty: Rig) -> None:
    await hasty.polls()
    hasty.chip.silent = True
    await until(lambda: "no answer" in str(hasty.failures[-1]), within_s=60)
    hasty.chip.silent = False
    await until(lambda: hasty.failures[-1] is None, within_s=60)
    hasty.chip.card = b"\x01\x02\x03\x04"
    await until(lambda: hasty.tags == ["01020304"], within_s=60)


async def test_a_chip_that_lost_its_supply_is_woken_and_set_up_anew(hasty: Rig) -> None:
    await hasty.polls()
    hasty.chip.power_up()
    await until(lambda: len(hasty.failures) > 2 and hasty.failures[-1] is None, within_s=60)
    hasty.chip.card = b"\x01\x02\x03\x04"
    await until(lambda: hasty.tags == ["01020304"], within_s=60)


async def test_a_reader_that_is_pulled_out_is_found_again(rig: Rig) -> None:
    await rig.polls()
    rig.chip.pull_out()
    await until(lambda: rig.failures[-1] is not None, within_s=60)
    rig.chip.power_up()
    rig.chip.plug_in()
    await until(lambda: rig.failures[-1] is None, within_s=60)
    rig.chip.card = b"\x01\x02\x03\x04"
    await rig.polls()
    assert rig.tags == ["01020304"]


async def test_another_chip_is_told(tmp_path: Path) -> None:
    chip = Chip(tmp_path / "reader")
    chip.firmware = (0x07, 0x01, 0x06, 0x07)

    async def pause_ms(duration_ms: int) -> None:
        raise AssertionError("it was taken")

    try:
        with pytest.raises(OSError, match="is no PN532"):
            await serve_pn532(
                ReaderDevice(device=str(tmp_path / "reader"), baudrate=115_200),
                lambda: None,
                lambda line: None,
                pause_ms=pause_ms,
                answer_s=PATIENT_S,
            )
    finally:
        chip.pull_out()


async def test_a_port_that_is_not_there_is_an_error() -> None:
    async def pause_ms(duration_ms: int) -> None: ...

    with pytest.raises(OSError, match="ttyNOWHERE"):
        await serve_pn532(ReaderDevice(device="/dev/ttyNOWHERE"), lambda: None, lambda line: None, pause_ms=pause_ms)


async def test_an_answer_with_no_uid_is_a_failure() -> None:
    answers = [ACK, framed(0xD5, 0x4B, 1, 1, 0x00, 0x44, 0x00, 0)]

    async def read(size: int) -> bytes:
        return answers.pop(0) if answers else b""

    class Nowhere:
        def write(self, data: bytes) -> None: ...

    with pytest.raises(OSError, match="UID of 0 bytes"):
        await Pn532(read, Nowhere(), answer_s=PATIENT_S).card()

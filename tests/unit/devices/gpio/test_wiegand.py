"""The Wiegand reader on two lines."""

import threading

import pytest

from devices.gpio.sections import ReaderSection
from devices.gpio.values import InputLine
from devices.gpio.wiegand import PAUSE_MS, WiegandReader
from devices.readers.refused_reads import TELL_MS
from tests.contract.hand_time import drained
from tests.contract.rigs import wiegand_bits
from tests.unit.devices.gpio.hand_rack import HandRack

pytestmark = pytest.mark.asyncio

UID = bytes.fromhex("04A1B2C3")


class Rig(HandRack):
    def __init__(self, *, last_first: bool = False) -> None:
        super().__init__()
        lines = (InputLine(pin=pin, active="low", hold_ms=0) for pin in ("GPIO20", "GPIO21"))
        section = ReaderSection(kind="wiegand", data0=next(lines), data1=next(lines), reversed=last_first)
        self.driver = WiegandReader(self.rack, section)
        self.tags: list[str] = []
        self.driver.on_tag(self.tags.append)

    def send(self, bits: list[int]) -> None:
        for bit in bits:
            self.put(("GPIO20", "GPIO21")[bit], False)
            self.put(("GPIO20", "GPIO21")[bit], True)

    async def frame(self, bits: list[int]) -> None:
        self.send(bits)
        await self.timers.advance(2 * PAUSE_MS)


@pytest.mark.parametrize("uid", [UID, UID[:3], bytes.fromhex("04A1B2C3D4E5F6"), bytes.fromhex("E0040150C6498FF1")])
async def test_frames_of_every_length_are_tags(uid: bytes) -> None:
    rig = Rig()
    await rig.frame(wiegand_bits(uid))
    assert rig.tags == [uid.hex().upper()]
    rig.driver.close()


async def test_a_reader_that_sends_the_last_byte_first_is_turned_round() -> None:
    rig = Rig(last_first=True)
    await rig.frame(wiegand_bits(UID[::-1]))
    assert rig.tags == ["04A1B2C3"]


async def test_the_log_tells_of_what_is_no_frame_at_once_and_then_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = Rig()
    for _ in range(3):
        await rig.frame([0] * 58)
    (first,) = caplog.messages
    assert first == "reader on GPIO20 and GPIO21: no card: 58 bits with wrong parity"
    await rig.timers.advance(TELL_MS)
    await rig.frame([1])
    assert caplog.messages[1:] == [
        "reader on GPIO20 and GPIO21: no card: 1 bits, not 26, 34, 58, 66 (2 more since this was said last)"
    ]
    assert rig.driver.refused == 4
    assert rig.tags == []


async def test_a_card_that_lies_in_the_field_is_one_tag() -> None:
    rig = Rig()
    for _ in range(20):
        await rig.frame(wiegand_bits(UID))
        await rig.timers.advance(500)
    assert len(rig.tags) == 1


async def test_bits_that_come_slowly_are_one_frame_while_none_is_missing() -> None:
    rig = Rig()
    for bit in wiegand_bits(UID):
        rig.send([bit])
        await rig.timers.advance(PAUSE_MS - 5)
    await rig.timers.advance(2 * PAUSE_MS)
    assert rig.tags == ["04A1B2C3"]


async def test_what_is_no_frame_is_counted_and_does_not_spoil_the_next() -> None:
    rig = Rig()
    await rig.frame([1, 0, 1])
    await rig.frame(wiegand_bits(UID)[:-1])
    await rig.frame([0] * 34)
    await rig.frame([1] * 5_000)
    await rig.frame(wiegand_bits(UID))
    assert rig.driver.refused == 4
    assert rig.tags == ["04A1B2C3"]


async def test_pulses_come_from_a_thread_of_gpiozeros() -> None:
    rig = Rig()
    thread = threading.Thread(target=rig.send, args=(wiegand_bits(UID),))
    thread.start()
    thread.join()
    assert rig.tags == []
    await drained()
    await rig.timers.advance(2 * PAUSE_MS)
    assert rig.tags == ["04A1B2C3"]
    rig.driver.close()
    await rig.frame(wiegand_bits(UID[::-1]))
    assert rig.tags == ["04A1B2C3"]

"""A reader on a device that comes and goes."""

import asyncio
from collections.abc import Callable

import pytest

from devices.readers.device_reader import INFO_LENGTH_MAX, REOPEN_MS, DeviceReader, ReaderDevice, shown_failure
from tests.contract.hand_time import drained

pytestmark = pytest.mark.asyncio


class Device:
    """What serves the reader: opened, it gives what the test says, until it is pulled out."""

    def __init__(self) -> None:
        self.there = True
        self.opened = 0
        self.line: Callable[[str], None] = lambda text: None
        self._pulled = asyncio.Event()

    async def serve(self, place: ReaderDevice, opened: Callable[[], None], line: Callable[[str], None]) -> None:
        if not self.there:
            raise OSError("no such device")
        self.opened += 1
        self.line = line
        self._pulled.clear()
        opened()
        await self._pulled.wait()

    def pull(self) -> None:
        self.there = False
        self._pulled.set()


class Rig:
    def __init__(self, **how: object) -> None:
        self.at_ms = 0
        self.device = Device()
        self.tags: list[str] = []
        self.failures: list[str | None] = []
        self._turn = asyncio.Event()
        place = ReaderDevice(device="/dev/reader", **how)  # type: ignore[arg-type]
        self.reader = DeviceReader(place, self.device.serve, now_ms=lambda: self.at_ms, pause_ms=self._pause)
        self.reader.on_failure(self.failures.append)
        self.reader.on_tag(self.tags.append)

    async def _pause(self, duration_ms: int) -> None:
        assert duration_ms == REOPEN_MS
        self._turn.clear()
        await self._turn.wait()

    async def again(self) -> None:
        self._turn.set()
        await drained()

    async def close(self) -> None:
        self.reader.close()
        await self.reader.wait_closed()


async def test_a_card_in_the_field_is_one_tag_and_rubbish_is_none() -> None:
    rig = Rig(last_first=True)
    await drained()
    for at_ms in (0, 500, 1_000):
        rig.at_ms = at_ms
        rig.device.line("C3B2A104")
    rig.device.line("rubbish")
    rig.device.line("")
    assert rig.tags == ["04A1B2C3"]
    await rig.close()


async def test_rubbish_is_counted_and_told_without_what_was_read(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig(format="rdm6300")
    await drained()
    for line in ("", " ", "0123456789XY", "0123456789AA", "04A1"):
        rig.device.line(line)
    assert rig.reader.refused == 3
    assert caplog.messages == ["reader /dev/reader: no card: a line of 12 characters that is not rdm6300"]
    assert rig.tags == []
    await rig.close()


async def test_a_device_that_is_pulled_out_is_a_failure_until_it_is_back() -> None:
    rig = Rig()
    await drained()
    assert rig.failures == [None]
    rig.device.pull()
    await drained()
    await rig.again()
    assert rig.failures == [None, "/dev/reader: closed", "/dev/reader: no such device"]
    rig.device.there = True
    await rig.again()
    assert rig.failures[-1] is None
    assert rig.device.opened == 2
    rig.device.line("AA")
    assert rig.tags == ["AA"]
    await rig.close()


async def test_a_closed_reader_reports_nothing() -> None:
    rig = Rig()
    await drained()
    await rig.close()
    assert rig.failures == [None]
    await Rig().close()


@pytest.mark.parametrize(
    ("device", "reason", "shown"),
    [
        ("/dev/ttyUSB0", "no answer", "/dev/ttyUSB0: no answer"),
        (
            "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00",
            "no answer",
            "...b-FTDI_FT232R_USB_UART_A50285BI-if00: no answer",
        ),
        ("/dev/ttyUSB0", "x" * 60, "x" * 50),
        ("/dev/ttyUSB0", "x" * 45, "x" * 45),
    ],
)
async def test_of_a_failure_the_reason_is_told_whole_before_the_device(device: str, reason: str, shown: str) -> None:
    assert shown_failure(device, reason) == shown
    assert len(shown) <= INFO_LENGTH_MAX

"""The bus against pymodbus's own server, over TCP and RTU, with everything that can go wrong."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest
import pytest_asyncio
from msgspec.structs import replace
from pymodbus.constants import ExcCodes

from devices.gpio.rack import pause
from devices.modbus.bus import BusLine, ModbusBus
from devices.modbus.meter import MeterPlace, ModbusMeter
from devices.modbus.register_map import load_map
from devices.readings import MeterUnavailable
from tests.contract.hand_time import HandTimers, drained, until
from tests.names import Names, swallowing
from tests.unit.devices.modbus.meter_server import MeterServer, cut_short, from_another_unit, garbage, silence

pytestmark = pytest.mark.asyncio

SDM = "eastron-sdm630"
SHOWN = {
    **{f"voltage_l{n}_mv": 230.0 for n in (1, 2, 3)},
    **{f"current_l{n}_ma": 16.0 for n in (1, 2, 3)},
    "power_w": 11_040.0,
    "frequency_mhz": 50.0,
    "energy_import_wh": 12.5,
}
PERIOD_MS = 1_000
PATIENT_MS = 5_000
"""Where every answer comes, a machine that is busy must not make one late."""


class Rig:
    """A bus whose polls happen when time is moved, and its meters."""

    def __init__(self, line: BusLine, map_name: str = SDM, units: tuple[int, ...] = (1,)) -> None:
        self.timers = HandTimers()
        self.meters = tuple(self._meter(number, unit, map_name) for number, unit in enumerate(units, start=1))
        self.failures: list[str | None] = []
        self.meters[0].on_failure(self.failures.append)
        self.polls = 0
        self.bus = ModbusBus(line, self.meters, now_ms=self.timers.now_ms, pause_ms=self._pause)
        self.bus.start()

    def _meter(self, number: int, unit: int, map_name: str) -> ModbusMeter:
        place = MeterPlace(
            connector_id=number, unit=unit, stale_ms=5_000, phases=3, voltage_v=230, max_current_ma=32_000
        )
        return ModbusMeter(place, load_map(map_name), started_at_ms=0)

    async def _pause(self, duration_ms: int) -> None:
        self.polls += 1
        await pause(self.timers, duration_ms)

    async def polled(self, times: int = 1) -> None:
        """So many rounds of the bus are over; each ends with a pause, a missed one with two."""
        for _ in range(times):
            before = self.polls
            await until(lambda before=before: self.polls > before)  # type: ignore[misc]  # the default binds it
            await self.timers.advance(PERIOD_MS)

    def energy_wh(self, number: int = 1) -> int:
        return self.meters[number - 1].read(self.timers.now_ms()).energy_wh

    async def close(self) -> None:
        self.bus.close()
        await self.bus.wait_closed()
        await drained()


@pytest_asyncio.fixture(params=["tcp", "rtu"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[MeterServer]:
    async with MeterServer(request.param, SDM, SHOWN) as server:
        yield server


def patient(line: BusLine) -> BusLine:
    return replace(line, timeout_ms=PATIENT_MS)


@pytest_asyncio.fixture
async def rig(server: MeterServer) -> AsyncIterator[Rig]:
    rig = Rig(patient(server.line))
    yield rig
    await rig.close()


@pytest_asyncio.fixture
async def quick(server: MeterServer) -> AsyncIterator[Rig]:
    """For answers that do not come."""
    rig = Rig(server.line)
    yield rig
    await rig.close()


@pytest.mark.parametrize("kind", ["tcp", "rtu"])
@pytest.mark.parametrize(
    ("map_name", "shown"),
    [
        (SDM, SHOWN),
        ("eastron-sdm72d-m", {"power_w": 11_040.0, "energy_import_wh": 12.5}),
        (
            "abb-b23",
            {
                "voltage_l1_mv": 2_300,
                "voltage_l2_mv": 2_300,
                "voltage_l3_mv": 2_300,
                "power_w": 1_104_000,
                "frequency_mhz": 5_000,
                "energy_import_wh": 1_250,
            },
        ),
        (
            "carlo-gavazzi-em340",
            {
                "voltage_l1_mv": 2_300,
                "voltage_l2_mv": 2_300,
                "voltage_l3_mv": 2_300,
                "power_w": 110_400,
                "frequency_mhz": 500,
                "energy_import_wh": 125,
            },
        ),
    ],
)
async def test_every_meter_is_read_over_the_wire(kind: str, map_name: str, shown: dict[str, float]) -> None:
    async with MeterServer(kind, map_name, shown) as server:
        rig = Rig(patient(server.line), map_name)
        await rig.polled()
        reading = rig.meters[0].read(rig.timers.now_ms())
        assert (reading.energy_wh, reading.power_w) == (12_500, 11_040)
        await rig.close()


async def test_the_register_counts_and_nothing_is_reported(server: MeterServer, rig: Rig) -> None:
    for energy_kwh in (12.5, 12.503, 12.506):
        server.values["energy_import_wh"] = energy_kwh
        await rig.polled()
    assert rig.energy_wh() == 12_506
    assert rig.failures == []


async def test_several_meters_share_a_bus() -> None:
    async with MeterServer("rtu", SDM, SHOWN, units=(3, 7)) as server:
        rig = Rig(server.line, units=(3, 7, 9))
        await rig.polled(2)
        assert (rig.energy_wh(1), rig.energy_wh(2)) == (12_500, 12_500)
        with pytest.raises(MeterUnavailable, match="unit 9"):
            rig.energy_wh(3)
        await rig.close()


@pytest.mark.parametrize("fault", ["silence", "another unit", "exception", "garbage", "cut short"])
async def test_each_fault_is_a_failure_in_time_and_ends_with_it(server: MeterServer, quick: Rig, fault: str) -> None:
    await quick.polled()
    faults: dict[str, Callable[[bytes], bytes]] = {
        "silence": silence,
        "another unit": from_another_unit(server.kind),
        "garbage": garbage,
        "cut short": cut_short,
    }
    server.spoil = faults.get(fault, server.spoil)
    server.exception = ExcCodes.DEVICE_BUSY if fault == "exception" else None
    await quick.polled(8)
    assert quick.timers.now_ms() < 12_000
    assert len(quick.failures) == 1
    expected = "exception 6" if fault == "exception" else "no answer from unit 1"
    assert expected in str(quick.failures[0])
    with pytest.raises(MeterUnavailable, match=expected):
        quick.energy_wh()
    server.spoil, server.exception = lambda packet: packet, None
    await quick.polled(3)
    assert quick.failures[1:] == [None]
    assert quick.energy_wh() == 12_500


async def test_one_answer_lost_is_no_failure(server: MeterServer, quick: Rig) -> None:
    await quick.polled()
    spoil, server.spoil = server.spoil, silence
    await quick.polled()
    server.spoil = spoil
    await quick.polled(2)
    assert quick.failures == []
    assert quick.energy_wh() == 12_500


async def test_a_meter_whose_answers_come_late_is_silent_and_never_mistaken() -> None:
    async with MeterServer("rtu", SDM, SHOWN) as server:
        line = replace(server.line, timeout_ms=30)
        rig = Rig(line)
        await rig.polled()
        loop = asyncio.get_running_loop()
        transport = next(iter(server._server.active_connections.values())).transport

        def late(packet: bytes) -> bytes:
            loop.call_later(line.timeout_ms * 1.5 / 1_000, transport.write, packet)
            return b""

        server.spoil = late
        server.values["energy_import_wh"] = 13.0
        for _ in range(12):
            await asyncio.sleep(line.timeout_ms * 2 / 1_000)  # as long as a request and the pause after it
            await rig.timers.advance(PERIOD_MS)
        assert len(rig.failures) == 1
        with pytest.raises(MeterUnavailable):
            rig.energy_wh()
        await rig.close()


async def test_swapped_words_are_found_and_never_told() -> None:
    async with MeterServer("tcp", "carlo-gavazzi-em340", {"voltage_l1_mv": 2_300, "frequency_mhz": 500}) as server:
        # The meter sends the low word first; whoever takes it for another type reads this.
        rig = Rig(patient(server.line), "carlo-gavazzi-em340")
        rig.meters[0].map = replace(rig.meters[0].map, word_order="big")
        await rig.polled()
        assert "cannot be" in str(rig.failures[0])
        with pytest.raises(MeterUnavailable, match="cannot be"):
            rig.energy_wh()
        await rig.close()


async def test_a_register_that_is_no_number_is_a_failure(server: MeterServer, rig: Rig) -> None:
    await rig.polled()
    server.values["energy_import_wh"] = math.nan
    await rig.polled(2)
    assert rig.failures == ["it gives no energy"]
    server.values["energy_import_wh"] = 12.503
    await rig.polled(2)
    assert rig.failures[1:] == [None]
    assert rig.energy_wh() == 12_503


async def test_a_gateway_that_restarts_is_found_again() -> None:
    async with MeterServer("tcp", SDM, SHOWN) as server:
        rig = Rig(server.line)
        await rig.polled()
        for connection in list(server._server.active_connections.values()):
            connection.transport.abort()
        await rig.polled(3)
        assert rig.failures == []
        assert rig.energy_wh() == 12_500
        await rig.close()


@pytest.mark.parametrize(
    "line",
    [
        BusLine(kind="tcp", host="127.0.0.1", port=1, timeout_ms=100),
        BusLine(kind="rtu", device="/dev/ttyNOWHERE", timeout_ms=100),
    ],
)
async def test_a_bus_that_is_not_there_is_a_failure(line: BusLine) -> None:
    rig = Rig(line)
    await rig.polled(10)
    assert "cannot be opened" in str(rig.failures[0])
    await rig.close()


async def test_closing_twice_or_before_starting_does_nothing() -> None:
    timers = HandTimers()
    bus = ModbusBus(BusLine(kind="tcp"), (), now_ms=timers.now_ms, pause_ms=partial(pause, timers))
    bus.close()
    await bus.wait_closed()
    bus.start()
    bus.close()
    bus.close()
    await bus.wait_closed()


async def test_a_gateway_whose_first_address_is_dead_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    Names(monkeypatch).known["meter.test"] = ("127.0.0.2", "127.0.0.1")
    async with MeterServer("tcp", SDM, SHOWN) as server:
        with swallowing("127.0.0.2", server.line.port):
            rig = Rig(replace(server.line, host="meter.test"))
            await until(lambda: rig.polls > 0)
            await rig.timers.advance(PERIOD_MS)
            await rig.polled()
            assert rig.energy_wh() == 12_500
            assert rig.failures == []
            await rig.close()


async def test_a_gateway_without_an_address_is_a_failure_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    Names(monkeypatch).known["no-such-host.invalid"] = ()
    rig = Rig(BusLine(kind="tcp", host="no-such-host.invalid", timeout_ms=100))
    await rig.polled(6)
    with pytest.raises(MeterUnavailable, match=r"no-such-host\.invalid has no address"):
        rig.energy_wh()
    await rig.close()

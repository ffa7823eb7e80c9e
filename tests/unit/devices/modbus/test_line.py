"""The line of a bus: requests of each kind, and how long they may be."""

import pytest

from devices.modbus.bus import registers_within
from devices.modbus.line import BusLine, BusRefused, BusRequest, BusSilent, ModbusLine
from tests.contract.controllers import ControllerBus, SimController, Vehicle
from tests.contract.hand_time import HandTimers

pytestmark = pytest.mark.asyncio


async def test_coils_and_registers_are_read_and_written_by_their_functions() -> None:
    timers = HandTimers()
    sim = SimController("phoenix-em-cp-pp-eth", Vehicle(timers.now_ms), timers.now_ms)
    async with ControllerBus("tcp", (sim,)) as bus:
        line = ModbusLine(BusLine(kind="tcp", host="127.0.0.1", port=bus.port, timeout_ms=5_000))
        coil = BusRequest(unit=180, function="coil", address=400)
        assert await line.exchange(coil) == (1,)
        assert await line.exchange(BusRequest(unit=180, function="coil", address=400, values=(0,))) == ()
        assert await line.exchange(coil) == (0,)
        for many in (False, True):
            value = 7 + many
            await line.exchange(BusRequest(unit=180, function="holding", address=300, values=(value,), many=many))
            assert await line.exchange(BusRequest(unit=180, function="holding", address=300)) == (value,)
        assert await line.exchange(BusRequest(unit=180, function="input", address=100)) == (ord("A"),)
        with pytest.raises(BusRefused, match="refuses register 0x7530 with exception 2"):
            await line.exchange(BusRequest(unit=180, function="holding", address=30_000))
        line.close()


async def test_a_line_that_is_not_there_is_silent() -> None:
    line = ModbusLine(BusLine(kind="rtu", device="/dev/ttyNOWHERE", timeout_ms=100))
    with pytest.raises(BusSilent, match="/dev/ttyNOWHERE cannot be opened"):
        await line.exchange(BusRequest(unit=1, function="input", address=0))
    line.close()


async def test_so_many_registers_pass_in_a_time() -> None:
    assert registers_within(BusLine(kind="rtu"), 80) == 31  # 76 bytes of ten bits
    assert registers_within(BusLine(kind="rtu", baudrate=19_200, parity="E"), 80) == 63
    assert registers_within(BusLine(kind="rtu", baudrate=1_200), 80) == 4

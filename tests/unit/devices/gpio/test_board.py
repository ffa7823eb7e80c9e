"""The gpio board beyond what the contract of all boards says."""

import asyncio
import inspect
import itertools
import threading
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from devices.gpio.board import GpioBoard
from devices.gpio.values import OutputLine
from devices.protocols import BoardUnavailable, ReaderCounts, StationBoard
from devices.readings import (
    ConnectorOutputs,
    ContactorReading,
    FaultReading,
    LockReading,
    MeterUnavailable,
    PilotReading,
    ProximityReading,
    Reading,
)
from tests.contract.electrical import Model
from tests.contract.hand_time import HandTimers, drained
from tests.contract.rigs import LOCK_MS, SETTLE_MS, WIEGAND_FRAME_MS, GpioRig, wiring
from tests.unit.devices.gpio.reference import parsed, reference_raw
from tests.unit.devices.modbus.meter_server import MeterServer, silence
from tests.unit.devices.modbus.test_bus import SHOWN

pytestmark = pytest.mark.asyncio

WAITING = ConnectorOutputs(contactor_closed=False, duty_permille=1000, locked=True, phases=3, indicator="Preparing")
CHARGING = replace(WAITING, contactor_closed=True, duty_permille=267, indicator="Charging")
EXTRA = """
[watchdog]
pin = "GPIO24"
[connector.1.indicator]
red = "GPIO0"
green = "GPIO1"
blue = "GPIO25"
"""


def faults(readings: list[Reading]) -> list[tuple[str, str, bool]]:
    return [(r.error_code, r.vendor_error_code, r.active) for r in readings if isinstance(r, FaultReading)]


async def charging(rig: GpioRig) -> None:
    await rig.plug()
    rig.board.apply(1, WAITING)
    await rig.advance(LOCK_MS)
    rig.board.apply(1, CHARGING)
    await rig.advance(SETTLE_MS)
    rig.news()


async def test_it_has_the_shape_of_a_station_board() -> None:
    board: StationBoard = GpioBoard(wiring("peak"), station_time=lambda: 0)
    assert (board.connector_ids, board.has_lock) == ((1,), True)
    for name, asked in inspect.getmembers(StationBoard, inspect.isfunction):
        if not name.startswith("_"):
            assert inspect.signature(getattr(GpioBoard, name)) == inspect.signature(asked), name


async def test_what_cannot_be_opened_is_told_and_everything_taken_is_released() -> None:
    example = parsed(reference_raw())
    model = Model(example)
    board = GpioBoard(example, model.factory, station_time=lambda: 0)
    with pytest.raises(BoardUnavailable, match="pwmchip0"):
        board.open(lambda reading: None)
    assert not any(line.is_output for line in model.factory.kernel.lines)
    board.close()
    await board.wait_closed()


async def test_the_duty_is_that_of_the_hardware() -> None:
    rig = GpioRig("peak")
    await charging(rig)
    assert rig.board.duty_permille(1) == rig.model.duty_permille(1) == 267
    await rig.close()


async def test_a_vehicle_without_a_diode_and_a_short_are_e_and_noise_is_nothing() -> None:
    rig = GpioRig("extremes")
    rig.model.noise_mv = lambda clock_us: (clock_us * 7_919) % 801 - 400
    await charging(rig)
    await rig.advance(2_000)
    assert rig.news() == []
    rig.model.sockets[1].diode = False
    await rig.settle()
    rig.model.sockets[1].diode = True
    await rig.settle()
    rig.model.sockets[1].pilot_shorted = True
    await rig.settle()
    states = [r.pilot_state for r in rig.news() if isinstance(r, PilotReading)]
    assert states == ["E", "C", "E"]
    await rig.close()


async def test_a_converter_that_fails_is_a_fault_until_it_answers() -> None:
    rig = GpioRig("peak")
    await charging(rig)
    rig.model.adcs["a"].fails = True
    await rig.settle(2_000)
    assert faults(rig.news()) == [("InternalError", "pilot", True)]
    rig.model.adcs["a"].fails = False
    await rig.settle(2_000)
    assert faults(rig.news()) == [("InternalError", "pilot", False)]
    await rig.close()


async def test_an_output_that_refuses_is_a_fault_and_never_an_exception() -> None:
    rig = GpioRig("peak")
    await charging(rig)
    coil = rig.model.factory.pin("GPIO5")

    def refuse(value: object) -> None:
        raise OSError("the line is gone")

    coil._set_state = refuse
    rig.board.open_contactor(1)
    assert faults(rig.news()) == [("PowerSwitchFailure", "output", True)]
    rig.board.withdraw_offer(1)
    assert rig.board.duty_permille(1) == 1000
    del coil._set_state
    rig.board.open_contactor(1)
    await rig.advance(SETTLE_MS)
    assert faults(rig.news()) == [("PowerSwitchFailure", "output", False)]
    await rig.close()


async def test_edges_from_another_thread_are_counted_when_the_loop_is_too_slow() -> None:
    rig = GpioRig("peak")

    def flood() -> None:
        for _ in range(400):
            rig.model.factory.put("GPIO22", True)
            rig.model.factory.put("GPIO22", False)

    thread = threading.Thread(target=flood)
    thread.start()
    thread.join()
    await drained()
    assert rig.board.dropped == 800 - 256
    await rig.settle(1_000)
    readings = rig.news()
    assert faults(readings)[-1:] == [("GroundFailure", "", False)]
    await rig.close()
    assert rig.board.dropped == 0


async def test_a_bolt_that_is_wanted_back_while_it_moves_is_driven_back() -> None:
    rig = GpioRig("peak")
    await rig.plug(ev=False)
    rig.board.apply(1, WAITING)
    rig.board.apply(1, replace(WAITING, locked=False))
    await rig.advance(LOCK_MS)
    assert rig.news()[-1] == LockReading(connector_id=1, locked=False, jammed=False)
    assert not rig.model.sockets[1].locked
    await rig.close()


async def test_a_plug_that_moves_frees_a_bolt_that_was_wanted_elsewhere() -> None:
    rig = GpioRig("peak")
    rig.model.sockets[1].seated = False
    await rig.plug(ev=False)
    rig.board.apply(1, WAITING)
    await rig.advance(LOCK_MS)
    assert rig.news()[-1] == LockReading(connector_id=1, locked=False, jammed=True)
    rig.model.sockets[1].station_plugged = False
    await rig.settle()
    rig.model.sockets[1].seated = True
    await rig.plug(ev=False)
    await rig.settle(LOCK_MS)
    assert rig.news()[-1] == LockReading(connector_id=1, locked=True, jammed=False)
    await rig.close()


async def test_lamp_and_watchdog_do_as_they_are_told() -> None:
    rig = GpioRig("peak", extra=EXTRA)
    pins = rig.model.factory
    await charging(rig)
    assert pins.pin("GPIO25").state == 1
    rig.board.set_light(50, 1)
    assert pins.pin("GPIO25").state == 0.5
    rig.board.answer_tag(None, False)
    assert (pins.pin("GPIO0").state, pins.pin("GPIO25").state) == (0.5, 0)
    await rig.advance(1_000)
    rig.board.answer_tag(1, True)
    assert pins.pin("GPIO1").state == 0.5
    levels = [pins.high("GPIO24")]
    for _ in range(8):
        await rig.advance(125)
        levels.append(pins.high("GPIO24"))
    assert sum(one != other for one, other in itertools.pairwise(levels)) == 4
    await rig.close()
    await rig.advance(1_000)
    assert pins.released()


async def test_outputs_are_inactive_before_anything_is_read_and_after_the_end() -> None:
    plan = wiring("peak", extra=EXTRA)
    timers = HandTimers()
    model = Model(plan, timers)
    active: list[str] = []

    def watch() -> None:
        active.extend(pin for pin in ("GPIO5", "GPIO12", "GPIO13") if model.factory.level(OutputLine(pin=pin)))
        model.settle()

    model.factory.on_output = watch
    board = GpioBoard(plan, model.factory, station_time=timers.now_ms, timers=timers, pwm_root=model.pwm.root)
    board.open(lambda reading: None)
    board.close()
    assert active == []
    await board.wait_closed()
    model.close()


async def test_a_fixed_cable_reports_its_rating_and_has_no_lock() -> None:
    raw = reference_raw()
    del raw["connector"]["1"]["lock"], raw["connector"]["1"]["proximity"], raw["watchdog"]["device"]
    plan = parsed(raw, fixed_cable=True)
    reported: list[Reading] = []
    model = Model(plan, HandTimers())
    board = GpioBoard(plan, model.factory, station_time=lambda: 0, pwm_root=model.pwm.root)
    board.open(reported.append)
    assert board.has_lock is False
    assert ProximityReading(connector_id=1, cable_rating_ma=32_000) in reported
    board.drive_lock(1, locked=True)
    assert reported[-1] == LockReading(connector_id=1, locked=False, jammed=False)
    board.close()
    await board.wait_closed()


@pytest.mark.parametrize("kind", ["tcp", "rtu"])
async def test_a_modbus_meter_is_that_of_its_connector_and_its_silence_a_fault(kind: str) -> None:
    async with MeterServer(kind, "eastron-sdm630", SHOWN) as server:
        rig = ModbusRig(server)
        await rig.polls_until(rig.readable)
        reading = rig.board.read_meter(1, rig.timers.now_ms())
        assert (reading.connector_id, reading.energy_wh, reading.current_ma) == (1, 12_500, (16_000,) * 3)
        assert rig.board.measurands(1, rig.timers.now_ms())["power_w"] == 11_040
        server.spoil = silence
        await rig.polls_until(lambda: rig.failure() is True)
        with pytest.raises(MeterUnavailable):
            rig.board.read_meter(1, rig.timers.now_ms())
        server.spoil = lambda packet: packet
        await rig.polls_until(lambda: rig.failure() is False)
        assert rig.readable()
        rig.board.close()
        await rig.board.wait_closed()


class ModbusRig:
    """A board whose meter is on a server, and which polls when time is moved."""

    def __init__(self, server: MeterServer) -> None:
        raw = reference_raw()
        del raw["watchdog"]
        line = server.line
        where: dict[str, Any] = {"device": line.device, "baudrate": line.baudrate}
        if line.kind == "tcp":
            where = {"host": line.host, "port": line.port}
        raw["bus"]["meters"] = {"kind": line.kind, "timeout_ms": line.timeout_ms, **where}
        plan = parsed(raw)
        self.server = server
        self.timers = HandTimers()
        self.reported: list[Reading] = []
        model = Model(plan, self.timers)
        self.board = GpioBoard(
            plan, model.factory, station_time=self.timers.now_ms, timers=self.timers, pwm_root=model.pwm.root
        )
        self.board.open(self.reported.append)

    async def polls_until(self, condition: Callable[[], bool]) -> None:
        """The bus goes on until that has come; each round has the real time of a request."""
        for _ in range(40):
            await asyncio.sleep(1.5 * self.server.line.timeout_ms / 1_000)
            await self.timers.advance(1_100)
            if condition():
                return
        raise AssertionError("it did not come")

    def readable(self) -> bool:
        try:
            self.board.read_meter(1, self.timers.now_ms())
        except MeterUnavailable:
            return False
        return True

    def failure(self) -> bool | None:
        """Whether the meter's failure was reported last as active; None: never."""
        return next(
            (active for code, _, active in reversed(faults(self.reported)) if code == "PowerMeterFailure"), None
        )


async def test_the_contactor_is_the_first_thing_that_close_opens() -> None:
    rig = GpioRig("peak")
    await charging(rig)
    order: list[str] = []

    def watch() -> None:
        if rig.model.duty_permille(1) == 1_000 and "pilot" not in order:
            order.append("pilot")
        if not rig.model.factory.level(rig.wiring.connectors[0].contactor.coil) and "coil" not in order:
            order.append("coil")

    rig.model.factory.on_output = watch
    await rig.close()
    assert order == ["coil", "pilot"]
    assert ContactorReading(connector_id=1, closed=True, fault="") not in rig.news()


@pytest.mark.parametrize(
    ("meter", "measured"),
    [
        ({"kind": "s0", "pulse": "GPIO2"}, {"energy_wh", "power_w"}),
        (
            {"kind": "modbus", "bus": "meters", "map": "eastron-sdm630"},
            {"energy_wh", "power_w", "current_ma", "voltage_mv", "frequency_mhz"},
        ),
    ],
)
async def test_it_measures_what_its_meters_give(meter: dict[str, Any], measured: set[str]) -> None:
    raw = reference_raw()
    raw["bus"] = {"meters": {"kind": "tcp", "host": "127.0.0.1"}}
    raw["connector"]["1"]["meter"] = meter
    board = GpioBoard(parsed(raw), station_time=lambda: 0)
    assert board.measured() == measured


async def test_it_says_the_phase_rotation_that_the_wiring_says() -> None:
    raw = reference_raw()
    assert GpioBoard(parsed(raw), station_time=lambda: 0).phase_rotations() == {}
    raw["connector"]["1"]["phase_rotation"] = "RTS"
    assert GpioBoard(parsed(raw), station_time=lambda: 0).phase_rotations() == {1: "RTS"}


async def test_it_counts_what_its_readers_give_that_is_no_card() -> None:
    rig = GpioRig("peak")
    assert isinstance(rig.board, ReaderCounts)
    before = rig.board.refused_reads()
    rig.pulse([0] * 58)
    await rig.settle(WIEGAND_FRAME_MS)
    assert rig.board.refused_reads() == (before[0] + 1,)
    rig.board.close()

"""OpenEVSE over RAPI on a serial line, as a charging controller with a meter of its own.

Each command has a number that its answer bears, so that "off" need not wait for an answer that is under way: it is written at once, and
confirmed in the next turn. `$SC n V` sets a current that a restart forgets; `$FE` and `$FS` wake it and put it to sleep. `$SY` arms its
failsafe and, once every turn, is its pulse; it cannot fall lower than 6 A. Changes of state (`$AT`) come by themselves, a restart too (`$AB`).
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from devices.evse.modbus_controller import HELD_MS, FailsafeWish
from devices.evse.obedience import Obedience, read_back, told
from devices.evse.rapi import SEQUENCE_MAX, Pushed, RapiAnswer, command, number_of, parsed, state_of
from devices.evse.said import CURRENT_MIN_MA, REFUSES, RESTARTED, SILENT, ControllerListener, Said, Trouble
from devices.modbus.meter import ModbusMeter

logger = logging.getLogger(__name__)

ANSWER_MS = 500
REOPEN_MS = 2_000
MISSED = "2"
"""The answer to a pulse while it stands at its failsafe."""
ACKNOWLEDGED = 165
"""Says that a missed pulse is known (`$SY 165`)."""
NO_SENSOR_DC = -2_560
QUANTITIES = ("energy_import_wh", "power_w", "current_l1_ma", "voltage_l1_mv")
_LINE_MAX = 256


class _Refused(Exception):  # noqa: N818  # a state of the controller, expected and handled
    """An answer that refuses or says nothing of use."""


class OpenEvse:
    """An OpenEVSE on the serial `device`. `meter` is its own meter's driver, if that is the connector's."""

    def __init__(
        self,
        device: str,
        baudrate: int,
        failsafe: FailsafeWish,
        *,
        silent_ms: int,
        period_ms: int,
        now_ms: Callable[[], int],
        pause_ms: Callable[[int], Awaitable[None]],
        meter: ModbusMeter | None = None,
    ) -> None:
        self._device = device
        self._baudrate = baudrate
        self._wish = failsafe
        self._silent_ms = silent_ms
        self._period_ms = period_ms
        self._now_ms = now_ms
        self._pause_ms = pause_ms
        self._meter = meter
        self._listener: ControllerListener | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._waiting: dict[int, asyncio.Future[RapiAnswer]] = {}
        self._sequence = 0
        self._wanted_ma = 0
        self._obedience = Obedience()
        self._ready = False
        self._armed_ma: int | None = None
        self._quiet = False
        self._closing = False
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._heard_ms = now_ms()
        self._trouble: Trouble | None = None
        self._trouble_since_ms = 0
        self._last: Said | None = None

    # The board's side

    def listen(self, listener: ControllerListener) -> None:
        """See `ChargingController.listen`."""
        self._listener = listener

    def want(self, current_ma: int) -> None:
        """See `ChargingController.want`."""
        before, self._wanted_ma = self._target_ma, current_ma
        if self._target_ma != before:
            if self._target_ma == 0:
                self._say_off()
            self._wake.set()

    def hush(self, quiet: bool) -> None:
        """See `ChargingController.hush`."""
        self._quiet = quiet

    @property
    def failsafe_ma(self) -> int | None:
        """See `ChargingController.failsafe_ma`."""
        return self._armed_ma

    def start(self) -> None:
        """Begin; to be called on the running event loop."""
        assert self._task is None, "it is started already"
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"rapi {self._device}")

    def close(self) -> None:
        """Put it to sleep and release the line; `wait_closed` says when that is done."""
        self._closing = True
        self._wanted_ma = 0
        self._say_off()
        if self._task is not None:
            self._task.cancel()

    async def wait_closed(self) -> None:
        """Return when the line is released."""
        if self._task is not None:
            await asyncio.wait([self._task])

    # The line

    async def _run(self) -> None:
        while not self._closing:
            try:
                await self._serve()
                reason = "closed"
            except (OSError, ImportError) as error:
                reason = str(error)
            self._missed(Trouble(code=SILENT, reason=f"cannot be reached: {self._device}: {reason}"))
            await self._pause_ms(REOPEN_MS)

    async def _serve(self) -> None:
        import serialx

        try:
            reader, writer = await serialx.open_serial_connection(self._device, baudrate=self._baudrate)
        except serialx.SerialException as error:
            raise OSError(str(error)) from error
        self._writer, self._ready = writer, False
        turns = asyncio.ensure_future(self._turns())
        try:
            await self._listen_to(reader)
        except serialx.SerialException as error:
            raise OSError(str(error)) from error
        finally:
            turns.cancel()
            await asyncio.wait([turns])
            self._writer = None
            with contextlib.suppress(Exception):
                writer.close()

    async def _listen_to(self, reader: asyncio.StreamReader) -> None:
        waiting = b""
        while chunk := await reader.read(_LINE_MAX):
            *lines, waiting = (waiting + chunk).split(b"\r")
            waiting = waiting[-_LINE_MAX:]
            for line in lines:
                self._heard(line)

    def _heard(self, line: bytes) -> None:
        found = parsed(line)
        if isinstance(found, RapiAnswer):
            future = self._waiting.pop(found.sequence, None)
            if future is not None and not future.done():
                future.set_result(found)
        elif isinstance(found, Pushed) and found.kind == "AB":
            self._restarted("has restarted")
        elif isinstance(found, Pushed) and found.kind == "AT":
            self._wake.set()

    def _write(self, text: str) -> int:
        """Sends a command; its number."""
        self._sequence = self._sequence % SEQUENCE_MAX + 1
        if self._writer is not None:
            self._writer.write(command(text, self._sequence))
        return self._sequence

    def _say_off(self) -> None:
        if not self._quiet:
            self._obedience = Obedience()
            with contextlib.suppress(OSError, RuntimeError):
                self._write("FS")

    async def _ask(self, text: str) -> tuple[str, ...]:
        """The fields of the answer. Raises TimeoutError, or `_Refused`."""
        sequence = self._write(text)
        future: asyncio.Future[RapiAnswer] = asyncio.get_running_loop().create_future()
        self._waiting[sequence] = future
        try:
            async with asyncio.timeout(ANSWER_MS / 1_000):
                answer = await future
        finally:
            self._waiting.pop(sequence, None)
        if not answer.ok and not text.startswith(("SC", "SY")):
            raise _Refused(f"refuses {text}")
        return answer.fields

    # Turns

    async def _turns(self) -> None:
        while not self._closing:
            self._wake.clear()
            if not self._quiet:
                try:
                    await self._turn()
                except TimeoutError:
                    self._missed(Trouble(code=SILENT, reason=f"does not answer on {self._device}"))
                except _Refused as error:
                    self._missed(Trouble(code=REFUSES, reason=str(error)))
            pause, wake = (
                asyncio.ensure_future(self._pause_ms(self._period_ms)),
                asyncio.ensure_future(self._wake.wait()),
            )
            try:
                await asyncio.wait([pause, wake], return_when=asyncio.FIRST_COMPLETED)
            finally:
                pause.cancel()
                wake.cancel()

    async def _turn(self) -> None:
        if not self._ready:
            await self._set_up()
        if self._obedience.told_ma != self._target_ma:
            await self._tell(self._target_ma)
        pulse = await self._ask("SY")
        self._armed_ma = self._wish.current_ma if pulse[:2] == self._failsafe_fields() else None
        evse, _, pilot, *_ = await self._fields("GS", 3)
        state = state_of(evse, pilot)
        if state is None:
            raise _Refused(f"says a state that there is not: {evse} {pilot}")
        capacity = number_of((await self._fields("GC", 3))[2])
        if capacity is None:
            raise _Refused("says no current that it offers")
        self._heard_ms = self._now_ms()
        await self._read_meter()
        offered_ma = capacity * 1_000 if state.offers else 0
        self._judge(offered_ma)
        self._last = Said(
            state=state.letter, offered_ma=offered_ma, fault=state.fault, temperature_dc=await self._temperature_dc()
        )
        if self._listener is not None:
            self._listener.said(self._last)
        if len(pulse) == 3 and pulse[2] == MISSED:  # how it stood at its failsafe was read before
            await self._ask(f"SY {ACKNOWLEDGED}")

    async def _fields(self, text: str, at_least: int) -> tuple[str, ...]:
        fields = await self._ask(text)
        if len(fields) < at_least:
            raise _Refused(f"answers {text} with {len(fields)} values")
        return fields

    async def _set_up(self) -> None:
        await self._ask("FS")
        self._obedience = told(Obedience(), 0)
        await self._ask(f"SY {' '.join(self._failsafe_fields())}")
        self._ready = True

    def _failsafe_fields(self) -> tuple[str, str]:
        return str(self._wish.timeout_ms // 1_000), str(self._wish.current_ma // 1_000)

    async def _tell(self, current_ma: int) -> None:
        if current_ma == 0:
            await self._ask("FS")
        else:
            await self._ask(f"SC {current_ma // 1_000} V")
            await self._ask("FE")
        if current_ma == self._target_ma:  # else "off" was said meanwhile
            self._obedience = told(self._obedience, current_ma)

    async def _read_meter(self) -> None:
        if self._meter is None:
            return
        current, voltage, *_ = (number_of(field) for field in await self._fields("GG", 2))
        energy = number_of((await self._fields("GU", 2))[1])
        if current is None or voltage is None or energy is None:
            raise _Refused("says no numbers of its meter")
        values = {"energy_import_wh": energy}
        if current >= 0:
            values["current_l1_ma"] = current
        if current >= 0 and voltage > 0:
            values |= {"voltage_l1_mv": voltage, "power_w": current * voltage // 1_000_000}
        self._meter.answered(values, self._now_ms())

    async def _temperature_dc(self) -> int | None:
        """The highest of its temperatures; None if it has no sensor, or knows no such command."""
        try:
            found = [number_of(field) for field in await self._ask("GP")]
        except _Refused:
            return None
        return max((dc for dc in found if dc is not None and dc != NO_SENSOR_DC), default=None)

    # Trouble

    @property
    def _target_ma(self) -> int:
        """What it shall offer, in whole amperes; nothing while it cannot be relied on."""
        if self._trouble is not None or self._wanted_ma < CURRENT_MIN_MA:
            return 0
        return self._wanted_ma // 1_000 * 1_000

    def _judge(self, offered_ma: int) -> None:
        self._obedience, trouble = read_back(self._obedience, offered_ma, armed=self._armed_ma is not None)
        if trouble is not None:
            self._ready = False
            self._set_trouble(trouble)
            return
        is_over = self._obedience.agreed and self._now_ms() - self._trouble_since_ms >= HELD_MS
        if self._trouble is not None and is_over:
            self._trouble = None
            if self._listener is not None:
                self._listener.troubled(None)

    def _restarted(self, reason: str) -> None:
        if self._ready:
            self._ready = False
            self._obedience = Obedience()
            self._set_trouble(Trouble(code=RESTARTED, reason=reason))
        self._wake.set()

    def _missed(self, trouble: Trouble) -> None:
        if self._meter is not None:
            self._meter.missed(trouble.reason, self._now_ms())
        if self._now_ms() - self._heard_ms > self._silent_ms:
            self._ready, self._obedience, self._armed_ma = False, Obedience(), None
            self._set_trouble(trouble)

    def _set_trouble(self, trouble: Trouble) -> None:
        before, self._trouble = self._trouble, trouble
        self._trouble_since_ms = self._now_ms()
        if before is None or before.code != trouble.code:
            self._say_off()
            if self._listener is not None:
                self._listener.troubled(trouble)

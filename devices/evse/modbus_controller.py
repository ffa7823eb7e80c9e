"""One charging controller on a Modbus bus, by its map: what it is commanded, what it reads back, and when it cannot be relied on.

Theory of operation. At first, and after every silence and restart, it is set up: switched off, its step of current found out, the
registers of its map written, its failsafe armed. Then each turn writes what is wanted if that is not what it was commanded last, and reads
everything. While there is trouble it is wanted to be off, whatever the board wants; trouble is held for `HELD_MS` at least, so that
a controller that restarts again and again does not switch at that pace.
"""

import logging
from collections.abc import Callable

from msgspec import Struct

from devices.evse.controller_map import ControllerMap
from devices.evse.obedience import Obedience, read_back, told
from devices.evse.registers import ControllerPlace, meter_values, offset, requests, tag_of, text_of, words_of
from devices.evse.said import CURRENT_MIN_MA, IMPLAUSIBLE, REFUSES, SILENT, ControllerListener, Said, Trouble
from devices.modbus.bus import BusSilent, ExchangeNow
from devices.modbus.line import BusRefused, BusRequest
from devices.modbus.meter import ModbusMeter

logger = logging.getLogger(__name__)

HELD_MS = 5_000
HURRIED_TRIES = 3
"""A hurried write that was not confirmed so often waits for the next turn like any other."""


class FailsafeWish(Struct, frozen=True, kw_only=True):
    """What the controller shall do when it hears nothing for `timeout_ms`: offer `current_ma`, 0 for none."""

    timeout_ms: int
    current_ma: int


class ModbusController:
    """A controller of that `map` at `place`. `meter` is its own meter's driver, if that is the connector's."""

    def __init__(
        self,
        place: ControllerPlace,
        controller_map: ControllerMap,
        failsafe: FailsafeWish,
        *,
        silent_ms: int,
        longest: int,
        now_ms: Callable[[], int],
        meter: ModbusMeter | None = None,
    ) -> None:
        self.place = place
        self.map = controller_map
        self.wake: Callable[[bool], None] = lambda hurry: None
        self._wish = failsafe
        self._silent_ms = silent_ms
        self._requests = requests(controller_map, place, longest)
        self._now_ms = now_ms
        self._meter = meter
        self._listener: ControllerListener | None = None
        self._wanted_ma = 0
        self._step_ma = 0  # 0: not known yet, it is not set up
        self._obedience = Obedience()
        self._tries = 0
        self._heard_ms = now_ms()
        self._trouble: Trouble | None = None
        self._trouble_since_ms = 0
        self._quiet = False
        self._armed_ma: int | None = None

    # The board's side

    def listen(self, listener: ControllerListener) -> None:
        """See `ChargingController.listen`."""
        self._listener = listener

    def want(self, current_ma: int) -> None:
        """See `ChargingController.want`."""
        before, self._wanted_ma = self._target_ma, current_ma
        if self._target_ma != before:
            self._tries = 0
            self.wake(self.hurried is not None)

    def hush(self, quiet: bool) -> None:
        """See `ChargingController.hush`."""
        self._quiet = quiet
        if not quiet:
            self.wake(False)

    @property
    def failsafe_ma(self) -> int | None:
        """See `ChargingController.failsafe_ma`."""
        return self._armed_ma

    # The bus's side

    @property
    def gap_ms(self) -> int:
        """See `Controller.gap_ms`."""
        return self.map.gap_ms

    @property
    def hurried(self) -> BusRequest | None:
        """See `Controller.hurried`: a write by which it offers less."""
        told_ma = self._obedience.told_ma
        target_ma = self._target_ma
        if self._quiet or self._tries >= HURRIED_TRIES or (told_ma is not None and target_ma >= told_ma):
            return None
        if target_ma == 0:
            return self._off()
        return None if told_ma is None else self._current(target_ma)

    def was_hurried(self, request: BusRequest, failure: str | None) -> None:
        """See `Controller.was_hurried`."""
        if failure is not None:
            self._tries += 1
            return
        self._tries = 0
        current_ma = 0 if request == self._off() else request.values[0] * self._step_ma
        self._obedience = told(self._obedience, current_ma)

    async def take_turn(self, exchange: ExchangeNow) -> None:
        """See `Controller.take_turn`."""
        if self._quiet:
            return
        try:
            if self._step_ma == 0:
                await self._set_up(exchange)
            if self._obedience.told_ma != self._target_ma:
                await self._tell(exchange, self._target_ma)
            words: dict[tuple[str, int], int] = {}
            for request in self._requests:
                words.update(words_of(self.map, self.place, request, await exchange(request)))
        except BusSilent as error:
            self._missed(error)
            raise
        self._answered(words)

    # Telling it

    @property
    def _target_ma(self) -> int:
        """What it shall offer, in whole steps; nothing while it cannot be relied on."""
        if self._trouble is not None or self._wanted_ma < CURRENT_MIN_MA:
            return 0
        return self._wanted_ma // self._step_ma * self._step_ma if self._step_ma else 0

    def _write(self, function: str, address: int, value: int, *, many: bool) -> BusRequest:
        at = offset(self.map, self.place) + address
        return BusRequest(unit=self.place.unit, function=function, address=at, values=(value,), many=many)

    def _current(self, current_ma: int) -> BusRequest:
        spot = self.map.current
        return self._write("holding", spot.at, current_ma // self._step_ma if current_ma else 0, many=spot.many)

    def _off(self) -> BusRequest:
        spot = self.map.enable
        return self._current(0) if spot is None else self._write(spot.function, spot.at, 0, many=spot.many)

    async def _tell(self, exchange: ExchangeNow, current_ma: int) -> None:
        if current_ma == 0:
            await exchange(self._off())
        else:
            await exchange(self._current(current_ma))
            spot = self.map.enable
            if spot is not None:
                await exchange(self._write(spot.function, spot.at, 1, many=spot.many))
        self._tries = 0
        self._obedience = told(self._obedience, current_ma)

    async def _set_up(self, exchange: ExchangeNow) -> None:
        if self._obedience.told_ma != 0:
            await self._tell(exchange, 0)
        step_ma = await self._find_step(exchange)
        for each in self.map.setup:
            await exchange(self._write("holding", each.at, each.value, many=each.many))
        spot = self.map.failsafe
        if spot is not None:
            timeout, current = self._failsafe_values()
            await exchange(self._write("holding", spot.current_at, current, many=spot.many))
            await exchange(self._write("holding", spot.timeout_at, timeout, many=spot.many))
        self._step_ma = step_ma

    async def _find_step(self, exchange: ExchangeNow) -> int:
        fine, first = self.map.fine, offset(self.map, self.place)
        if fine is None:
            return self.map.current.step_ma
        unit = self.place.unit
        (firmware,) = await exchange(BusRequest(unit=unit, function="holding", address=first + fine.firmware_at))
        (flags,) = await exchange(BusRequest(unit=unit, function="holding", address=first + fine.flags_at))
        is_fine = firmware >= fine.firmware_min and flags >> fine.flag_bit & 1
        return fine.step_ma if is_fine else self.map.current.step_ma

    def _failsafe_values(self) -> tuple[int, int]:
        spot = self.map.failsafe
        assert spot is not None, "asked only where there is one"
        timeout = max(1, self._wish.timeout_ms // spot.timeout_step_ms)
        return timeout, self._wish.current_ma // spot.current_step_ma

    # What it says

    def _answered(self, words: dict[tuple[str, int], int]) -> None:
        now_ms = self._now_ms()
        word = words[self.map.state.function, self.map.state.at]
        state = self.map.state.state(word)
        measured = meter_values(self.map, words)
        if self._meter is not None:
            self._meter.answered(measured, now_ms)
        if state is None:
            if now_ms - self._heard_ms > self._silent_ms:
                self._set_trouble(Trouble(code=IMPLAUSIBLE, reason=f"says a state that there is not: {word}"))
            return
        self._heard_ms = now_ms
        offered_ma = self._offered(words)
        armed = self._is_armed(words)
        self._obedience, trouble = read_back(self._obedience, offered_ma, armed=armed)
        if trouble is not None:
            self._step_ma = 0
            self._set_trouble(trouble)
        elif self._trouble is not None and self._obedience.agreed and now_ms - self._trouble_since_ms >= HELD_MS:
            self._trouble = None
            self._tell_listener_of_trouble()
        if self._listener is not None:
            cable, contact = self.map.cable, self.map.contact
            self._listener.said(
                Said(
                    state=state,
                    offered_ma=offered_ma,
                    cable_ma=None if cable is None else words[cable.function, cable.at] * cable.step_ma,
                    tag=tag_of(self.map.tag, words),
                    vehicle_id=text_of(self.map.vehicle_id, words),
                    temperature_dc=measured.get("temperature_dc"),
                    contact_closed=None if contact is None else words[contact.function, contact.at] == contact.closed,
                )
            )

    def _offered(self, words: dict[tuple[str, int], int]) -> int:
        enable = self.map.enable
        if enable is not None and not words[enable.function, enable.at]:
            return 0
        return words["holding", self.map.current.at] * self._step_ma

    def _is_armed(self, words: dict[tuple[str, int], int]) -> bool:
        spot = self.map.failsafe
        if spot is None:
            return True
        armed = (words["holding", spot.timeout_at], words["holding", spot.current_at]) == self._failsafe_values()
        self._armed_ma = self._wish.current_ma if armed else None
        return armed

    def _missed(self, error: BusSilent) -> None:
        now_ms = self._now_ms()
        if self._meter is not None:
            self._meter.missed(str(error), now_ms)
        if now_ms - self._heard_ms <= self._silent_ms:
            return
        # What it does meanwhile is not known: it begins anew when it answers.
        self._step_ma, self._obedience, self._armed_ma = 0, Obedience(), None
        self._set_trouble(Trouble(code=REFUSES if isinstance(error, BusRefused) else SILENT, reason=str(error)))

    def _set_trouble(self, trouble: Trouble) -> None:
        before, self._trouble = self._trouble, trouble
        self._trouble_since_ms = self._now_ms()
        if before is None or before.code != trouble.code:
            self._tries = 0
            self._tell_listener_of_trouble()
        if self.hurried is not None:
            self.wake(True)

    def _tell_listener_of_trouble(self) -> None:
        if self._listener is not None:
            self._listener.troubled(self._trouble)

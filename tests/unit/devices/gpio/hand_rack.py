"""A rack on gpiozero's mock pins, with time in the hand."""

import asyncio
from typing import Any

from gpiozero.pins.mock import MockFactory, MockPWMPin

from devices.bridge import Bridge
from devices.gpio.rack import Job, Rack
from tests.contract.hand_time import HandPoller, HandTimers


class HandPace:
    """Microseconds in the hand; each look at the clock takes one."""

    def __init__(self) -> None:
        self.at_us = 0

    def now_us(self) -> int:
        self.at_us += 1
        return self.at_us

    def pause_us(self, duration_us: int) -> None:
        self.at_us += duration_us


class HandRack:
    """The rack, and its parts as the test holds them. To be made on a running event loop."""

    def __init__(self, reread_ms: int = 250) -> None:
        self.factory: Any = MockFactory(pin_class=MockPWMPin)
        self.timers = HandTimers()
        self.factory.ticks = lambda: self.timers.now_ms() / 1_000
        self.pace = HandPace()
        bridge: Bridge[Job] = Bridge(asyncio.get_running_loop(), lambda job: job())
        self.rack = Rack(
            factory=self.factory,
            timers=self.timers,
            bridge=bridge,
            reread_ms=reread_ms,
            new_poller=lambda name: HandPoller(self.timers, self.pace, bridge.put),
        )

    def high(self, pin: str) -> bool:
        return bool(self.factory.pin(pin).state)

    def put(self, pin: str, high: bool) -> None:
        """The world outside puts an input line at a level."""
        line = self.factory.pin(pin)
        (line.drive_high if high else line.drive_low)()

    def lose_edge(self, pin: str, high: bool) -> None:
        """The level changes and nobody is told."""
        self.factory.pin(pin)._state = high

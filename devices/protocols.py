"""What the station asks of its hardware: one `StationBoard`, built of drivers that are one concern wide.

The station holds a `StationBoard` and nothing else. A board made of separate drivers composes the narrow Protocols below; a
simulated board may model the whole at once. Nobody inherits from anybody here: a driver fits by its shape.

Rules for every implementation:

* Methods are called from the event loop and return at once. Drivers that work in threads hand over through
  `bridge.Bridge`, so that `report` is called on the event loop only.
* `report` may be called from within a method of the board. It does not raise, and it may call the board again (the reflex does).
* Outputs are level-triggered: telling a driver what it already does changes nothing and reports nothing.
* An input that is not there is never reported.
"""

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

from devices.readings import ConnectorOutputs, MeterReading, Reading


class BoardUnavailable(Exception):  # noqa: N818  # a state of the hardware, expected and handled
    """The board cannot be opened; the text says what is missing or refused."""


class Planned(Protocol):
    """What is known of a board before it is opened, and of one that is only described."""

    @property
    def connector_ids(self) -> tuple[int, ...]:
        """The connectors of the station, 1 to n."""
        ...

    @property
    def has_lock(self) -> bool:
        """Whether the connectors are sockets with a lock; False with fixed cables."""
        ...


class StationBoard(Planned, Protocol):
    """All hardware of a station with the connectors `connector_ids` (1..n)."""

    def open(self, report: Callable[[Reading], None]) -> None:
        """Begin to work, outputs safe, and report the present level of every input before returning."""
        ...

    def apply(self, connector_id: int, outputs: ConnectorOutputs) -> None:
        """Make the connector do what `outputs` says; what comes of it returns as readings.

        The lock is driven when the wanted position changes and differs from where the lock is. A drive that failed is tried
        again when the position is wanted anew, when what blocked it is gone, or by `drive_lock`.
        """
        ...

    def drive_lock(self, connector_id: int, locked: bool) -> None:
        """Drive the lock even if it seems to be there already; always answered by a `LockReading`."""
        ...

    def open_contactor(self, connector_id: int) -> None:
        """The reflex: contactor open, at once; the pilot stays. Waits for nothing, writes nothing, never raises."""
        ...

    def withdraw_offer(self, connector_id: int) -> None:
        """The reflex's other half: pilot steady, at once. Waits for nothing, writes nothing, never raises."""
        ...

    def read_meter(self, connector_id: int, at_ms: int) -> MeterReading:
        """The latest reading at the station time `at_ms`. Raises `MeterUnavailable` if there is none to be trusted."""
        ...

    def close(self) -> None:
        """Make the outputs safe, stop reporting, release the hardware. A second call does nothing."""
        ...

    async def wait_closed(self) -> None:
        """Return when what `close` has let go of is released."""
        ...


@runtime_checkable
class ResidualTesting(Protocol):
    """A board with residual current monitors that can be tested."""

    def test_residual(self, connector_id: int) -> None:
        """Try the monitor: it must trip, and clear. Answered by one `ResidualMonitorReading`, within seconds.

        Only asked for while the contactor is open. Without a monitor there is no answer.
        """
        ...


class SensorsBeside(Protocol):
    """Hardware beside the board that reports readings, too: sensors on a bus of the kernel's."""

    def open(self, report: Callable[[Reading], None]) -> None:
        """Begin to work; `report` is called on the event loop only."""
        ...

    def close(self) -> None:
        """Stop reporting."""
        ...


@runtime_checkable
class Signalling(Protocol):
    """A board with lamps that the station may talk through."""

    def set_light(self, intensity_percent: int, blink_repeat: int) -> None:
        """LightIntensity (9.1.11) and BlinkRepeat (9.1.4), as configured now."""
        ...

    def answer_tag(self, connector_id: int | None, accepted: bool) -> None:
        """Show yes or no to the person who presented a tag, at a connector or everywhere."""
        ...


@runtime_checkable
class Gathering(Protocol):
    """A board that has to ask others for its inputs: they are reported a while after `open` returned."""

    def when_gathered(self, call: Callable[[], None]) -> None:
        """Call it once every input was reported, or is known not to answer; on the event loop, never if the board closes before."""
        ...


@runtime_checkable
class Equipped(Protocol):
    """A board that knows before it is opened what it is equipped with."""

    def measured(self) -> frozenset[str]:
        """The members of `MeterReading` that the meter of at least one connector gives."""
        ...

    def phase_rotations(self) -> Mapping[int, str]:
        """How a connector's phases are wired to its meter (9.1.7: "RST", "RTS", …), as far as that is known."""
        ...


@runtime_checkable
class ReaderCounts(Protocol):
    """A board that counts what its readers give that is no card."""

    def refused_reads(self) -> tuple[int, ...]:
        """How often each reader gave what is no card, in the order of the wiring."""
        ...


class ControlPilot(Protocol):
    """The control pilot line of one connector (IEC 61851-1, annex A)."""

    def set_duty(self, duty_permille: int) -> int:
        """Drive the pilot as `ConnectorOutputs.duty_permille` says; returns the duty really set, rounded down."""
        ...

    def on_state(self, report: Callable[[str], None]) -> None:
        """Report the present pilot state "A" to "F", then each change."""
        ...

    def close(self) -> None:
        """Leave the pilot at a steady level."""
        ...


class ProximityPilot(Protocol):
    """The proximity contact of a socket (IEC 61851-1, annex B)."""

    def on_rating(self, report: Callable[[int | None], None]) -> None:
        """Report the rating of the plugged cable in mA, None without one, then each change."""
        ...

    def close(self) -> None:
        """Stop reporting."""
        ...


class Contactor(Protocol):
    """The power switching device of one connector, with its feedback contact."""

    def set_closed(self, closed: bool, phases: int) -> None:
        """Close on that many phases, or open. Opening takes effect before the call returns."""
        ...

    def on_feedback(self, report: Callable[[bool, str], None]) -> None:
        """Report the feedback and the fault ("", "welded", "stuck") now, then each change."""
        ...

    def close(self) -> None:
        """Open the contactor and release it."""
        ...


class ConnectorLock(Protocol):
    """The motor that holds the plug in the socket."""

    def drive(self, locked: bool) -> None:
        """Move to the position; answered by one report."""
        ...

    def on_position(self, report: Callable[[bool, bool], None]) -> None:
        """Report (locked, jammed) now and after each drive."""
        ...

    def close(self) -> None:
        """Stop the motor where it is."""
        ...


class EnergyMeter(Protocol):
    """The energy meter of one connector."""

    def read(self, at_ms: int) -> MeterReading:
        """The latest reading, at most a few seconds old. Raises `MeterUnavailable`. Never waits for the bus."""
        ...

    def on_failure(self, report: Callable[[str | None], None]) -> None:
        """Report why the meter does not answer, None once it answers again."""
        ...

    def close(self) -> None:
        """Release the bus."""
        ...


class IdTagReader(Protocol):
    """A reader of id tags."""

    def on_tag(self, report: Callable[[str], None]) -> None:
        """Report each tag that is presented."""
        ...

    def close(self) -> None:
        """Stop reading."""
        ...


class FaultInput(Protocol):
    """A contact that trips: residual current device, emergency stop, temperature, tamper, mains."""

    def on_level(self, report: Callable[[bool], None]) -> None:
        """Report whether it has tripped now, then each change."""
        ...

    def close(self) -> None:
        """Stop reporting."""
        ...


class Indicator(Protocol):
    """The lamp of a connector."""

    def show(self, indicator: str) -> None:
        """Show this status; an unknown one is shown as a fault."""
        ...

    def close(self) -> None:
        """Switch the lamp off."""
        ...


class Watchdog(Protocol):
    """The hardware that cuts the outputs when the daemon hangs."""

    def feed(self) -> None:
        """Say that the event loop runs; to be called more often than the watchdog's time-out."""
        ...

    def close(self) -> None:
        """Disarm it in order, outputs being safe."""
        ...

"""The reflex on limits: while the log does not answer, what takes energy away is done all the same, and nothing else."""

from collections.abc import Callable, Mapping

from eventstore.catalogue.limits import LimitContactObserved, LimitsDescribed, OutsideLimitReported
from eventstore.event import Observation
from projections.station import StationState
from station.core import kernel
from station.runtime.limit_reflex import PATIENCE_MS, LimitReflex
from tests.given import StationUnderTest, charging

SAID = OutsideLimitReported(source="ems", max_current_ma=10_000, max_power_w=None, valid_ms=60_000)


class Rig:
    """A station whose log answers when the test says so."""

    def __init__(self, station: StationUnderTest) -> None:
        self.station = station
        self.at_ms = station.at_ms
        self.caps: Mapping[int, int] = {}
        self.due_ms: int | None = None
        self._act: Callable[[], None] = lambda: None
        self.reflex = LimitReflex(station.state, station.registry, lambda: self.at_ms, self._cap, self._later)

    def _later(self, delay_ms: int, act: Callable[[], None]) -> "Rig":
        self.due_ms, self._act = self.at_ms + delay_ms, act
        return self

    def cancel(self) -> None:
        self.due_ms = None

    def wait(self, duration_ms: int) -> None:
        """Time passes, and the log answers nothing."""
        until_ms = self.at_ms + duration_ms
        while self.due_ms is not None and self.due_ms <= until_ms:
            self.at_ms, self.due_ms = max(self.at_ms, self.due_ms), None
            self._act()
        self.at_ms = until_ms

    def _cap(self, caps: Mapping[int, int]) -> None:
        self.caps = caps

    def record(self, *observations: Observation) -> StationState:
        """The log has answered."""
        state = self.station.state
        for observation in observations:
            state, batch = kernel.step(state, observation, self.at_ms, self.station.registry)
            self.reflex.publish(state, batch)
        self.station.state = state
        return state


def test_a_limit_that_the_log_does_not_take_in_time_is_obeyed_and_then_the_log_decides() -> None:
    rig = Rig(charging())
    rig.reflex.foresee(SAID)
    rig.wait(PATIENCE_MS - 1)
    assert rig.caps == {}
    rig.wait(1)
    assert rig.caps == {1: 10_000}
    rig.record(SAID)
    assert rig.caps == {}


def test_while_the_log_answers_in_time_the_reflex_does_nothing() -> None:
    rig = Rig(charging())
    rig.reflex.foresee(SAID)
    rig.record(SAID)
    rig.wait(PATIENCE_MS)
    assert rig.caps == {}


def test_what_is_published_meanwhile_from_before_does_not_lift_it() -> None:
    rig = Rig(charging())
    rig.reflex.foresee(SAID)
    rig.wait(PATIENCE_MS)
    rig.record(LimitContactObserved(closed=False))
    assert rig.caps == {1: 10_000}


def test_a_source_that_falls_silent_while_the_disk_hangs_is_held_to_the_safe_value() -> None:
    station = charging()
    rig = Rig(station)
    rig.record(OutsideLimitReported(source="ems", max_current_ma=20_000, max_power_w=None, valid_ms=1_000))
    assert station.state.connectors[1].limit_ma == 20_000
    rig.wait(1_000 + PATIENCE_MS - 1)
    assert rig.caps == {}
    rig.wait(1)
    assert rig.caps == {1: 6_000}


def test_only_the_last_report_of_a_source_counts() -> None:
    rig = Rig(charging())
    rig.reflex.foresee(SAID)
    lower = OutsideLimitReported(source="ems", max_current_ma=0, max_power_w=None, valid_ms=60_000)
    rig.reflex.foresee(lower)
    rig.wait(PATIENCE_MS)
    assert rig.caps == {1: 0}


def test_a_contact_dims_though_the_disk_hangs() -> None:
    rig = Rig(charging())
    rig.record(
        LimitContactObserved(closed=False), LimitsDescribed(contact_dims_when="closed", contact_max_power_w=4_200)
    )
    rig.reflex.foresee(LimitContactObserved(closed=True))
    rig.wait(PATIENCE_MS)
    assert rig.caps == {1: 6_086}

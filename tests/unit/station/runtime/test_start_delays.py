"""A delay is drawn once for each time that starts are delayed, within what the settings say."""

from eventstore.catalogue.limits import LimitsDescribed, OutsideLimitReported, StartDelayDrawn, StartsDelayed
from eventstore.event import Event, Observation, Recorded
from eventstore.value import replace
from projections.outside_limits import OFF_PEAK, OutsideLimits
from projections.station import INITIAL
from station.runtime import entropy
from station.runtime.start_delays import StartDelays

STATE = replace(INITIAL, outside_limits=OutsideLimits(rules=LimitsDescribed(random_delay_max_ms=600_000)))


def recorded(*events: Event) -> list[Recorded]:
    return [Recorded(seq=n, cause=1, at_ms=0, utc_ms=0, event=event) for n, event in enumerate(events, 1)]


def test_one_draw_answers_all_that_a_batch_delays() -> None:
    submitted: list[Observation] = []
    delays = StartDelays(submitted.append, draw=lambda max_ms: max_ms // 2)
    begun = StartsDelayed(connectors=(1,), why=OFF_PEAK)
    delays.publish(STATE, recorded(begun, StartsDelayed(connectors=(2,), why=OFF_PEAK)))
    assert submitted == [StartDelayDrawn(delay_ms=300_000)]
    said = OutsideLimitReported(source="a", max_current_ma=1, max_power_w=None, valid_ms=1)
    delays.publish(STATE, recorded(said, StartDelayDrawn(delay_ms=1)))
    assert len(submitted) == 1


def test_a_draw_lies_between_nothing_and_the_most() -> None:
    assert {entropy.delay_ms(2) for _ in range(200)} == {0, 1, 2}

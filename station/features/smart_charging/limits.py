"""Limits in amperes and watts, exactly, and the limit that one charging profile sets over time.

A period's limit is amperes per phase or watts in total (7.12), given for a number of phases (3 if absent, errata 3.68). Where
the period names more phases than the station has, the limit is used as given for the phases there are (errata 3.34). So

    watts = amperes x line voltage x phases        phases = the smaller of numberPhases and the station's

Both are kept in sixths of a milliwatt (`mw6`), the unit in which tenths of an ampere, milliamperes and tenths of a watt spread
over one, two or three phases are all whole numbers: nothing is rounded before the answer is written.

A profile that begins up to `AHEAD_MAX_MS` after its receipt limits from the receipt on, with what it begins with: the clock of
who sent it may be ahead of ours, and the profile that it replaced is gone already (5.16.3).

Moments are taken to the whole second, as schedules count seconds. Nothing here knows of time zones: days have 24 hours (7.37).
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter

from eventstore.catalogue.smart_charging import ChargingProfile, SchedulePeriod
from eventstore.value import Value, replace
from station.features.smart_charging.steps import Steps, from_pieces
from station.wire.enums import ChargingProfileKind, ChargingRateUnit, RecurrencyKind

__all__ = [
    "AHEAD_MAX_MS",
    "DAY_MS",
    "HOUR_MS",
    "PHASES_ASSUMED",
    "RECURRENCE_MS",
    "WEEK_MS",
    "Limit",
    "Surroundings",
    "deci_of",
    "limit_of_current",
    "limit_of_period",
    "limit_of_power",
    "lower_of",
    "ma_of",
    "minimum_rate_mw6",
    "stack_limit",
    "sum_of",
    "whole_second_ms",
]

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS
#: How long until a recurring schedule restarts (7.37, errata 3.78).
RECURRENCE_MS: dict[str, int] = {RecurrencyKind.DAILY: DAY_MS, RecurrencyKind.WEEKLY: WEEK_MS}
#: A profile that begins no later than this after its receipt applies from the receipt on.
AHEAD_MAX_MS = 60_000
#: numberPhases of a period that gives none (errata 3.68).
PHASES_ASSUMED = 3
_MW6_PER_DECIWATT = 600
_MW6_PER_MILLIWATT = 6

#: From, to: a part of the window.
_Span = tuple[int, int]
#: When the schedule started, and from when to when that run counts.
_Run = tuple[int, int, int]


class Surroundings(Value, frozen=True, kw_only=True):
    """What the station is built for: line voltage (7.12: the set one, not a measured one), phases, current per phase."""

    voltage_v: int
    phases: int
    max_current_ma: int

    def __post_init__(self) -> None:
        assert self.voltage_v > 0, "a line voltage"
        assert 1 <= self.phases <= PHASES_ASSUMED, "one, two or three phases"
        assert self.max_current_ma >= 0, "a current"


class Limit(Value, frozen=True, kw_only=True):
    """What may be drawn: per phase and in total, on a number of phases; `profile` is the one that decides, if any does, in its `period`.

    Periods count from 1 on. `total_mw6` is less than phases x phase_mw6 only for several connectors together.
    """

    phase_mw6: int
    total_mw6: int
    phases: int
    profile: ChargingProfile | None = None
    period: int = 0

    def __eq__(self, other: object) -> bool:
        """Whether as much may be drawn, whichever profile says so."""
        return isinstance(other, Limit) and self._drawn == other._drawn

    def __hash__(self) -> int:
        return hash(self._drawn)

    @property
    def _drawn(self) -> tuple[int, int, int]:
        return self.phase_mw6, self.total_mw6, self.phases


def whole_second_ms(utc_ms: int) -> int:
    """The beginning of the second that the moment lies in."""
    return utc_ms - utc_ms % 1000


def limit_of_current(current_ma: int, surroundings: Surroundings) -> Limit:
    """A limit of the station's own: a current on each of its phases."""
    phase_mw6 = current_ma * surroundings.voltage_v * _MW6_PER_MILLIWATT
    return Limit(phase_mw6=phase_mw6, total_mw6=phase_mw6 * surroundings.phases, phases=surroundings.phases)


def limit_of_power(power_w: int, surroundings: Surroundings) -> Limit:
    """A limit in watts for all phases of the station together, which load them evenly."""
    total_mw6 = power_w * 1000 * _MW6_PER_MILLIWATT
    return Limit(phase_mw6=total_mw6 // surroundings.phases, total_mw6=total_mw6, phases=surroundings.phases)


def limit_of_period(profile: ChargingProfile, period: SchedulePeriod, surroundings: Surroundings) -> Limit:
    """The limit that a period of the profile sets (7.14), on as many phases as the station has of those it names."""
    phases = min(period.phases or PHASES_ASSUMED, surroundings.phases)
    phase_mw6 = _phase_mw6(period.limit_deci, profile.unit, phases, surroundings)
    return Limit(phase_mw6=phase_mw6, total_mw6=phase_mw6 * phases, phases=phases, profile=profile)


def _phase_mw6(rate_deci: int, unit: str, phases: int, surroundings: Surroundings) -> int:
    """A rate in tenths of A per phase or of W in total, as power per phase."""
    if unit == ChargingRateUnit.W:
        return rate_deci * (_MW6_PER_DECIWATT // phases)
    assert unit == ChargingRateUnit.A, "units are checked when a profile is installed"
    return rate_deci * 100 * surroundings.voltage_v * _MW6_PER_MILLIWATT


def minimum_rate_mw6(limit: Limit, surroundings: Surroundings) -> int:
    """minChargingRate (7.13) of the profile that decides the limit, as power per phase; 0 if it names none."""
    profile = limit.profile
    if profile is None or profile.min_charging_rate_deci is None:
        return 0
    return _phase_mw6(profile.min_charging_rate_deci, profile.unit, limit.phases, surroundings)


def ma_of(phase_mw6: int, surroundings: Surroundings) -> int:
    """Power per phase as milliamperes per phase, rounded down."""
    return phase_mw6 // (surroundings.voltage_v * _MW6_PER_MILLIWATT)


def deci_of(limit: Limit, unit: str, surroundings: Surroundings) -> int:
    """The limit in tenths of A per phase or of W in total, rounded down."""
    if unit == ChargingRateUnit.W:
        return limit.total_mw6 // _MW6_PER_DECIWATT
    return ma_of(limit.phase_mw6, surroundings) // 100


def lower_of(one: Limit, other: Limit) -> Limit:
    """What satisfies both limits (3.13.3). The lower one's profile decides, or the other's where that has none."""
    lower, higher = (
        (one, other) if (one.total_mw6, one.phase_mw6) <= (other.total_mw6, other.phase_mw6) else (other, one)
    )
    decides = higher if lower.profile is None else lower
    if lower.phase_mw6 <= higher.phase_mw6 and lower.phases <= higher.phases and decides.profile is lower.profile:
        return lower
    phase_mw6 = min(lower.phase_mw6, higher.phase_mw6)
    phases = min(lower.phases, higher.phases)
    return Limit(
        phase_mw6=phase_mw6,
        total_mw6=min(lower.total_mw6, phase_mw6 * phases),
        phases=phases,
        profile=decides.profile,
        period=decides.period,
    )


def sum_of(limits: Sequence[Limit]) -> Limit:
    """What several connectors may draw together: in the worst case they load the same phase. No one profile decides it."""
    if len(limits) == 1:
        return limits[0]
    return Limit(
        phase_mw6=sum(limit.phase_mw6 for limit in limits),
        total_mw6=sum(limit.total_mw6 for limit in limits),
        phases=max(limit.phases for limit in limits),
    )


def stack_limit(
    stack: Sequence[ChargingProfile],
    from_ms: int,
    to_ms: int,
    charging_since_ms: int | None,
    surroundings: Surroundings,
    received_utc_ms: Mapping[int, int] | None = None,
) -> Steps[Limit | None]:
    """The limit of the first profile, at each moment, that sets one (3.13.2); None where none is valid (7.8) and runs.

    A schedule without a starting point of its own (Relative, or startSchedule absent, 7.9, 7.13) begins with the charging,
    or with the window if nothing charges.

    Each profile paints what those before it left open, so that only what prevails is ever worked out. `received_utc_ms` is
    when profiles came, by chargingProfileId: the window does not reach back before that.
    """
    received = {} if received_utc_ms is None else received_utc_ms
    since_ms = from_ms if charging_since_ms is None else charging_since_ms
    painted: list[tuple[int, int, Limit]] = []
    open_spans = [(from_ms, to_ms)]
    for profile in stack:
        if not open_spans:
            break
        visible, open_spans = _split(_runs(profile, since_ms, from_ms, to_ms), open_spans)
        painted.extend(_pieces(profile, visible, surroundings))
        begins = _begins_ahead(profile, since_ms, received.get(profile.charging_profile_id))
        if begins is not None and begins[1] > from_ms and open_spans:
            first = next(_pieces(profile, (begins,), surroundings))[2]
            ahead, open_spans = _split([(from_ms, from_ms, min(begins[1], to_ms))], open_spans)
            painted.extend((start_ms, end_ms, first) for _, start_ms, end_ms in ahead)
    painted.sort(key=itemgetter(0))
    return from_pieces(painted, from_ms, to_ms)


def _runs(profile: ChargingProfile, since_ms: int, from_ms: int, to_ms: int) -> Iterator[_Run]:
    """The runs of the schedule while the profile is valid, in order, as far as they touch [from, to).

    A recurring schedule restarts from startSchedule on, never before it; what is longer than the recurrence is not executed
    (errata 3.43, 3.44). Without a duration the last period holds to the end (7.13).
    """
    if profile.valid_from_utc_ms is not None:
        from_ms = max(from_ms, whole_second_ms(profile.valid_from_utc_ms))
    if profile.valid_to_utc_ms is not None:
        to_ms = min(to_ms, whole_second_ms(profile.valid_to_utc_ms))
    anchor_ms = _anchor_ms(profile, since_ms)
    duration_ms = None if profile.duration_s is None else profile.duration_s * 1000
    if profile.kind != ChargingProfileKind.RECURRING:
        end_ms = to_ms if duration_ms is None else min(to_ms, anchor_ms + duration_ms)
        if max(from_ms, anchor_ms) < end_ms:
            yield anchor_ms, max(from_ms, anchor_ms), end_ms
        return
    assert profile.recurrency is not None, "a recurring profile has its recurrencyKind, or is not installed"
    every_ms = RECURRENCE_MS[profile.recurrency]
    length_ms = every_ms if duration_ms is None else min(duration_ms, every_ms)
    start_ms = anchor_ms + max(0, (from_ms - anchor_ms) // every_ms) * every_ms
    while start_ms < to_ms:
        end_ms = min(to_ms, start_ms + length_ms)
        if max(from_ms, start_ms) < end_ms:
            yield start_ms, max(from_ms, start_ms), end_ms
        start_ms += every_ms


def _begins_ahead(profile: ChargingProfile, since_ms: int, received_ms: int | None) -> _Run | None:
    """The run that the profile begins with, if that is after its receipt but not by more than AHEAD_MAX_MS; else None."""
    if received_ms is None:
        return None
    latest_ms = received_ms + AHEAD_MAX_MS
    run = next(_runs(profile, since_ms, received_ms, latest_ms + 1), None)
    if run is None or run[1] <= received_ms:
        return None
    starts_ms = run[0]
    if profile.kind != ChargingProfileKind.RELATIVE and profile.start_schedule_utc_ms is not None:
        starts_ms += profile.start_schedule_utc_ms % 1000  # to the millisecond, unlike the schedule
    return run if max(starts_ms, profile.valid_from_utc_ms or 0) <= latest_ms else None


def _anchor_ms(profile: ChargingProfile, since_ms: int) -> int:
    if profile.kind == ChargingProfileKind.RELATIVE or profile.start_schedule_utc_ms is None:
        return whole_second_ms(since_ms)
    return whole_second_ms(profile.start_schedule_utc_ms)


def _split(runs: Iterable[_Run], open_spans: Sequence[_Span]) -> tuple[list[_Run], list[_Span]]:
    """The parts of the runs that lie in open spans, and the spans that stay open. All ascend and do not overlap."""
    visible: list[_Run] = []
    still_open: list[_Span] = []
    spans = iter(open_spans)
    span = next(spans, None)
    for run_start_ms, run_from_ms, run_to_ms in runs:
        while span is not None and span[0] < run_to_ms:
            span_from_ms, span_to_ms = span
            from_ms, to_ms = max(span_from_ms, run_from_ms), min(span_to_ms, run_to_ms)
            if from_ms < to_ms:
                visible.append((run_start_ms, from_ms, to_ms))
            if span_from_ms < min(run_from_ms, span_to_ms):
                still_open.append((span_from_ms, min(run_from_ms, span_to_ms)))
            if span_to_ms > run_to_ms:
                span = (run_to_ms, span_to_ms)
                break
            span = next(spans, None)
    if span is not None:
        still_open.extend((span, *spans))
    return visible, still_open


def _pieces(
    profile: ChargingProfile, runs: Iterable[_Run], surroundings: Surroundings
) -> Iterator[tuple[int, int, Limit]]:
    """Each period from its start until the next one's, the last until its run ends, as far as the runs are given.

    Before a first period that does not start with 0, against errata 3.45, nothing is limited.
    """
    offsets_ms = [period.start_s * 1000 for period in profile.periods]
    limits: dict[int, Limit] = {}
    for run_start_ms, from_ms, to_ms in runs:
        index = max(0, bisect_right(offsets_ms, from_ms - run_start_ms) - 1)
        start_ms = max(from_ms, run_start_ms + offsets_ms[index])
        while start_ms < to_ms:
            if index not in limits:
                of_period = limit_of_period(profile, profile.periods[index], surroundings)
                limits[index] = replace(of_period, period=index + 1)
            end_ms = min(to_ms, run_start_ms + offsets_ms[index + 1]) if index + 1 < len(offsets_ms) else to_ms
            yield start_ms, end_ms, limits[index]
            start_ms = end_ms
            index += 1

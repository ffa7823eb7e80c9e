"""Two logs, or two parts of one, measured in the same way: what happened how often, how long it took, and what was set otherwise."""

from collections import Counter
from collections.abc import Iterator

from eventstore.value import Value
from projections.station import StationState
from station.replay.answers.conversation import ExchangeFilter, exchanges
from station.replay.answers.summary import Summary, summarize
from station.replay.opening.reader import LogReader
from station.replay.opening.times import Calendar
from station.telling.quantiles import quantile, rounded

COUNT, SPAN, TIME, ENERGY, TEXT = "count", "ms", "ms in all", "Wh", "text"
RATES = frozenset({COUNT, TIME, ENERGY})
"""What grows with the time that is looked at: compared by the day."""


class Side(Value, frozen=True, kw_only=True):
    """One of the two: `name` is the station's, `values` are its measures by the name of each."""

    name: str
    from_utc: str
    to_utc: str
    span_ms: int
    values: dict[str, int | str]


class Measure(Value, frozen=True, kw_only=True):
    """One measure of both; None where one has nothing of the kind. `unit` is COUNT, SPAN, TIME, ENERGY or TEXT."""

    what: str
    unit: str
    first: int | str | None
    second: int | str | None


class Comparison(Value, frozen=True, kw_only=True):
    """Two sides and their measures."""

    first: Side
    second: Side
    measures: tuple[Measure, ...]


Measured = tuple[str, str, int | str]
"""What is measured, its unit, how much it is."""


def side(
    reader: LogReader, calendar: Calendar, state: StationState, after_seq: int = 0, to_seq: int | None = None
) -> tuple[Side, dict[str, str]]:
    """One side, of a part of a log if that is given, and the unit of each measure. `state` is the one at its end."""
    found = summarize(reader, calendar, after_seq, to_seq)
    measured = [*_counts(found), *_latencies(reader, calendar, after_seq, to_seq), *_settings(state)]
    named = Side(
        name=found.identity,
        from_utc=found.from_utc,
        to_utc=found.to_utc,
        span_ms=found.span_ms,
        values={what: value for what, _, value in measured},
    )
    return named, {what: unit for what, unit, _ in measured}


def compare(first: tuple[Side, dict[str, str]], second: tuple[Side, dict[str, str]]) -> Comparison:
    """Both sides, measure by measure, in the order of the first."""
    units = first[1] | second[1]
    return Comparison(
        first=first[0],
        second=second[0],
        measures=tuple(
            Measure(
                what=what,
                unit=unit,
                first=_value(first[0], what, unit),
                second=_value(second[0], what, unit),
            )
            for what, unit in units.items()
        ),
    )


def _value(one: Side, what: str, unit: str) -> int | str | None:
    """What never happened happened 0 times; what is not set is None."""
    return one.values.get(what, 0 if unit == COUNT else None)


def _counts(found: Summary) -> Iterator[Measured]:
    yield "events", COUNT, found.events
    yield "boots", COUNT, found.boot_count
    yield "power cuts", COUNT, found.power_cuts
    yield "transactions", COUNT, found.transactions
    yield "energy", ENERGY, found.energy_wh
    for reason, count in sorted(found.stop_reasons.items()):
        yield f"ended by {reason}", COUNT, count
    yield "outages", COUNT, found.outages.count
    yield "without a link", TIME, found.outages.total_ms
    yield "longest outage", SPAN, found.outages.longest_ms
    yield "calls sent", COUNT, found.messages_sent
    yield "calls unanswered", COUNT, found.calls_unanswered
    yield "messages given up", COUNT, found.messages_given_up
    for name, counts in (
        ("CALLERROR", found.call_errors),
        ("fault", found.faults),
        ("tag refused", found.refused_tags),
    ):
        for each, count in sorted(counts.items()):
            yield f"{name} {each}", COUNT, count
    for oddity in found.oddities:
        what, _, times = oddity.removesuffix(" times)").rpartition(" (")
        is_counted = bool(what) and times.isdecimal()
        yield (what if is_counted else oddity), COUNT, int(times) if is_counted else 1


def _latencies(reader: LogReader, calendar: Calendar, after_seq: int, to_seq: int | None) -> Iterator[Measured]:
    """How long the CSMS takes to answer, in the middle and at worst, by action."""
    found: dict[str, Counter[int]] = {}
    for exchange in exchanges(reader, calendar, ExchangeFilter(after_seq=after_seq, to_seq=to_seq)):
        if exchange.ours and exchange.outcome == "result" and exchange.latency_ms is not None:
            found.setdefault(exchange.action, Counter())[rounded(exchange.latency_ms)] += 1
    for action, counts in sorted(found.items()):
        yield f"{action} answered in (median)", SPAN, quantile(counts, 50)
        yield f"{action} answered in (99 of 100)", SPAN, quantile(counts, 99)


def _settings(state: StationState) -> Iterator[Measured]:
    """What the station is and how it is set, at the end."""
    described = state.description
    yield "software", TEXT, state.maintenance.software_version
    yield "firmware", TEXT, state.maintenance.firmware_version
    if described is not None:
        yield "model", TEXT, f"{described.vendor} {described.model}"
        yield "CSMS", TEXT, described.csms_url
        yield "connectors", TEXT, str(described.connectors)
        yield "maximum current", TEXT, f"{described.max_current_ma / 1000:g} A on {described.phases} phases"
    yield "local list", TEXT, f"version {state.authorization.list_version}"
    for key, value in sorted(state.configuration.overrides.items()):
        yield key, TEXT, str(value)

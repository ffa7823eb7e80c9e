"""Smart Charging as slowly and plainly as it can be said: what holds in one given second. For comparison in tests.

Nothing is shared with the product but its data classes; amperes and watts are fractions.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from eventstore.catalogue.smart_charging import ChargingProfile, SchedulePeriod
from station.features.smart_charging.composite import Charging, Situation
from station.features.smart_charging.limits import Surroundings

START_S = 1_767_225_600  # 2026-01-01T00:00:00Z
DAY_S = 86_400
WEEK_S = 7 * DAY_S
EVERY_S = {"Daily": DAY_S, "Weekly": WEEK_S}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """A limit: amperes per phase, phases, watts in total."""

    amperes: Fraction
    phases: int

    def watts(self, voltage_v: int) -> Fraction:
        return self.amperes * voltage_v * self.phases


def seconds(utc_ms: int) -> int:
    return utc_ms // 1000


def period_in_force(profile: ChargingProfile, second: int, since_s: int) -> SchedulePeriod | None:
    """The period that the profile executes in that second, None if it is not valid or its schedule does not run."""
    if profile.valid_from_utc_ms is not None and second < seconds(profile.valid_from_utc_ms):
        return None
    if profile.valid_to_utc_ms is not None and second >= seconds(profile.valid_to_utc_ms):
        return None
    anchor_s = since_s
    if profile.kind != "Relative" and profile.start_schedule_utc_ms is not None:
        anchor_s = seconds(profile.start_schedule_utc_ms)
    elapsed_s = second - anchor_s
    if elapsed_s < 0:
        return None
    if profile.kind == "Recurring":
        assert profile.recurrency is not None
        elapsed_s %= EVERY_S[profile.recurrency]
    if profile.duration_s is not None and elapsed_s >= profile.duration_s:
        return None
    begun = [period for period in profile.periods if period.start_s <= elapsed_s]
    return begun[-1] if begun else None


def plain_limit(profile: ChargingProfile, second: int, since_s: int, surroundings: Surroundings) -> Plain | None:
    period = period_in_force(profile, second, since_s)
    if period is None:
        return None
    phases = min(3 if period.phases is None else period.phases, surroundings.phases)
    amount = Fraction(period.limit_deci, 10)
    return Plain(amperes=amount if profile.unit == "A" else amount / (surroundings.voltage_v * phases), phases=phases)


def first_given(
    stack: Sequence[ChargingProfile], second: int, since_s: int, surroundings: Surroundings
) -> Plain | None:
    for profile in stack:
        limit = plain_limit(profile, second, since_s, surroundings)
        if limit is not None:
            return limit
    return None


def lowest(*limits: Plain | None) -> Plain:
    present = [limit for limit in limits if limit is not None]
    return Plain(amperes=min(each.amperes for each in present), phases=min(each.phases for each in present))


def transaction_limit(situation: Situation, connector_id: int, second: int, from_s: int) -> Plain | None:
    """T: the TxProfile's, or the TxDefaultProfile's if no TxProfile is installed."""
    numbers = {each.connector_id: each for each in situation.charging}
    charging = numbers.get(connector_id)
    since_s = from_s if charging is None else seconds(charging.since_utc_ms)
    own, general = list(situation.profiles.get(connector_id, ())), list(situation.profiles.get(0, ()))
    tx_profiles = [
        each
        for each in own
        if charging is not None
        and each.purpose == "TxProfile"
        and each.transaction_number == charging.transaction_number
    ]
    ranked: list[tuple[int, int, ChargingProfile]] = [(each.stack_level, 1, each) for each in own]
    ranked += [(each.stack_level, 0, each) for each in general]
    defaults = [
        each
        for *_, each in sorted(ranked, key=lambda item: item[:2], reverse=True)
        if each.purpose == "TxDefaultProfile"
    ]
    tx_profiles.sort(key=lambda each: each.stack_level, reverse=True)
    if not tx_profiles:
        return first_given(defaults, second, since_s, situation.surroundings)
    limit = first_given(tx_profiles, second, since_s, situation.surroundings)
    if limit is None and situation.tx_default_after_tx_profile:
        return first_given(defaults, second, since_s, situation.surroundings)
    return limit


def station_max(situation: Situation, second: int, from_s: int) -> Plain | None:
    stack = [each for each in situation.profiles.get(0, ()) if each.purpose == "ChargePointMaxProfile"]
    stack.sort(key=lambda each: each.stack_level, reverse=True)
    since_s = min((seconds(each.since_utc_ms) for each in situation.charging), default=from_s)
    return first_given(stack, second, since_s, situation.surroundings)


def board(situation: Situation, connector_id: int = 0) -> Plain:
    most_ma = situation.surroundings.max_current_ma
    own_ma = min(most_ma, situation.own_ma.get(connector_id, most_ma))
    return Plain(amperes=Fraction(own_ma, 1000), phases=situation.surroundings.phases)


def connector_limit_at(situation: Situation, connector_id: int, second: int, from_s: int) -> Plain:
    """What a connector may draw in that second, unless it has to share."""
    return lowest(
        station_max(situation, second, from_s),
        transaction_limit(situation, connector_id, second, from_s),
        board(situation, connector_id),
    )


def station_limit_at(situation: Situation, second: int, from_s: int, unit: str) -> Fraction:
    """What the station draws at most in that second, in A per phase or W in total."""
    voltage_v = situation.surroundings.voltage_v
    cap = lowest(station_max(situation, second, from_s), board(situation))
    limits = [
        lowest(transaction_limit(situation, each.connector_id, second, from_s), board(situation, each.connector_id))
        for each in situation.charging
    ]
    if unit == "A":
        return min([cap.amperes, *([sum((each.amperes for each in limits), Fraction(0))] if limits else [])])
    if not limits:
        return cap.watts(voltage_v)
    together = Plain(
        amperes=min(cap.amperes, sum((each.amperes for each in limits), Fraction(0))),
        phases=min(cap.phases, max(each.phases for each in limits)),
    )
    return min(sum((each.watts(voltage_v) for each in limits), Fraction(0)), together.watts(voltage_v))


def random_profile(chance: random.Random, number: int, purpose: str, stack_level: int) -> ChargingProfile:
    """Any profile that an installation would accept, with edges that fall together now and then."""
    kind = chance.choice(("Absolute", "Recurring", "Relative"))
    unit = chance.choice("AW")
    step_s = chance.choice((1, 60, 900, 3_600, 20_000))
    starts = sorted(chance.sample(range(1, 200), chance.randint(0, 23)))
    around_ms = (START_S + chance.randrange(-WEEK_S, WEEK_S, 450)) * 1000

    def maybe(value: int) -> int | None:
        return value if chance.random() < 0.5 else None

    return ChargingProfile(
        charging_profile_id=number,
        stack_level=stack_level,
        purpose=purpose,
        kind=kind,
        recurrency=chance.choice(("Daily", "Weekly")) if kind == "Recurring" else None,
        unit=unit,
        periods=tuple(
            SchedulePeriod(
                start_s=start * step_s,
                limit_deci=chance.randrange(0, 400) * (1 if unit == "A" else 600),
                phases=chance.choice((None, 1, 2, 3)),
            )
            for start in (0, *starts)
        ),
        valid_from_utc_ms=maybe(around_ms + chance.randrange(-WEEK_S, WEEK_S) * 1000 + chance.choice((0, 1, 999))),
        valid_to_utc_ms=maybe(around_ms + chance.randrange(0, 2 * WEEK_S) * 1000),
        start_schedule_utc_ms=maybe(around_ms + chance.choice((0, 250))),
        duration_s=maybe(chance.choice((0, 1, 3_600, 30_000, DAY_S, 2 * DAY_S, WEEK_S, 3 * WEEK_S))),
        min_charging_rate_deci=maybe(60),
        transaction_number=chance.choice((1, 1, 2)) if purpose == "TxProfile" else None,
    )


def random_situation(chance: random.Random, profiles_max: int = 30) -> Situation:
    """Up to two transactions, up to profiles_max profiles; no two of a purpose share a level on one connector."""
    profiles: dict[int, list[ChargingProfile]] = {0: [], 1: [], 2: []}
    taken: set[tuple[int, str, int]] = set()
    for number in range(chance.randint(0, profiles_max)):
        purpose = chance.choice(("ChargePointMaxProfile", "TxDefaultProfile", "TxDefaultProfile", "TxProfile"))
        connector_id = {"ChargePointMaxProfile": 0, "TxDefaultProfile": chance.randint(0, 2)}.get(purpose, 1)
        place = (connector_id, purpose, chance.randint(0, 12))
        if place not in taken:
            taken.add(place)
            profiles[connector_id].append(random_profile(chance, number, purpose, place[2]))
    charging = [
        Charging(
            connector_id=number,
            transaction_number=number,
            since_utc_ms=(START_S - chance.randrange(0, DAY_S)) * 1000 + chance.choice((0, 501)),
        )
        for number in (1, 2)
        if chance.random() < 0.6
    ]
    return Situation(
        surroundings=Surroundings(
            voltage_v=chance.choice((110, 230)),
            phases=chance.choice((1, 3)),
            max_current_ma=chance.choice((16_000, 32_000)),
        ),
        profiles={connector_id: tuple(each) for connector_id, each in profiles.items()},
        charging=tuple(charging),
        own_ma={1: 20_000} if chance.random() < 0.3 else {},
        tx_default_after_tx_profile=chance.random() < 0.4,
    )


def sampled_seconds(chance: random.Random, from_s: int, to_s: int, changes: Sequence[int], count: int) -> list[int]:
    """Seconds of [from, to): some anywhere, and both sides of some of the given changes."""
    near = [change + shift for change in chance.sample(changes, min(count, len(changes))) for shift in (-1, 0, 1)]
    anywhere = [chance.randrange(from_s, to_s) for _ in range(count)]
    return [each for each in (from_s, to_s - 1, *near, *anywhere) if from_s <= each < to_s]

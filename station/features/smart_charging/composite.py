"""Charging profiles to limits: which profile prevails, what a connector and the station may draw, the composite schedule.

    limit(t) = min(ChargePointMaxProfile(t), T(t), what else limits the connector or the station)

T is the prevailing TxProfile of the transaction, or, if it has none installed, the prevailing TxDefaultProfile (3.13.1, 3.13.3).
Prevailing is, at each moment, the highest stackLevel among the profiles whose validity and schedule cover it (3.13.2, 5.16.4).
TxDefaultProfiles of the connector and of connector 0 form one stack; at equal level the connector's own wins.
Everything is a function of the `Situation` and a window of time; profiles are taken as installed, their content was checked.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial, reduce

from eventstore.catalogue.smart_charging import ChargingProfile, SchedulePeriod
from eventstore.value import Value, field
from projections.connector import CURRENT_MIN_MA
from station.features.smart_charging.limits import (
    DAY_MS,
    HOUR_MS,
    RECURRENCE_MS,
    WEEK_MS,
    Limit,
    Surroundings,
    deci_of,
    limit_of_current,
    lower_of,
    ma_of,
    minimum_rate_mw6,
    stack_limit,
    sum_of,
    whole_second_ms,
)
from station.features.smart_charging.sharing import Wish, share
from station.features.smart_charging.steps import (
    Steps,
    applied,
    at,
    combined,
    constant,
    merged,
)
from station.features.smart_charging.steps import next_change_ms as next_step_ms
from station.wire.enums import ChargingProfileKind, ChargingProfilePurpose, ChargingRateUnit

__all__ = [
    "PERIODS_COMPUTED_MAX",
    "Charging",
    "Composite",
    "Offer",
    "Situation",
    "composite_connector",
    "composite_station",
    "connector_limit",
    "max_profile_limit",
    "next_change_ms",
    "offer_of",
    "offers",
    "profiles_limit",
    "station_limit",
    "total_ma",
]

#: Bound of the work for one composite schedule: a week of 30 daily profiles of 24 periods.
PERIODS_COMPUTED_MAX = 5_250


class Charging(Value, frozen=True, kw_only=True):
    """A transaction in progress: where, our number of it, since when."""

    connector_id: int
    transaction_number: int
    since_utc_ms: int


class Situation(Value, frozen=True, kw_only=True):
    """All that the limits depend on. `own_ma` is what the station itself grants a connector less than its maximum current
    (cable rating, derating); without an entry there is nothing of the kind. `received_utc_ms` is when each profile came, by
    chargingProfileId; one without an entry came long ago. `outside` are the limits in force from outside, for all connectors
    together: nobody knows when they change, so they hold at all times.
    """

    surroundings: Surroundings
    profiles: Mapping[int, Sequence[ChargingProfile]] = field(default_factory=dict)
    charging: tuple[Charging, ...] = ()
    own_ma: Mapping[int, int] = field(default_factory=dict)
    tx_default_after_tx_profile: bool = False
    received_utc_ms: Mapping[int, int] = field(default_factory=dict)
    outside: tuple[Limit, ...] = ()


class Composite(Value, frozen=True, kw_only=True):
    """A composite schedule: periods from from_utc_ms on for duration_s, limits in `unit`, rounded down to tenths.

    duration_s is less than asked for only where PERIODS_COMPUTED_MAX ends the work.
    """

    from_utc_ms: int
    duration_s: int
    unit: str
    periods: tuple[SchedulePeriod, ...]
    min_charging_rate_deci: int | None


class Offer(Value, frozen=True, kw_only=True):
    """What a connector may draw now: milliamperes per phase (0: it waits, SuspendedEVSE) and on how many phases.

    `is_power`: the profile that decides is in watts, so that the limit is one for all phases together.
    """

    limit_ma: int
    phases: int
    is_power: bool = False


def profiles_limit(situation: Situation, connector_id: int, from_ms: int, to_ms: int) -> Steps[Limit | None]:
    """T of the connector: the limit of its transaction's profiles; without a transaction, as if one began now."""
    charging = _charging_on(situation, connector_id)
    stack = _transaction_stack(situation, connector_id, charging)
    since_ms = None if charging is None else charging.since_utc_ms
    return _stack_limit(situation, stack, from_ms, to_ms, since_ms)


def _stack_limit(
    situation: Situation, stack: Sequence[ChargingProfile], from_ms: int, to_ms: int, since_ms: int | None
) -> Steps[Limit | None]:
    return stack_limit(stack, from_ms, to_ms, since_ms, situation.surroundings, situation.received_utc_ms)


def _charging_on(situation: Situation, connector_id: int) -> Charging | None:
    return next((each for each in situation.charging if each.connector_id == connector_id), None)


def _transaction_stack(situation: Situation, connector_id: int, charging: Charging | None) -> list[ChargingProfile]:
    """The profiles that may prevail on the connector, the first to prevail first."""
    own = situation.profiles.get(connector_id, ())
    tx_profiles = [
        profile
        for profile in _descending(own, ChargingProfilePurpose.TX_PROFILE)
        if charging is not None and profile.transaction_number == charging.transaction_number
    ]
    if tx_profiles and not situation.tx_default_after_tx_profile:
        return tx_profiles
    # The sort is stable: at equal level the connector's own profile stays before that of connector 0.
    return tx_profiles + _descending((*own, *situation.profiles.get(0, ())), ChargingProfilePurpose.TX_DEFAULT_PROFILE)


def _descending(profiles: Iterable[ChargingProfile], purpose: str) -> list[ChargingProfile]:
    return sorted((each for each in profiles if each.purpose == purpose), key=lambda each: -each.stack_level)


def _cap(situation: Situation, from_ms: int, to_ms: int) -> Steps[Limit]:
    """What the connectors may draw together: ChargePointMaxProfile, the limits from outside and the station's maximum current.

    A schedule of it that is relative to the charging begins with the oldest transaction.
    """
    board = limit_of_current(situation.surroundings.max_current_ma, situation.surroundings)
    own = reduce(lower_of, situation.outside, board)
    return applied(max_profile_limit(situation, from_ms, to_ms), partial(_within, own))


def max_profile_limit(situation: Situation, from_ms: int, to_ms: int) -> Steps[Limit | None]:
    """The limit of the prevailing ChargePointMaxProfile alone."""
    stack = _descending(situation.profiles.get(0, ()), ChargingProfilePurpose.CHARGE_POINT_MAX_PROFILE)
    since_ms = min((each.since_utc_ms for each in situation.charging), default=None)
    return _stack_limit(situation, stack, from_ms, to_ms, since_ms)


def _within(own: Limit, limit: Limit | None) -> Limit:
    return own if limit is None else lower_of(limit, own)


def _wanted(situation: Situation, connector_id: int, from_ms: int, to_ms: int) -> Steps[Limit]:
    """What the connector could draw if it had the station for itself: T, its own limits and the station's current."""
    surroundings = situation.surroundings
    own_ma = min(surroundings.max_current_ma, situation.own_ma.get(connector_id, surroundings.max_current_ma))
    own = limit_of_current(own_ma, surroundings)
    return applied(profiles_limit(situation, connector_id, from_ms, to_ms), partial(_within, own))


def connector_limit(situation: Situation, connector_id: int, from_ms: int, to_ms: int) -> Steps[Limit]:
    """The limit of a connector > 0 over the window, with its share if several transactions share the station's limit."""
    assert connector_id > 0, "connector 0 is the station: station_limit"
    if len(situation.charging) > 1 and _charging_on(situation, connector_id) is not None:
        index = [each.connector_id for each in situation.charging].index(connector_id)
        return applied(_shared(situation, from_ms, to_ms), lambda limits: limits[index])
    return _lower(_cap(situation, from_ms, to_ms), _wanted(situation, connector_id, from_ms, to_ms))


def _lower(one: Steps[Limit], other: Steps[Limit]) -> Steps[Limit]:
    return combined((one, other), lambda limits: lower_of(limits[0], limits[1]))


def _shared(situation: Situation, from_ms: int, to_ms: int) -> Steps[tuple[Limit, ...]]:
    """The limits of all transactions over the window, in their order, when they share the station's."""
    wanted = [_wanted(situation, each.connector_id, from_ms, to_ms) for each in situation.charging]
    return combined((_cap(situation, from_ms, to_ms), *wanted), partial(_shares, situation))


def _shares(situation: Situation, limits: Sequence[Limit]) -> tuple[Limit, ...]:
    """One moment of sharing: limits[0] is for all together, the others are what each transaction could draw.

    A transaction whose profile allows less than any offer takes no part and keeps that limit.
    """
    surroundings = situation.surroundings
    cap, *wanted = limits
    wishes = [
        Wish(
            connector_id=charging.connector_id,
            limit_ma=ma_of(limit.phase_mw6, surroundings),
            transaction_number=charging.transaction_number,
            min_ma=ma_of(minimum_rate_mw6(limit, surroundings), surroundings),
        )
        for charging, limit in zip(situation.charging, wanted, strict=True)
    ]
    granted = share(ma_of(cap.phase_mw6, surroundings), wishes)
    return tuple(
        lower_of(limit, cap)
        if wish.limit_ma < CURRENT_MIN_MA
        else lower_of(lower_of(limit, cap), limit_of_current(granted[wish.connector_id], surroundings))
        for wish, limit in zip(wishes, wanted, strict=True)
    )


def station_limit(situation: Situation, from_ms: int, to_ms: int) -> Steps[Limit]:
    """What the station expects to draw at most (5.7, connectorId 0): the sum over its transactions within its own limit."""
    cap = _cap(situation, from_ms, to_ms)
    if not situation.charging:
        return cap
    wanted = [_wanted(situation, each.connector_id, from_ms, to_ms) for each in situation.charging]
    return _lower(cap, combined(wanted, sum_of))


def composite_connector(
    situation: Situation, connector_id: int, from_ms: int, duration_s: int, unit: str | None = None
) -> Composite:
    """The composite schedule of a connector > 0 from the second of from_ms on (5.7), never without a period.

    Without `unit` that of the profile that decides first counts, else amperes. minChargingRate is that profile's.
    """
    from_ms = whole_second_ms(from_ms)
    to_ms = _reach_ms(situation, from_ms, duration_s)
    return _composite(
        connector_limit(situation, connector_id, from_ms, to_ms), duration_s, unit, situation.surroundings
    )


def composite_station(situation: Situation, from_ms: int, duration_s: int, unit: str | None = None) -> Composite:
    """The composite schedule of connector 0 (5.7, errata 3.30), as `composite_connector` gives it."""
    from_ms = whole_second_ms(from_ms)
    to_ms = _reach_ms(situation, from_ms, duration_s)
    return _composite(station_limit(situation, from_ms, to_ms), duration_s, unit, situation.surroundings)


def _reach_ms(situation: Situation, from_ms: int, duration_s: int) -> int:
    """Where the window ends: after the duration, or where the recurring schedules alone exhaust PERIODS_COMPUTED_MAX."""
    weekly = sum(
        (len(profile.periods) + 1) * (WEEK_MS // RECURRENCE_MS[profile.recurrency])
        for profiles in situation.profiles.values()
        for profile in profiles
        if profile.kind == ChargingProfileKind.RECURRING and profile.recurrency is not None
    ) * max(1, len(situation.charging))
    window_ms = max(1, duration_s) * 1000
    if weekly == 0:
        return from_ms + window_ms
    return from_ms + min(window_ms, max(1000, whole_second_ms(PERIODS_COMPUTED_MAX * WEEK_MS // weekly)))


def _composite(limits: Steps[Limit], duration_s: int, unit: str | None, surroundings: Surroundings) -> Composite:
    deciding = next((limit for limit in limits.values if limit.profile is not None), None)
    if unit is None:
        unit = ChargingRateUnit.A if deciding is None or deciding.profile is None else deciding.profile.unit
    rounded = merged(applied(limits, lambda limit: (deci_of(limit, unit, surroundings), limit.phases)))
    periods = tuple(
        SchedulePeriod(start_s=(start_ms - limits.from_ms) // 1000, limit_deci=limit_deci, phases=phases)
        for start_ms, (limit_deci, phases) in zip(rounded.starts_ms, rounded.values, strict=True)
    )
    return Composite(
        from_utc_ms=limits.from_ms,
        duration_s=min(duration_s, (limits.to_ms - limits.from_ms) // 1000),
        unit=unit,
        periods=periods,
        min_charging_rate_deci=None if deciding is None else _minimum_rate_deci(deciding, unit, surroundings),
    )


def _minimum_rate_deci(limit: Limit, unit: str, surroundings: Surroundings) -> int | None:
    if limit.profile is None or limit.profile.min_charging_rate_deci is None:
        return None
    phase_mw6 = minimum_rate_mw6(limit, surroundings)
    least = Limit(phase_mw6=phase_mw6, total_mw6=phase_mw6 * limit.phases, phases=limit.phases)
    return deci_of(least, unit, surroundings)


def offers(situation: Situation, at_ms: int) -> dict[int, Offer]:
    """What each connector with a transaction may draw at a moment; less than 6 A is no offer (IEC 61851-1)."""
    now: tuple[Offer, ...] = at(_offered(situation, at_ms, at_ms + 1), at_ms)
    return {each.connector_id: offer for each, offer in zip(situation.charging, now, strict=True)}


def _offered(situation: Situation, from_ms: int, to_ms: int) -> Steps[tuple[Offer, ...]]:
    if not situation.charging:
        return constant((), from_ms, to_ms)
    return applied(
        _shared(situation, from_ms, to_ms),
        lambda limits: tuple(offer_of(limit, situation.surroundings) for limit in limits),
    )


def offer_of(limit: Limit, surroundings: Surroundings) -> Offer:
    """What a limit comes to as an offer; less than 6 A is none."""
    limit_ma = ma_of(limit.phase_mw6, surroundings)
    return Offer(
        limit_ma=limit_ma if limit_ma >= CURRENT_MIN_MA else 0,
        phases=limit.phases,
        is_power=limit.profile is not None and limit.profile.unit == ChargingRateUnit.W,
    )


def total_ma(situation: Situation, at_ms: int) -> int:
    """What all connectors together may draw per phase at a moment."""
    return ma_of(at(_cap(situation, at_ms, at_ms + 1), at_ms).phase_mw6, situation.surroundings)


def next_change_ms(situation: Situation, at_ms: int) -> int | None:
    """The next moment at which any connector's offer changes by the calendar alone.

    None if nothing can change: no transaction or no profile. If nothing changes within the next week, the end of that week,
    to look again.
    """
    if not situation.charging or not any(situation.profiles.values()):
        return None
    to_ms = at_ms
    for horizon_ms in (HOUR_MS, DAY_MS, WEEK_MS):
        to_ms = _reach_ms(situation, at_ms, horizon_ms // 1000)
        change_ms = next_step_ms(_offered(situation, at_ms, to_ms))
        if change_ms is not None:
            return change_ms
    return to_ms

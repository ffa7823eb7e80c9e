"""Why a connector has the limit that it has: which charging profile decides it, in which of its periods, or what else does.

Worked out from the state, as `offering` worked out the limit; where the two do not agree, nothing is said.
"""

from operator import itemgetter

from projections.limit_reason import (
    CABLE,
    DELAY,
    OUTSIDE,
    PAUSE,
    PROFILE,
    SHARE,
    STATION,
    TEMPERATURE,
    LimitReason,
    OutsideReason,
)
from projections.outside_limits import SILENT, InForce
from projections.station import StationState
from station.features.smart_charging.composite import (
    Situation,
    connector_limit,
    max_profile_limit,
    offer_of,
    profiles_limit,
)
from station.features.smart_charging.holding import held_until_ms
from station.features.smart_charging.limits import Limit, Surroundings, ma_of
from station.features.smart_charging.offering import offered_transactions, with_phases
from station.features.smart_charging.situation import outside_limit, situation_of
from station.features.smart_charging.steps import at

__all__ = ["limit_reason", "outside_reason"]


def limit_reason(state: StationState, connector_id: int, at_ms: int) -> LimitReason | None:
    """What decides the limit of a connector at station time `at_ms`; None where nothing tells it.

    That is: no transaction there may be offered energy, or the limit waits for another vehicle to draw less, or for its phases.
    """
    if state.description is None or not state.connectors.has(connector_id):
        return None
    offered = offered_transactions(state)
    if all(transaction.connector_id != connector_id for transaction in offered):
        return None
    until_ms = held_until_ms(state, connector_id, at_ms)
    if until_ms is not None and state.connectors[connector_id].limit_ma == 0:
        kind = PAUSE if state.outside_limits.delay_on(connector_id, at_ms) is None else DELAY
        return LimitReason(kind=kind, until_utc_ms=state.clock.utc_ms(until_ms))
    situation = situation_of(state, offered)
    utc_ms = state.clock.utc_ms(at_ms)
    limit = at(connector_limit(situation, connector_id, utc_ms, utc_ms + 1), utc_ms)
    connector = state.connectors[connector_id]
    if with_phases(state, connector, offer_of(limit, situation.surroundings)).limit_ma != connector.limit_ma:
        return None
    return _reason(state, situation, connector_id, limit, utc_ms)


def _reason(state: StationState, situation: Situation, connector_id: int, limit: Limit, utc_ms: int) -> LimitReason:
    surroundings, described = situation.surroundings, state.described
    own: Limit | None = at(profiles_limit(situation, connector_id, utc_ms, utc_ms + 1), utc_ms)
    of_station: Limit | None = at(max_profile_limit(situation, utc_ms, utc_ms + 1), utc_ms)
    decided_ma = ma_of(limit.phase_mw6, surroundings)
    lowest = _lowest_outside(state, surroundings)
    if lowest is not None and lowest[0] == decided_ma:
        return LimitReason(kind=OUTSIDE, outside=outside_reason(state, lowest[1]))
    for found in (own, of_station):
        if found is not None and ma_of(found.phase_mw6, surroundings) == decided_ma:
            return _by_profile(state, found, PROFILE)
    derating = state.connectors[connector_id].derating
    if decided_ma == derating.limit_ma != described.max_current_ma:
        return LimitReason(kind=TEMPERATURE, temperature_dc=None if derating.silent else derating.temperature_dc)
    cable_ma = state.connectors[connector_id].cable_rating_ma
    if decided_ma == cable_ma != described.max_current_ma:
        return LimitReason(kind=CABLE)
    if decided_ma in (described.max_current_ma, surroundings.max_current_ma):
        return LimitReason(kind=STATION)
    profile_ma = surroundings.max_current_ma if of_station is None else ma_of(of_station.phase_mw6, surroundings)
    if lowest is not None and lowest[0] < min(profile_ma, surroundings.max_current_ma):
        return LimitReason(kind=SHARE, outside=outside_reason(state, lowest[1]))
    is_less = profile_ma < surroundings.max_current_ma
    return _by_profile(state, of_station, SHARE) if of_station is not None and is_less else LimitReason(kind=SHARE)


def _lowest_outside(state: StationState, surroundings: Surroundings) -> tuple[int, InForce] | None:
    """The lowest limit in force from outside, with its current per phase in mA."""
    found = [
        (ma_of(outside_limit(held, surroundings).phase_mw6, surroundings), held)
        for held in state.outside_limits.in_force
    ]
    return min(found, key=itemgetter(0), default=None)


def outside_reason(state: StationState, held: InForce) -> OutsideReason:
    """A limit in force from outside, for people."""
    return OutsideReason(
        kind=held.kind,
        source=held.source,
        silent=held.why == SILENT,
        max_current_ma=held.max_current_ma,
        max_power_w=held.max_power_w,
        since_utc_ms=state.clock.utc_of(held.since),
    )


def _by_profile(state: StationState, limit: Limit, kind: str) -> LimitReason:
    assert limit.profile is not None, "that is what it is the limit of"
    profile_id = limit.profile.charging_profile_id
    held = next(each for each in state.charging_profiles.all if each.profile.charging_profile_id == profile_id)
    return LimitReason(
        kind=kind,
        charging_profile_id=profile_id,
        purpose=limit.profile.purpose,
        period=limit.period,
        set_utc_ms=None if held.received is None else state.clock.utc_of(held.received),
    )

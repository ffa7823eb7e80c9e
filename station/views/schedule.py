"""The view *Schedule*: what each connector may draw over the next 24 h, and the charging profiles that it comes from."""

from eventstore.catalogue.smart_charging import ChargingProfile
from projections.charging_profiles import Installed
from projections.station import StationState
from station.features.smart_charging.composite import Situation
from station.features.smart_charging.decide import composite_of
from station.features.smart_charging.limits import Limit, ma_of, stack_limit
from station.features.smart_charging.situation import situation_of
from station.features.smart_charging.steps import Steps
from station.views.saying import Json
from station.wire.enums import ChargingRateUnit

HOURS_24_S = 86_400
STEPS_MAX = 300
"""Of one curve; what follows is left out."""

Curve = list[list[int | None]]
"""Pairs: from this UTC on, so many mA per phase, or None where the profile says nothing."""


def schedule_view(state: StationState, at_ms: int) -> Json:
    """From station time `at_ms` on."""
    from_ms = state.clock.utc_ms(at_ms)
    situation = situation_of(state, state.transactions.running())
    return {
        "seq": state.seq,
        "from_ms": from_ms,
        "to_ms": from_ms + HOURS_24_S * 1000,
        "connectors": [
            {
                "connector_id": connector.connector_id,
                "limit": _composite(state, connector.connector_id, at_ms),
                "is_charging": connector.transaction_number is not None,
            }
            for connector in state.connectors.real
        ],
        "profiles": [_profile(held, situation, from_ms) for held in state.charging_profiles.all],
    }


def _composite(state: StationState, connector_id: int, at_ms: int) -> Curve:
    found = composite_of(state, connector_id, HOURS_24_S, ChargingRateUnit.A, at_ms)
    assert found is not None, "the connector is there"
    return [
        [found.from_utc_ms + period.start_s * 1000, period.limit_deci * 100] for period in found.periods[:STEPS_MAX]
    ]


def _profile(held: Installed, situation: Situation, from_ms: int) -> Json:
    profile = held.profile
    return {
        "connector_id": held.connector_id,
        "charging_profile_id": profile.charging_profile_id,
        "purpose": profile.purpose,
        "stack_level": profile.stack_level,
        "kind": profile.kind,
        "recurrency": profile.recurrency,
        "unit": profile.unit,
        "valid_from": profile.valid_from_utc_ms,
        "valid_to": profile.valid_to_utc_ms,
        "transaction_number": profile.transaction_number,
        "curve": _alone(profile, held.connector_id, situation, from_ms),
    }


def _alone(profile: ChargingProfile, connector_id: int, situation: Situation, from_ms: int) -> Curve:
    """What the profile by itself would allow."""
    since_ms = min(
        (each.since_utc_ms for each in situation.charging if connector_id in (0, each.connector_id)), default=None
    )
    to_ms = from_ms + HOURS_24_S * 1000
    steps = stack_limit([profile], from_ms, to_ms, since_ms, situation.surroundings, situation.received_utc_ms)
    return _curve(steps, situation)


def _curve(steps: Steps[Limit | None], situation: Situation) -> Curve:
    return [
        [start_ms, None if limit is None else ma_of(limit.phase_mw6, situation.surroundings)]
        for start_ms, limit in list(zip(steps.starts_ms, steps.values, strict=True))[:STEPS_MAX]
    ]

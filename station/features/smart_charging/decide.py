"""SetChargingProfile, ClearChargingProfile and GetCompositeSchedule (5.16, 5.5, 5.7).

What installed profiles come to is not decided here but by the rule in `offering`, which holds after every event.
"""

from decimal import Decimal

from eventstore.catalogue.smart_charging import ChargingProfile, ChargingProfileCleared, SchedulePeriod
from projections.charging_profiles import Installed
from projections.station import StationState
from station.core.feature import Answer, Feature, Refusal, Reply
from station.features.smart_charging.composite import Composite, composite_connector, composite_station
from station.features.smart_charging.offering import CONNECTOR_SWITCH_3_TO_1_PHASE_SUPPORTED
from station.features.smart_charging.situation import situation_of
from station.rules import charging_profile_rules
from station.rules.charging_profile_rules import (
    CHARGE_PROFILE_MAX_STACK_LEVEL,
    CHARGING_SCHEDULE_ALLOWED_CHARGING_RATE_UNIT,
    CHARGING_SCHEDULE_MAX_PERIODS,
    MAX_CHARGING_PROFILES_INSTALLED,
    OCPP_PROFILE,
    ProfileRefusal,
)
from station.wire.enums import (
    ChargingProfileStatus,
    ChargingRateUnit,
    ClearChargingProfileStatus,
    GetCompositeScheduleStatus,
)
from station.wire.frames import ErrorCode
from station.wire.messages.smart_charging import (
    ClearChargingProfile,
    ClearChargingProfileResponse,
    GetCompositeSchedule,
    GetCompositeScheduleResponse,
    SetChargingProfile,
    SetChargingProfileResponse,
)
from station.wire.messages.types import ChargingSchedule, ChargingSchedulePeriod
from station.wire.primitives import RATE_MAX

__all__ = ["FEATURE", "composite_of"]


def _violation(description: str) -> Reply:
    return Reply(Refusal(error_code=ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, description=description))


def set_charging_profile(state: StationState, request: SetChargingProfile, at_ms: int) -> Reply:
    """Installs the profile, or answers Rejected; an unknown connector or a value out of range is an error (errata 3.39)."""
    if not state.connectors.has(request.connector_id):
        return _violation(f"connectorId {request.connector_id} is unknown")
    installed = charging_profile_rules.install(state, request.connector_id, request.cs_charging_profiles)
    if not isinstance(installed, ProfileRefusal):
        return Reply(SetChargingProfileResponse(status=ChargingProfileStatus.ACCEPTED), (installed,))
    if installed.out_of_range:
        return _violation(f"csChargingProfiles: {installed.reason}")
    return Reply(SetChargingProfileResponse(status=ChargingProfileStatus.REJECTED))


def clear_charging_profile(state: StationState, request: ClearChargingProfile, at_ms: int) -> Reply:
    """Clears every profile that matches all that is given; with an id, that alone counts (errata 3.25, 3.26)."""
    cleared = tuple(
        ChargingProfileCleared(
            connector_id=held.connector_id,
            charging_profile_id=held.profile.charging_profile_id,
            reason="ClearChargingProfile",
        )
        for held in state.charging_profiles.all
        if _matches(request, held)
    )
    status = ClearChargingProfileStatus.ACCEPTED if cleared else ClearChargingProfileStatus.UNKNOWN
    return Reply(ClearChargingProfileResponse(status=status), cleared)


def _matches(request: ClearChargingProfile, held: Installed) -> bool:
    profile: ChargingProfile = held.profile
    if request.id is not None:
        return profile.charging_profile_id == request.id
    return (
        request.connector_id in (None, held.connector_id)
        and request.charging_profile_purpose in (None, profile.purpose)
        and request.stack_level in (None, profile.stack_level)
    )


def composite_of(
    state: StationState, connector_id: int, duration_s: int, unit: str | None, at_ms: int
) -> Composite | None:
    """The composite schedule from now on; None for a connector that the station does not have.

    `unit` is "A", "W", or None for that of the deciding profile.
    """
    if not state.connectors.has(connector_id):
        return None
    situation = situation_of(state, state.transactions.running())
    utc_ms = state.clock.utc_ms(at_ms)
    if connector_id == 0:
        return composite_station(situation, utc_ms, duration_s, unit)
    return composite_connector(situation, connector_id, utc_ms, duration_s, unit)


def get_composite_schedule(state: StationState, request: GetCompositeSchedule, at_ms: int) -> Reply:
    """The composite schedule from the receipt on; Rejected for an unknown connector (5.7)."""
    if request.duration < 0:
        return _violation("duration is negative")
    composite = composite_of(state, request.connector_id, request.duration, request.charging_rate_unit, at_ms)
    if composite is None:
        return Reply(GetCompositeScheduleResponse(status=GetCompositeScheduleStatus.REJECTED))
    return Reply(
        GetCompositeScheduleResponse(
            status=GetCompositeScheduleStatus.ACCEPTED,
            connector_id=request.connector_id,
            schedule_start=composite.from_utc_ms,
            charging_schedule=_schedule(composite),
        )
    )


def _schedule(composite: Composite) -> ChargingSchedule:
    minimum = composite.min_charging_rate_deci
    return ChargingSchedule(
        duration=composite.duration_s,
        charging_rate_unit=ChargingRateUnit(composite.unit),
        charging_schedule_period=tuple(_period(period) for period in composite.periods),
        min_charging_rate=None if minimum is None else min(Decimal(minimum) / 10, Decimal(RATE_MAX)),
    )


def _period(period: SchedulePeriod) -> ChargingSchedulePeriod:
    return ChargingSchedulePeriod(
        start_period=period.start_s, limit=Decimal(period.limit_deci) / 10, number_phases=period.phases
    )


FEATURE = Feature(
    name="smart charging",
    ocpp_profile=OCPP_PROFILE,
    answers=(
        Answer(action="SetChargingProfile", decide=set_charging_profile),
        Answer(action="ClearChargingProfile", decide=clear_charging_profile),
        Answer(action="GetCompositeSchedule", decide=get_composite_schedule),
    ),
    config_keys=(
        CHARGE_PROFILE_MAX_STACK_LEVEL,
        CHARGING_SCHEDULE_ALLOWED_CHARGING_RATE_UNIT,
        CHARGING_SCHEDULE_MAX_PERIODS,
        CONNECTOR_SWITCH_3_TO_1_PHASE_SUPPORTED,
        MAX_CHARGING_PROFILES_INSTALLED,
    ),
)

"""Classes that several messages of OCPP 1.6 share (section 7)."""

from typing import Annotated

from eventstore.value import Value
from station.wire.enums import (
    AuthorizationStatus,
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingRateUnit,
    Location,
    Measurand,
    Phase,
    ReadingContext,
    RecurrencyKind,
    UnitOfMeasure,
    ValueFormat,
)
from station.wire.primitives import (
    AtLeast,
    CiString50Type,
    CiString500Type,
    DateTime,
    DurationSeconds,
    IdToken,
    Rate,
    Verbatim,
)

__all__ = [
    "AuthorizationData",
    "ChargingSchedule",
    "ChargingSchedulePeriod",
    "KeyValue",
    "MeterValue",
    "WireChargingProfile",
    "WireIdTagInfo",
    "WireSampledValue",
]


class WireIdTagInfo(Value, frozen=True, kw_only=True):
    """What the CSMS knows of an id tag (7.27)."""

    status: AuthorizationStatus
    expiry_date: DateTime | None = None
    parent_id_tag: IdToken | None = None


class AuthorizationData(Value, frozen=True, kw_only=True):
    """An entry of the local list (7.1). Without id_tag_info a Differential update removes the tag."""

    id_tag: IdToken
    id_tag_info: WireIdTagInfo | None = None


class KeyValue(Value, frozen=True, kw_only=True):
    """A config key and its value (7.29). The value is absent if the key has none or it must not be read; it may be ""."""

    key: CiString50Type
    readonly: bool
    value: Annotated[CiString500Type, Verbatim()] | None = None


class ChargingSchedulePeriod(Value, frozen=True, kw_only=True):
    """A period of a charging schedule (7.14): limit in the schedule's unit, start in seconds from the schedule's."""

    start_period: DurationSeconds
    limit: Rate
    number_phases: int | None = None


class ChargingSchedule(Value, frozen=True, kw_only=True):
    """A charging schedule (7.13): duration in seconds, rates in charging_rate_unit."""

    charging_rate_unit: ChargingRateUnit
    charging_schedule_period: Annotated[tuple[ChargingSchedulePeriod, ...], AtLeast(1)]
    duration: DurationSeconds | None = None
    start_schedule: DateTime | None = None
    min_charging_rate: Rate | None = None


class WireChargingProfile(Value, frozen=True, kw_only=True):
    """A charging profile (7.8)."""

    charging_profile_id: int
    stack_level: int
    charging_profile_purpose: ChargingProfilePurpose
    charging_profile_kind: ChargingProfileKind
    charging_schedule: ChargingSchedule
    transaction_id: int | None = None
    recurrency_kind: RecurrencyKind | None = None
    valid_from: DateTime | None = None
    valid_to: DateTime | None = None


class WireSampledValue(Value, frozen=True, kw_only=True):
    """One sampled value (7.43). The value is text; an absent member has the standard's default."""

    value: str
    context: ReadingContext | None = None
    format: ValueFormat | None = None
    measurand: Measurand | None = None
    phase: Phase | None = None
    location: Location | None = None
    unit: UnitOfMeasure | None = None


class MeterValue(Value, frozen=True, kw_only=True):
    """Values sampled at the same point in time (7.33)."""

    timestamp: DateTime
    sampled_value: Annotated[tuple[WireSampledValue, ...], AtLeast(1)]

"""Messages of the SmartCharging profile (fields in OCPP 1.6 section 6)."""

from typing import Annotated

from eventstore.value import Value
from station.wire.enums import (
    ChargingProfilePurpose,
    ChargingProfileStatus,
    ChargingRateUnit,
    ClearChargingProfileStatus,
    GetCompositeScheduleStatus,
)
from station.wire.messages.types import ChargingSchedule, WireChargingProfile
from station.wire.primitives import DateTime, DurationSeconds, Verbatim

__all__ = [
    "ClearChargingProfile",
    "ClearChargingProfileResponse",
    "GetCompositeSchedule",
    "GetCompositeScheduleResponse",
    "SetChargingProfile",
    "SetChargingProfileResponse",
]


class ClearChargingProfile(Value, frozen=True, kw_only=True):
    """ClearChargingProfile.req (6.13): an absent member matches every profile.

    So an empty purpose is not read as an absent one: it would clear them all, the limit of the building's supply included.
    """

    id: int | None = None
    connector_id: int | None = None
    charging_profile_purpose: Annotated[ChargingProfilePurpose, Verbatim()] | None = None
    stack_level: int | None = None


class ClearChargingProfileResponse(Value, frozen=True, kw_only=True):
    """ClearChargingProfile.conf (6.14)."""

    status: ClearChargingProfileStatus


class GetCompositeSchedule(Value, frozen=True, kw_only=True):
    """GetCompositeSchedule.req (6.21): duration in seconds."""

    connector_id: int
    duration: DurationSeconds
    charging_rate_unit: ChargingRateUnit | None = None


class GetCompositeScheduleResponse(Value, frozen=True, kw_only=True):
    """GetCompositeSchedule.conf (6.22)."""

    status: GetCompositeScheduleStatus
    connector_id: int | None = None
    schedule_start: DateTime | None = None
    charging_schedule: ChargingSchedule | None = None


class SetChargingProfile(Value, frozen=True, kw_only=True):
    """SetChargingProfile.req (6.43)."""

    connector_id: int
    cs_charging_profiles: WireChargingProfile


class SetChargingProfileResponse(Value, frozen=True, kw_only=True):
    """SetChargingProfile.conf (6.44)."""

    status: ChargingProfileStatus

"""Rules on charging profiles that several features share: what is a profile, which one may be installed, and their limits.

A profile comes with SetChargingProfile (5.16) or with RemoteStartTransaction (5.11, 5.16.2). A value out of its range is an error
to the CALL (PropertyConstraintViolation); a profile that is well-formed but cannot be accepted is Rejected.
"""

from itertools import pairwise

from eventstore.catalogue.authorization import AuthorizeQueued
from eventstore.catalogue.smart_charging import (
    ChargingProfile,
    ChargingProfileCleared,
    ChargingProfileInstalled,
    SchedulePeriod,
)
from eventstore.event import Event
from eventstore.value import Value, replace
from projections.charging_profiles import Installed
from projections.station import StationState
from station.core.config_keys import Access, ConfigKey, Csl, Integer
from station.wire.enums import ChargingProfileKind, ChargingProfilePurpose, ChargingRateUnit
from station.wire.messages.types import WireChargingProfile as WireProfile

OCPP_PROFILE = "SmartCharging"
PHASES_MAX = 3
_UNIT_NAMES = {ChargingRateUnit.A: "Current", ChargingRateUnit.W: "Power"}

CHARGE_PROFILE_MAX_STACK_LEVEL = ConfigKey(
    name="ChargeProfileMaxStackLevel",
    kind=Integer(maximum=10),
    access=Access.READ_ONLY,
    default=10,
    required=True,
    clause="9.4.1",
    doc="The highest stackLevel of a charging profile.",
)
CHARGING_SCHEDULE_ALLOWED_CHARGING_RATE_UNIT: ConfigKey[tuple[str, ...]] = ConfigKey(
    name="ChargingScheduleAllowedChargingRateUnit",
    kind=Csl(allowed=lambda item: item in _UNIT_NAMES.values(), items_max=2),
    access=Access.READ_ONLY,
    default=("Current", "Power"),
    required=True,
    clause="9.4.2",
    doc="In which quantities a schedule may be given: Current (A), Power (W).",
)
CHARGING_SCHEDULE_MAX_PERIODS = ConfigKey(
    name="ChargingScheduleMaxPeriods",
    kind=Integer(minimum=1, maximum=96),
    access=Access.READ_ONLY,
    default=96,
    required=True,
    clause="9.4.3",
    doc="How many periods a schedule may have: a day in quarters of an hour.",
)
MAX_CHARGING_PROFILES_INSTALLED = ConfigKey(
    name="MaxChargingProfilesInstalled",
    kind=Integer(minimum=1, maximum=30),
    access=Access.READ_ONLY,
    default=30,
    required=True,
    clause="9.4.5",
    doc="How many charging profiles may be installed at a time.",
)


class ProfileRefusal(Value, frozen=True, kw_only=True):
    """Why a profile is not installed. `out_of_range`: a PropertyConstraintViolation, else the answer is Rejected."""

    reason: str
    out_of_range: bool = False


def is_on(state: StationState) -> bool:
    """Whether Smart Charging is not switched off in the settings."""
    return OCPP_PROFILE not in state.described.profiles_off


def in_force(state: StationState) -> tuple[Installed, ...]:
    """The installed profiles; none counts while Smart Charging is switched off."""
    return state.charging_profiles.all if is_on(state) else ()


def install(state: StationState, connector_id: int, wire: WireProfile) -> ChargingProfileInstalled | ProfileRefusal:
    """The profile of a SetChargingProfile for a connector of the station (5.16), or why not."""
    if (reason := _out_of_range(wire)) is not None:
        return ProfileRefusal(reason=reason, out_of_range=True)
    transaction_number = None
    if wire.charging_profile_purpose == ChargingProfilePurpose.TX_PROFILE:
        transaction = state.transactions.on(connector_id)
        if transaction is None:
            return ProfileRefusal(reason="no transaction is running on the connector (5.16.4)")
        if wire.transaction_id is not None and not transaction.is_known_as(wire.transaction_id):
            return ProfileRefusal(reason=f"transaction {wire.transaction_id} does not run on the connector")
        transaction_number = transaction.number
    return _installed(state, connector_id, read_profile(wire, transaction_number))


def install_for_remote_start(
    state: StationState, connector_id: int, wire: WireProfile
) -> tuple[ChargingProfileInstalled, ...] | ProfileRefusal:
    """What to record with the authorization that a RemoteStartTransaction gives (5.11), or why it must be refused.

    The profile waits without a transaction until one starts on the connector, and goes with the authorization if none does.
    Nothing is recorded while Smart Charging is switched off: the profile is ignored (5.11). transactionId, which the CSMS shall
    not set (errata 3.41), is ignored too.
    """
    if not is_on(state):
        return ()
    if (reason := _out_of_range(wire)) is not None:
        return ProfileRefusal(reason=reason, out_of_range=True)
    if wire.charging_profile_purpose != ChargingProfilePurpose.TX_PROFILE:
        return ProfileRefusal(reason="the profile of a remote start must be a TxProfile (5.16.2)")
    installed = _installed(state, connector_id, read_profile(wire, None))
    return installed if isinstance(installed, ProfileRefusal) else (installed,)


def read_profile(wire: WireProfile, transaction_number: int | None) -> ChargingProfile:
    """The profile in integers. A recurrencyKind that belongs to no Recurring profile is dropped (errata 3.56)."""
    schedule = wire.charging_schedule
    minimum = schedule.min_charging_rate
    recurs = wire.charging_profile_kind == ChargingProfileKind.RECURRING
    return ChargingProfile(
        charging_profile_id=wire.charging_profile_id,
        stack_level=wire.stack_level,
        purpose=str(wire.charging_profile_purpose),
        kind=str(wire.charging_profile_kind),
        unit=str(schedule.charging_rate_unit),
        periods=tuple(
            SchedulePeriod(start_s=each.start_period, limit_deci=int(each.limit * 10), phases=each.number_phases)
            for each in schedule.charging_schedule_period
        ),
        recurrency=str(wire.recurrency_kind) if recurs and wire.recurrency_kind is not None else None,
        valid_from_utc_ms=wire.valid_from,
        valid_to_utc_ms=wire.valid_to,
        start_schedule_utc_ms=schedule.start_schedule,
        duration_s=schedule.duration,
        min_charging_rate_deci=None if minimum is None else int(minimum * 10),
        transaction_number=transaction_number,
    )


def _out_of_range(wire: WireProfile) -> str | None:
    """Which value lies outside its range (7.8, 7.13, 7.14), or None."""
    schedule = wire.charging_schedule
    if wire.stack_level < 0:
        return "stackLevel is negative"
    if schedule.duration is not None and schedule.duration < 0:
        return "duration is negative"
    if schedule.min_charging_rate is not None and schedule.min_charging_rate < 0:
        return "minChargingRate is negative"
    for number, period in enumerate(schedule.charging_schedule_period):
        where = f"chargingSchedulePeriod[{number}]"
        if period.start_period < 0:
            return f"{where}.startPeriod is negative"
        if period.limit < 0:
            return f"{where}.limit is negative"
        if period.number_phases is not None and not 1 <= period.number_phases <= PHASES_MAX:
            return f"{where}.numberPhases is not 1 to {PHASES_MAX}"
    return None


def _installed(
    state: StationState, connector_id: int, profile: ChargingProfile
) -> ChargingProfileInstalled | ProfileRefusal:
    reason = (
        _misplaced(connector_id, profile) or _contradiction(profile) or _beyond_limits(state, connector_id, profile)
    )
    if reason is not None:
        return ProfileRefusal(reason=reason)
    return ChargingProfileInstalled(connector_id=connector_id, profile=profile)


def _misplaced(connector_id: int, profile: ChargingProfile) -> str | None:
    if profile.purpose == ChargingProfilePurpose.CHARGE_POINT_MAX_PROFILE and connector_id != 0:
        return "a ChargePointMaxProfile can only be set at connector 0 (3.13.1)"
    if profile.purpose == ChargingProfilePurpose.TX_PROFILE and connector_id == 0:
        return "a TxProfile can only be set at a connector above 0 (3.13.1)"
    return None


def _contradiction(profile: ChargingProfile) -> str | None:
    starts_s = [period.start_s for period in profile.periods]
    if starts_s[0] != 0:
        return "the first period does not start with 0 (errata 3.45)"
    if any(later <= earlier for earlier, later in pairwise(starts_s)):
        return "the periods are not in order"
    if profile.kind == ChargingProfileKind.RECURRING and profile.recurrency is None:
        return "a Recurring profile needs its recurrencyKind"
    begins, ends = profile.valid_from_utc_ms, profile.valid_to_utc_ms
    if begins is not None and ends is not None and ends <= begins:
        return "validTo is not after validFrom"
    return None


def _beyond_limits(state: StationState, connector_id: int, profile: ChargingProfile) -> str | None:
    if profile.stack_level > CHARGE_PROFILE_MAX_STACK_LEVEL.of(state):
        return "stackLevel is above ChargeProfileMaxStackLevel"
    if len(profile.periods) > CHARGING_SCHEDULE_MAX_PERIODS.of(state):
        return "more periods than ChargingScheduleMaxPeriods"
    if _UNIT_NAMES[ChargingRateUnit(profile.unit)] not in CHARGING_SCHEDULE_ALLOWED_CHARGING_RATE_UNIT.of(state):
        return "the unit is not in ChargingScheduleAllowedChargingRateUnit"
    kept = state.charging_profiles.without_replaced(connector_id, profile)
    if len(kept) >= MAX_CHARGING_PROFILES_INSTALLED.of(state):
        return "MaxChargingProfilesInstalled is reached"
    return None


def follow_transactions(state: StationState, at_ms: int) -> tuple[Event, ...]:
    """A rule: TxProfiles find the transaction that they waited for, and end with it (3.13.1) or with the authorization."""
    events: list[Event] = []
    for held in state.charging_profiles.all:
        if held.profile.purpose == ChargingProfilePurpose.TX_PROFILE:
            events.extend(_follow(state, held))
    return tuple(events)


def _follow(state: StationState, held: Installed) -> tuple[Event, ...]:
    number = held.profile.transaction_number
    running = state.transactions.on(held.connector_id)
    if number is not None:
        ended = running is None or running.number != number
        return (_cleared(held, "TransactionEnded"),) if ended else ()
    if running is not None:
        return (_bound(held, running.number),)
    return () if _is_awaited(state, held.connector_id) else (_cleared(held, "AuthorizationEnded"),)


def _bound(held: Installed, number: int) -> ChargingProfileInstalled:
    return ChargingProfileInstalled(
        connector_id=held.connector_id, profile=replace(held.profile, transaction_number=number)
    )


def _cleared(held: Installed, reason: str) -> ChargingProfileCleared:
    return ChargingProfileCleared(
        connector_id=held.connector_id, charging_profile_id=held.profile.charging_profile_id, reason=reason
    )


def _is_awaited(state: StationState, connector_id: int) -> bool:
    """Whether an authorization for the connector is granted, asked for, or to be asked for again."""
    if state.connectors.has(connector_id) and state.connectors[connector_id].grant is not None:
        return True
    if any(item.remote and item.connector_id == connector_id for item in state.authorization.postponed):
        return True
    return any(
        isinstance(owed.event, AuthorizeQueued) and owed.event.remote and owed.event.connector_id == connector_id
        for owed in state.outbox.calls
    )

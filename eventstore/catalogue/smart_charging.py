"""Facts of Smart Charging: which charging profiles are installed (3.13, 5.16) and which limit prevails."""

from typing import ClassVar

from eventstore.event import Decision
from eventstore.value import Value


class SchedulePeriod(Value, frozen=True, kw_only=True):
    """ChargingSchedulePeriod (7.14): from `start_s` after the schedule's start, `limit_deci` tenths of A or W."""

    start_s: int
    limit_deci: int
    phases: int | None = None


class ChargingProfile(Value, frozen=True, kw_only=True):
    """ChargingProfile with its one ChargingSchedule (7.8, 7.13), in integers.

    `transaction_number` is ours: set when the profile belongs to a transaction (TxProfile); the CSMS's id may still
    be unknown then (profile of a RemoteStartTransaction, errata 3.42).
    """

    charging_profile_id: int
    stack_level: int
    purpose: str
    kind: str
    unit: str
    periods: tuple[SchedulePeriod, ...]
    recurrency: str | None = None
    valid_from_utc_ms: int | None = None
    valid_to_utc_ms: int | None = None
    start_schedule_utc_ms: int | None = None
    duration_s: int | None = None
    min_charging_rate_deci: int | None = None
    transaction_number: int | None = None


class ChargingProfileInstalled(Decision, frozen=True, kw_only=True):
    """A profile was accepted for a connector (0: the station); it replaces what 5.16.3 says it replaces."""

    NAME: ClassVar[str] = "ChargingProfileInstalled"

    connector_id: int
    profile: ChargingProfile


class ChargingProfileCleared(Decision, frozen=True, kw_only=True):
    """A profile is gone: cleared (5.5), replaced (5.16.3), or ended with its transaction (3.13.1)."""

    NAME: ClassVar[str] = "ChargingProfileCleared"

    connector_id: int
    charging_profile_id: int
    reason: str


class LimitChanged(Decision, frozen=True, kw_only=True):
    """What the connector may draw from now on: mA per phase and the number of phases; 0 mA suspends it."""

    NAME: ClassVar[str] = "LimitChanged"

    connector_id: int
    limit_ma: int
    phases: int


class LimitsPlanned(Decision, frozen=True, kw_only=True):
    """The limits of all transactions follow from the profiles as they stand; they next change at `due_ms`, if ever.

    `due_ms` is station time: the calendar's next change, or the end of the wait for a vehicle that has to draw less.
    """

    NAME: ClassVar[str] = "LimitsPlanned"

    due_ms: int | None

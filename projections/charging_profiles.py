"""Charging profiles that are installed (5.16; they outlive restarts, errata 3.37), and the plan of limits made of them.

The plan is when the limits must be looked at again: at once if it is `stale`, else at `due_ms`. The current that was taken
from a vehicle is remembered as a `Fall`, because it needs time to follow (IEC 61851-1).
"""

from collections.abc import Callable, Mapping
from typing import Any

from eventstore.catalogue.hardware import ProximityObserved
from eventstore.catalogue.lifecycle import ClockAdjusted, StationBooted, StationDescribed
from eventstore.catalogue.limits import LimitsDescribed, OutsideLimitChanged, StartDelayDrawn
from eventstore.catalogue.smart_charging import (
    ChargingProfile,
    ChargingProfileCleared,
    ChargingProfileInstalled,
    LimitChanged,
    LimitsPlanned,
)
from eventstore.catalogue.temperatures import DeratingChanged
from eventstore.catalogue.transactions import (
    EnergyOfferEnded,
    Moment,
    TransactionEnding,
    TransactionResumed,
    TransactionStarted,
    TransactionStopped,
)
from eventstore.event import Event, Recorded
from eventstore.persistent import Map
from eventstore.value import Value, replace
from projections.clock import Clock

FALLS_KEPT = 32


class Installed(Value, frozen=True, kw_only=True):
    """A profile, the connector it was set for (0: the station), and when the CSMS sent it (None: before 0.2.0)."""

    connector_id: int
    profile: ChargingProfile
    received: Moment | None = None


class Fall(Value, frozen=True, kw_only=True):
    """A connector's limit fell from `from_ma` at station time `at_ms`."""

    connector_id: int
    from_ma: int
    at_ms: int


class ChargingProfiles(Value, frozen=True, kw_only=True):
    """All installed profiles, in the order of installation, and the plan of limits.

    `live` are the numbers of the running transactions that this process started or resumed: only they are offered energy.
    `limits` is the limit in mA that each connector has, `falls` the last decreases; `phases_chosen` are the connectors whose
    transaction has been offered energy, on a number of phases that is now its own.
    """

    all: tuple[Installed, ...] = ()
    live: tuple[int, ...] = ()
    limits: Map[int, int] = Map()
    falls: tuple[Fall, ...] = ()
    phases_chosen: tuple[int, ...] = ()
    stale: bool = True
    due_ms: int | None = None

    def without_replaced(self, connector_id: int, new: ChargingProfile) -> tuple[Installed, ...]:
        """What stays when `new` is installed: not the same id anywhere, nor the same purpose and stack level on the same
        connector (5.16.3, 5.16.4)."""
        place = (connector_id, new.purpose, new.stack_level)
        return tuple(
            held
            for held in self.all
            if held.profile.charging_profile_id != new.charging_profile_id
            and (held.connector_id, held.profile.purpose, held.profile.stack_level) != place
        )


def _on_installed(
    profiles: ChargingProfiles, event: ChargingProfileInstalled, recorded: Recorded, clock: Clock
) -> ChargingProfiles:
    kept = profiles.without_replaced(event.connector_id, event.profile)
    waiting = next((held for held in profiles.all if _is_bound_by(held, event)), None)
    received = clock.moment(recorded.at_ms) if waiting is None else waiting.received
    installed = Installed(connector_id=event.connector_id, profile=event.profile, received=received)
    return replace(profiles, all=(*kept, installed), stale=True)


def _is_bound_by(held: Installed, event: ChargingProfileInstalled) -> bool:
    """Whether the event gives a profile that waited for its transaction that transaction: it was received before."""
    number = event.profile.transaction_number
    return (
        number is not None
        and held.connector_id == event.connector_id
        and held.profile.transaction_number is None
        and replace(held.profile, transaction_number=number) == event.profile
    )


def _on_cleared(
    profiles: ChargingProfiles, event: ChargingProfileCleared, recorded: Recorded, _: Clock
) -> ChargingProfiles:
    kept = tuple(
        held
        for held in profiles.all
        if (held.connector_id, held.profile.charging_profile_id) != (event.connector_id, event.charging_profile_id)
    )
    return replace(profiles, all=kept, stale=True)


def _on_live(
    profiles: ChargingProfiles, event: TransactionStarted | TransactionResumed, recorded: Recorded, _: Clock
) -> ChargingProfiles:
    live = (*_without(profiles.live, event.number), event.number)
    return replace(profiles, live=live, phases_chosen=_without(profiles.phases_chosen, event.connector_id), stale=True)


def _without(numbers: tuple[int, ...], gone: int) -> tuple[int, ...]:
    return tuple(number for number in numbers if number != gone)


def _limited(profiles: ChargingProfiles, connector_id: int, limit_ma: int, at_ms: int) -> ChargingProfiles:
    before_ma = profiles.limits.get(connector_id, 0)
    falls = profiles.falls
    if limit_ma < before_ma:
        falls = (*falls, Fall(connector_id=connector_id, from_ma=before_ma, at_ms=at_ms))[-FALLS_KEPT:]
    return replace(profiles, limits=profiles.limits.set(connector_id, limit_ma), falls=falls)


def _on_limit(profiles: ChargingProfiles, event: LimitChanged, recorded: Recorded, _: Clock) -> ChargingProfiles:
    after = _limited(profiles, event.connector_id, event.limit_ma, recorded.at_ms)
    if event.limit_ma == 0 or event.connector_id in after.phases_chosen:
        return after
    return replace(after, phases_chosen=(*after.phases_chosen, event.connector_id))


def _on_stopped(
    profiles: ChargingProfiles, event: TransactionStopped, recorded: Recorded, _: Clock
) -> ChargingProfiles:
    after = _limited(profiles, event.connector_id, 0, recorded.at_ms)
    return replace(after, live=_without(profiles.live, event.number), stale=True)


def _on_planned(profiles: ChargingProfiles, event: LimitsPlanned, recorded: Recorded, _: Clock) -> ChargingProfiles:
    return replace(profiles, stale=False, due_ms=event.due_ms)


def _on_boot(profiles: ChargingProfiles, event: StationBooted, recorded: Recorded, _: Clock) -> ChargingProfiles:
    # A new process begins with contactors open: nothing is offered, no vehicle has to follow.
    return ChargingProfiles(all=profiles.all)


def _on_change(profiles: ChargingProfiles, event: Event, recorded: Recorded, _: Clock) -> ChargingProfiles:
    return profiles if profiles.stale else replace(profiles, stale=True)


FOLDS: Mapping[type[Event], Callable[[ChargingProfiles, Any, Recorded, Clock], ChargingProfiles]] = {
    ChargingProfileInstalled: _on_installed,
    ChargingProfileCleared: _on_cleared,
    TransactionStarted: _on_live,
    TransactionResumed: _on_live,
    TransactionStopped: _on_stopped,
    LimitChanged: _on_limit,
    LimitsPlanned: _on_planned,
    StationBooted: _on_boot,
    StationDescribed: _on_change,
    ClockAdjusted: _on_change,
    ProximityObserved: _on_change,
    EnergyOfferEnded: _on_change,
    TransactionEnding: _on_change,
    LimitsDescribed: _on_change,
    OutsideLimitChanged: _on_change,
    DeratingChanged: _on_change,
    StartDelayDrawn: _on_change,
}

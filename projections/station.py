"""The station's state: one field per projection, and the one fold from events to it.

`evolve` is the only way a state comes about, at run time as in replay. It is pure and total over the catalogue: an event
that no projection reads moves only the position in the log.
"""

from collections.abc import Callable, Mapping
from typing import Any

from eventstore.catalogue.lifecycle import DiskSpaceObserved, StationBooted, StationDescribed, StationStopped
from eventstore.catalogue.transactions import Moment
from eventstore.event import Event, Recorded
from eventstore.frozen import dataclass, replace
from projections import (
    authorization as authorization_projection,
)
from projections import (
    charging_profiles as charging_profiles_projection,
)
from projections import (
    clock as clock_projection,
)
from projections import (
    configuration as configuration_projection,
)
from projections import (
    connectors as connectors_projection,
)
from projections import (
    link as link_projection,
)
from projections import (
    maintenance as maintenance_projection,
)
from projections import (
    outbox as outbox_projection,
)
from projections import (
    registration as registration_projection,
)
from projections import (
    reservations as reservations_projection,
)
from projections import (
    transactions as transactions_projection,
)
from projections.authorization import Authorization
from projections.charging_profiles import ChargingProfiles
from projections.clock import Clock
from projections.configuration import Configuration
from projections.connector import Connectors
from projections.link import Link
from projections.maintenance import Maintenance
from projections.outbox import Outbox
from projections.registration import ACCEPTED, Registration
from projections.reservations import Reservations
from projections.transactions import Transactions


@dataclass(frozen=True, slots=True, kw_only=True)
class Boot:
    """How this process came to the log: `proven` is the last moment that the log proves of the one before.

    `ended` is why this process ended, once it has recorded that as its last word.
    """

    proven: Moment | None = None
    orderly: bool = True
    same_power: bool = False
    boot_id: str = ""
    disk: str = "ok"
    ended: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StationState:
    """Everything that the station knows, as of event `seq` at station time `at_ms`."""

    seq: int = 0
    at_ms: int = 0
    boot: Boot = Boot()
    description: StationDescribed | None = None
    clock: Clock = Clock()
    registration: Registration = Registration()
    link: Link = Link()
    connectors: Connectors = Connectors()
    transactions: Transactions = Transactions()
    outbox: Outbox = Outbox()
    authorization: Authorization = Authorization()
    charging_profiles: ChargingProfiles = ChargingProfiles()
    reservations: Reservations = Reservations()
    configuration: Configuration = Configuration()
    maintenance: Maintenance = Maintenance()

    @property
    def online(self) -> bool:
        """Connected and accepted: the CSMS can be asked (3.5)."""
        return self.link.up and self.registration.status == ACCEPTED

    @property
    def described(self) -> StationDescribed:
        """What the station is made of; every log says so before anything else is decided."""
        assert self.description is not None, "StationDescribed comes before every decision"
        return self.description


INITIAL = StationState()

Fold = Callable[[Any, Any, Recorded, Clock], Any]

# `clock` first: the folds after it see the clock as the event leaves it.
_PARTS: Mapping[str, Mapping[type[Event], Fold]] = {
    "clock": clock_projection.FOLDS,
    "registration": registration_projection.FOLDS,
    "link": link_projection.FOLDS,
    "connectors": connectors_projection.FOLDS,
    "transactions": transactions_projection.FOLDS,
    "outbox": outbox_projection.FOLDS,
    "authorization": authorization_projection.FOLDS,
    "charging_profiles": charging_profiles_projection.FOLDS,
    "reservations": reservations_projection.FOLDS,
    "configuration": configuration_projection.FOLDS,
    "maintenance": maintenance_projection.FOLDS,
}


def _table() -> dict[type[Event], tuple[tuple[str, Fold], ...]]:
    kinds = {kind for folds in _PARTS.values() for kind in folds}
    return {kind: tuple((name, folds[kind]) for name, folds in _PARTS.items() if kind in folds) for kind in kinds}


FOLDS: Mapping[type[Event], tuple[tuple[str, Fold], ...]] = _table()


def _boot(state: StationState, event: StationBooted) -> Boot:
    proven = state.clock.moment(state.at_ms) if state.seq else None
    same_power = event.boot_id != "" and event.boot_id == state.boot.boot_id
    return Boot(
        proven=proven, orderly=event.orderly, same_power=same_power, boot_id=event.boot_id, disk=state.boot.disk
    )


def evolve(state: StationState, recorded: Recorded) -> StationState:
    """The state after one more event; raises whatever a fold raises for an event that cannot be (kernel's business)."""
    event = recorded.event
    kind = type(event)
    facts: dict[str, Any] = {"seq": recorded.seq, "at_ms": max(state.at_ms, recorded.at_ms)}
    if isinstance(event, StationBooted):
        facts["boot"] = _boot(state, event)
    elif isinstance(event, StationDescribed):
        facts["description"] = event
    elif isinstance(event, StationStopped):
        facts["boot"] = replace(state.boot, ended=event.why)
    elif isinstance(event, DiskSpaceObserved):
        facts["boot"] = replace(state.boot, disk=event.level)
    present = state.clock
    for name, fold in FOLDS.get(kind, ()):
        before = getattr(state, name)
        after = fold(before, event, recorded, present)
        if after is not before:
            facts[name] = after
        if name == "clock":
            present = after
    return replace(state, **facts)

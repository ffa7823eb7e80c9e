"""The station's state: one field per projection, and the one fold from events to it.

`evolve` is the only way a state comes about, at run time as in replay. It is pure and total over the catalogue: an event
that no projection reads moves only the position in the log.
"""

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from eventstore.catalogue.lifecycle import (
    DecisionFailed,
    DiskSpaceObserved,
    ObservationRejected,
    StationBooted,
    StationDescribed,
    StationStopped,
)
from eventstore.catalogue.transactions import Moment, TransactionStarted
from eventstore.event import Event, Recorded
from eventstore.value import Value, replace
from projections import (
    authorization as authorization_projection,
)
from projections import (
    certificates as certificates_projection,
)
from projections import (
    charging_profiles as charging_profiles_projection,
)
from projections import (
    clock as clock_projection,
)
from projections import (
    commissioning as commissioning_projection,
)
from projections import (
    configuration as configuration_projection,
)
from projections import (
    connector_folds,
    residual_monitors,
)
from projections import (
    credentials as credentials_projection,
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
    outside_limits as outside_limits_projection,
)
from projections import (
    own_certificates as own_certificates_projection,
)
from projections import (
    plugs as plugs_projection,
)
from projections import (
    registration as registration_projection,
)
from projections import (
    reservations as reservations_projection,
)
from projections import (
    security as security_projection,
)
from projections import (
    security_profile as security_profile_projection,
)
from projections import (
    temperatures as temperatures_projection,
)
from projections import (
    transactions as transactions_projection,
)
from projections import (
    waking as waking_projection,
)
from projections.authorization import Authorization
from projections.certificates import Certificates
from projections.charging_profiles import ChargingProfiles
from projections.clock import Clock
from projections.commissioning import Commissioning
from projections.configuration import Configuration
from projections.connector import Connectors
from projections.credentials import Credentials
from projections.link import Link
from projections.maintenance import Maintenance
from projections.outbox import Outbox
from projections.outside_limits import OutsideLimits
from projections.own_certificates import OwnCertificates
from projections.plugs import Plugs
from projections.recovered import CONNECTOR_FOLDS, TRANSACTION_FOLDS
from projections.registration import ACCEPTED, Registration
from projections.reservations import Reservations
from projections.security import Security
from projections.security_profile import SecurityProfile
from projections.temperatures import Temperatures
from projections.transactions import Transactions
from projections.waking import Waking


class Boot(Value, frozen=True, kw_only=True):
    """How this process came to the log: `proven` is the last moment that the log proves of the one before.

    `ended` is why this process ended, once StationStopped is recorded. `unrest_seq` is the last event by which
    nothing could be decided, by our own fault: what follows from the state may yet have to be said (see `station.core.kernel`).
    """

    proven: Moment | None = None
    orderly: bool = True
    same_power: bool = False
    boot_id: str = ""
    disk: str = "ok"
    ended: str = ""
    unrest_seq: int = 0


class StationState(Value, frozen=True, kw_only=True):
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
    outside_limits: OutsideLimits = OutsideLimits()
    reservations: Reservations = Reservations()
    configuration: Configuration = Configuration()
    maintenance: Maintenance = Maintenance()
    credentials: Credentials = Credentials()
    security: Security = Security()
    certificates: Certificates = Certificates()
    own_certificates: OwnCertificates = OwnCertificates()
    security_profile: SecurityProfile = SecurityProfile()
    plugs: Plugs = Plugs()
    commissioning: Commissioning = Commissioning()
    waking: Waking = Waking()
    temperatures: Temperatures = Temperatures()

    @property
    def online(self) -> bool:
        """Connected and accepted: the CSMS can be asked (3.5)."""
        return self.link.up and self.registration.status == ACCEPTED

    @property
    def described(self) -> StationDescribed:
        """What the station is made of; every log says so before anything else is decided."""
        assert self.description is not None, "StationDescribed comes before every decision"
        return self.description

    def told_by(self, message_id: str) -> type[Event] | None:
        """The kind of fact that left under this message id, is settled, and to which a late answer still counts (4.8)."""
        return None if self.transactions.started_by(message_id) is None else TransactionStarted


INITIAL = StationState()

Fold = Callable[[Any, Any, Recorded, Clock], Any]


def _described(_: Any, event: StationDescribed, recorded: Recorded, clock: Clock) -> StationDescribed:
    return event


def _stopped(boot: Boot, event: StationStopped, recorded: Recorded, _: Clock) -> Boot:
    return replace(boot, ended=event.why)


def _disk(boot: Boot, event: DiskSpaceObserved, recorded: Recorded, _: Clock) -> Boot:
    return replace(boot, disk=event.level)


def _undecided(boot: Boot, _event: DecisionFailed | ObservationRejected, recorded: Recorded, _: Clock) -> Boot:
    return replace(boot, unrest_seq=recorded.seq)


def _one_after_another(*tables: Mapping[type[Event], Fold]) -> Mapping[type[Event], Fold]:
    """One table of several for one field: of folds for the same event each sees what those before it made."""
    merged: dict[type[Event], Fold] = {}
    for kind, fold in (entry for table in tables for entry in table.items()):
        merged[kind] = fold if kind not in merged else _both(merged[kind], fold)
    return merged


def _both(first: Fold, second: Fold) -> Fold:
    return lambda value, event, recorded, clock: second(first(value, event, recorded, clock), event, recorded, clock)


# `clock` first: the folds after it see the clock as the event leaves it.
_PARTS: Mapping[str, Mapping[type[Event], Fold]] = {
    "clock": clock_projection.FOLDS,
    "boot": {
        StationStopped: _stopped,
        DiskSpaceObserved: _disk,
        DecisionFailed: _undecided,
        ObservationRejected: _undecided,
    },
    "description": {StationDescribed: _described},
    "registration": registration_projection.FOLDS,
    "link": link_projection.FOLDS,
    "connectors": _one_after_another(
        connector_folds.FOLDS, CONNECTOR_FOLDS, temperatures_projection.CONNECTOR_FOLDS, residual_monitors.FOLDS
    ),
    "transactions": {**transactions_projection.FOLDS, **TRANSACTION_FOLDS},
    "outbox": outbox_projection.FOLDS,
    "authorization": authorization_projection.FOLDS,
    "charging_profiles": charging_profiles_projection.FOLDS,
    "outside_limits": outside_limits_projection.FOLDS,
    "reservations": reservations_projection.FOLDS,
    "configuration": configuration_projection.FOLDS,
    "maintenance": maintenance_projection.FOLDS,
    "credentials": credentials_projection.FOLDS,
    "security": security_projection.FOLDS,
    "certificates": certificates_projection.FOLDS,
    "own_certificates": own_certificates_projection.FOLDS,
    "security_profile": security_profile_projection.FOLDS,
    "plugs": plugs_projection.FOLDS,
    "commissioning": commissioning_projection.FOLDS,
    "waking": waking_projection.FOLDS,
    "temperatures": temperatures_projection.FOLDS,
}


def _table() -> dict[type[Event], tuple[tuple[str, Fold], ...]]:
    kinds = {kind for folds in _PARTS.values() for kind in folds}
    return {kind: tuple((name, folds[kind]) for name, folds in _PARTS.items() if kind in folds) for kind in kinds}


FOLDS: Mapping[type[Event], tuple[tuple[str, Fold], ...]] = _table()


def _booted(state: Any, event: StationBooted) -> Boot:
    """Of the state before the event."""
    boot: Boot = state.boot
    proven = state.clock.moment(state.at_ms) if state.seq else None
    same_power = event.boot_id != "" and event.boot_id == boot.boot_id
    return Boot(proven=proven, orderly=event.orderly, same_power=same_power, boot_id=event.boot_id, disk=boot.disk)


def changes(state: Any, recorded: Recorded) -> dict[str, Any]:
    """What one more event changes: the fields that have another value after it, with that. The one fold.

    `state` is a StationState, or whatever has the same fields. Raises whatever a fold raises for an event that cannot be
    (kernel's business).
    """
    event = recorded.event
    changed: dict[str, Any] = {"seq": recorded.seq}
    if recorded.at_ms > state.at_ms:
        changed["at_ms"] = recorded.at_ms
    if type(event) is StationBooted:
        changed["boot"] = _booted(state, event)
    present = state.clock
    for name, fold in FOLDS.get(type(event), ()):
        before = getattr(state, name)
        after = fold(before, event, recorded, present)
        if after is not before:
            changed[name] = after
            if name == "clock":
                present = after
    return changed


def evolve(state: StationState, recorded: Recorded) -> StationState:
    """The state after one more event; raises as `changes` does."""
    return replace(state, **changes(state, recorded))


class Folding:
    """A state on its way through a long history: as `evolve` event by event, without the states between."""

    __slots__ = ("_now",)

    def __init__(self, state: StationState) -> None:
        self._now = SimpleNamespace(**{name: getattr(state, name) for name in state.__struct_fields__})

    @property
    def seq(self) -> int:
        """That of the last event."""
        seq: int = self._now.seq
        return seq

    def add(self, recorded: Recorded) -> None:
        """Folds one more event in; raises as `changes` does, and is then as it was before."""
        vars(self._now).update(changes(self._now, recorded))

    def state(self) -> StationState:
        """The state as of the last event."""
        return StationState(**vars(self._now))

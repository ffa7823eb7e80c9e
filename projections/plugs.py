"""Plugged vehicles where no card is needed: what each said of itself, and what became of it as the presentation of a tag.

A plug is presented once. What happens to that presentation, until the vehicle is unplugged:

    ASKED    presented: list, cache or CSMS are asked, or it is authorized and waits for the start
    REFUSED  refused, or its authorization was taken back: for good
    OFFLINE  refused because the CSMS could not be asked: presented again once it can
    OVER     a session was begun with it: another one needs another plug, unless the station itself ended the session
    LEFT     the vehicle was unplugged while ASKED: the authorization that may still come is not for the next one
    ""       not presented, or as good as that

What ends a session for the station's own sake (`OWN_SAKE`), or an authorization before it came to one, is no answer to the
driver, who has gone: the plug counts again as soon as the station can serve it.

Who was there when the station booted may begin at the same moment as others, since nobody does anything to begin it:
`since_boot` tells, until somebody does.
"""

from collections.abc import Callable, Mapping
from typing import Any

from eventstore.catalogue.authorization import AuthorizationDenied, AuthorizationEnded, PlugTakenAsTag
from eventstore.catalogue.hardware import PilotStateObserved, VehicleIdentified
from eventstore.catalogue.lifecycle import StationBooted
from eventstore.catalogue.link import LinkOpened
from eventstore.catalogue.registration import RegistrationAnswered
from eventstore.catalogue.transactions import TransactionStarted, TransactionStopped
from eventstore.event import Event, Recorded
from eventstore.persistent import Map
from eventstore.value import Value, replace
from projections.authorization import NO_CSMS
from projections.clock import Clock

ASKED, REFUSED, OFFLINE, OVER, LEFT = "asked", "refused", "offline", "over", "left"
OWN_SAKE = frozenset({"PowerLoss", "Reboot", "SoftReset", "HardReset"})
"""Reasons of 7.37 that say nothing against the driver."""
_FOR_GOOD = frozenset({"Cancelled", "ConnectionTimeOut", "UnlockConnector"})
"""Why an authorization ended that somebody took back, or that nobody used."""
_REMOTE = "Remote"
"""What authorized a transaction that the CSMS began (RemoteStartTransaction)."""
_VEHICLE = ("B", "C", "D")


class Plug(Value, frozen=True, kw_only=True):
    """One connector: whether a vehicle is connected, its id if it gave one, and what became of the plug as the tag `id_tag`.

    `since_boot`: it was there when the pilot was first read in this boot, and nobody has begun or ended anything there since.
    """

    connected: bool = False
    evccid: str = ""
    id_tag: str = ""
    stage: str = ""
    since_boot: bool = False


UNPLUGGED = Plug()


class Plugs(Value, frozen=True, kw_only=True):
    """By connector; those of which nothing is known are absent. `read` are those whose pilot was read in this boot without an error."""

    by_id: Map[int, Plug] = Map()
    read: tuple[int, ...] = ()

    def on(self, connector_id: int) -> Plug:
        """What is known of the connector's plug."""
        return self.by_id.get(connector_id, UNPLUGGED)

    def with_plug(self, connector_id: int, plug: Plug) -> "Plugs":
        """The same with another plug on one connector; itself if that changes nothing."""
        if plug == self.on(connector_id):
            return self
        is_known = plug != UNPLUGGED
        changed = self.by_id.set(connector_id, plug) if is_known else self.by_id.delete(connector_id)
        return replace(self, by_id=changed)


def _on_pilot(plugs: Plugs, event: PilotStateObserved, recorded: Recorded, _: Clock) -> Plugs:
    plug = plugs.on(event.connector_id)
    if event.pilot_state not in (*_VEHICLE, "A"):
        return plugs  # an error of the pilot: the vehicle may still be there
    is_first = event.connector_id not in plugs.read
    if is_first:
        plugs = replace(plugs, read=(*plugs.read, event.connector_id))
    if event.pilot_state in _VEHICLE:
        since_boot = is_first or plug.since_boot
        return plugs.with_plug(event.connector_id, replace(plug, connected=True, since_boot=since_boot))
    left = Plug(id_tag=plug.id_tag, stage=LEFT) if plug.stage in (ASKED, LEFT) else UNPLUGGED
    return plugs.with_plug(event.connector_id, left)


def _on_vehicle(plugs: Plugs, event: VehicleIdentified, recorded: Recorded, _: Clock) -> Plugs:
    plug = plugs.on(event.connector_id)
    return plugs.with_plug(event.connector_id, replace(plug, evccid=event.evccid)) if plug.connected else plugs


def _on_taken(plugs: Plugs, event: PlugTakenAsTag, recorded: Recorded, _: Clock) -> Plugs:
    plug = plugs.on(event.connector_id)
    return plugs.with_plug(event.connector_id, replace(plug, id_tag=event.id_tag, stage=ASKED))


def _is_same(id_tag: str, other: str) -> bool:
    return id_tag.casefold() == other.casefold()


def _concluded(plugs: Plugs, connector_id: int | None, stage: str) -> Plugs:
    """What a plug that was presented has come to; one that has left meanwhile is of no more interest."""
    if connector_id is None:
        return plugs
    plug = plugs.on(connector_id)
    if plug.stage == LEFT:
        return plugs.with_plug(connector_id, replace(plug, id_tag="", stage=""))
    return plugs.with_plug(connector_id, replace(plug, stage=stage)) if plug.stage == ASKED else plugs


def _on_denied(plugs: Plugs, event: AuthorizationDenied, recorded: Recorded, _: Clock) -> Plugs:
    if event.connector_id is None or not _is_same(plugs.on(event.connector_id).id_tag, event.id_tag):
        return plugs
    return _concluded(plugs, event.connector_id, OFFLINE if event.reason in NO_CSMS else REFUSED)


def _on_ended(plugs: Plugs, event: AuthorizationEnded, recorded: Recorded, _: Clock) -> Plugs:
    return _concluded(plugs, event.connector_id, REFUSED if event.reason in _FOR_GOOD else "")


def _on_started(plugs: Plugs, event: TransactionStarted, recorded: Recorded, _: Clock) -> Plugs:
    plug = plugs.on(event.connector_id)
    is_its_own = plug.stage == ASKED and _is_same(plug.id_tag, event.id_tag) and event.authorized_by != _REMOTE
    return plugs.with_plug(event.connector_id, replace(plug, stage=OVER, since_boot=plug.since_boot and is_its_own))


def _on_stopped(plugs: Plugs, event: TransactionStopped, recorded: Recorded, _: Clock) -> Plugs:
    plug = plugs.on(event.connector_id)
    stage = "" if event.reason in OWN_SAKE or not plug.connected else OVER
    since_boot = plug.since_boot and event.reason in OWN_SAKE
    return plugs.with_plug(event.connector_id, replace(plug, id_tag="", stage=stage, since_boot=since_boot))


def _on_online(plugs: Plugs, event: LinkOpened | RegistrationAnswered, recorded: Recorded, _: Clock) -> Plugs:
    for connector_id, plug in plugs.by_id.items():
        if plug.stage == OFFLINE:
            plugs = plugs.with_plug(connector_id, replace(plug, stage=""))
    return plugs


def _on_boot(plugs: Plugs, event: StationBooted, recorded: Recorded, _: Clock) -> Plugs:
    # The board is read again, and authorizations are gone. Whether another vehicle came meanwhile, nobody has seen.
    kept = {connector_id: Plug(stage=OVER) for connector_id, plug in plugs.by_id.items() if plug.stage == OVER}
    return Plugs(by_id=Map(kept))


FOLDS: Mapping[type[Event], Callable[[Plugs, Any, Recorded, Clock], Plugs]] = {
    StationBooted: _on_boot,
    PilotStateObserved: _on_pilot,
    VehicleIdentified: _on_vehicle,
    PlugTakenAsTag: _on_taken,
    AuthorizationDenied: _on_denied,
    AuthorizationEnded: _on_ended,
    TransactionStarted: _on_started,
    TransactionStopped: _on_stopped,
    LinkOpened: _on_online,
    RegistrationAnswered: _on_online,
}

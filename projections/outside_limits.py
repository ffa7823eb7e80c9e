"""Outside limits: what each source said last, and which limits are in force for it.

What a source said is a fact; the limit that holds because of it, or because nothing was heard in time, is a decision
(`OutsideLimitChanged`), and `in_force` holds those. Nothing outlives its `until_ms` but by a decision.
"""

from collections.abc import Callable, Mapping
from typing import Any

from eventstore.catalogue.lifecycle import StationBooted
from eventstore.catalogue.limits import (
    LimitContactObserved,
    LimitsDescribed,
    OutsideLimitChanged,
    OutsideLimitReported,
    SiteMeterFailed,
    SiteMeterObserved,
    StartDelayDrawn,
    StartsDelayed,
)
from eventstore.catalogue.link import LinkClosed, LinkOpened
from eventstore.catalogue.smart_charging import LimitChanged
from eventstore.catalogue.transactions import (
    Moment,
    TransactionResumed,
    TransactionStarted,
    TransactionStopped,
)
from eventstore.event import Event, Recorded
from eventstore.persistent import Map
from eventstore.value import Value, replace
from projections.clock import Clock

API, CONTACT, CSMS_SILENCE, SITE_METER = "api", "contact", "csms_silence", "site_meter"
"""By which ways a limit comes from outside."""
OUTSIDE_LIMIT_DUE = "outside_limit"
"""The deadline at which a limit changes because nothing was heard until then."""
OFF_PEAK, POWER_RETURN, LIMIT_LIFTED = "off-peak", "power return", "limit lifted"
"""Why many stations may start at one moment."""
REPORTED, SILENT = "reported", "silent"
"""Why a limit is in force: somebody says so, or nobody was heard in time."""


class SourceReport(Value, frozen=True, kw_only=True):
    """What a source said last: mA per phase, W in total, and until when (station time) it holds without being said again.

    `is_heard`: it was said in this boot. How long the station was gone before it is not always known.
    """

    source: str
    max_current_ma: int | None
    max_power_w: int | None
    until_ms: int
    is_heard: bool = True


class InForce(Value, frozen=True, kw_only=True):
    """A limit that holds; `since` is when it became what it is."""

    kind: str
    source: str
    why: str
    max_current_ma: int | None
    max_power_w: int | None
    since: Moment


class StartDelay(Value, frozen=True, kw_only=True):
    """A start that waits because many stations may start now; `until_ms` is None until it is drawn."""

    why: str
    until_ms: int | None = None


class OutsideLimits(Value, frozen=True, kw_only=True):
    """`rules` are the settings. `contact_closed` is None until the board has reported it, `site` while the site meter tells nothing, `link_down_since_ms` None while connected.

    `paused_ms` is since when a connector has been offered nothing because of an outside limit, by its id. `delays` are
    the delayed starts by connector, those that are over too, until energy is offered there.
    """

    rules: LimitsDescribed = LimitsDescribed()
    reports: tuple[SourceReport, ...] = ()
    contact_closed: bool | None = None
    site: SiteMeterObserved | None = None
    link_down_since_ms: int | None = 0
    in_force: tuple[InForce, ...] = ()
    paused_ms: Map[int, int] = Map()
    delays: Map[int, StartDelay] = Map()

    def of(self, kind: str, source: str = "") -> InForce | None:
        """The limit in force of a kind and source."""
        return next((each for each in self.in_force if (each.kind, each.source) == (kind, source)), None)

    def delay_on(self, connector_id: int, at_ms: int) -> StartDelay | None:
        """The delay of a start that waits there at a moment."""
        delay = self.delays.get(connector_id)
        return None if delay is None or (delay.until_ms is not None and at_ms >= delay.until_ms) else delay

    @property
    def suspends_tx_profiles(self) -> bool:
        """Whether TxProfiles do not count now, because the CSMS is silent."""
        return self.rules.silence_suspends_tx_profiles and self.of(CSMS_SILENCE) is not None


def _on_boot(limits: OutsideLimits, event: StationBooted, recorded: Recorded, _: Clock) -> OutsideLimits:
    reports = tuple(replace(each, is_heard=False) for each in limits.reports)
    return replace(
        limits,
        reports=reports,
        contact_closed=None,
        site=None,
        link_down_since_ms=recorded.at_ms,
        paused_ms=Map[int, int](),
        delays=Map[int, StartDelay](),
    )


def _on_described(limits: OutsideLimits, event: LimitsDescribed, recorded: Recorded, _: Clock) -> OutsideLimits:
    return replace(limits, rules=event)


def _on_reported(limits: OutsideLimits, event: OutsideLimitReported, recorded: Recorded, _: Clock) -> OutsideLimits:
    others = tuple(each for each in limits.reports if each.source != event.source)
    if event.max_current_ma is None and event.max_power_w is None:
        return replace(limits, reports=others)
    report = SourceReport(
        source=event.source,
        max_current_ma=event.max_current_ma,
        max_power_w=event.max_power_w,
        until_ms=recorded.at_ms + event.valid_ms,
    )
    return replace(limits, reports=(*others, report))


def _on_contact(limits: OutsideLimits, event: LimitContactObserved, recorded: Recorded, _: Clock) -> OutsideLimits:
    return replace(limits, contact_closed=event.closed)


def _on_site(limits: OutsideLimits, event: SiteMeterObserved, recorded: Recorded, _: Clock) -> OutsideLimits:
    return replace(limits, site=event)


def _on_site_failed(limits: OutsideLimits, event: SiteMeterFailed, recorded: Recorded, _: Clock) -> OutsideLimits:
    return replace(limits, site=None)


def _on_opened(limits: OutsideLimits, event: LinkOpened, recorded: Recorded, _: Clock) -> OutsideLimits:
    return replace(limits, link_down_since_ms=None)


def _on_closed(limits: OutsideLimits, event: LinkClosed, recorded: Recorded, _: Clock) -> OutsideLimits:
    return limits if limits.link_down_since_ms is not None else replace(limits, link_down_since_ms=recorded.at_ms)


def _on_changed(limits: OutsideLimits, event: OutsideLimitChanged, recorded: Recorded, clock: Clock) -> OutsideLimits:
    others = tuple(each for each in limits.in_force if (each.kind, each.source) != (event.kind, event.source))
    if event.max_current_ma is None and event.max_power_w is None:
        return replace(limits, in_force=others)
    now = InForce(
        kind=event.kind,
        source=event.source,
        why=event.why,
        max_current_ma=event.max_current_ma,
        max_power_w=event.max_power_w,
        since=clock.moment(recorded.at_ms),
    )
    return replace(limits, in_force=(*others, now))


def _on_delayed(limits: OutsideLimits, event: StartsDelayed, recorded: Recorded, _: Clock) -> OutsideLimits:
    begun = dict.fromkeys(event.connectors, StartDelay(why=event.why))
    return replace(limits, delays=limits.delays.update(begun))


def _on_drawn(limits: OutsideLimits, event: StartDelayDrawn, recorded: Recorded, _: Clock) -> OutsideLimits:
    until_ms = recorded.at_ms + event.delay_ms
    drawn = {
        connector_id: replace(delay, until_ms=until_ms)
        for connector_id, delay in limits.delays.items()
        if delay.until_ms is None
    }
    return replace(limits, delays=limits.delays.update(drawn)) if drawn else limits


def _on_limit(limits: OutsideLimits, event: LimitChanged, recorded: Recorded, clock: Clock) -> OutsideLimits:
    if event.limit_ma == 0 and limits.in_force:
        return replace(limits, paused_ms=limits.paused_ms.set(event.connector_id, recorded.at_ms))
    return limits if event.limit_ma == 0 else _anew(limits, event, recorded, clock)


def _anew(
    limits: OutsideLimits,
    event: LimitChanged | TransactionStarted | TransactionResumed | TransactionStopped,
    recorded: Recorded,
    _: Clock,
) -> OutsideLimits:
    """Energy is offered, or another transaction is there: nothing waits any more."""
    place = event.connector_id
    if place in limits.paused_ms:
        limits = replace(limits, paused_ms=limits.paused_ms.delete(place))
    return replace(limits, delays=limits.delays.delete(place)) if place in limits.delays else limits


FOLDS: Mapping[type[Event], Callable[[OutsideLimits, Any, Recorded, Clock], OutsideLimits]] = {
    StationBooted: _on_boot,
    LimitsDescribed: _on_described,
    OutsideLimitReported: _on_reported,
    LimitContactObserved: _on_contact,
    SiteMeterObserved: _on_site,
    SiteMeterFailed: _on_site_failed,
    LinkOpened: _on_opened,
    LinkClosed: _on_closed,
    OutsideLimitChanged: _on_changed,
    LimitChanged: _on_limit,
    TransactionStarted: _anew,
    TransactionResumed: _anew,
    TransactionStopped: _anew,
    StartsDelayed: _on_delayed,
    StartDelayDrawn: _on_drawn,
}

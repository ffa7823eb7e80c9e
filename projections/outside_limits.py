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
)
from eventstore.catalogue.link import LinkClosed, LinkOpened
from eventstore.catalogue.smart_charging import LimitChanged
from eventstore.catalogue.transactions import Moment, TransactionResumed, TransactionStarted
from eventstore.event import Event, Recorded
from eventstore.persistent import Map
from eventstore.value import Value, replace
from projections.clock import Clock

API, CONTACT, CSMS_SILENCE = "api", "contact", "csms_silence"
"""By which ways a limit comes from outside."""
OUTSIDE_LIMIT_DUE = "outside_limit"
"""The deadline at which a limit changes because nothing was heard until then."""
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


class OutsideLimits(Value, frozen=True, kw_only=True):
    """`rules` are the settings. `contact_closed` is None until the board has reported it, `link_down_since_ms` None while connected.

    `paused_ms` is since when a connector has been offered nothing because of an outside limit, by its id.
    """

    rules: LimitsDescribed = LimitsDescribed()
    reports: tuple[SourceReport, ...] = ()
    contact_closed: bool | None = None
    link_down_since_ms: int | None = 0
    in_force: tuple[InForce, ...] = ()
    paused_ms: Map[int, int] = Map()

    def of(self, kind: str, source: str = "") -> InForce | None:
        """The limit in force of a kind and source."""
        return next((each for each in self.in_force if (each.kind, each.source) == (kind, source)), None)

    @property
    def suspends_tx_profiles(self) -> bool:
        """Whether TxProfiles do not count now, because the CSMS is silent."""
        return self.rules.silence_suspends_tx_profiles and self.of(CSMS_SILENCE) is not None


def _on_boot(limits: OutsideLimits, event: StationBooted, recorded: Recorded, _: Clock) -> OutsideLimits:
    reports = tuple(replace(each, is_heard=False) for each in limits.reports)
    return replace(
        limits, reports=reports, contact_closed=None, link_down_since_ms=recorded.at_ms, paused_ms=Map[int, int]()
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


def _on_limit(limits: OutsideLimits, event: LimitChanged, recorded: Recorded, clock: Clock) -> OutsideLimits:
    if event.limit_ma == 0 and limits.in_force:
        return replace(limits, paused_ms=limits.paused_ms.set(event.connector_id, recorded.at_ms))
    return _not_paused(limits, event, recorded, clock)


def _not_paused(
    limits: OutsideLimits,
    event: LimitChanged | TransactionStarted | TransactionResumed,
    recorded: Recorded,
    _: Clock,
) -> OutsideLimits:
    if event.connector_id not in limits.paused_ms:
        return limits
    return replace(limits, paused_ms=limits.paused_ms.delete(event.connector_id))


FOLDS: Mapping[type[Event], Callable[[OutsideLimits, Any, Recorded, Clock], OutsideLimits]] = {
    StationBooted: _on_boot,
    LimitsDescribed: _on_described,
    OutsideLimitReported: _on_reported,
    LimitContactObserved: _on_contact,
    LinkOpened: _on_opened,
    LinkClosed: _on_closed,
    OutsideLimitChanged: _on_changed,
    LimitChanged: _on_limit,
    TransactionStarted: _not_paused,
    TransactionResumed: _not_paused,
}

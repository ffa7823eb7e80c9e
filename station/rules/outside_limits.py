"""Outside limits: which are to be in force, from what was said, what was not, and the settings.

Silence never means more than was said: a source that is not heard in time is replaced by the safe value of the settings. After a
boot, of which nobody knows how long it took, the lower of what a source said last and its safe value holds until it is heard again.
"""

from collections.abc import Iterable, Iterator

from eventstore.catalogue.limits import LimitsDescribed, OutsideLimitChanged, SiteMeterObserved
from eventstore.value import Value
from projections.outside_limits import (
    API,
    CONTACT,
    CSMS_SILENCE,
    REPORTED,
    SILENT,
    SITE_METER,
    InForce,
    OutsideLimits,
    SourceReport,
)
from projections.station import StationState

__all__ = ["SOURCES_MAX", "WantedLimit", "changes", "due_ms", "is_full", "lifted_together", "wanted"]

SOURCES_MAX = 8
"""So many sources may limit the station at once."""


class WantedLimit(Value, frozen=True, kw_only=True):
    """A limit that is to be in force."""

    kind: str
    source: str
    why: str
    max_current_ma: int | None
    max_power_w: int | None

    def holds_as(self, held: InForce | None) -> bool:
        """Whether it is in force like that already."""
        return held is not None and (self.why, self.max_current_ma, self.max_power_w) == (
            held.why,
            held.max_current_ma,
            held.max_power_w,
        )


def is_full(limits: OutsideLimits, source: str) -> bool:
    """Whether a limit of this source would be one too many."""
    known = {report.source for report in limits.reports}
    return source not in known and len(known) >= SOURCES_MAX


def wanted(limits: OutsideLimits, at_ms: int) -> Iterator[WantedLimit]:
    """All limits that are to be in force at a moment of station time."""
    rules = limits.rules
    for report in limits.reports:
        yield _of_report(report, rules.api_failsafe_current_ma, at_ms)
    if rules.contact_dims_when and limits.contact_closed in (None, rules.contact_dims_when == "closed"):
        yield WantedLimit(
            kind=CONTACT,
            source="",
            why=SILENT if limits.contact_closed is None else REPORTED,
            max_current_ma=rules.contact_max_current_ma,
            max_power_w=rules.contact_max_power_w,
        )
    if rules.site_fuse_ma:
        current_ma = rules.site_failsafe_current_ma if limits.site is None else _left_ma(limits.site, rules)
        why = SILENT if limits.site is None else REPORTED
        yield WantedLimit(kind=SITE_METER, source="", why=why, max_current_ma=current_ma, max_power_w=None)
    silent_ms = _silent_from_ms(limits)
    if silent_ms is not None and at_ms >= silent_ms:
        current_ma = rules.silence_current_ma
        yield WantedLimit(kind=CSMS_SILENCE, source="", why=SILENT, max_current_ma=current_ma, max_power_w=None)


def _of_report(report: SourceReport, failsafe_ma: int, at_ms: int) -> WantedLimit:
    if at_ms >= report.until_ms:
        return WantedLimit(kind=API, source=report.source, why=SILENT, max_current_ma=failsafe_ma, max_power_w=None)
    current_ma = report.max_current_ma
    if not report.is_heard:
        current_ma = failsafe_ma if current_ma is None else min(current_ma, failsafe_ma)
    return WantedLimit(
        kind=API, source=report.source, why=REPORTED, max_current_ma=current_ma, max_power_w=report.max_power_w
    )


def _left_ma(site: SiteMeterObserved, rules: LimitsDescribed) -> int:
    """What others leave the station on the fullest of its phases: a single-phase station hangs on the first one that is named.

    How much of a phase is the station's own is only subtracted, so phases that are mixed up leave less, never more.
    """
    others_ma = [
        max(0, site.current_ma[phase] - site.own_ma[phase])
        for phase in map("RST".index, rules.site_phases)
        if phase < len(site.current_ma)
    ]
    return max(0, rules.site_fuse_ma - rules.site_margin_ma - max(others_ma, default=rules.site_fuse_ma))


def _silent_from_ms(limits: OutsideLimits) -> int | None:
    """From when on the CSMS counts as silent, if nothing changes; None: it is connected, or that does not matter."""
    after_ms = limits.rules.silence_after_ms
    return None if not after_ms or limits.link_down_since_ms is None else limits.link_down_since_ms + after_ms


def changes(state: StationState, at_ms: int) -> list[OutsideLimitChanged]:
    """What is to be recorded so that the limits in force are the wanted ones. Nothing before the copper is known: nothing is offered then."""
    limits = state.outside_limits
    if not state.connectors.known:
        return []
    found = tuple(wanted(limits, at_ms))
    keys = {(each.kind, each.source) for each in found}
    lifted = [
        OutsideLimitChanged(kind=held.kind, source=held.source, why=REPORTED, max_current_ma=None, max_power_w=None)
        for held in limits.in_force
        if (held.kind, held.source) not in keys
    ]
    changed = [
        OutsideLimitChanged(
            kind=each.kind,
            source=each.source,
            why=each.why,
            max_current_ma=each.max_current_ma,
            max_power_w=each.max_power_w,
        )
        for each in found
        if not each.holds_as(limits.of(each.kind, each.source))
    ]
    return changed + lifted


def lifted_together(state: StationState, changed: Iterable[OutsideLimitChanged], at_ms: int) -> tuple[int, ...]:
    """The connectors that such changes may give energy back to while they do the same at other stations."""
    limits = state.outside_limits
    if not limits.rules.random_delay_max_ms or not any(_rises(limits.of(e.kind, e.source), e) for e in changed):
        return ()
    return tuple(
        connector.connector_id
        for connector in state.connectors.real
        if connector.transaction_number is not None
        and connector.limit_ma == 0
        and limits.delay_on(connector.connector_id, at_ms) is None
    )


def _rises(before: InForce | None, after: OutsideLimitChanged) -> bool:
    """Whether a limit that others have as well allows more than before."""
    if before is None or after.kind == SITE_METER:
        return False
    return _allows_more(before.max_current_ma, after.max_current_ma) or _allows_more(
        before.max_power_w, after.max_power_w
    )


def _allows_more(before: int | None, after: int | None) -> bool:
    return before is not None and (after is None or after > before)


def due_ms(state: StationState) -> int | None:
    """When a limit changes next because nothing is heard until then; None: not at all."""
    limits = state.outside_limits
    if not state.connectors.known:
        return None
    dues = [report.until_ms for report in limits.reports if not _is_silent(limits.of(API, report.source))]
    silent_ms = _silent_from_ms(limits)
    if silent_ms is not None and not _is_silent(limits.of(CSMS_SILENCE)):
        dues.append(silent_ms)
    return min(dues, default=None)


def _is_silent(held: InForce | None) -> bool:
    return held is not None and held.why == SILENT

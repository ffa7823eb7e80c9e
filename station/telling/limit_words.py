"""What decides a limit, in words, and the facts of outside limits."""

from collections.abc import Callable, Mapping

from eventstore.catalogue import limits
from eventstore.event import Event
from projections.limit_reason import CABLE, PAUSE, PROFILE, SHARE, TEMPERATURE, LimitReason, OutsideReason
from projections.outside_limits import API, CONTACT, CSMS_SILENCE, SILENT, SITE_METER
from station.telling.amounts import current, duration
from station.telling.temperature_words import celsius
from station.telling.upkeep_words import DETAIL, HEADLINE, NOISE, Words


def limited_by(reason: LimitReason | None, clock: Callable[[int], str]) -> str:
    """ "by profile 12, period 2, set by the CSMS at 10:02"; "" if nothing tells it. `clock` writes UTC in ms as people here read it."""
    if reason is None:
        return ""
    if reason.kind == CABLE:
        return "by the cable"
    if reason.until_utc_ms is not None:
        what = "the least pause lasts" if reason.kind == PAUSE else "the start is delayed by chance"
        return f"{what} until {clock(reason.until_utc_ms)}"
    if reason.outside is not None:
        shared = "shared with the other connectors, " if reason.kind == SHARE else ""
        return f"{shared}{dimmed_by(reason.outside)} since {clock(reason.outside.since_utc_ms)}"
    if reason.kind == TEMPERATURE:
        dc = reason.temperature_dc
        return "because a temperature sensor is silent" if dc is None else f"by the temperature, {celsius(dc)}"
    if reason.charging_profile_id is None:
        return "shared with the other connectors" if reason.kind == SHARE else "by the station's maximum current"
    when = "" if reason.set_utc_ms is None else f" at {clock(reason.set_utc_ms)}"
    shared = "" if reason.kind == PROFILE else "shared with the other connectors, "
    return f"{shared}by profile {reason.charging_profile_id}, period {reason.period}, set by the CSMS{when}"


def dimmed_by(outside: OutsideReason) -> str:
    """ "dimmed by the grid operator's contact to 4.2 kW"."""
    to = f"to {amount(outside.max_current_ma, outside.max_power_w)}"
    if outside.kind == CSMS_SILENCE:
        return f"held {to} because the CSMS is away"
    if outside.silent:
        return f"held {to} because {who(outside.kind, outside.source)} is silent"
    return f"dimmed by {who(outside.kind, outside.source)} {to}"


def who(kind: str, source: str) -> str:
    """Who limits the station from outside."""
    return {
        API: source,
        CONTACT: "the grid operator's contact",
        CSMS_SILENCE: "the CSMS's silence",
        SITE_METER: "the site meter",
    }.get(kind, kind)


def amount(max_current_ma: int | None, max_power_w: int | None) -> str:
    """ "10.0 A", "4.2 kW", or both."""
    said = [] if max_current_ma is None else [current(max_current_ma)]
    return " and ".join([*said, *([] if max_power_w is None else [f"{max_power_w / 1000:.1f} kW"])])


def _reported(event: limits.OutsideLimitReported) -> str:
    if event.max_current_ma is None and event.max_power_w is None:
        return f"{event.source} lifts its limit"
    said = amount(event.max_current_ma, event.max_power_w)
    return f"{event.source} limits the station to {said} for {duration(event.valid_ms)}"


def _changed(event: limits.OutsideLimitChanged) -> str:
    name = who(event.kind, event.source)
    if event.max_current_ma is None and event.max_power_w is None:
        return f"The limit by {name} is lifted"
    said = amount(event.max_current_ma, event.max_power_w)
    if event.kind == CSMS_SILENCE:
        return f"The CSMS is AWAY: the station is limited to {said}"
    if event.why == SILENT:
        return f"{name[0].upper()}{name[1:]} is SILENT: the station is limited to {said}"
    return f"The station is limited to {said} by {name}"


def _each(currents_ma: tuple[int, ...]) -> str:
    return " / ".join(map(current, currents_ma))


def _delayed(event: limits.StartsDelayed) -> str:
    where = ", ".join(map(str, event.connectors))
    return f"Others may start now as well ({event.why}): connector {where} waits for a time by chance"


LIMITS: Mapping[type[Event], tuple[int, Words]] = {
    limits.LimitsDescribed: (DETAIL, lambda e: "The settings of limits from outside were read"),
    limits.OutsideLimitReported: (NOISE, _reported),
    limits.LimitContactObserved: (
        DETAIL,
        lambda e: f"The grid operator's contact is {'closed' if e.closed else 'open'}",
    ),
    limits.SiteMeterObserved: (
        NOISE,
        lambda e: f"At the site flow {_each(e.current_ma)}, of that by the station {_each(e.own_ma)}",
    ),
    limits.SiteMeterFailed: (HEADLINE, lambda e: f"The site meter is of NO USE: {e.reason}"),
    limits.OutsideLimitChanged: (HEADLINE, _changed),
    limits.StartsDelayed: (HEADLINE, _delayed),
    limits.StartDelayDrawn: (HEADLINE, lambda e: f"The start is delayed by {duration(e.delay_ms)}, by chance"),
}

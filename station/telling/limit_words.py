"""What decides a limit, in words."""

from collections.abc import Callable

from projections.limit_reason import CABLE, PROFILE, SHARE, LimitReason


def limited_by(reason: LimitReason | None, clock: Callable[[int], str]) -> str:
    """ "by profile 12, period 2, set by the CSMS at 10:02"; "" if nothing tells it. `clock` writes UTC in ms as people here read it."""
    if reason is None:
        return ""
    if reason.kind == CABLE:
        return "by the cable"
    if reason.charging_profile_id is None:
        return "shared with the other connectors" if reason.kind == SHARE else "by the station's maximum current"
    when = "" if reason.set_utc_ms is None else f" at {clock(reason.set_utc_ms)}"
    shared = "" if reason.kind == PROFILE else "shared with the other connectors, "
    return f"{shared}by profile {reason.charging_profile_id}, period {reason.period}, set by the CSMS{when}"

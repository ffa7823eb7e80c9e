"""What decides a limit, as a sentence of the page."""

from projections.limit_reason import CABLE, PAUSE, PROFILE, SHARE, TEMPERATURE, LimitReason, OutsideReason
from projections.outside_limits import API, CSMS_SILENCE
from station.views.saying import Json, say


def limit_said(reason: LimitReason | None) -> Json | None:
    """The sentence that `station.telling.limit_words` says in English; None where nothing tells it."""
    if reason is None:
        return None
    if reason.kind == CABLE:
        return say("limit.cable")
    if reason.until_utc_ms is not None:
        return say("limit.pause" if reason.kind == PAUSE else "limit.delay", at=reason.until_utc_ms)
    if reason.outside is not None:
        return _outside(reason.outside, "limit.shared_by" if reason.kind == SHARE else "limit.by")
    if reason.kind == TEMPERATURE:
        dc = reason.temperature_dc
        return say("limit.sensor_silent") if dc is None else say("limit.temperature", celsius=f"{dc / 10:.1f}")
    if reason.charging_profile_id is None:
        return say("limit.share" if reason.kind == SHARE else "limit.station")
    key = "limit.profile" if reason.kind == PROFILE else "limit.shared_profile"
    if reason.set_utc_ms is None:
        key = f"{key}_undated"
    return say(key, id=reason.charging_profile_id, period=reason.period, at=reason.set_utc_ms)


def _outside(outside: OutsideReason, key: str) -> Json:
    """The sentence on a limit from outside; the amount is the last of two members that is there."""
    ma, power_w = outside.max_current_ma, outside.max_power_w
    unit = "_both" if None not in (ma, power_w) else "_w" if ma is None else "_a"
    to = say(f"limit.amount{unit}", limit_ma=ma, power_w=power_w)
    if outside.kind == CSMS_SILENCE:
        how = say("limit.csms_silent", to=to)
    else:
        who = outside.source if outside.kind == API else say(f"limit.who.{outside.kind}")
        how = say("limit.silent" if outside.silent else "limit.dimmed", who=who, to=to)
    return say(key, how=how, at=outside.since_utc_ms)

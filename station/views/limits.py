"""What decides a limit, as a sentence of the page."""

from projections.limit_reason import CABLE, PROFILE, SHARE, LimitReason
from station.views.saying import Json, say


def limit_said(reason: LimitReason | None) -> Json | None:
    """The sentence that `station.telling.limit_words` says in English; None where nothing tells it."""
    if reason is None:
        return None
    if reason.kind == CABLE:
        return say("limit.cable")
    if reason.charging_profile_id is None:
        return say("limit.share" if reason.kind == SHARE else "limit.station")
    key = "limit.profile" if reason.kind == PROFILE else "limit.shared_profile"
    if reason.set_utc_ms is None:
        key = f"{key}_undated"
    return say(key, id=reason.charging_profile_id, period=reason.period, at=reason.set_utc_ms)

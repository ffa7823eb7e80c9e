"""What decides the limit of a connector: a description for people, no part of the state."""

from eventstore.value import Value

PROFILE, SHARE, CABLE, STATION = "profile", "share", "cable", "station"
"""What decides a limit: a charging profile, a share of what all connectors have, the cable, the station's maximum current."""


class LimitReason(Value, frozen=True, kw_only=True):
    """What decides the limit of a connector: PROFILE, SHARE, CABLE or STATION.

    Of a profile, its own or the one that limits what is shared: its id, purpose, which of its periods (from 1 on) and when the CSMS set
    it, UTC (None: before 0.2.0).
    """

    kind: str
    charging_profile_id: int | None = None
    purpose: str = ""
    period: int = 0
    set_utc_ms: int | None = None

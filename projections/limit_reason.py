"""What decides the limit of a connector: a description for people, no part of the state."""

from eventstore.value import Value

PROFILE, SHARE, CABLE, STATION, OUTSIDE, TEMPERATURE = "profile", "share", "cable", "station", "outside", "temperature"
"""What decides a limit: a charging profile, a share of what all connectors have, the cable, the station's maximum current, somebody
outside, or how warm the connector is."""
PAUSE, DELAY = "pause", "delay"
"""What keeps energy away although the limits allow it: the least pause, or a delay by chance."""


class OutsideReason(Value, frozen=True, kw_only=True):
    """A limit in force from outside (`projections.outside_limits`), and since when, UTC."""

    kind: str
    source: str
    silent: bool
    max_current_ma: int | None
    max_power_w: int | None
    since_utc_ms: int


class LimitReason(Value, frozen=True, kw_only=True):
    """What decides the limit of a connector: PROFILE, SHARE, CABLE, STATION, OUTSIDE, TEMPERATURE, PAUSE or DELAY.

    Of a profile, its own or the one that limits what is shared: its id, purpose, which of its periods (from 1 on) and when the CSMS set
    it, UTC (None: before 0.2.0). `outside` is the limit from outside, by itself or of what is shared.
    Of TEMPERATURE, `temperature_dc` is the hottest one in tenths of a degree Celsius (None: a sensor is silent).
    A PAUSE or DELAY lasts until `until_utc_ms`.
    """

    kind: str
    charging_profile_id: int | None = None
    purpose: str = ""
    period: int = 0
    set_utc_ms: int | None = None
    outside: OutsideReason | None = None
    temperature_dc: int | None = None
    until_utc_ms: int | None = None

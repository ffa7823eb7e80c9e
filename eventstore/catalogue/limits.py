"""Facts of outside limits: what others than the CSMS's profiles say the station may draw at most, and what holds of it.

What somebody says (a report, a contact) is an observation. What follows from it, also from silence, is OutsideLimitChanged.
"""

from typing import ClassVar

from eventstore.event import Decision, Observation


class LimitsDescribed(Observation, frozen=True, kw_only=True):
    """What the settings say of outside limits; recorded at a boot where it is not what was recorded last.

    `contact_dims_when` is "closed", "open", or "" where no contact limits; it then limits to `contact_max_current_ma` per phase, to
    `contact_max_power_w` in total, or both. A source that fell silent limits to `api_failsafe_current_ma`. After
    `silence_after_ms` without a connection (0: never) the station is limited to `silence_current_ma`, and TxProfiles do not count
    if `silence_suspends_tx_profiles`. Energy that was taken by an outside limit stays away for `min_pause_ms`. A start that many
    stations may make at one moment waits for a random time of up to `random_delay_max_ms`. With a site meter (`site_fuse_ma` > 0) what
    flows at the supply stays `site_margin_ma` below that fuse, per phase; the station hangs on its phases as `site_phases` says.
    """

    NAME: ClassVar[str] = "LimitsDescribed"

    api_failsafe_current_ma: int = 6_000
    contact_dims_when: str = ""
    contact_max_current_ma: int | None = None
    contact_max_power_w: int | None = None
    silence_after_ms: int = 0
    silence_current_ma: int = 6_000
    silence_suspends_tx_profiles: bool = False
    min_pause_ms: int = 5_000
    random_delay_max_ms: int = 0
    site_fuse_ma: int = 0
    site_margin_ma: int = 1_000
    site_failsafe_current_ma: int = 0
    site_phases: str = "RST"


class OutsideLimitReported(Observation, frozen=True, kw_only=True):
    """A source says what the whole station may draw at most: mA per phase, W in total, or both; neither lifts its limit.

    It holds for `valid_ms`, unless the source says something new before. Sources do not know of each other: the lowest counts.
    """

    NAME: ClassVar[str] = "OutsideLimitReported"

    source: str
    max_current_ma: int | None
    max_power_w: int | None
    valid_ms: int


class LimitContactObserved(Observation, frozen=True, kw_only=True):
    """The contact through which a grid operator dims the station is closed or open, debounced."""

    NAME: ClassVar[str] = "LimitContactObserved"

    closed: bool


class SiteMeterObserved(Observation, frozen=True, kw_only=True):
    """What flows at the supply of the site, and what of that the station draws: mA on each phase of the meter, without direction.

    Of each phase it is the moment of the last while at which others drew most; it is observed when that changes.
    """

    NAME: ClassVar[str] = "SiteMeterObserved"

    current_ma: tuple[int, ...]
    own_ma: tuple[int, ...]


class SiteMeterFailed(Observation, frozen=True, kw_only=True):
    """The site meter cannot be read, or believed; the next SiteMeterObserved ends that."""

    NAME: ClassVar[str] = "SiteMeterFailed"

    reason: str


class OutsideLimitChanged(Decision, frozen=True, kw_only=True):
    """From now on this is the limit that comes from outside by this way; with neither mA per phase nor W in total it is lifted.

    `kind` is "api" (then `source` tells who), "contact", "csms_silence" or "site_meter". `why` is "reported", or "silent": the safe value of
    the settings holds because nothing was heard in time.
    """

    NAME: ClassVar[str] = "OutsideLimitChanged"

    kind: str
    source: str
    why: str
    max_current_ma: int | None
    max_power_w: int | None


class StartsDelayed(Decision, frozen=True, kw_only=True):
    """What lets these connectors have energy again may do so at many stations at once: they wait for a time that is to be drawn.

    `why` is "off-peak" (a charging profile), "power return", or "limit lifted".
    """

    NAME: ClassVar[str] = "StartsDelayed"

    connectors: tuple[int, ...]
    why: str


class StartDelayDrawn(Observation, frozen=True, kw_only=True):
    """The time by which the starts that wait for one are delayed, drawn by chance."""

    NAME: ClassVar[str] = "StartDelayDrawn"

    delay_ms: int

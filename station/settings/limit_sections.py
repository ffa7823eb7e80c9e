"""`[limits]`: what limits the station from outside, and what holds when that falls silent."""

from collections.abc import Iterator
from typing import Annotated

from devices.kinds import Flag, Number, OneOf, Problem, SubTable, TableKey, Text, Whole
from eventstore.value import Value

CURRENT_MAX_A = 1_000
POWER_MAX_W = 1_000_000
_CURRENT = Number(minimum=0, maximum=CURRENT_MAX_A, unit="amperes")


class ApiLimitSettings(Value, frozen=True, kw_only=True):
    """Limits that programs set with `PUT /api/limit`."""

    failsafe_current_a: Annotated[
        float,
        TableKey(
            _CURRENT,
            "per phase, for all connectors together: what holds when a source is not heard in time; 0 pauses",
        ),
    ] = 6


class ContactLimitSettings(Value, frozen=True, kw_only=True):
    """A contact by which the grid operator dims the station."""

    dims_when: Annotated[
        str,
        TableKey(
            OneOf(words=("", "open", "closed")),
            "the position in which it limits; empty: there is none. With `open` a broken wire limits too, and so it fails to the safe "
            "side; a contact that cannot be read limits either way",
        ),
    ] = ""
    max_power_w: Annotated[
        int,
        TableKey(Whole(minimum=0, maximum=POWER_MAX_W), "what all connectors may draw together then; 0: nothing"),
    ] = 4200
    max_percent: Annotated[
        int,
        TableKey(
            Whole(minimum=0, maximum=100),
            "instead of `max_power_w`, so much of the most that they may draw per phase; 0: `max_power_w` counts",
        ),
    ] = 0


class CsmsSilenceSettings(Value, frozen=True, kw_only=True):
    """What holds while there is no connection to the CSMS."""

    after_s: Annotated[
        int,
        TableKey(Whole(minimum=0, maximum=604_800), "so long without a connection is silence; 0: it never is"),
    ] = 0
    current_a: Annotated[
        float, TableKey(_CURRENT, "per phase, for all connectors together, as long as the silence lasts")
    ] = 6
    tx_profiles: Annotated[
        str,
        TableKey(OneOf(words=("keep", "suspend")), "whether the TxProfiles that the CSMS has set count meanwhile"),
    ] = "keep"


class SiteMeterSettings(Value, frozen=True, kw_only=True):
    """A Modbus meter at the supply of the site: what flows there stays within the main fuse, whatever else draws."""

    fuse_a: Annotated[float, TableKey(_CURRENT, "what the main fuse bears per phase; 0: there is no site meter")] = 0
    margin_a: Annotated[
        float,
        TableKey(
            Number(minimum=0.5, maximum=CURRENT_MAX_A, unit="amperes"), "so far below it the station stays, per phase"
        ),
    ] = 1
    failsafe_current_a: Annotated[
        float, TableKey(_CURRENT, "per phase, for all connectors together: what holds while the meter cannot be read")
    ] = 0
    raise_after_s: Annotated[
        float,
        TableKey(
            Number(minimum=1, maximum=3_600, unit="seconds"),
            "the station draws more again once others have drawn less for so long",
        ),
    ] = 30
    stale_s: Annotated[
        float,
        TableKey(
            Number(minimum=0.5, maximum=60, unit="seconds"), "a reading that is older is none: the meter is silent"
        ),
    ] = 2
    phases: Annotated[
        str,
        TableKey(
            OneOf(words=("RST", "RTS", "SRT", "STR", "TRS", "TSR")),
            "on which phases of the meter the station's L1, L2 and L3 hang: R is its first, S its second, T its third",
        ),
    ] = "RST"
    feed_in: Annotated[
        bool,
        TableKey(
            Flag(),
            "true: the site may feed in (photovoltaics, a battery), so a meter that shows less than the station draws is not doubted",
        ),
    ] = False
    map: Annotated[
        str, TableKey(Text(longest=255), "the register map of the meter, by name or as the path of a file")
    ] = ""
    host: Annotated[str, TableKey(Text(longest=255), "Modbus TCP: name or address of the meter; or `device`")] = ""
    port: Annotated[int, TableKey(Whole(minimum=1, maximum=65_535), "Modbus TCP")] = 502
    device: Annotated[
        str, TableKey(Text(longest=255), "Modbus RTU: a serial device of its own, best under /dev/serial/by-id")
    ] = ""
    baudrate: Annotated[int, TableKey(Whole(minimum=1_200, maximum=230_400), "Modbus RTU")] = 9_600
    parity: Annotated[str, TableKey(OneOf(words=("N", "E", "O")), "Modbus RTU: none, even, odd")] = "N"
    stop_bits: Annotated[int, TableKey(Whole(minimum=1, maximum=2), "Modbus RTU")] = 1
    unit: Annotated[int, TableKey(Whole(minimum=0, maximum=255), "the meter's address on the bus")] = 1
    period_s: Annotated[float, TableKey(Number(minimum=0.1, maximum=10, unit="seconds"), "how often it is read")] = 0.5


class LimitSettings(Value, frozen=True, kw_only=True):
    """Limits from outside, beside the charging profiles: the lowest of all counts."""

    min_pause_s: Annotated[
        float,
        TableKey(
            Number(minimum=0, maximum=3_600, unit="seconds"),
            "a transaction that such a limit has left without energy stays so at least this long",
        ),
    ] = 5
    random_delay_max_s: Annotated[
        float,
        TableKey(
            Number(minimum=0, maximum=3_600, unit="seconds"),
            "a start that many stations may make at one moment (off-peak time in a charging profile, the power returns, a common limit "
            "is lifted) waits for a random time of up to this; 0: none does. In Great Britain: 600",
        ),
    ] = 0
    api: Annotated[ApiLimitSettings, TableKey(SubTable(section=ApiLimitSettings), "limits that programs set")] = (
        ApiLimitSettings()
    )
    contact: Annotated[
        ContactLimitSettings, TableKey(SubTable(section=ContactLimitSettings), "the grid operator's contact")
    ] = ContactLimitSettings()
    csms_silence: Annotated[
        CsmsSilenceSettings, TableKey(SubTable(section=CsmsSilenceSettings), "a CSMS that is away")
    ] = CsmsSilenceSettings()
    site_meter: Annotated[
        SiteMeterSettings, TableKey(SubTable(section=SiteMeterSettings), "a meter at the supply of the site")
    ] = SiteMeterSettings()


def site_contradictions(limits: LimitSettings) -> Iterator[Problem]:
    """What of the site meter no key is to blame for alone."""
    site, table = limits.site_meter, ("limits", "site_meter")
    if not site.fuse_a:
        return
    if not site.map:
        yield Problem(path=(*table, "map"), text="is required beside fuse_a")
    if bool(site.host) == bool(site.device):
        yield Problem(path=(*table, "host"), text="or device is required beside fuse_a, and not both")
    if site.margin_a >= site.fuse_a:
        yield Problem(path=(*table, "margin_a"), text=f"must be less than fuse_a ({site.fuse_a:g})")

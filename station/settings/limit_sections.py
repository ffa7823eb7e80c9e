"""`[limits]`: what limits the station from outside, and what holds when that falls silent."""

from typing import Annotated

from devices.kinds import Number, OneOf, SubTable, TableKey, Whole
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

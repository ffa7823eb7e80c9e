"""Whether a controller does as it was commanded, against what it reads back. Pure.

A write that was confirmed and does not show was lost, and is repeated; after `LOST_MAX` of them the controller disobeys. What had
shown and does so no longer was forgotten: a restart, or another master.
"""

from msgspec import Struct
from msgspec.structs import replace

from devices.evse.said import DISOBEYS, RESTARTED, Trouble

LOST_MAX = 3


class Obedience(Struct, frozen=True, kw_only=True):
    """`told_ma` is what it was commanded last, None if that is not known; `agreed` holds once it has read that back; `lost` counts writes
    that did not show."""

    told_ma: int | None = None
    agreed: bool = False
    lost: int = 0


def told(before: Obedience, current_ma: int) -> Obedience:
    """A write was confirmed."""
    if before.told_ma == current_ma:
        return before
    return replace(before, told_ma=current_ma, agreed=False)


def read_back(before: Obedience, offered_ma: int, *, armed: bool) -> tuple[Obedience, Trouble | None]:
    """After it read back what it offers, and whether its failsafe is armed as it was set up."""
    if before.told_ma is None:
        return before, None
    if offered_ma == before.told_ma and armed:
        return replace(before, agreed=True, lost=0), None
    shown = (
        f"{offered_ma / 1_000:g} A instead of {before.told_ma / 1_000:g} A" if armed else "its failsafe is not armed"
    )
    if before.agreed:
        return Obedience(), Trouble(code=RESTARTED, reason=f"has forgotten what it was commanded: {shown}")
    lost = before.lost + 1
    after = Obedience(lost=lost)
    if lost < LOST_MAX:
        return after, None
    return after, Trouble(code=DISOBEYS, reason=f"does not do as it is commanded: {shown}")

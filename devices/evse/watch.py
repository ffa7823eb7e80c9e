"""What follows from a controller's words and the meter's currents: the contactor's position, a weld, a current above the offer. Pure.

Nothing but a mirror contact sees a contactor. Without one it is taken to be closed while the controller is in state C or D and offers a
current, or while a current flows. A current that goes on flowing `WELD_MS` after the controller has said that nothing may flow comes
through a contactor that is welded; this stays so until somebody has looked, since the vehicle that ends it proves nothing.
A vehicle that does not draw hides a weld, and one that could draw and does not looks like a contactor that does not close.
"""

from msgspec import Struct
from msgspec.structs import replace

from devices.readings import CONTACTOR_SOUND, CONTACTOR_WELDED

FLOWS_FROM_MA = 1_000
"""Less is what a meter shows of nothing, or an appliance in the enclosure."""
WELD_MS = 5_000
"""A vehicle has 3 s to let go (IEC 61851-1, A.5.3), and a controller and a meter take their time to say so."""
ABOVE_PERCENT, ABOVE_MA = 110, 1_000
ABOVE_MS = 10_000
"""A vehicle has 5 s to follow a lower offer (IEC 61851-1, sequence 6)."""
ENERGY_STATES = ("C", "D")


class PowerFacts(Struct, frozen=True, kw_only=True):
    """What is known of a connector now. None: the controller was never heard, the meter shows no currents, there is no mirror contact.
    Not `reliable`: the controller is in trouble, what it said last may be long over."""

    state: str | None
    offered_ma: int
    current_ma: int | None
    mirror_closed: bool | None = None
    reliable: bool = True


class Watch(Struct, frozen=True, kw_only=True):
    """Since when something flows that may not, and more flows than is offered; whether a weld was found."""

    unallowed_since_ms: int | None = None
    above_since_ms: int | None = None
    welded: bool = False


class ContactorJudgement(Struct, frozen=True, kw_only=True):
    """What is reported of the contactor (`inferred` without a mirror contact), and whether too much flows."""

    closed: bool
    fault: str
    inferred: bool
    above: bool


def judged(before: Watch, facts: PowerFacts, at_ms: int) -> tuple[Watch, ContactorJudgement]:
    """After these facts at that time."""
    may_flow = facts.state in ENERGY_STATES and facts.offered_ma > 0
    if not facts.reliable:  # it may be on its way to its failsafe: only the current tells
        may_flow = facts.current_ma is None and may_flow
    flows = facts.current_ma is not None and facts.current_ma >= FLOWS_FROM_MA
    if facts.mirror_closed is None:
        closed, unallowed = may_flow or flows, facts.reliable and flows and not may_flow
    else:
        closed, unallowed = facts.mirror_closed, facts.reliable and (facts.mirror_closed or flows) and not may_flow
    allowed_ma = facts.offered_ma * ABOVE_PERCENT // 100 + ABOVE_MA
    above = may_flow and facts.current_ma is not None and facts.current_ma > allowed_ma
    unallowed_ms = _since(before.unallowed_since_ms, unallowed, at_ms)
    above_ms = _since(before.above_since_ms, above, at_ms)
    found = unallowed_ms is not None and at_ms - unallowed_ms >= WELD_MS
    # A mirror contact that reads open proves that the weld is gone; a current that ended does not.
    still = before.welded and (facts.mirror_closed is None or facts.mirror_closed)
    after = Watch(unallowed_since_ms=unallowed_ms, above_since_ms=above_ms, welded=found or still)
    return after, ContactorJudgement(
        closed=closed or after.welded,
        fault=CONTACTOR_WELDED if after.welded else CONTACTOR_SOUND,
        inferred=facts.mirror_closed is None,
        above=above_ms is not None and at_ms - above_ms >= ABOVE_MS,
    )


def offered_anew(before: Watch) -> Watch:
    """Another current is offered: the vehicle has its time again."""
    return replace(before, above_since_ms=None)


def _since(before_ms: int | None, holds: bool, at_ms: int) -> int | None:
    if not holds:
        return None
    return at_ms if before_ms is None else before_ms

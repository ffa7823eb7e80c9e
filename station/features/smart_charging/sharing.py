"""Sharing one limit among connectors (3.13.3: all connectors together stay within ChargePointMaxProfile).

The balance is struck per phase, as if all connectors loaded the same one. IEC 61851-1 knows no offer below 6 A: a connector gets
its least rate or nothing. Who must wait is decided by age, that is by transaction number: the oldest charges first, so that nobody is
switched off for a newcomer and nothing toggles.

In which order the offers then change is the business of `offering`.
"""

from collections.abc import Mapping, Sequence
from operator import attrgetter

from eventstore.value import Value
from projections.connector import CURRENT_MIN_MA

__all__ = ["Wish", "share"]


class Wish(Value, frozen=True, kw_only=True):
    """What a connector with a transaction could use: at most limit_ma; less than min_ma (minChargingRate) is inefficient."""

    connector_id: int
    limit_ma: int
    transaction_number: int
    min_ma: int = 0


def share(max_total_ma_per_phase: int, wishes: Sequence[Wish]) -> dict[int, int]:
    """Milliamperes per phase for each connector: 0, or from 6 A up to its limit; together at most the total.

    Those that take part get equal parts, except that none gets less than its least rate or more than its limit. A connector
    below whose minChargingRate its part would fall waits (7.13), unless what is left over would otherwise stay unused. A
    minChargingRate that the total could not give to one alone does not count.
    """
    able = sorted(
        (wish for wish in wishes if wish.limit_ma >= CURRENT_MIN_MA),
        key=attrgetter("transaction_number", "connector_id"),
    )
    floors: dict[int, int] = {}
    for wish in able:
        efficient_ma = wish.min_ma if wish.min_ma <= max_total_ma_per_phase else 0
        floor_ma = min(max(CURRENT_MIN_MA, efficient_ma), wish.limit_ma)
        if sum(floors.values()) + floor_ma <= max_total_ma_per_phase:
            floors[wish.connector_id] = floor_ma
    for wish in able:
        unused_ma = max_total_ma_per_phase - sum(each.limit_ma for each in able if each.connector_id in floors)
        if wish.connector_id not in floors and unused_ma >= CURRENT_MIN_MA:
            floors[wish.connector_id] = CURRENT_MIN_MA
    granted = _levelled(max_total_ma_per_phase, floors, {wish.connector_id: wish.limit_ma for wish in able})
    return {wish.connector_id: granted.get(wish.connector_id, 0) for wish in wishes}


def _levelled(total_ma: int, floors: Mapping[int, int], caps: Mapping[int, int]) -> dict[int, int]:
    """The highest common level that fits the total, for each within its floor and its cap."""
    if not floors:
        return {}
    assert sum(floors.values()) <= total_ma, "the least rates fit together"

    even_ma = total_ma // len(floors)
    if all(floor <= even_ma <= caps[connector_id] for connector_id, floor in floors.items()):
        return dict.fromkeys(floors, even_ma)

    def at_level(level_ma: int) -> dict[int, int]:
        return {connector_id: min(max(level_ma, floor), caps[connector_id]) for connector_id, floor in floors.items()}

    level_ma = min(floors.values())
    for higher_ma in sorted({*floors.values(), *(caps[connector_id] for connector_id in floors)}):
        if sum(at_level(higher_ma).values()) > total_ma:
            break
        level_ma = higher_ma
    rising = sum(1 for connector_id, floor in floors.items() if floor <= level_ma < caps[connector_id])
    if rising > 0:
        level_ma += (total_ma - sum(at_level(level_ma).values())) // rising
    return at_level(level_ma)

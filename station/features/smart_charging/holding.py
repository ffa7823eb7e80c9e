"""What keeps energy from coming back although the limits allow it: the least pause, and a delay by chance.

A start that many stations may make at one moment (off-peak time begins, the power returns, a common limit is lifted) waits for a
time that is drawn once and recorded, so that they do not all start together. Whatever a person does is none of that: a transaction
that begins after the cause is not delayed, unless it began by itself, with a vehicle that was there when the power returned.
"""

from collections.abc import Iterable, Iterator, Mapping

from eventstore.catalogue.limits import StartsDelayed
from projections.outside_limits import OFF_PEAK, POWER_RETURN
from projections.station import StationState
from station.features.smart_charging.composite import Offer, Situation, offers

__all__ = ["delayed", "held_until_ms", "is_held"]


def delayed(
    state: StationState, situation: Situation, rising: Mapping[int, Offer], at_ms: int
) -> Iterator[StartsDelayed]:
    """The delays that begin now, of the connectors that would be offered energy again."""
    limits = state.outside_limits
    if not limits.rules.random_delay_max_ms:
        return
    returned = _returned(state, (connector_id for connector_id in rising if connector_id not in limits.delays))
    if returned:
        yield StartsDelayed(connectors=returned, why=POWER_RETURN)
    others = (connector_id for connector_id in rising if limits.delay_on(connector_id, at_ms) is None)
    by_calendar = _by_calendar(state, situation, [number for number in others if number not in returned])
    if by_calendar:
        yield StartsDelayed(connectors=by_calendar, why=OFF_PEAK)


def _returned(state: StationState, connectors: Iterable[int]) -> tuple[int, ...]:
    """Those whose transaction goes on from before a loss of power, or began by itself after it, and was offered nothing since."""
    if state.boot.same_power:
        return ()
    found = ((connector_id, state.transactions.on(connector_id)) for connector_id in connectors)
    return tuple(
        connector_id
        for connector_id, transaction in found
        if transaction is not None
        and (transaction.started.boot < state.clock.boot or state.plugs.on(connector_id).since_boot)
        and connector_id not in state.charging_profiles.phases_chosen
    )


def _by_calendar(state: StationState, situation: Situation, connectors: list[int]) -> tuple[int, ...]:
    """Those that a charging profile gives energy to from this very moment on."""
    plan = state.charging_profiles
    if plan.stale or plan.due_ms is None or not connectors:
        return ()
    before = offers(situation, state.clock.utc_ms(plan.due_ms) - 1)
    return tuple(connector_id for connector_id in connectors if before[connector_id].limit_ma == 0)


def is_held(state: StationState, connector_id: int, at_ms: int) -> bool:
    """Whether a connector without an offer has to stay so for now."""
    limits = state.outside_limits
    return limits.delay_on(connector_id, at_ms) is not None or held_until_ms(state, connector_id, at_ms) is not None


def held_until_ms(state: StationState, connector_id: int, at_ms: int) -> int | None:
    """When the least pause and the delay are over, as far as that is known; None: nothing holds it that has an end."""
    limits = state.outside_limits
    delay = limits.delay_on(connector_id, at_ms)
    ends = [] if delay is None or delay.until_ms is None else [delay.until_ms]
    paused_ms = limits.paused_ms.get(connector_id)
    if paused_ms is not None:
        ends.append(paused_ms + limits.rules.min_pause_ms)
    return max((end for end in ends if end > at_ms), default=None)

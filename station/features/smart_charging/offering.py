"""Limits: what each transaction is offered, kept up to date (3.13.3). Part of every station, with Smart Charging or without.

A limit is a decision on record, LimitChanged; without one nothing is offered. The rule works the limits out anew when something
they depend on has changed (the plan is stale) or when the plan falls due, and plans the next time.

Order: what must fall falls at once. What may rise waits while the others' vehicles may still draw the current that was taken
from them (EV_RESPONSE_MS), as far as the station's limit has no room for both. So the sum of what is offered, and of what may
still be drawn, stays within the limit.

The number of phases is chosen while nothing is offered. During a transaction it changes only where the station supports that
(9.4.4), by a pause; elsewhere the phases stay, and a limit in watts is spread over them.
"""

from collections.abc import Collection, Iterator, Mapping

from eventstore.catalogue.smart_charging import LimitChanged, LimitsPlanned
from eventstore.event import Event
from projections.charging_profiles import Fall
from projections.connector import CURRENT_MIN_MA, EV_RESPONSE_MS, Connector
from projections.station import StationState
from projections.transactions import Transaction
from station.core.config_keys import Access, Boolean, ConfigKey
from station.core.feature import TIME, Deadline, Feature, Rule
from station.features.smart_charging.composite import Offer, Situation, next_change_ms, offers, total_ma
from station.features.smart_charging.holding import delayed, held_until_ms, is_held
from station.features.smart_charging.situation import situation_of
from station.rules.charging_profile_rules import follow_transactions

__all__ = ["FEATURE", "LIMITS_DUE", "offered_transactions", "with_phases"]

LIMITS_DUE = "limits"
CONNECTOR_SWITCH_3_TO_1_PHASE_SUPPORTED = ConfigKey(
    name="ConnectorSwitch3to1PhaseSupported",
    kind=Boolean(),
    access=Access.READ_ONLY,
    default=False,
    clause="9.4.4",
    doc="Whether the number of phases may change during a transaction; the energy pauses while it does.",
)


def keep_limits(state: StationState, at_ms: int) -> tuple[Event, ...]:
    """The rule: LimitChanged for each transaction whose offer is another one now, and the plan of when to look again."""
    plan = state.charging_profiles
    if not plan.live or (not plan.stale and (plan.due_ms is None or at_ms < plan.due_ms)):
        return ()
    situation = situation_of(state, offered_transactions(state))
    utc_ms = state.clock.utc_ms(at_ms)
    offered = offers(situation, utc_ms)
    targets = {
        connector_id: with_phases(state, state.connectors[connector_id], offer)
        for connector_id, offer in offered.items()
    }
    limits = _Limits(state, situation, at_ms)
    delays = tuple(delayed(state, situation, _starting(state, targets), at_ms))
    waiting = {connector_id for delay in delays for connector_id in delay.connectors}
    events = [*delays, *limits.lowered(targets), *limits.raised(targets, waiting)]
    change_utc_ms = next_change_ms(situation, utc_ms)
    dues = [
        None if change_utc_ms is None else max(at_ms + 1, state.clock.at_ms(change_utc_ms)),
        limits.waits_until_ms,
        at_ms + EV_RESPONSE_MS if _pauses(state, offered) else None,
    ]
    return (*events, LimitsPlanned(due_ms=min((due for due in dues if due is not None), default=None)))


def _starting(state: StationState, targets: Mapping[int, Offer]) -> dict[int, Offer]:
    """Those that have no energy and may have it."""
    return {
        connector_id: offer
        for connector_id, offer in targets.items()
        if offer.limit_ma > 0 and state.connectors[connector_id].limit_ma == 0
    }


def offered_transactions(state: StationState) -> tuple[Transaction, ...]:
    """Those that may be offered energy, the oldest first: begun or resumed by this process, not revoked, and not about to end."""
    running = [state.transactions.by_number[number] for number in state.charging_profiles.live]
    return tuple(item for item in running if not item.offer_ended and item.ending is None)


def _must_switch(state: StationState, connector: Connector, offer: Offer) -> bool:
    """Whether the transaction has its phases and the offer is for others."""
    return (
        connector.connector_id in state.charging_profiles.phases_chosen
        and offer.limit_ma > 0
        and connector.phases != offer.phases
    )


def _may_switch(state: StationState) -> bool:
    return CONNECTOR_SWITCH_3_TO_1_PHASE_SUPPORTED.of(state)


def with_phases(state: StationState, connector: Connector, offer: Offer) -> Offer:
    """The offer on the phases that the connector can have now; 0 mA for the pause in which they are switched."""
    if not _must_switch(state, connector, offer):
        return offer
    if _may_switch(state):
        return offer if connector.limit_ma == 0 else Offer(limit_ma=0, phases=connector.phases)
    limit_ma = offer.limit_ma
    if offer.is_power and connector.phases > offer.phases:
        limit_ma = limit_ma * offer.phases // connector.phases
    return Offer(limit_ma=limit_ma if limit_ma >= CURRENT_MIN_MA else 0, phases=connector.phases)


def _pauses(state: StationState, offered: Mapping[int, Offer]) -> bool:
    """Whether a connector pauses from now on, to go on with other phases."""
    return _may_switch(state) and any(
        _must_switch(state, state.connectors[connector_id], offer) and state.connectors[connector_id].limit_ma > 0
        for connector_id, offer in offered.items()
    )


class _Limits:
    """One round of moving the limits to their targets; `waits_until_ms` is when something held back may rise."""

    def __init__(self, state: StationState, situation: Situation, at_ms: int) -> None:
        self._state = state
        self._at_ms = at_ms
        self._total_ma = total_ma(situation, state.clock.utc_ms(at_ms))
        self._limits = {connector.connector_id: connector.limit_ma for connector in state.connectors.real}
        self._falls = [fall for fall in state.charging_profiles.falls if _ends_ms(fall) > at_ms]
        self.waits_until_ms: int | None = None

    def lowered(self, targets: Mapping[int, Offer]) -> Iterator[LimitChanged]:
        """What must fall, at once. A connector whose transaction is offered nothing any more falls to 0."""
        for connector_id, before_ma in self._limits.items():
            limit_ma = targets[connector_id].limit_ma if connector_id in targets else 0
            if limit_ma < before_ma:
                self._falls.append(Fall(connector_id=connector_id, from_ma=before_ma, at_ms=self._at_ms))
                self._limits[connector_id] = limit_ma
                yield self._changed(connector_id, self._state.connectors[connector_id].phases)

    def raised(self, targets: Mapping[int, Offer], waiting: Collection[int]) -> Iterator[LimitChanged]:
        """What may rise, the oldest transaction first, as far as there is room already. Starts of `waiting` are delayed from now on."""
        for connector_id, offer in targets.items():
            if offer.limit_ma <= self._limits[connector_id]:
                continue
            until_ms = self._must_wait_until_ms(connector_id, offer)
            if self._limits[connector_id] == 0 and (connector_id in waiting or self._is_held(connector_id)):
                until_ms = held_until_ms(self._state, connector_id, self._at_ms)
                if until_ms is None:  # until it is drawn, which is an observation
                    continue
            if until_ms is None:
                self._limits[connector_id] = offer.limit_ma
                yield self._changed(connector_id, offer.phases)
            else:
                self.waits_until_ms = min(until_ms, self.waits_until_ms or until_ms)

    def _changed(self, connector_id: int, phases: int) -> LimitChanged:
        return LimitChanged(connector_id=connector_id, limit_ma=self._limits[connector_id], phases=phases)

    def _is_held(self, connector_id: int) -> bool:
        return is_held(self._state, connector_id, self._at_ms)

    def _must_wait_until_ms(self, connector_id: int, offer: Offer) -> int | None:
        """When the next vehicle in the way has followed; None if nothing is in the way."""
        if offer.phases != self._state.connectors[connector_id].phases:
            in_the_way = [fall for fall in self._falls if fall.connector_id == connector_id]
            if in_the_way:
                return max(_ends_ms(fall) for fall in in_the_way)
        others_ma = sum(self._drawn_ma(other_id) for other_id in self._limits if other_id != connector_id)
        if others_ma + offer.limit_ma <= self._total_ma:
            return None
        return min((_ends_ms(fall) for fall in self._falls if fall.connector_id != connector_id), default=None)

    def _drawn_ma(self, connector_id: int) -> int:
        """What may be drawn at most: the limit, or what the vehicle has not yet had time to stop drawing."""
        falling = (fall.from_ma for fall in self._falls if fall.connector_id == connector_id)
        return max(self._limits[connector_id], *falling, 0)


def _ends_ms(fall: Fall) -> int:
    return fall.at_ms + EV_RESPONSE_MS


def deadlines(state: StationState) -> Iterator[Deadline]:
    """When the plan falls due."""
    plan = state.charging_profiles
    if plan.live and not plan.stale and plan.due_ms is not None:
        yield Deadline(due_ms=plan.due_ms, name=LIMITS_DUE)


FEATURE = Feature(
    name="limits",
    ocpp_profile="Core",
    rules=(
        Rule(
            decide=follow_transactions,
            reads=("connectors", "transactions", "outbox", "authorization", "charging_profiles"),
        ),
        Rule(
            decide=keep_limits,
            reads=(
                "description",
                "boot",
                "clock",
                "connectors",
                "transactions",
                "charging_profiles",
                "plugs",
                "outside_limits",
                "configuration",
                TIME,
            ),
        ),
    ),
    deadlines=deadlines,
)

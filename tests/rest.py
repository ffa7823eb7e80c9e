"""What `step` leaves behind: a state in which no rule has anything more to say."""

from projections.station import StationState
from station.core import calls
from station.core.feature import Registry


def rules_at_rest(state: StationState, at_ms: int, registry: Registry) -> bool:
    """Whether no rule has anything to say, whoever would be asked, and no CALL may leave."""
    return not any(rule.decide(state, at_ms) for rule in registry.rules) and not calls.next_call(state, at_ms)

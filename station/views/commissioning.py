"""The commissioning test as the page shows it: where it may begin, the step under way, what came of the others."""

from projections.station import StationState
from station.rules.commissioning import WANTED, found_at, obstacle
from station.views.saying import Json

KEYS = {
    "board not read": "unread",
    "stopping": "stopping",
    "emergency stop": "emergency",
    "vehicle": "vehicle",
    "transaction": "transaction",
    "authorization": "authorization",
    "done": "done",
    "asked": "asked",
    "time": "time",
}
"""Why a test does not begin, or has ended, as the end of a key."""


def commissioning_view(state: StationState) -> Json:
    """The test that runs, or the last one, and for each connector what stands against one."""
    known = state.commissioning
    return {
        "connectors": [
            {"connector_id": each.connector_id, "obstacle": _key(obstacle(state, each.connector_id))}
            for each in state.connectors.real
        ],
        "connector_id": known.connector_id,
        "running": known.running,
        "step": known.step,
        "due": state.clock.utc_ms(known.due_ms) if known.step else None,
        "found": found_at(state.connectors[known.connector_id], known.step).found if known.step in WANTED else "",
        "left": len(known.steps) - len(known.results),
        "results": [
            {"step": each.step, "found": each.found, "confirmed": each.confirmed, "passed": each.passed}
            for each in known.results
        ],
        "ended": _key(known.ended or None),
        "ended_utc_ms": state.clock.utc_ms(known.ended_ms) if known.ended else None,
        "passed": known.passed,
    }


def _key(reason: str | None) -> str | None:
    return None if reason is None else KEYS[reason]

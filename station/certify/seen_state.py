"""The station's state as its HTTP service gives it, looked at by the cases."""

from typing import Any


def connector_of(state: Any, connector_id: int) -> Any:
    """A connector's part of the state."""
    return next(one for one in state["connectors"] if one["connector_id"] == connector_id)


def is_settled(state: Any) -> bool:
    """Whether nothing is in flight and, once registered, nothing is queued."""
    outbox = state["outbox"]
    if outbox["in_flight"] is not None:
        return False
    expects_delivery = state["link"]["up"] and state["registration"]["status"] == "Accepted"
    return not expects_delivery or outbox["pending"] == 0


def outline(state: Any) -> str:
    """What of it matters to a failure, in a line."""
    statuses = ", ".join(f"{one['connector_id']} {one['status']}" for one in state["connectors"])
    return f"connectors {statuses}; outbox {state['outbox']}; link {state['link']}"

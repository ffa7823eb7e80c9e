"""What the station is doing, in one line, for `systemctl status`."""

from collections import Counter
from collections.abc import Iterator

from projections.connector import Connector
from projections.registration import ACCEPTED
from projections.station import StationState
from station.telling.amounts import current, plural

SINGLY_MAX = 4
"""As many connectors are listed one by one; more are counted."""


def status_line(state: StationState) -> str:
    """ "Connected and accepted; connector 1 Charging (transaction 7, 16.0 A), connector 2 Available"."""
    connectors = ", ".join(_connectors(state))
    return f"{_link(state)}; {connectors}" if connectors else _link(state)


def _link(state: StationState) -> str:
    if not state.link.up:
        return "No connection to the CSMS"
    if state.registration.status == ACCEPTED:
        return "Connected and accepted"
    return f"Connected, registration {state.registration.status}"


def _connectors(state: StationState) -> Iterator[str]:
    station = state.connectors[0]
    if station.error_code != "NoError" or station.status not in ("", "Available"):
        yield f"station {station.status}{_error(station)}"
    told = [connector for connector in state.connectors.real if connector.status]
    if len(told) <= SINGLY_MAX:
        for connector in told:
            yield f"connector {connector.connector_id} {connector.status}{_error(connector)}{_transaction(connector)}"
        return
    counts = Counter(connector.status for connector in told)
    yield ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    running = sum(connector.transaction_number is not None for connector in told)
    if running:
        yield plural(running, "transaction")


def _error(connector: Connector) -> str:
    return "" if connector.error_code in ("", "NoError") else f" {connector.error_code}"


def _transaction(connector: Connector) -> str:
    number = connector.transaction_number
    return "" if number is None else f" (transaction {number}, {current(connector.limit_ma)})"

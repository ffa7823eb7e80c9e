"""What is published: each topic with its text, from the state. Pure.

Topics are relative to the station's (`<base>/<identity>/`). All of these are retained, so that who comes later knows them at once; what
is not known is `None`, which Home Assistant shows as unknown.
"""

from collections.abc import Mapping

from projections.connector import Connector
from projections.station import StationState
from projections.transactions import Transaction
from station.features.smart_charging.reasons import limit_reason
from station.telling.limit_words import limited_by
from station.telling.shown import shortened
from station.views.now import UNKNOWN_STATUS
from station.wire.instants import format_utc_ms

AVAILABILITY, ONLINE, OFFLINE = "availability", "online", "offline"
UNKNOWN = "None"
ON, OFF = "ON", "OFF"
PHASES = ("l1", "l2", "l3")
READINGS = frozenset({"energy_wh", "session_wh", "power_w", *(f"current_{phase}_a" for phase in PHASES)})
"""What changes all the time."""


def station_topic(base_topic: str, identity: str) -> str:
    """The topic above all of a station's; what MQTT reserves (+, #, / and NUL; MQTT 3.1.1, 4.7) becomes "_" in the identity."""
    return f"{base_topic}/{''.join('_' if sign in '+#/$' else sign for sign in identity)}"


def connector_topic(connector_id: int, name: str) -> str:
    """The topic of one fact of a connector."""
    return f"connector/{connector_id}/{name}"


def topics(state: StationState, at_ms: int, *, full_tags: bool) -> dict[str, str]:
    """The text of each topic at station time `at_ms`; id tags shortened unless `full_tags`."""
    found = {
        "status": state.connectors[0].status or UNKNOWN_STATUS,
        "csms": ON if state.online else OFF,
        "version": state.maintenance.software_version,
    }
    for connector in state.connectors.real:
        facts = _connector(state, connector, at_ms, full_tags=full_tags)
        found |= {connector_topic(connector.connector_id, name): text for name, text in facts.items()}
    return found


def without_new_readings(wanted: Mapping[str, str], sent: Mapping[str, str]) -> dict[str, str]:
    """What is to be published before readings are due again: all but readings, and those of a connector whose status has changed."""

    def is_wanted(topic: str) -> bool:
        above, _, name = topic.rpartition("/")
        status = f"{above}/status"
        return name not in READINGS or sent.get(status) != wanted.get(status) or topic not in sent

    return {topic: text for topic, text in wanted.items() if is_wanted(topic)}


def presented(id_tag: str, *, full_tags: bool) -> str:
    """An id tag as it is published."""
    return id_tag if full_tags else shortened(id_tag)


def _connector(state: StationState, connector: Connector, at_ms: int, *, full_tags: bool) -> Mapping[str, str]:
    transaction = state.transactions.on(connector.connector_id)
    reason = limit_reason(state, connector.connector_id, at_ms)
    return {
        "status": connector.status or UNKNOWN_STATUS,
        "error": connector.error_code,
        "plugged": ON if state.connectors.occupied(connector) else OFF,
        "limit_a": f"{connector.limit_ma / 1000:g}",
        "limit_by": limited_by(reason, format_utc_ms) or UNKNOWN,
        "tag": _tag(connector, transaction, full_tags=full_tags),
        **_measured(state, connector, transaction),
    }


def _tag(connector: Connector, transaction: Transaction | None, *, full_tags: bool) -> str:
    """Whose transaction runs, or who is authorized."""
    if transaction is not None:
        return presented(transaction.id_tag, full_tags=full_tags)
    return UNKNOWN if connector.grant is None else presented(connector.grant.id_tag, full_tags=full_tags)


def _measured(state: StationState, connector: Connector, transaction: Transaction | None) -> Mapping[str, str]:
    reading = None if connector.meter_failed else connector.reading
    energy_wh = None if reading is None else reading.energy_wh
    session_wh = 0
    if transaction is not None and reading is not None:
        session_wh = max(0, reading.energy_wh - transaction.meter_start_wh)
    power_w: int | None = 0
    current_ma: tuple[int, ...] = (0,) * state.described.phases
    if connector.contactor_closed:
        power_w, current_ma = (None, ()) if reading is None else (reading.power_w, reading.current_ma)
    currents = {
        f"current_{phase}_a": f"{current_ma[number] / 1000:g}" if number < len(current_ma) else UNKNOWN
        for number, phase in enumerate(PHASES[: state.described.phases])
    }
    return {
        "energy_wh": _number(energy_wh),
        "session_wh": _number(session_wh if transaction is not None else None),
        "power_w": _number(power_w),
        **currents,
    }


def _number(value: int | None) -> str:
    return UNKNOWN if value is None else str(value)

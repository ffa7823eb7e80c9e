"""Status: how a connector's changes are recorded, and StatusNotification (4.9).

The status of a connector follows from its facts (`station.rules.status`); this slice records each change and reports it. With
MinimumStatusDuration 0 no status is left out while connected; above 0 only a status that held that long is reported.
After an outage only what is true then is reported, never history. Each report's timestamp is that of the report.
"""

from collections.abc import Iterable

from eventstore.catalogue.connectors import ConnectorStatusChanged, StatusNotificationQueued
from eventstore.event import Event
from eventstore.value import replace
from projections.authorization import LOCAL_LIST_CONFLICT
from projections.connector import Connector, Fault
from projections.station import StationState
from station.core.config_keys import Access, ConfigKey, Integer
from station.core.feature import TIME, Call, Deadline, Events, Feature, Rendered, Rule
from station.rules.status import next_status, queue_status, target
from station.wire.enums import ChargePointErrorCode, ChargePointStatus
from station.wire.messages.core import StatusNotification

MINIMUM_STATUS_DURATION = ConfigKey(
    name="MinimumStatusDuration",
    kind=Integer(maximum=86_400),
    access=Access.READ_WRITE,
    default=0,
    unit="s",
    clause="9.1.20",
    doc="How long a status must hold before it is reported; 0 reports each at once.",
)


def _derive(state: StationState, at_ms: int) -> Events:
    """One hop of each connector's status towards what its facts amount to."""
    if not state.connectors.known:
        return ()
    events: list[Event] = []
    for connector in state.connectors.by_id:
        status, fault = target(state, connector)
        hop = status if connector.connector_id == 0 else next_status(connector.status, status)
        if hop != status:
            fault = Fault(error_code="NoError")
        present = (connector.status, connector.error_code, connector.info, connector.vendor_error_code)
        if present != (hop, fault.error_code, fault.info, fault.vendor_error_code):
            events.append(
                ConnectorStatusChanged(
                    connector_id=connector.connector_id,
                    status=hop,
                    error_code=fault.error_code,
                    info=fault.info,
                    vendor_error_code=fault.vendor_error_code,
                )
            )
    return events


def _is_reported(connector: Connector) -> bool:
    reported = connector.reported
    return reported is not None and (
        reported.status,
        reported.error_code,
        reported.info,
        reported.vendor_error_code,
    ) == (connector.status, connector.error_code, connector.info, connector.vendor_error_code)


def _report_due_ms(state: StationState, connector: Connector) -> int | None:
    """When the connector's status is to be reported; None if it was, or cannot be."""
    if not state.online or not connector.status or _is_reported(connector):
        return None
    if connector.reported is None:
        return connector.status_since_ms
    return connector.status_since_ms + MINIMUM_STATUS_DURATION.of(state) * 1000


def _report(state: StationState, at_ms: int) -> Events:
    if not state.online or not state.connectors.known:
        return ()
    return tuple(
        queue_status(state, connector, at_ms, triggered=False)
        for connector in state.connectors.by_id
        if (due_ms := _report_due_ms(state, connector)) is not None and due_ms <= at_ms
    )


def _deadlines(state: StationState) -> Iterable[Deadline]:
    if not state.connectors.known:
        return
    for connector in state.connectors.by_id:
        if (due_ms := _report_due_ms(state, connector)) is not None:
            yield Deadline(due_ms=due_ms, name="status", key=connector.connector_id)


def _render(state: StationState, event: StatusNotificationQueued, at_ms: int) -> Rendered:
    return Rendered(
        request=StatusNotification(
            connector_id=event.connector_id,
            error_code=ChargePointErrorCode(event.error_code),
            status=ChargePointStatus(event.status),
            info=event.info[:50] or None,
            timestamp=state.clock.utc_of(event.reported),
            vendor_id=state.described.vendor if event.vendor_error_code else None,
            vendor_error_code=event.vendor_error_code[:50] or None,
        )
    )


def _report_conflict(state: StationState, at_ms: int) -> Events:
    """List and CSMS disagree on a tag (3.5.2): reported once, after the statuses that followed from it."""
    if not state.online or not state.authorization.conflicts:
        return ()
    told = queue_status(state, state.connectors[0], at_ms, triggered=False)
    return (replace(told, error_code=LOCAL_LIST_CONFLICT, info="", vendor_error_code=""),)


FEATURE = Feature(
    name="status",
    ocpp_profile="Core",
    calls=(Call(event=StatusNotificationQueued, render=_render),),
    rules=(
        Rule(
            decide=_derive, reads=("boot", "description", "connectors", "transactions", "reservations", "maintenance")
        ),
        Rule(decide=_report, reads=("clock", "registration", "link", "connectors", "configuration", TIME)),
        Rule(decide=_report_conflict, reads=("clock", "registration", "link", "connectors", "authorization")),
    ),
    deadlines=_deadlines,
    config_keys=(MINIMUM_STATUS_DURATION,),
)

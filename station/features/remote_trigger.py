"""Remote Trigger: TriggerMessage (5.17).

Theory of operation
    The answer says whether the message will be sent; an event of its own, behind the answer in the same batch, queues the
    message, and it is sent before all others. It reports the present, never history. A connectorId that means nothing to the
    message is ignored; a missing one stands for every connector that has something to report.
"""

from collections.abc import Iterable, Iterator

from eventstore.catalogue.maintenance import DiagnosticsStatusQueued, FirmwareStatusQueued
from eventstore.catalogue.registration import BootNotificationQueued, HeartbeatQueued
from eventstore.catalogue.transactions import MeterValuesTriggered
from eventstore.event import Event
from projections.connector import Connector
from projections.outbox import PRIORITY
from projections.station import StationState
from station.core.feature import Answer, Feature, Reply
from station.rules.measurands import METER_VALUES_SAMPLED_DATA, REGISTER, TRIGGER, sample
from station.rules.status import queue_status
from station.wire.enums import MessageTrigger, TriggerMessageStatus
from station.wire.messages.remote_trigger import TriggerMessage, TriggerMessageResponse

PROFILE = "RemoteTrigger"
FIRMWARE_PROFILE = "FirmwareManagement"
IDLE = "Idle"
WAITING_MAX = 64  # triggered messages that wait to be sent; more are rejected


def decide_trigger_message(state: StationState, request: TriggerMessage, at_ms: int) -> Reply:
    """Accepted and the message is queued; NotImplemented if its feature profile is off; else Rejected.

    Rejected: there is no such connector, no measurement to report, or too many triggered messages wait already. A
    BootNotification after acceptance is sent, which errata 3.35 leaves open, and its answer counts like any other.
    """
    match request.requested_message:
        case MessageTrigger.DIAGNOSTICS_STATUS_NOTIFICATION | MessageTrigger.FIRMWARE_STATUS_NOTIFICATION if (
            FIRMWARE_PROFILE in state.described.profiles_off
        ):
            return Reply(TriggerMessageResponse(status=TriggerMessageStatus.NOT_IMPLEMENTED))
        case MessageTrigger.BOOT_NOTIFICATION if _is_boot_owed(state):
            # The one in flight reports the same (5.17).
            return Reply(TriggerMessageResponse(status=TriggerMessageStatus.ACCEPTED))
    events = () if _waiting(state) >= WAITING_MAX else tuple(_owed(state, request, at_ms))
    status = TriggerMessageStatus.ACCEPTED if events else TriggerMessageStatus.REJECTED
    return Reply(TriggerMessageResponse(status=status), events)


def _waiting(state: StationState) -> int:
    return sum(owed.lane == PRIORITY for owed in state.outbox.calls)


def _is_boot_owed(state: StationState) -> bool:
    return any(owed.action == MessageTrigger.BOOT_NOTIFICATION for owed in state.outbox.calls)


def _owed(state: StationState, request: TriggerMessage, at_ms: int) -> Iterable[Event]:
    """The messages that are queued then; none if there is nothing to report."""
    match request.requested_message:
        case MessageTrigger.BOOT_NOTIFICATION:
            return (BootNotificationQueued(triggered=True),)
        case MessageTrigger.HEARTBEAT:
            return (HeartbeatQueued(triggered=True),)
        case MessageTrigger.STATUS_NOTIFICATION:
            return _statuses(state, request.connector_id, at_ms)
        case MessageTrigger.METER_VALUES:
            return _meter_values(state, request.connector_id, at_ms)
        case MessageTrigger.FIRMWARE_STATUS_NOTIFICATION:
            firmware = state.maintenance.firmware
            status = IDLE if firmware is None else firmware.status or IDLE
            return (FirmwareStatusQueued(status=status, triggered=True),)
        case MessageTrigger.DIAGNOSTICS_STATUS_NOTIFICATION:
            diagnostics = state.maintenance.diagnostics
            status = IDLE if diagnostics is None else diagnostics.status or IDLE
            return (DiagnosticsStatusQueued(status=status, triggered=True),)


def _meant(state: StationState, connector_id: int | None) -> tuple[Connector, ...]:
    """The connectors a request is about: all, the station included, if it names none; nothing if there is no such one."""
    if connector_id is None:
        return state.connectors.by_id
    return (state.connectors[connector_id],) if state.connectors.has(connector_id) else ()


def _statuses(state: StationState, connector_id: int | None, at_ms: int) -> Iterator[Event]:
    for connector in _meant(state, connector_id):
        if connector.status:  # not before the board has reported its inputs
            yield queue_status(state, connector, at_ms, triggered=True)


def _meter_values(state: StationState, connector_id: int | None, at_ms: int) -> Iterator[Event]:
    """The most recent measurements of MeterValuesSampledData (errata 3.46), of an empty one the register, as in periodic
    MeterValues; connector 0 has no meter."""
    measurands = METER_VALUES_SAMPLED_DATA.of(state) or (REGISTER,)
    for connector in _meant(state, connector_id):
        taken = sample(state, connector.connector_id, measurands, TRIGGER, state.clock.moment(at_ms))
        if taken is not None:
            yield MeterValuesTriggered(
                connector_id=connector.connector_id, number=connector.transaction_number, sample=taken
            )


FEATURE = Feature(
    name="remote_trigger",
    ocpp_profile=PROFILE,
    answers=(Answer(action="TriggerMessage", decide=decide_trigger_message),),
)

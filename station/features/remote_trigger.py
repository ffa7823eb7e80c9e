"""Remote Trigger: TriggerMessage (5.17). What it shares with ExtendedTriggerMessage stands in `station.rules.triggering`."""

from collections.abc import Iterable, Mapping

from eventstore.catalogue.maintenance import DiagnosticsStatusQueued
from eventstore.event import Event
from projections.station import StationState
from station.core.feature import Answer, Feature, Reply
from station.rules.firmware_status import firmware_status
from station.rules.triggering import IDLE, QUEUES, Queue, decide_trigger
from station.wire.messages.remote_trigger import TriggerMessage, TriggerMessageResponse

PROFILE = "RemoteTrigger"
FIRMWARE_PROFILE = "FirmwareManagement"


def decide_trigger_message(state: StationState, request: TriggerMessage, at_ms: int) -> Reply:
    """NotImplemented for a message whose feature profile is off."""
    queues = QUEUES if FIRMWARE_PROFILE in state.described.profiles_off else _ALL
    status, events = decide_trigger(state, request.requested_message, queues, request.connector_id, at_ms)
    return Reply(TriggerMessageResponse(status=status), events)


def _firmware_status(state: StationState, connector_id: int | None, at_ms: int) -> Iterable[Event]:
    return (firmware_status(state),)


def _diagnostics_status(state: StationState, connector_id: int | None, at_ms: int) -> Iterable[Event]:
    diagnostics = state.maintenance.diagnostics
    status = IDLE if diagnostics is None else diagnostics.status or IDLE
    return (DiagnosticsStatusQueued(status=status, triggered=True),)


_ALL: Mapping[str, Queue] = {
    **QUEUES,
    "FirmwareStatusNotification": _firmware_status,
    "DiagnosticsStatusNotification": _diagnostics_status,
}

FEATURE = Feature(
    name="remote_trigger",
    ocpp_profile=PROFILE,
    answers=(Answer(action="TriggerMessage", decide=decide_trigger_message),),
)

"""DataTransfer both ways (4.3, 5.6): to us by vendor handlers, from us as a message like any other.

A maker's handler is a pure function of the state, like every decision; it is found by vendorId and messageId. An
unknown vendor is UnknownVendorId, a known one without that message UnknownMessageId.
"""

from collections.abc import Callable, Mapping, Sequence

from eventstore.catalogue.link import DataTransferRequested
from eventstore.catalogue.registration import DataTransferQueued
from eventstore.value import Value
from projections.station import StationState
from station.core.feature import Answer, Call, Events, Feature, Rendered, Reply
from station.wire.enums import DataTransferStatus
from station.wire.messages.core import DataTransfer, DataTransferResponse

Handler = Callable[[StationState, str | None, int], DataTransferResponse]


class Vendor(Value, frozen=True, kw_only=True):
    """What a maker answers: by messageId; None is a message without one. A handler gets (state, data, at_ms)."""

    vendor_id: str
    messages: Mapping[str | None, Handler]


def feature(vendors: Sequence[Vendor] = ()) -> Feature:
    """The slice with the makers' handlers; raises ValueError if a vendorId stands twice."""
    known = {vendor.vendor_id.casefold(): vendor for vendor in vendors}
    if len(known) != len(vendors):
        raise ValueError("a vendorId stands twice among the DataTransfer handlers")

    def decide(state: StationState, request: DataTransfer, at_ms: int) -> Reply:
        vendor = known.get(request.vendor_id.casefold())
        if vendor is None:
            return Reply(DataTransferResponse(status=DataTransferStatus.UNKNOWN_VENDOR_ID))
        handler = vendor.messages.get(request.message_id)
        if handler is None:
            return Reply(DataTransferResponse(status=DataTransferStatus.UNKNOWN_MESSAGE_ID))
        return Reply(handler(state, request.data, at_ms))

    return Feature(
        name="data transfer",
        ocpp_profile="Core",
        answers=(Answer(action="DataTransfer", decide=decide),),
        calls=(Call(event=DataTransferQueued, render=_render),),
        observes={DataTransferRequested: _on_requested},
    )


def _on_requested(state: StationState, event: DataTransferRequested, at_ms: int) -> Events:
    return (DataTransferQueued(vendor_id=event.vendor_id, message_id=event.message_id, data=event.data),)


def _render(state: StationState, event: DataTransferQueued, at_ms: int) -> Rendered:
    return Rendered(request=DataTransfer(vendor_id=event.vendor_id, message_id=event.message_id, data=event.data))

"""DataTransfer in both directions (4.3, 5.6)."""

from typing import Any

import pytest

from eventstore.catalogue.link import DataTransferRequested
from projections.station import StationState
from station.features import registry_for
from station.features.data_transfer import Vendor, feature
from station.wire.enums import DataTransferStatus
from station.wire.messages.core import DataTransferResponse
from tests.given import StationUnderTest, station


def echo(state: StationState, data: str | None, at_ms: int) -> DataTransferResponse:
    return DataTransferResponse(status=DataTransferStatus.ACCEPTED, data=data)


def refuse(state: StationState, data: str | None, at_ms: int) -> DataTransferResponse:
    return DataTransferResponse(status=DataTransferStatus.REJECTED)


VENDOR = Vendor(vendor_id="org.example", messages={"echo": echo, None: refuse})


def with_vendor() -> StationUnderTest:
    found = station()
    found._registry = registry_for(vendors=(VENDOR,))
    return found.online()


def transfer(found: StationUnderTest, **members: Any) -> dict[str, Any] | None:
    answer = found.ask("DataTransfer", members)
    assert answer is not None
    return answer.payload


def test_an_unknown_vendor_is_answered_so_without_data() -> None:
    """4.3, TC_062."""
    assert transfer(station().online(), vendorId="com.nobody", data="x") == {"status": "UnknownVendorId"}


def test_a_known_vendor_without_that_message_is_answered_so() -> None:
    """4.3."""
    assert transfer(with_vendor(), vendorId="org.example", messageId="other") == {"status": "UnknownMessageId"}


def test_a_known_message_is_its_handlers_affair() -> None:
    """4.3; vendorId is a CiString."""
    found = with_vendor()
    assert transfer(found, vendorId="ORG.example", messageId="echo", data="hello") == {
        "status": "Accepted",
        "data": "hello",
    }
    assert transfer(found, vendorId="org.example") == {"status": "Rejected"}


def test_two_handlers_for_one_vendor_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="twice"):
        feature((VENDOR, Vendor(vendor_id="ORG.EXAMPLE", messages={})))


def test_a_transfer_of_ours_leaves_like_any_other_message() -> None:
    """4.3."""
    found = station().online().forget()
    found.observe(DataTransferRequested(vendor_id="org.example", message_id="m", data="d"))
    assert found.sent("DataTransfer") == [{"vendorId": "org.example", "messageId": "m", "data": "d"}]


def test_a_transfer_of_ours_is_kept_through_an_outage_and_a_restart() -> None:
    found = station().online().forget()
    found.disconnect()
    found.observe(DataTransferRequested(vendor_id="org.example", message_id=None, data=None))
    found.boot()
    found.connect()
    assert found.sent("DataTransfer") == [{"vendorId": "org.example"}]
    assert found.state.outbox.pending == 0


def test_transfers_that_were_queued_offline_are_all_sent_in_order() -> None:
    found = station().online().forget()
    found.disconnect()
    for number in range(300):
        found.observe(DataTransferRequested(vendor_id="org.example", message_id=str(number), data=None))
    found.connect()
    assert [payload["messageId"] for payload in found.sent("DataTransfer")] == [str(n) for n in range(300)]

"""The reusable and memory states of the conformance suite: how the lab brings a station where a case begins."""

from datetime import timedelta
from typing import Any

from tests.conformance.rig import Rig, call, status
from tests.csms.frames import Frame, instant_of, utc_of

VALID = "DEADBEEF"
VALID_2 = "CAFE0002"
VALID_3 = "CAFE0003"
INVALID = "BADBAD00"
PARENT = "PARENT01"


async def configure(rig: Rig, **values: Any) -> None:
    """ChangeConfiguration of each key; each must be Accepted."""
    for key, value in values.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        answer = await rig.request("ChangeConfiguration", key=key, value=text)
        assert answer == {"status": "Accepted"}, f"{key} = {text}: {answer}"


async def read_key(rig: Rig, key: str) -> Any:
    """GetConfiguration(key): the KeyValue, which must be there."""
    answer = await rig.request("GetConfiguration", key=[key])
    assert not answer.get("unknownKey"), answer
    (found,) = answer["configurationKey"]
    assert found["key"] == key
    return found


async def asks_for_remote_starts(rig: Rig) -> bool:
    """GetConfiguration(AuthorizeRemoteTxRequests)."""
    return bool((await read_key(rig, "AuthorizeRemoteTxRequests"))["value"].lower() == "true")


async def authorized(rig: Rig, *, connector_id: int = 1, id_tag: str = VALID) -> None:
    """Authorized: a tag is presented, asked for and accepted; the connector becomes Preparing."""
    await rig.api.swipe(id_tag, connector_id)
    await rig.expect_any_order(call("Authorize", id_tag=id_tag), status(connector_id, "Preparing"))


async def charging(
    rig: Rig,
    *,
    connector_id: int = 1,
    id_tag: str = VALID,
    reserved: bool = False,
    authorizes: bool | None = None,
    charging_profile: Any = None,
) -> Frame:
    """Charging: plug, remote start, transaction; returns the StartTransaction.

    `authorizes` says whether an Authorize is due; by default what AuthorizeRemoteTxRequests says.
    """
    asks = await asks_for_remote_starts(rig)
    asks = asks if authorizes is None else authorizes
    await rig.api.plug(connector_id)
    if not reserved:
        await rig.expect(status(connector_id, "Preparing"))
    answer = await rig.request(
        "RemoteStartTransaction", connector_id=connector_id, id_tag=id_tag, charging_profile=charging_profile
    )
    assert answer == {"status": "Accepted"}
    preamble = [status(connector_id, "Preparing")] * reserved + [call("Authorize", id_tag=id_tag)] * asks
    await rig.expect_any_order(*preamble)
    return await started(rig, connector_id=connector_id, id_tag=id_tag)


async def started(rig: Rig, *, connector_id: int = 1, id_tag: str = VALID, **members: Any) -> Frame:
    """StartTransaction and StatusNotification(Charging), which may swap; returns the StartTransaction."""
    start, _ = await rig.expect_any_order(
        call("StartTransaction", connector_id=connector_id, id_tag=id_tag, **members),
        status(connector_id, "Charging", error_code="NoError"),
    )
    return start


async def stopped(rig: Rig, start: Frame, *statuses: str, reasons: tuple[str | None, ...]) -> Frame:
    """StopTransaction of `start` and StatusNotification (Finishing by default), which may swap; returns the former."""
    transaction_id = await rig.transaction_id_of(start)
    stop, _ = await rig.expect_any_order(
        call("StopTransaction", transaction_id=transaction_id),
        status(start.payload["connectorId"], *(statuses or ("Finishing",))),
    )
    assert_stops(start, stop, reasons)
    return stop


def assert_stops(start: Frame, stop: Frame, reasons: tuple[str | None, ...]) -> None:
    """A StopTransaction has one of the reasons, and neither time nor register run backwards."""
    assert stop.payload.get("reason") in reasons, stop
    assert stop.payload["meterStop"] >= start.payload["meterStart"]
    assert utc_of(stop.payload["timestamp"]) >= utc_of(start.payload["timestamp"])


LOCAL = ("Local", None)


async def stop_locally(rig: Rig, start: Frame) -> Frame:
    """The starting tag is presented again: StopTransaction with it, Finishing."""
    connector_id, id_tag = start.payload["connectorId"], start.payload["idTag"]
    await rig.api.swipe(id_tag, connector_id)
    stop = await stopped(rig, start, reasons=LOCAL)
    assert stop.payload["idTag"] == id_tag
    return stop


async def id_tag_cached(rig: Rig, *, id_tag: str = VALID) -> None:
    """IdTagCached: a whole transaction with the tag, whose answers fill the authorization cache."""
    start = await charging(rig, id_tag=id_tag)
    await stop_locally(rig, start)
    await rig.unplug()
    await rig.expect(status(1, "Available"))
    await rig.quiet()


async def id_tag_listed(rig: Rig, *id_tags: str) -> None:
    """IdTagLocalAuthList: the tags are Accepted on the local list, version 1."""
    await configure(rig, LocalAuthListEnabled=True)
    entries = [{"idTag": id_tag, "idTagInfo": {"status": "Accepted"}} for id_tag in id_tags or (VALID,)]
    answer = await rig.request("SendLocalList", list_version=1, update_type="Full", local_authorization_list=entries)
    assert answer == {"status": "Accepted"}


async def connector_faulted(rig: Rig, connector_id: int = 1) -> None:
    """SetConnectorFaulted."""
    await rig.api.fault(connector_id, "OtherError")
    await rig.expect(status(connector_id, "Faulted", error_code="OtherError"))


async def charge_point_faulted(rig: Rig) -> None:
    """SetChargePointFaulted: the station and every connector."""
    await rig.api.fault(0, "OtherError")
    await rig.expect_any_order(*(status(number, "Faulted") for number in range(rig.connector_count + 1)))


async def connector_unavailable(rig: Rig, connector_id: int = 1) -> None:
    """SetConnectorUnavailable."""
    answer = await rig.request("ChangeAvailability", connector_id=connector_id, type="Inoperative")
    assert answer == {"status": "Accepted"}
    await rig.expect(status(connector_id, "Unavailable"))


async def other_connectors_unavailable(rig: Rig, connector_id: int = 1) -> None:
    """Every connector but one is Unavailable."""
    for other in range(1, rig.connector_count + 1):
        if other != connector_id:
            await connector_unavailable(rig, other)


async def charge_point_unavailable(rig: Rig) -> None:
    """SetChargePointUnavailable: the station and every connector."""
    answer = await rig.request("ChangeAvailability", connector_id=0, type="Inoperative")
    assert answer == {"status": "Accepted"}
    await rig.expect_any_order(*(status(number, "Unavailable") for number in range(rig.connector_count + 1)))


async def connector_occupied(rig: Rig, connector_id: int = 1) -> None:
    """SetConnectorOccupied: a cable is plugged."""
    await rig.api.plug(connector_id)
    await rig.expect(status(connector_id, "Preparing"))


async def reserve(rig: Rig, *, connector_id: int = 1, lasting_s: float = 3600, **members: Any) -> str:
    """ReserveNow (id 42, tag VALID unless said otherwise); the status of the answer."""
    expiry = instant_of(rig.csms.utc() + timedelta(seconds=lasting_s))
    request = {"id_tag": VALID, "reservation_id": 42, **members}
    answer = await rig.request("ReserveNow", connector_id=connector_id, expiry_date=expiry, **request)
    return str(answer["status"])


async def reserved(rig: Rig, *, connector_id: int = 1, **members: Any) -> None:
    """Reserved: ReserveNow Accepted, and the connector says so."""
    assert await reserve(rig, connector_id=connector_id, **members) == "Accepted"
    await rig.expect(status(connector_id, "Reserved"))


async def set_charging_profile(rig: Rig, connector_id: int, profile: Any) -> None:
    """SetChargingProfile Accepted."""
    answer = await rig.request("SetChargingProfile", connector_id=connector_id, cs_charging_profiles=profile)
    assert answer == {"status": "Accepted"}

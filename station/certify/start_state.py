"""The start state of every case, and the way back to it after one, however that ended.

Booted and Accepted, every connector Available, nothing plugged, no transaction, fault, profile, reservation, list or cache, nothing
that waits to be sent, and the configuration keys as the run began with, but that nothing is sent by itself.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from functools import partial
from typing import Any

from station.certify.failing import CaseFailed
from station.certify.images import bench_image
from station.certify.kept import Kept, list_updates, wire_profile
from station.certify.payloads import instant_of
from station.certify.ports import CallRefused
from station.certify.rig import Rig
from station.certify.seen_state import connector_of

QUIET_KEYS: Mapping[str, str] = {
    "MeterValueSampleInterval": "0",
    "ClockAlignedDataInterval": "0",
    "MinimumStatusDuration": "0",
    "WebSocketPingInterval": "0",
    "ConnectionTimeOut": "120",
}
SECRET_KEYS = frozenset({"AuthorizationKey", "SecurityProfile"})
"""Those that change how the station connects."""
BEGINS_WITHIN_S = 1.0
ROOT_USES = ("CentralSystemRootCertificate", "ManufacturerRootCertificate")


async def writable_keys(rig: Rig) -> dict[str, str]:
    """The keys that a CSMS may write, with their values; not those that change how the station connects."""
    answer = await rig.csms.request("GetConfiguration")
    return {
        each["key"]: each.get("value", "")
        for each in answer["configurationKey"]
        if not each["readonly"] and each["key"] not in SECRET_KEYS and each.get("value") is not None
    }


async def installed_roots(rig: Rig) -> list[tuple[str, dict[str, Any]]]:
    """The roots that the station lists: their use and CertificateHashData; none without the security extension."""
    found = []
    for use in ROOT_USES:
        try:
            answer = await rig.csms.request("GetInstalledCertificateIds", certificate_type=use)
        except CallRefused:
            return []
        found += [(use, each) for each in answer.get("certificateHashData", [])]
    return found


class StartState:
    """The way back. `configuration` are the keys with the values of the run, `roots` those that stay."""

    def __init__(
        self, rig: Rig, *, configuration: Mapping[str, str], roots: list[tuple[str, dict[str, Any]]], firmware: str
    ) -> None:
        self._rig = rig
        self._configuration = {key: QUIET_KEYS.get(key, value) for key, value in configuration.items()}
        self._roots = roots
        self._firmware = firmware

    async def reach(self) -> None:
        """Brings the station there. Raises CaseFailed if it does not come."""
        rig = self._rig
        state = await rig.until_state(
            lambda state: state["link"]["up"] and rig.csms.is_linked, "the station to connect"
        )
        if state["registration"]["status"] != "Accepted":
            await rig.hands.power_cycle()
            await rig.until_state(_is_accepted, "the station to be Accepted")
        await rig.settled()  # what is under way, such as a tag that is asked for, may begin a transaction
        await self._end_transactions()
        await self._clear_copper()
        await self._clear_requests()
        await self._configure(self._configuration)
        await self._end_authorizations()
        await self._remove_roots()
        await self._put_firmware_back()
        await rig.until_state(_is_available, "every connector to be Available")
        await rig.settled()
        rig.pass_over()

    async def _end_transactions(self) -> None:
        """Also one that is about to begin: between a tag and its transaction a lock has to close."""
        for _ in range(2):
            await self._stop_running()
            if not any(_may_begin(one) for one in (await self._rig.state())["connectors"][1:]):
                return
            await asyncio.sleep(BEGINS_WITHIN_S)
        await self._stop_running()

    async def _stop_running(self) -> None:
        state = await self._rig.state()
        for number in [one["number"] for one in state["transactions"] if one["stopped_at"] is None]:
            state = await self._rig.until_state(partial(_is_known, number=number), "the id of a transaction")
            for each in state["transactions"]:
                if each["number"] == number and each["stopped_at"] is None:
                    await self._rig.csms.request("RemoteStopTransaction", transaction_id=each["transaction_id"])
            await self._rig.until_state(partial(_is_over, number=number), "a transaction to end")

    async def _clear_copper(self) -> None:
        rig = self._rig
        for number in (0, *rig.connector_ids):
            if connector_of(await rig.state(), number)["status"] == "Faulted":
                await rig.hands.clear_fault(number)
        for number in rig.connector_ids:
            connector = connector_of(await rig.state(), number)
            if connector["locked"]:
                await rig.csms.request("UnlockConnector", connector_id=number)
            if connector["plugged"] or connector["status"] == "Finishing":
                await rig.unplug(number)

    async def _clear_requests(self) -> None:
        rig, state = self._rig, await self._rig.state()
        for each in state["reservations"]:
            await rig.csms.request("CancelReservation", reservation_id=each["reservation_id"])
        if state["charging_profiles"]:
            await rig.csms.request("ClearChargingProfile")
        for connector in state["connectors"]:
            if connector["availability"] == "Inoperative":
                number = connector["connector_id"]
                await rig.csms.request("ChangeAvailability", connector_id=number, type="Operative")
        await rig.csms.request("ClearCache")
        if state["authorization"]["local_list_size"]:
            await self._configure({"LocalAuthListEnabled": "true"})
            await rig.csms.request("SendLocalList", list_version=1, update_type="Full")

    async def _configure(self, wanted: Mapping[str, str]) -> None:
        present = await writable_keys(self._rig)
        for key, value in wanted.items():
            if present.get(key, value) != value:
                answer = await self._rig.csms.request("ChangeConfiguration", key=key, value=value)
                if answer["status"] not in ("Accepted", "RebootRequired"):
                    raise CaseFailed(f"{key} back at {value!r}", str(answer))

    async def _end_authorizations(self) -> None:
        """A tag that was presented and not used waits for ConnectionTimeOut."""
        state = await self._rig.state()
        if any(one["status"] == "Preparing" and not one["plugged"] for one in state["connectors"][1:]):
            wanted = int(self._configuration.get("ConnectionTimeOut", "120"))
            await self._configure({"ConnectionTimeOut": "1"})
            await self._rig.hands.wait(2)
            await self._configure({"ConnectionTimeOut": str(wanted)})

    async def _remove_roots(self) -> None:
        for use, each in await installed_roots(self._rig):
            if (use, each) not in self._roots:
                await self._rig.csms.request("DeleteCertificate", certificate_hash_data=each)

    async def _put_firmware_back(self) -> None:
        rig = self._rig
        if (await rig.state())["station"]["firmware_version"] == self._firmware:
            return
        async with rig.serve_files("http") as server:
            location = server.put("back.fwi", bench_image(model=rig.build.model, version=self._firmware))
            due = instant_of(rig.csms.utc())
            await rig.csms.request("UpdateFirmware", location=location, retrieve_date=due, retries=0)
            await rig.until_state(
                lambda state: state["station"]["firmware_version"] == self._firmware and _is_accepted(state),
                "the firmware that was there before",
            )


async def put_back(rig: Rig, kept: Kept) -> list[str]:
    """Gives a station in the start state what it had before the run; what could not be put back, a sentence each."""
    lost: list[str] = []
    if kept.local_list:
        await _tried(lost, "the local list", _list_back(rig, kept))
    for each in kept.profiles:
        request: dict[str, Any] = {
            "connector_id": each.connector_id,
            "cs_charging_profiles": wire_profile(each.profile),
        }
        name = f"charging profile {each.profile.charging_profile_id}"
        await _tried(lost, name, _accepted(rig, "SetChargingProfile", request))
    for number in kept.inoperative:
        request = {"connector_id": number, "type": "Inoperative"}
        await _tried(lost, f"connector {number}", _accepted(rig, "ChangeAvailability", request))
    present = await writable_keys(rig)
    for key, value in kept.configuration.items():
        if key in present and present[key] != value:
            await _tried(lost, key, _accepted(rig, "ChangeConfiguration", {"key": key, "value": value}))
    return lost


async def _list_back(rig: Rig, kept: Kept) -> None:
    limits = {
        each["key"]: each.get("value", "") for each in (await rig.csms.request("GetConfiguration"))["configurationKey"]
    }
    await _accepted(rig, "ChangeConfiguration", {"key": "LocalAuthListEnabled", "value": "true"})
    for update in list_updates(kept, int(limits.get("SendLocalListMaxLength", "1"))):
        await _accepted(rig, "SendLocalList", update)


async def _accepted(rig: Rig, action: str, request: Mapping[str, Any]) -> None:
    answer = await rig.csms.request(action, **request)
    if answer.get("status") not in ("Accepted", "RebootRequired", "Scheduled"):
        raise CaseFailed(f"{action} Accepted", str(answer))


async def _tried(lost: list[str], what: str, back: Awaitable[None]) -> None:
    try:
        await back
    except (CaseFailed, CallRefused) as failure:
        lost.append(f"{what}: {failure}")


def _is_known(state: Any, *, number: int) -> bool:
    """Whether the CSMS has given an id to a transaction, or it is over."""
    found = [one for one in state["transactions"] if one["number"] == number]
    return not found or found[0]["transaction_id"] is not None or found[0]["stopped_at"] is not None


def _is_over(state: Any, *, number: int) -> bool:
    return all(one["stopped_at"] is not None for one in state["transactions"] if one["number"] == number)


def _may_begin(connector: Any) -> bool:
    """Whether a transaction may follow by itself: a vehicle is plugged, and perhaps a tag was taken for it."""
    return bool(connector["plugged"] and connector["status"] == "Preparing")


def _is_accepted(state: Any) -> bool:
    return bool(state["registration"]["status"] == "Accepted" and state["link"]["up"])


def _is_available(state: Any) -> bool:
    return all(one["status"] == "Available" for one in state["connectors"])

"""Scripted stories: what a day at a station is made of, told without chance, to be cut at each of their batches.

A hand that finds the station switched off waits until it is on again; so a story goes on wherever its power was cut.
"""

import asyncio
from collections.abc import Awaitable, Callable

from station.wire.instants import format_utc_ms
from tests.simulation.csms import ONE_AT_A_TIME
from tests.simulation.network import Wire
from tests.simulation.world import World

FIXED = {"factory_values": (("MeterValueSampleInterval", "30"),)}


async def _swipe(world: World, id_tag: str = "GOOD1") -> None:
    await world.up()
    world.swipe(id_tag, 1)


async def _configure(world: World, key: str, value: str) -> None:
    world.csms.ask("ChangeConfiguration", {"key": key, "value": value})
    await asyncio.sleep(3)


async def _online(world: World) -> Wire | None:
    """Until the station is registered, or ten minutes have shown that it cannot be."""
    for _ in range(600):
        if world.invariants.shadow.online and world.csms.wire is not None:
            break
        await asyncio.sleep(1)
    return world.csms.wire


async def charging_online(world: World) -> None:
    """Plug, swipe, three samples, swipe, unplug."""
    await _online(world)
    world.plug()
    await asyncio.sleep(5)
    await _swipe(world)
    await asyncio.sleep(95)
    await _swipe(world)
    await asyncio.sleep(5)
    world.unplug()


async def charging_through_an_outage(world: World) -> None:
    """The network goes while charging; another session passes offline; then all is delivered."""
    await _online(world)
    await _swipe(world)
    await asyncio.sleep(2)
    world.plug()
    await asyncio.sleep(40)
    world.network.go(up=False)
    await asyncio.sleep(40)
    await _swipe(world)
    await asyncio.sleep(5)
    world.unplug()
    await asyncio.sleep(5)
    world.plug()
    await _swipe(world)
    await asyncio.sleep(65)
    world.unplug()
    await asyncio.sleep(10)
    world.network.go(up=True)
    await asyncio.sleep(200)


async def answers_that_do_not_come(world: World) -> None:
    """Calls and answers are lost, late, doubled and refused, one after the other."""
    await _online(world)
    await _configure(world, "TransactionMessageRetryInterval", "5")
    world.csms.script["StartTransaction"] = ["lose_call", "refuse", "lose_answer", "answer"]
    world.csms.script["MeterValues"] = ["delay", "repeat", "garble"]
    world.csms.script["StopTransaction"] = ["cut_after", "refuse", "answer"]
    world.plug()
    await _swipe(world)
    await asyncio.sleep(130)
    await _swipe(world)
    await asyncio.sleep(120)
    world.unplug()


async def a_start_that_is_refused_for_ever(world: World) -> None:
    """StartTransaction is given up; its samples and its stop still go."""
    await _online(world)
    await _configure(world, "TransactionMessageRetryInterval", "5")
    world.csms.script["StartTransaction"] = ["refuse"] * 3
    world.plug()
    await _swipe(world)
    await asyncio.sleep(100)
    await _swipe(world)
    await asyncio.sleep(60)
    world.unplug()


async def remote_control(world: World) -> None:
    """Started, limited and stopped by the CSMS, the socket opened by it."""
    await _online(world)
    world.plug()
    await asyncio.sleep(3)
    world.csms.ask("RemoteStartTransaction", {"connectorId": 1, "idTag": "GOOD2"})
    await asyncio.sleep(40)
    running = world.invariants.shadow.transactions.on(1)
    known = None if running is None else running.transaction_id
    world.csms.ask("RemoteStopTransaction", {"transactionId": 9001 if known is None else known})
    await asyncio.sleep(5)
    world.csms.ask("UnlockConnector", {"connectorId": 1})
    await asyncio.sleep(8)
    world.unplug()


async def reserved_listed_and_taken_out_of_service(world: World) -> None:
    """A reservation, the local list, a change of availability that waits for a transaction, a reset."""
    await _online(world)
    expiry = format_utc_ms(world.true_utc_ms() + 300_000)
    world.csms.ask("ReserveNow", {"connectorId": 1, "idTag": "GOOD2", "reservationId": 1, "expiryDate": expiry})
    entries = [{"idTag": "GOOD2", "idTagInfo": {"status": "Accepted"}}]
    world.csms.ask("SendLocalList", {"listVersion": 1, "updateType": "Full", "localAuthorizationList": entries})
    await asyncio.sleep(5)
    await _swipe(world, "GOOD2")
    world.plug()
    await asyncio.sleep(20)
    world.csms.ask("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"})
    await asyncio.sleep(15)
    await _swipe(world, "GOOD2")
    await asyncio.sleep(5)
    world.unplug()
    world.csms.ask("Reset", {"type": "Soft"})
    await asyncio.sleep(40)
    await _online(world)
    world.csms.ask("ChangeAvailability", {"connectorId": 1, "type": "Operative"})
    await asyncio.sleep(10)


async def faults_while_charging(world: World) -> None:
    """A fault that goes by, a meter that fails and is replaced, an emergency stop."""
    await _online(world)
    world.plug()
    await _swipe(world)
    await asyncio.sleep(35)
    world.touch(lambda board: board.fault(1, "HighTemperature"))
    await asyncio.sleep(5)
    world.touch(lambda board: board.clear_fault(1))
    await asyncio.sleep(5)
    world.touch(lambda board: board.meter(1, fail=True))
    await asyncio.sleep(35)
    world.touch(lambda board: board.meter(1, energy_wh=3))
    await asyncio.sleep(35)
    world.touch(lambda board: board.emergency_stop(True))
    await asyncio.sleep(5)
    world.touch(lambda board: board.emergency_stop(False))
    world.unplug()


async def a_tag_that_is_refused_afterwards(world: World) -> None:
    """Started offline by a tag that the CSMS then refuses: stopped, the cable held for its owner."""
    await _online(world)
    await _configure(world, "AllowOfflineTxForUnknownId", "true")
    world.network.go(up=False)
    await asyncio.sleep(5)
    world.plug()
    await _swipe(world, "STRANGER")
    await asyncio.sleep(30)
    world.network.go(up=True)
    await asyncio.sleep(60)
    await _swipe(world, "STRANGER")
    await asyncio.sleep(5)
    world.unplug()


async def a_driver_who_is_back_before_his_stop_was_delivered(world: World) -> None:
    """Stopped offline, and presented again while the queue is sent: ConcurrentTx, until the CSMS has received the stop."""
    await _online(world)
    world.plug()
    await _swipe(world, ONE_AT_A_TIME)
    await asyncio.sleep(35)
    world.network.go(up=False)
    await asyncio.sleep(65)
    await _swipe(world, ONE_AT_A_TIME)
    await asyncio.sleep(5)
    world.unplug()
    await asyncio.sleep(2)
    world.plug()
    world.csms.script["MeterValues"] = ["ponder"] * 3
    world.csms.script["StopTransaction"] = ["ponder"] * 2
    world.network.go(up=True)
    await _online(world)
    await asyncio.sleep(1)
    await _swipe(world, ONE_AT_A_TIME)
    await asyncio.sleep(40)
    await _swipe(world, ONE_AT_A_TIME)
    await asyncio.sleep(5)
    world.unplug()


async def asked_to_end_while_charging(world: World) -> None:
    """SIGTERM in the midst of a session."""
    await _online(world)
    world.plug()
    await _swipe(world)
    await asyncio.sleep(40)
    world.terminate()
    await asyncio.sleep(20)
    await _online(world)
    await _swipe(world)
    await asyncio.sleep(5)
    world.unplug()


STORIES: tuple[Callable[[World], Awaitable[None]], ...] = (
    charging_online,
    charging_through_an_outage,
    answers_that_do_not_come,
    a_start_that_is_refused_for_ever,
    remote_control,
    reserved_listed_and_taken_out_of_service,
    faults_while_charging,
    a_tag_that_is_refused_afterwards,
    asked_to_end_while_charging,
    a_driver_who_is_back_before_his_stop_was_delivered,
)

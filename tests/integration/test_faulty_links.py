"""A CSMS that registers oddly, tells a wrong time, or lets the link break and stall (4.2, 4.6, OCPP-J 4.1)."""

from datetime import timedelta
from typing import Any

import pytest

from tests.csms import faulty
from tests.csms.faulty import FaultyCsms
from tests.csms.frames import utc_of
from tests.integration.conftest import TIMEOUT_S, Boot, Pair
from tests.integration.ledger import accounts, assert_balanced
from tests.integration.stations import end_transaction, until

# Registration -----------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_pending_answers_requests_but_starts_and_stops_nothing_remotely(boot: Boot, csms: FaultyCsms) -> None:
    csms.script("BootNotification", faulty.proper(status="Pending", interval=60))
    pair = await boot()
    await csms.expect("BootNotification")
    await until(pair.daemon, lambda state: state["registration"]["status"] == "Pending", "Pending")
    start = await csms.request("RemoteStartTransaction", connector_id=1, id_tag="A")
    stop = await csms.request("RemoteStopTransaction", transaction_id=1)
    assert (start.payload, stop.payload) == ({"status": "Rejected"}, {"status": "Rejected"})
    answer = await csms.request("ChangeAvailability", connector_id=1, type="Inoperative")
    assert answer.payload == {"status": "Accepted"}
    assert [one.action for one in csms.calls()] == ["BootNotification"]
    await pair.advance(61)
    await csms.expect("BootNotification")
    await csms.expect("StatusNotification", connector_id=1, status="Unavailable")
    await pair.delivered()


@pytest.mark.asyncio
async def test_rejected_keeps_silent_until_the_interval_ends(boot: Boot, csms: FaultyCsms) -> None:
    csms.script("BootNotification", faulty.proper(status="Rejected", interval=60))
    pair = await boot()
    await csms.expect("BootNotification")
    await until(pair.daemon, lambda state: state["registration"]["status"] == "Rejected", "Rejected")
    if csms.link is not None:
        await csms.send_text('[2,"q","GetConfiguration",{}]')
    await pair.advance(50)
    await pair.daemon.api.plug(1)
    assert [frame.action for frame in csms.frames if not frame.outbound] == ["BootNotification"]
    await pair.advance(12)
    await csms.expect("BootNotification")
    await csms.expect("StatusNotification", connector_id=1, status="Preparing")
    await pair.delivered()


@pytest.mark.parametrize("answer", ["lost", "error", "malformed", "interval 0"])
@pytest.mark.asyncio
async def test_boot_without_a_usable_answer_is_tried_again(boot: Boot, csms: FaultyCsms, answer: str) -> None:
    behaviours = {
        "lost": faulty.lost(),
        "error": faulty.error("InternalError"),
        "malformed": faulty.payload({"status": "Accepted"}),
        "interval 0": faulty.proper(status="Pending", interval=0),
    }
    csms.script("BootNotification", behaviours[answer])
    pair = await boot()
    await csms.expect("BootNotification")
    await until(pair.daemon, lambda state: answer == "lost" or state["outbox"]["in_flight"] is None, "the answer")
    if answer == "lost":
        await pair.advance(TIMEOUT_S + 1)
    assert len(csms.calls("BootNotification")) == 1
    await pair.advance(50 if answer == "interval 0" else 8)
    assert len(csms.calls("BootNotification")) == 1
    await pair.advance(20)
    await csms.expect("BootNotification")
    await pair.delivered()


# The clock --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [timedelta(days=400), timedelta(days=-400)], ids=["ahead", "behind"])
@pytest.mark.asyncio
async def test_trusted_clock_ignores_a_time_that_is_off_by_more_than_a_day(
    boot: Boot, csms: FaultyCsms, offset: timedelta
) -> None:
    csms.always("Heartbeat", faulty.told_time(offset))
    pair = await boot()
    await pair.delivered()
    await csms.request("TriggerMessage", requested_message="Heartbeat")
    await csms.expect("Heartbeat")
    start = await pair.started()
    assert abs(utc_of(start.payload["timestamp"]) - csms.utc()) < timedelta(seconds=10)


@pytest.mark.parametrize("offset", [timedelta(hours=1), timedelta(hours=-2)], ids=["ahead", "behind"])
@pytest.mark.asyncio
async def test_clock_jump_neither_fires_nor_stalls_samples_nor_turns_time_back(
    boot: Boot, csms: FaultyCsms, offset: timedelta
) -> None:
    pair = await boot(config={"MeterValueSampleInterval": 60})
    await pair.delivered()
    start = await pair.started()
    await pair.advance(60)
    await csms.expect("MeterValues")
    csms.script("Heartbeat", faulty.told_time(offset))
    await csms.request("TriggerMessage", requested_message="Heartbeat")
    await csms.expect("Heartbeat")
    assert len(csms.calls("MeterValues")) == 1
    for _ in range(2):
        await pair.quiet()
        await pair.advance(60)
        await csms.expect("MeterValues")
    await pair.quiet()
    assert len(csms.calls("MeterValues")) == 3
    times = [one.payload["meterValue"][0]["timestamp"] for one in csms.calls("MeterValues")]
    instants = [utc_of(time) for time in [start.payload["timestamp"], *times]]
    assert instants == sorted(instants)


# Links that break or stall ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cut", [faulty.cut_before_answer, faulty.cut_mid_answer], ids=["before the answer", "in the middle of it"]
)
@pytest.mark.parametrize("action", ["StartTransaction", "StopTransaction"])
@pytest.mark.asyncio
async def test_cut_around_an_answer_repeats_the_same_bytes(pair: Pair, csms: FaultyCsms, action: str, cut: Any) -> None:
    csms.script(action, cut())
    await pair.started()
    await csms.until(lambda: action != "StartTransaction" or len(csms.calls(action)) > 1, "the second transmission")
    await end_transaction(pair.daemon, "A")
    await pair.delivered()
    transmissions = csms.calls(action)
    assert len(transmissions) == 2
    assert len({one.payload_text for one in transmissions}) == 1
    assert len(csms.calls("BootNotification")) == 1
    (account,) = accounts(csms)
    assert_balanced(account)


@pytest.mark.asyncio
async def test_answers_that_drip_in_bytes_are_answers(boot: Boot, csms: FaultyCsms) -> None:
    for action in ("BootNotification", "StatusNotification", "Authorize", "StartTransaction", "StopTransaction"):
        csms.always(action, faulty.dripped())
    pair = await boot()
    await pair.delivered()
    await pair.session("A")
    assert len(csms.links) == 1


@pytest.mark.asyncio
async def test_half_open_link_is_found_and_replaced(boot: Boot, csms: FaultyCsms) -> None:
    pair = await boot(config={"WebSocketPingInterval": 5})
    await pair.delivered()
    csms.script("StartTransaction", faulty.deaf())
    first = await pair.started()
    for _ in range(8):
        await pair.advance(5)
    await csms.connected(after=1)
    again = await csms.expect("StartTransaction")
    assert again.payload_text == first.payload_text
    await end_transaction(pair.daemon, "A")
    await pair.delivered()


@pytest.mark.parametrize(
    "bytes_sent",
    [
        b"\xff\xff\xff\xff garbage",
        b"HTTP/1.1 200 OK\r\n\r\n" * 10,
        faulty.text_frame("[" * 600_000),
    ],
    ids=["garbage", "not WebSocket", "oversized"],
)
@pytest.mark.asyncio
async def test_bytes_that_break_the_protocol_cost_the_link_and_nothing_else(
    pair: Pair, csms: FaultyCsms, bytes_sent: bytes
) -> None:
    link = await csms.connected()
    link.socket.transport.write(bytes_sent)
    await csms.connected(after=1, within_s=20)
    await pair.session("A")
    assert len(csms.calls("BootNotification")) == 1


@pytest.mark.parametrize(
    "frame",
    [
        "[" * 5000 + "]" * 5000,
        '[2,"deep","DataTransfer",{"vendorId":"x","data":' + '{"a":' * 40 + "1" + "}" * 41 + "]",
        '[2,"q"]',
        "[]",
        "null",
        '""',
        '[3,"nobody",{}]',
        '[4,"nobody","InternalError","",{}]',
        '[9,"q","Reset",{"type":"Hard"}]',
        '{"2":"q"}',
    ],
    ids=lambda frame: frame[:20],
)
@pytest.mark.asyncio
async def test_frames_that_are_none_do_no_harm(pair: Pair, csms: FaultyCsms, frame: str) -> None:
    await csms.send_text(frame)
    await pair.session("A")
    assert len(csms.links) == 1

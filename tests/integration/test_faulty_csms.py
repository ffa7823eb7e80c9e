"""A CSMS that misbehaves in its answers: neither a session nor the queue may suffer from it.

Timings run on station time, which the tests move; the rules are those of OCPP-J 4.1, its errata 3.2 and 3.8, and of
sections 4.6 to 4.10.
"""

import json
from typing import Any

import pytest

from tests.csms import faulty
from tests.csms.faulty import FaultyCsms
from tests.csms.frames import Frame
from tests.integration.conftest import RETRY_S, TIMEOUT_S, Boot, Pair
from tests.integration.ledger import accounts, assert_balanced, first_deliveries
from tests.integration.stations import end_transaction, free_connector, start_transaction, until

# Failure to process: CALLERROR ------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_call_error_is_retried_after_the_interval_times_the_transmissions(pair: Pair, csms: FaultyCsms) -> None:
    csms.script("StartTransaction", faulty.error("InternalError"), faulty.error("GenericError"))
    first = await pair.started()
    for transmissions in (1, 2):
        before = await pair.quiet()
        await pair.advance(RETRY_S * transmissions - 5)
        assert await pair.quiet() == before
        await pair.advance(6)
        again = await csms.expect("StartTransaction")
        assert again.payload_text == first.payload_text
        assert again.message_id != first.message_id
    await end_transaction(pair.daemon, "A")
    await pair.delivered()
    (account,) = accounts(csms)
    assert_balanced(account)


async def given_up_start(pair: Pair) -> Frame:
    """A running transaction whose StartTransaction the CSMS failed to process as often as it may."""
    pair.csms.script("StartTransaction", *(faulty.error("InternalError") for _ in range(3)))
    first = await pair.started()
    for transmissions in (1, 2):
        await pair.quiet()
        await pair.advance(RETRY_S * transmissions + 1)
        await pair.csms.expect("StartTransaction")
    return first


@pytest.mark.asyncio
async def test_start_that_was_given_up_does_not_silence_its_transaction(boot: Boot, csms: FaultyCsms) -> None:
    pair = await boot(config={"MeterValueSampleInterval": 100})
    await pair.delivered()
    await given_up_start(pair)
    await pair.advance(100)
    sample = await csms.expect("MeterValues")
    assert sample.payload["transactionId"] == -1
    await end_transaction(pair.daemon, "A")
    stop = await csms.expect("StopTransaction")
    assert stop.payload["transactionId"] == -1
    await pair.delivered()
    assert len(csms.calls("StartTransaction")) == 3
    await pair.session()


@pytest.mark.asyncio
async def test_late_answer_to_a_start_that_was_given_up_binds_what_has_not_left(pair: Pair, csms: FaultyCsms) -> None:
    first = await given_up_start(pair)
    await pair.quiet()
    await csms.send_text(json.dumps([3, first.message_id, {"transactionId": 77, "idTagInfo": {"status": "Accepted"}}]))
    await pair.transaction_id(77)
    await end_transaction(pair.daemon, "A")
    assert (await csms.expect("StopTransaction")).payload["transactionId"] == 77
    await pair.delivered()


@pytest.mark.asyncio
async def test_stop_that_is_refused_for_ever_does_not_stop_later_sessions(pair: Pair, csms: FaultyCsms) -> None:
    await pair.started()
    csms.script("StopTransaction", *(faulty.error("InternalError") for _ in range(3)))
    await end_transaction(pair.daemon, "A")
    first = await csms.expect("StopTransaction")
    for transmissions in (1, 2):
        await pair.quiet()
        await pair.advance(RETRY_S * transmissions + 1)
        assert (await csms.expect("StopTransaction")).payload_text == first.payload_text
    await pair.delivered()
    await pair.session()


@pytest.mark.asyncio
async def test_authorize_goes_before_a_start_that_waits_for_its_retry(boot: Boot, csms: FaultyCsms) -> None:
    pair = await boot(station={"connectors": 2})
    await pair.delivered()
    csms.script("StartTransaction", faulty.error("InternalError"))
    await pair.started()
    await pair.quiet()
    await pair.daemon.api.plug(2)
    await pair.daemon.api.swipe("B", 2)
    await csms.expect("Authorize", id_tag="B")
    assert len(csms.calls("StartTransaction")) == 1
    await pair.advance(RETRY_S + 1)
    await csms.expect("StartTransaction", id_tag="A")
    await csms.expect("StartTransaction", id_tag="B")
    await pair.quiet()


@pytest.mark.parametrize("action", ["StartTransaction", "StatusNotification", "Heartbeat"])
@pytest.mark.asyncio
async def test_security_error_means_not_registered(boot: Boot, csms: FaultyCsms, action: str) -> None:
    pair = await boot(config={"TransactionMessageAttempts": 1})
    await pair.delivered()
    csms.script(action, faulty.error("SecurityError"))
    csms.take_all()
    match action:
        case "StartTransaction":
            await start_transaction(pair.daemon, "A")
        case "StatusNotification":
            await pair.daemon.api.plug(1)
        case "Heartbeat":
            await csms.request("TriggerMessage", requested_message="Heartbeat")
    await csms.expect(action)
    await until(pair.daemon, lambda state: state["registration"]["status"] != "Accepted", "no registration")
    await pair.advance(301)
    boot_call = await csms.expect("BootNotification")
    between = [one for one in csms.calls() if one.order < boot_call.order and one.action == "StartTransaction"]
    assert len(between) == (action == "StartTransaction")
    if action == "StartTransaction":
        await csms.expect("StartTransaction", id_tag="A")
        await end_transaction(pair.daemon, "A")
    await until(pair.daemon, lambda state: state["registration"]["status"] == "Accepted", "registration")
    await pair.delivered()


# Time-outs and late answers ---------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_time_outs_do_not_count_and_the_third_reopens_the_link(boot: Boot, csms: FaultyCsms) -> None:
    pair = await boot(config={"TransactionMessageAttempts": 1})
    await pair.delivered()
    csms.script("StartTransaction", *(faulty.lost() for _ in range(3)))
    first = await pair.started()
    for transmissions in (1, 2):
        await pair.advance(TIMEOUT_S + 1)
        await pair.advance(RETRY_S * transmissions + 1)
        await csms.expect("StartTransaction")
    await pair.advance(TIMEOUT_S + 1)
    await csms.connected(after=1)
    await pair.advance(RETRY_S * 3 + 1)
    again = await csms.expect("StartTransaction")
    assert again.connection == 2
    assert again.payload_text == first.payload_text
    await end_transaction(pair.daemon, "A")
    await pair.delivered()
    (account,) = accounts(csms)
    assert_balanced(account)


@pytest.mark.asyncio
async def test_late_answer_settles_the_start_and_binds_its_id(pair: Pair, csms: FaultyCsms) -> None:
    csms.script("StartTransaction", faulty.held())
    await pair.started()
    await pair.advance(TIMEOUT_S + 1)
    await csms.release("StartTransaction")
    await pair.transaction_id(5002)
    await pair.advance(RETRY_S * 2)
    await end_transaction(pair.daemon, "A")
    assert (await csms.expect("StopTransaction")).payload["transactionId"] == 5002
    await pair.delivered()
    assert len(csms.calls("StartTransaction")) == 1


@pytest.mark.asyncio
async def test_doubled_answer_changes_nothing(pair: Pair, csms: FaultyCsms) -> None:
    for action in ("StatusNotification", "Authorize", "StartTransaction", "StopTransaction"):
        csms.script(action, faulty.doubled())
    await pair.session("A")
    await pair.session("B")
    for account in accounts(csms):
        assert_balanced(account)


@pytest.mark.parametrize("stopped_by", [8001, 8002])
@pytest.mark.asyncio
async def test_second_different_id_is_recorded_and_either_stops(pair: Pair, csms: FaultyCsms, stopped_by: int) -> None:
    answers = [{"transactionId": number, "idTagInfo": {"status": "Accepted"}} for number in (8001, 8002)]
    csms.script("StartTransaction", faulty.doubled(*answers))
    await pair.started()
    await pair.transaction_id(8001)
    await pair.quiet()
    events = await pair.daemon.api.events()
    assigned = [one["payload"]["transaction_id"] for one in events if one["type"] == "TransactionIdAssigned"]
    assert assigned == [8001, 8002]
    answer = await csms.request("RemoteStopTransaction", transaction_id=stopped_by)
    assert answer.payload == {"status": "Accepted"}
    assert (await csms.expect("StopTransaction")).payload["transactionId"] == 8001
    await pair.delivered()


@pytest.mark.asyncio
async def test_slow_answers_lose_nothing(pair: Pair, csms: FaultyCsms) -> None:
    for action in ("StartTransaction", "StopTransaction", "StatusNotification"):
        csms.always(action, faulty.late(0.3))
    await pair.session("A")
    (account,) = accounts(csms)
    assert_balanced(account)
    assert len(first_deliveries(csms)) == len(csms.calls("StartTransaction")) + len(csms.calls("StopTransaction"))


@pytest.mark.parametrize("allowed", [True, False])
@pytest.mark.parametrize("answer", ["lost", "error"])
@pytest.mark.asyncio
async def test_authorize_without_an_answer_leaves_it_to_the_offline_rules(
    boot: Boot, csms: FaultyCsms, allowed: bool, answer: str
) -> None:
    pair = await boot(config={"AllowOfflineTxForUnknownId": allowed})
    await pair.delivered()
    csms.script("Authorize", faulty.lost() if answer == "lost" else faulty.error("InternalError"))
    await pair.daemon.api.plug(1)
    await pair.daemon.api.swipe("A", 1)
    await csms.expect("Authorize", id_tag="A")
    if answer == "lost":
        await pair.advance(TIMEOUT_S + 1)
    if allowed:
        await csms.expect("StartTransaction", id_tag="A")
    await pair.quiet()
    assert bool(csms.calls("StartTransaction")) is allowed


# Malformed answers ------------------------------------------------------------------------------------------------

UNRELATED = {
    "not JSON": faulty.text("not json"),
    "not an array": faulty.text('{"status": "Accepted"}'),
    "a number": faulty.text("3"),
    "empty array": faulty.text("[]"),
    "no payload": faulty.text('[3, "%"]'),
    "unknown message type": faulty.text('[9, "%", {}]'),
    "number as message id": faulty.text("[3, 1, {}]"),
    "id that nobody used": faulty.wrong_message_id(),
}
MALFORMED = {
    "payload is an array": faulty.payload([]),
    "payload is null": faulty.payload(None),
    "member of the wrong type": faulty.payload({"idTagInfo": 5}),
    "unknown status": faulty.payload({"idTagInfo": {"status": "Perhaps"}}),
}


@pytest.mark.parametrize("action", ["StartTransaction", "StopTransaction"])
@pytest.mark.parametrize("how", UNRELATED)
@pytest.mark.asyncio
async def test_answer_that_belongs_to_nothing_is_passed_over(
    pair: Pair, csms: FaultyCsms, action: str, how: str
) -> None:
    csms.script(action, UNRELATED[how])
    await pair.started()
    if action == "StartTransaction":
        await recover(pair)
        await pair.transaction_id(await _last_id(csms))
    await end_transaction(pair.daemon, "A")
    await csms.expect("StopTransaction")
    await recover(pair)
    await pair.delivered()
    (account,) = accounts(csms)
    assert_balanced(account)
    await pair.session()


async def recover(pair: Pair) -> None:
    """Time for a call that was answered by nothing to run out and be sent again."""
    await pair.advance(TIMEOUT_S + 1)
    await pair.advance(RETRY_S + 1)


async def _last_id(csms: FaultyCsms) -> int:
    """The transaction id that the CSMS gave last."""
    given = await csms.until(
        lambda: [
            frame.payload["transactionId"]
            for frame in csms.frames
            if frame.outbound and frame.kind == "result" and "transactionId" in frame.payload
        ],
        "an answer with a transaction id",
    )
    return int(given[-1])


@pytest.mark.parametrize("how", MALFORMED)
@pytest.mark.asyncio
async def test_malformed_answer_settles_a_stop(pair: Pair, csms: FaultyCsms, how: str) -> None:
    csms.script("StopTransaction", MALFORMED[how])
    await pair.started()
    await end_transaction(pair.daemon, "A")
    await pair.delivered()
    assert len(csms.calls("StopTransaction")) == 1
    await pair.session()


@pytest.mark.parametrize(
    "answer",
    [{}, {"idTagInfo": {"status": "Accepted"}}, {"transactionId": "1", "idTagInfo": {"status": "Accepted"}}, []],
    ids=["empty", "no id", "text as id", "array"],
)
@pytest.mark.asyncio
async def test_start_answer_without_a_usable_id_is_a_failure(pair: Pair, csms: FaultyCsms, answer: Any) -> None:
    csms.script("StartTransaction", faulty.payload(answer))
    first = await pair.started()
    await pair.quiet()
    await pair.advance(RETRY_S + 1)
    assert (await csms.expect("StartTransaction")).payload_text == first.payload_text
    await end_transaction(pair.daemon, "A")
    assert (await csms.expect("StopTransaction")).payload["transactionId"] == await _last_id(csms)
    await pair.delivered()


@pytest.mark.asyncio
async def test_start_answer_with_an_id_and_nothing_else_binds_it(pair: Pair, csms: FaultyCsms) -> None:
    csms.script("StartTransaction", faulty.payload({"transactionId": 31}))
    await pair.started()
    await pair.transaction_id(31)
    await end_transaction(pair.daemon, "A")
    assert (await csms.expect("StopTransaction")).payload["transactionId"] == 31
    await pair.delivered()


@pytest.mark.asyncio
async def test_unknown_members_and_null_for_an_optional_one_are_dropped(boot: Boot, csms: FaultyCsms) -> None:
    csms.script("BootNotification", faulty.proper(vendor_extra={"x": 1}))
    info = {"status": "Accepted", "parentIdTag": None, "expiryDate": None, "colour": "red"}
    csms.script("Authorize", faulty.proper(id_tag_info=info, extra=None))
    csms.script("StartTransaction", faulty.proper(id_tag_info=info, transaction_id=4711, extra=[1]))
    csms.script("StopTransaction", faulty.proper(id_tag_info=None, extra="x"))
    pair = await boot()
    await pair.delivered()
    await pair.session("A")
    assert len(csms.calls("StartTransaction")) == 1
    assert csms.calls("StopTransaction")[0].payload["transactionId"] == 4711


@pytest.mark.parametrize("transaction_id", [0, -1, -2_000_000_000, 2_147_483_647])
@pytest.mark.asyncio
async def test_any_32_bit_transaction_id_will_do(pair: Pair, csms: FaultyCsms, transaction_id: int) -> None:
    csms.script("StartTransaction", faulty.proper(transaction_id=transaction_id))
    await pair.started()
    await pair.transaction_id(transaction_id)
    answer = await csms.request("RemoteStopTransaction", transaction_id=transaction_id)
    assert answer.payload == {"status": "Accepted"}
    assert (await csms.expect("StopTransaction")).payload["transactionId"] == transaction_id
    await pair.delivered()


@pytest.mark.asyncio
async def test_transaction_id_that_is_given_again_belongs_to_the_later_transaction(
    pair: Pair, csms: FaultyCsms
) -> None:
    csms.always("StartTransaction", faulty.proper(transaction_id=9))
    await pair.session("A")
    await pair.started("B")
    await pair.transaction_id(9)
    answer = await csms.request("RemoteStopTransaction", transaction_id=9)
    assert answer.payload == {"status": "Accepted"}
    stop = await csms.expect("StopTransaction")
    assert (stop.payload["transactionId"], stop.payload["reason"]) == (9, "Remote")
    await free_connector(pair.daemon)
    await pair.delivered()

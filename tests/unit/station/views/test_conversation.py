from typing import Any

from station.views.conversation import KEPT, KINDS, LINE_MAX, Conversation
from tests.given import StationUnderTest, charging


def talk(under_test: StationUnderTest) -> Conversation:
    found = Conversation()
    for recorded in under_test.log:
        if recorded.event.NAME in KINDS:
            found.add(recorded)
    return found


def actions(view: dict[str, Any]) -> list[str]:
    return [exchange["action"] for exchange in view["exchanges"] if exchange["kind"] != "link"]


def test_both_sides_are_heard_in_the_order_in_which_the_answers_came() -> None:
    under_test = charging()
    under_test.ask("ClearCache")
    shown = talk(under_test).view()
    assert actions(shown)[0] == "BootNotification"
    last = shown["exchanges"][-1]
    assert (last["kind"], last["action"], last["outcome"], last["answer"]) == (
        "theirs",
        "ClearCache",
        "result",
        "status=Accepted",
    )
    assert shown["exchanges"][0]["kind"] == "link"


def test_who_asks_again_gets_each_exchange_once() -> None:
    found = talk(charging())
    whole = found.view()
    seqs = sorted({exchange["answer_seq"] or exchange["seq"] for exchange in whole["exchanges"]})
    middle = seqs[len(seqs) // 2]
    later = found.view(middle)["exchanges"]
    assert 0 < len(later) < len(whole["exchanges"])
    assert whole["exchanges"][-len(later) :] == later
    assert found.view(whole["seq"])["exchanges"] == []


def test_what_waits_for_its_answer_is_open() -> None:
    under_test = charging()
    under_test.csms = None
    under_test.ask("TriggerMessage", {"requestedMessage": "Heartbeat"})
    (waiting,) = talk(under_test).view()["open"]
    assert (waiting["action"], waiting["outcome"], waiting["latency_ms"]) == ("Heartbeat", "open", None)


def test_memory_is_bounded_whatever_is_said() -> None:
    under_test = charging()
    for _ in range(KEPT):
        under_test.ask("DataTransfer", {"vendorId": "x" * 255, "data": "y" * 2_000})
    shown = talk(under_test).view()
    assert len(shown["exchanges"]) == KEPT
    assert max(len(exchange["request"]) for exchange in shown["exchanges"]) == LINE_MAX

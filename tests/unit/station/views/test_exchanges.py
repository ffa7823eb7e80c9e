"""More of it is tested where a whole log is read: tests/unit/station/replay."""

from eventstore.event import Recorded
from station.views.exchanges import KINDS, Exchange, Talk, brief
from tests.given import StationUnderTest, charging


class Believed:
    def utc_ms(self, recorded: Recorded) -> int:
        return recorded.utc_ms

    def is_certain(self, seq: int) -> bool:
        return True


def of(under_test: StationUnderTest) -> list[Exchange]:
    talk = Talk(Believed())
    over = [
        exchange for recorded in under_test.log if isinstance(recorded.event, KINDS) for exchange in talk.take(recorded)
    ]
    return [*over, *talk.rest()]


def test_a_call_and_its_answer_are_one_exchange_with_its_latency() -> None:
    found = {exchange.action: exchange for exchange in of(charging())}
    start = found["StartTransaction"]
    assert (start.ours, start.outcome, start.attempt, start.transaction, start.latency_ms) == (True, "result", 1, 1, 0)
    assert "DEADBEEF" in start.request
    assert "9001" in start.answer


def test_what_a_lost_connection_leaves_unanswered_is_lost_and_goes_again() -> None:
    under_test = charging()
    under_test.csms = None
    under_test.swipe()
    under_test.advance(5)
    under_test.disconnect()
    lost = next(exchange for exchange in of(under_test) if exchange.outcome == "lost")
    assert (lost.ours, lost.answer, lost.attempt) == (True, "", 1)


def test_a_frame_in_one_line_has_no_password_and_a_bound() -> None:
    assert brief('[2,"1","UpdateFirmware",{"location":"ftp://me:secret@host/x"}]') == "location=ftp://host/x"
    assert brief('[3,"1",{"a":{"b":1}}]') == 'a={"b":1}'
    assert len(brief(f'[3,"1",{{"a":"{"x" * 1000}"}}]', 50)) == 50
    assert brief("nothing") == "nothing"

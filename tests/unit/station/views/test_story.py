from typing import Any

from eventstore.catalogue.link import FrameReceived
from eventstore.event import Illegible, Recorded
from station.telling.usual import Usual
from station.views.story import TEXT_MAX, kinds, story_view
from tests.given import StationUnderTest, charging


def lines(under_test: StationUnderTest, *, details: bool = False) -> list[dict[str, Any]]:
    names = kinds(details=details)
    events = [recorded for recorded in under_test.log if recorded.event.NAME in names]
    return story_view(events, {recorded.seq: recorded.event for recorded in under_test.log}, Usual())


def test_a_session_is_told_with_its_causes_and_shortened_tags() -> None:
    under_test = charging()
    under_test.fault("GroundFailure")
    texts = [str(line["text"]) for line in lines(under_test)]
    assert any(
        text.startswith("Transaction 1 started on connector 1: tag …BEEF, authorized by the CSMS") for text in texts
    )
    assert any("because of the fault GroundFailure" in text or "because of a fault" in text for text in texts)
    assert not any("DEADBEEF" in text for text in texts)


def test_each_line_stands_where_its_event_stands_in_the_log() -> None:
    under_test = charging()
    assert [line["seq"] for line in lines(under_test)] == sorted({line["seq"] for line in lines(under_test)})
    first = lines(under_test)[0]
    assert (first["seq"], first["type"], first["level"], first["detail"]) == (1, "StationBooted", "info", False)


def test_the_steps_between_are_there_when_asked_for_and_say_so() -> None:
    under_test = charging()
    more = lines(under_test, details=True)
    assert len(more) > len(lines(under_test))
    assert {line["detail"] for line in more} == {True, False}
    assert "CallAnswered" not in kinds(details=True)


def test_a_fault_is_an_error_and_a_lost_link_a_warning() -> None:
    under_test = charging()
    under_test.fault("GroundFailure")
    under_test.disconnect()
    levels = {line["type"]: line["level"] for line in lines(under_test)}
    assert (levels["FaultObserved"], levels["LinkClosed"]) == ("error", "warning")


def test_a_text_of_any_length_is_cut() -> None:
    event = Illegible(name="X", version=1, reason="ש" * 10_000)
    (line,) = story_view([Recorded(seq=7, cause=7, at_ms=0, utc_ms=0, event=event)], {}, Usual())
    assert len(line["text"]) == TEXT_MAX


def test_a_cause_that_is_not_at_hand_is_left_out() -> None:
    under_test = charging()
    started = next(item for item in under_test.log if item.event.NAME == "TransactionStarted")
    (line,) = story_view([started], {}, Usual())
    assert "because" not in line["text"]
    (line,) = story_view([started], {started.cause: FrameReceived(connection=1, text="[")}, Usual())
    assert line["text"].endswith("because of an unreadable frame")

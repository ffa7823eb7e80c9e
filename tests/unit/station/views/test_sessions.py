from typing import Any

import pytest

from eventstore.catalogue.hardware import ContactorObserved
from station.telling.usual import Usual
from station.views.sessions import (
    COLUMNS,
    FIRST,
    KINDS,
    LAST,
    POINTS_MAX,
    WHOLE_KINDS,
    BothEnds,
    SessionList,
    WholeSession,
    csv_cells,
    csv_line,
    is_within,
    month_bounds,
)
from tests.given import TAG, StationUnderTest, charging


def listed(under_test: StationUnderTest, **bounds: Any) -> SessionList:
    found = SessionList(**bounds)
    for recorded in under_test.log:
        if recorded.event.NAME in KINDS:
            found.add(recorded)
    return found


def whole(under_test: StationUnderTest, seq: int) -> WholeSession:
    found = WholeSession(seq)
    for recorded in under_test.log:
        if recorded.event.NAME in WHOLE_KINDS:
            found.add(recorded)
    return found


def start_seq(under_test: StationUnderTest) -> int:
    return next(recorded.seq for recorded in under_test.log if recorded.event.NAME == "TransactionStarted")


def shown(under_test: StationUnderTest) -> Any:
    causes = {recorded.seq: recorded.event for recorded in under_test.log}
    return whole(under_test, start_seq(under_test)).view(under_test.state.clock, causes, Usual())


def ended() -> StationUnderTest:
    """A session of 150 Wh that its driver ended."""
    under_test = charging()
    under_test.observe(ContactorObserved(connector_id=1, closed=True))
    under_test.advance(1_830)
    under_test.charge(150)
    under_test.swipe(TAG)
    under_test.pilot("B")
    under_test.observe(ContactorObserved(connector_id=1, closed=False))
    under_test.unplug()
    return under_test


def test_a_session_runs_then_ends_then_is_settled() -> None:
    running = charging()
    (line,) = listed(running).view(running.state.clock)
    assert (line["number"], line["tag"], line["start"], line["stop"]) == (1, "…BEEF", "taken", None)
    assert line["transaction_id"] is not None
    assert line["energy_wh"] is None
    over = ended()
    (line,) = listed(over).view(over.state.clock)
    assert (line["energy_wh"], line["reason"], line["stop"], line["settled"]) == (150, "Local", "taken", True)
    assert line["stopped_at"] - line["started_at"] == line["duration_ms"]


def test_what_no_csms_has_answered_waits() -> None:
    under_test = charging()
    under_test.csms = None
    under_test.swipe(TAG)
    under_test.unplug()
    (line,) = listed(under_test).view(under_test.state.clock)
    assert (line["start"], line["stop"], line["settled"]) == ("taken", "waits", False)
    assert not listed(under_test).are_settled


def test_the_newest_stands_first_and_the_oldest_make_room() -> None:
    under_test = ended()
    under_test.plug()
    under_test.swipe(TAG)
    assert [line["number"] for line in listed(under_test).view(under_test.state.clock)] == [2, 1]
    assert [line["number"] for line in listed(under_test, kept=1).view(under_test.state.clock)] == [2]
    until = start_seq(under_test)
    assert [line["number"] for line in listed(under_test, until=until).view(under_test.state.clock)] == [1]
    found = listed(under_test)
    assert [session.began.number for session in found.over()] == [1]
    assert [session.began.number for session in found.known()] == [2]


def test_one_session_has_its_curve_its_causes_and_its_messages_and_nothing_of_others() -> None:
    under_test = ended()
    under_test.plug()
    under_test.swipe(TAG)
    view = shown(under_test)
    assert view["session"]["number"] == 1
    assert next(each["action"] for each in view["messages"]) == "StartTransaction"
    assert [each["action"] for each in view["messages"]][-1] == "StopTransaction"
    assert {each["transaction"] for each in view["messages"]} == {1}
    assert all(each["outcome"] == "result" for each in view["messages"])
    texts = [line["text"] for line in view["story"]]
    assert texts[0].startswith("Transaction 1 started")
    assert any("because tag …BEEF was presented" in text for text in texts)
    assert not any("Transaction 2" in text or "DEADBEEF" in text for text in texts)
    times = [at for at, _, _ in view["curve"]]
    assert times == sorted(times)
    assert times[0] == view["session"]["started_at"]
    assert times[-1] <= view["session"]["stopped_at"]


def test_where_no_session_began_there_is_none() -> None:
    under_test = charging()
    assert whole(under_test, 1).session is None
    assert whole(under_test, start_seq(under_test) + 1).session is None


def test_a_long_session_keeps_to_its_bounds() -> None:
    under_test = charging()
    for reading in range(2 * POINTS_MAX):
        under_test.advance(1)
        under_test.read_meter(power_w=reading)
    view = shown(under_test)
    assert POINTS_MAX // 2 <= len(view["curve"]) <= POINTS_MAX


def test_of_many_the_first_and_the_last_are_kept() -> None:
    both: BothEnds[int] = BothEnds()
    for number in range(1_000):
        both.add(number)
    assert both.count == 1_000
    assert both.kept() == [*range(FIRST), *range(1_000 - LAST, 1_000)]


@pytest.mark.parametrize(
    "month", ["2026-13", "2026-1", "26-11", "2026/11", "0000-01", "٢٠٢٦-01x", "2026-٠١", "-026-01"]
)
def test_what_is_no_month_is_refused(month: str) -> None:
    with pytest.raises(ValueError, match="month"):
        month_bounds(month)


def test_a_month_ends_where_the_next_one_begins() -> None:
    assert month_bounds("2026-11")[1] == month_bounds("2026-12")[0]
    assert month_bounds("2026-12")[1] == month_bounds("2027-01")[0]
    first, end = month_bounds("2024-02")
    assert (end - first) == 29 * 86_400_000
    assert [is_within({"started_at": at}, (first, end)) for at in (first - 1, first, end - 1, end)] == [
        False,
        True,
        True,
        False,
    ]


def test_a_line_of_csv_has_every_column() -> None:
    under_test = ended()
    (view,) = listed(under_test).view(under_test.state.clock)
    cells = csv_cells(view)
    assert len(cells) == len(COLUMNS)
    assert csv_line(cells).startswith("1,")
    assert csv_line(cells).endswith(",150,Local,false,taken,taken,true\n")
    assert "DEADBEEF" not in csv_line(cells)

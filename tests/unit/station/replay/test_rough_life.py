"""A station that has a hard time: everything odd is counted, told, and shown in the exchange."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from eventstore.catalogue import ALL
from eventstore.catalogue.hardware import ContactorObserved, EmergencyStopObserved, MeterFailed, MeterObserved
from eventstore.catalogue.lifecycle import DiskSpaceObserved
from eventstore.event import Decision
from station.replay.answers import outbox, summary
from station.replay.answers.conversation import ExchangeFilter, exchanges, ladder
from station.replay.answers.timeline import Filter, Timeline
from station.replay.answers.transactions import transaction_rows, whole_transaction
from station.replay.opening.errors import BadQuestion
from station.replay.opening.folding import state_at
from station.replay.opening.reader import LogReader
from station.replay.opening.source import open_log
from station.replay.opening.times import Zone, calendar_of, place_at
from station.replay.pages.outbox_page import outbox_page
from station.replay.pages.page import Page, Table, facts, plain, table
from station.replay.pages.summary_page import summary_page
from station.telling.wording import DETAIL, NOISE, TABLE, loudness, words
from station.views.exchanges import Exchange
from tests.replay_logs import StoryStation, lost_session, metered, session, story, write_log

ZONE = Zone("UTC")


def rough() -> StoryStation:
    """Silence, CALLERRORs until a message is given up, faults, an emergency stop, a meter that fails and one that falls."""
    station = metered(story(), 60)
    session(station, minutes=3)
    station.replies["Heartbeat"] = "silence"
    station.advance(1900)
    station.replies.pop("Heartbeat")
    station.plug(1)
    station.swipe()
    station.fault("HighTemperature")
    station.advance(30)
    station.clear_fault("HighTemperature")
    station.replies["StopTransaction"] = ["InternalError"] * 3
    station.observe(EmergencyStopObserved(pressed=True))
    station.advance(600)
    station.observe(EmergencyStopObserved(pressed=False))
    station.unplug(1)
    station.observe(MeterFailed(connector_id=2, reason="no answer"))
    station.read_meter(2)
    for energy_wh in (0, 10, 20, 30, station.energy_wh[1]):
        station.observe(MeterObserved(connector_id=1, energy_wh=energy_wh))
    station.observe(ContactorObserved(connector_id=2, closed=True, fault="welded"))
    station.observe(ContactorObserved(connector_id=2, closed=False))
    station.observe(DiskSpaceObserved(level="low", free_bytes=1 << 20))
    station.ask("Nonsense")
    station.receive("no json")
    station.receive([3, "nobody-asked", {}])
    station.replies["Heartbeat"] = "silence"
    station.advance(1_810)
    station.disconnect()
    return station


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LogReader]:
    with open_log(write_log(rough(), tmp_path_factory.mktemp("rough") / "log")) as opened:
        yield opened


def test_everything_odd_is_in_the_summary(reader: LogReader) -> None:
    found = summary.summarize(reader, calendar_of(reader))
    assert found.messages_given_up == 1
    assert found.call_errors["InternalError"] == 3
    assert found.calls_unanswered >= 1
    assert found.faults == {"HighTemperature": 1}
    assert found.outages.is_down_at_end
    for oddity in (
        "emergency stop",
        "meter could not",
        "register was not believed",
        "was reset",
        "came back",
        "contactor welded",
        "disk space low",
    ):
        assert any(oddity in each for each in found.oddities), oddity
    text = plain(summary_page(found, ZONE))
    assert "given up      1" in text
    assert "HighTemperature 1" in text


def test_a_message_that_was_given_up_is_told_with_its_failures(reader: LogReader) -> None:
    story_ = Timeline(reader, calendar_of(reader))
    entries = [each for each in story_.entries(Filter()) if each.type == "TransactionStopped"]
    assert "GIVEN UP after 3 failures (InternalError)" in " ".join(entries[-1].notes)
    rows = transaction_rows(reader, calendar_of(reader))
    assert [row.stop_outcome for row in rows] == ["result", "given_up"]


def outcomes(reader: LogReader, **asked: object) -> list[Exchange]:
    return list(exchanges(reader, calendar_of(reader), ExchangeFilter(**asked)))  # type: ignore[arg-type]


def test_the_exchange_shows_time_outs_losses_errors_and_what_was_ignored(reader: LogReader) -> None:
    found = outcomes(reader)
    ended = {each.outcome for each in found}
    assert {"result", "error", "timeout", "ignored", "opened", "closed"} <= ended
    (unknown,) = outcomes(reader, action="Nonsense")
    assert (unknown.ours, unknown.outcome, unknown.error) == (False, "error", "NotImplemented")
    stops = outcomes(reader, action="StopTransaction", outcomes=frozenset({"error"}))
    assert [each.attempt for each in stops] == [1, 2, 3]
    text = "\n".join(line for each in found for line in ladder(each, ZONE))
    for said in (
        "NO ANSWER in time",
        "CALLERROR InternalError",
        "(attempt 3)",
        "an answer to no open call",
        "unreadable",
    ):
        assert said in text, said
    assert any(line.startswith("2026") for each in found for line in ladder(each, ZONE, raw=True))


def test_every_call_of_ours_is_told_exactly_once(reader: LogReader) -> None:
    made = [r.seq for r in reader.recorded() if type(r.event).__name__ == "CallDispatched"]
    told = [each.seq for each in outcomes(reader) if each.ours and each.owed_seq is not None]
    assert sorted(told) == made


def test_why_a_message_waits_is_told_for_every_state_of_the_link(reader: LogReader) -> None:
    calendar = calendar_of(reader)
    reasons = set()
    for seq in range(20, reader.head.seq + 1, 3):
        place = place_at(reader, calendar, ZONE, str(seq))
        state = state_at(reader, seq).state
        reasons |= {each.waits_for.split(" in ")[0] for each in outbox.owed_entries(reader, calendar, state, place)}
        plain(outbox_page([], state, place, ZONE))
    assert {"its answer", "its next attempt"} <= reasons


def test_every_event_has_words_and_a_loudness(reader: LogReader) -> None:
    for recorded in reader.recorded():
        assert words(recorded.event)
        assert loudness(recorded.event) in (0, 1, 2)
    assert [kind.NAME for kind in TABLE if kind not in ALL and kind.NAME != "Illegible"] == []


def test_an_event_without_words_is_told_by_its_name_and_members() -> None:
    class PlugPolished(Decision, frozen=True):
        NAME = "PlugPolished"

    assert words(PlugPolished()) == "Plug polished"


def test_all_the_noise_is_every_event(reader: LogReader) -> None:
    entries = list(Timeline(reader, calendar_of(reader)).entries(Filter(loudest=NOISE)))
    assert [entry.seq for entry in entries] == list(range(1, reader.head.seq + 1))


def test_a_transaction_that_there_is_not_is_a_bad_question(reader: LogReader) -> None:
    with pytest.raises(BadQuestion, match="the last are 1, 2"):
        whole_transaction(reader, calendar_of(reader), 99)


def test_a_page_aligns_its_columns_and_leaves_out_what_is_empty() -> None:
    page = Page().add("A", facts(("one", 1), ("two", ""), ("three", None))).add("B", table(("x",), []))
    page.add("C", Table(columns=("name", ">n"), rows=(("a", "1"), ("bcd", "22"))))
    assert plain(page) == "A\n-\none  1\n\nC\n-\nname   n\na      1\nbcd   22\n"


def test_an_empty_log_has_a_summary_too(tmp_path: Path) -> None:
    with open_log(write_log(story(), tmp_path / "empty")) as reader:
        found = summary.summarize(reader, calendar_of(reader))
        assert (found.events, found.boot_count) == (0, 0)
        assert "no events" in plain(summary_page(found, ZONE))


@pytest.mark.parametrize("count", [5, 60, 200])
def test_a_part_of_the_story_reads_as_it_does_in_the_whole(count: int, tmp_path: Path) -> None:
    with open_log(write_log(lost_session(), tmp_path / "log")) as reader:
        calendar = calendar_of(reader)
        whole = list(Timeline(reader, calendar).entries(Filter(loudest=DETAIL)))
        for after_seq in range(0, reader.head.seq, 61):
            asked = Filter(after_seq=after_seq, to_seq=after_seq + count, loudest=DETAIL)
            part = list(Timeline(reader, calendar, asked.after_seq, asked.to_seq).entries(asked))
            assert part == [entry for entry in whole if after_seq < entry.seq <= after_seq + count]


def test_what_a_boot_reads_of_the_emergency_stop_is_no_news_until_it_is_pressed(tmp_path: Path) -> None:
    station = story().online()
    station.observe(EmergencyStopObserved(pressed=False))
    station.observe(EmergencyStopObserved(pressed=True), EmergencyStopObserved(pressed=False))
    with open_log(write_log(station, tmp_path / "log")) as reader:
        calendar = calendar_of(reader)
        told = [
            entry.words for entry in Timeline(reader, calendar).entries(Filter()) if "mergency" in entry.words.lower()
        ]
        assert told == ["EMERGENCY STOP pressed", "Emergency stop not pressed"]
        assert "the emergency stop was used" in summary.summarize(reader, calendar).oddities

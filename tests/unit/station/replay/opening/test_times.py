"""Moments: best knowledge of UTC, places that people name, spans in words."""

from collections.abc import Iterator

import pytest

from eventstore.catalogue.lifecycle import ClockAdjusted, StationBooted
from eventstore.event import Event, Recorded
from station.replay.opening.errors import BadQuestion
from station.replay.opening.reader import LogReader
from station.replay.opening.source import open_log
from station.replay.opening.times import Calendar, Zone, bounds, calendar_of, place_at
from tests.replay_logs import disputed_bill, write_log


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LogReader]:
    with open_log(write_log(disputed_bill(), tmp_path_factory.mktemp("moments") / "log")) as opened:
        yield opened


def recorded(seq: int, at_ms: int, event: Event) -> Recorded:
    return Recorded(seq=seq, cause=seq, at_ms=at_ms, utc_ms=0, event=event)


def booted(boot: int, offset_ms: int, *, trusted: bool) -> StationBooted:
    return StationBooted(
        boot=boot,
        installation="1",
        software_version="0",
        firmware_version="0",
        offset_ms=offset_ms,
        clock_trusted=trusted,
        orderly=True,
    )


def test_an_untrusted_boot_takes_the_first_offset_it_gets_later() -> None:
    calendar = Calendar(
        [
            recorded(1, 0, booted(1, 5, trusted=False)),
            recorded(10, 100, ClockAdjusted(offset_ms=1_000, trusted=True, source="CSMS")),
        ]
    )
    assert (calendar.utc_of(5, 50), calendar.is_certain(5)) == (1_050, True)
    assert calendar.utc_of(10, 100) == 1_100


def test_a_boot_that_never_got_one_takes_that_of_the_next() -> None:
    calendar = Calendar([recorded(1, 0, booted(1, 5, trusted=False)), recorded(8, 90, booted(2, 700, trusted=True))])
    assert calendar.utc_of(3, 10) == 710
    assert calendar.boot(3) == 1
    assert calendar.boot(9) == 2


def test_what_nobody_ever_confirmed_is_marked() -> None:
    calendar = Calendar([recorded(1, 0, booted(1, 5, trusted=False))])
    assert calendar.is_certain(2) is False
    assert Zone("UTC").text(calendar.utc_of(2, 1_000), certain=False).endswith("~")


def test_an_excerpt_without_a_boot_takes_what_the_events_say() -> None:
    assert Calendar([]).utc_ms(Recorded(seq=7, cause=7, at_ms=1, utc_ms=99, event=booted(1, 0, trusted=True))) == 99


@pytest.mark.parametrize("seq", [1, 37, 150, 330])
def test_the_time_of_an_event_leads_back_to_the_last_event_of_that_moment(reader: LogReader, seq: int) -> None:
    calendar, zone = calendar_of(reader), Zone("Europe/Berlin")
    event = reader.event(seq)
    assert event is not None
    place = place_at(reader, calendar, zone, zone.text(calendar.utc_ms(event)))
    following = reader.event(place.seq + 1)
    assert place.seq >= seq
    assert place.at_ms == event.at_ms
    assert following is None or following.at_ms > event.at_ms


def test_times_are_read_in_the_zone_unless_they_name_an_offset() -> None:
    zone = Zone("Europe/Berlin")
    assert zone.parse("2026-01-01T07:00") == zone.parse("2026-01-01T06:00Z") == 1_767_247_200_000
    assert zone.offset(1_767_247_200_000) == "+01:00"


@pytest.mark.parametrize("text", ["yesterday", "25:00", "2026-13-01"])
def test_a_time_that_is_none_is_a_bad_question(text: str) -> None:
    with pytest.raises(BadQuestion):
        Zone("UTC").parse(text)


def test_a_zone_that_is_none_is_a_bad_question() -> None:
    with pytest.raises(BadQuestion):
        Zone("Europe/Atlantis")


@pytest.mark.parametrize("text", ["0", "99999", "1999-01-01"])
def test_a_place_outside_of_the_log_is_a_bad_question(reader: LogReader, text: str) -> None:
    with pytest.raises(BadQuestion):
        place_at(reader, calendar_of(reader), Zone("UTC"), text)


def test_a_range_includes_both_ends(reader: LogReader) -> None:
    calendar, zone = calendar_of(reader), Zone("UTC")
    assert bounds(reader, calendar, zone, "10", "20") == (9, 20)
    assert bounds(reader, calendar, zone, None, None) == (0, reader.head.seq)
    assert bounds(reader, calendar, zone, "1999-01-01", "1999-01-02") == (0, 0)
    after, to = bounds(reader, calendar, zone, "2026-01-01T06:20:05.240", "2026-01-01T06:20:05.240")
    inside = [event.at_ms for event in reader.recorded(after, to)]
    assert len(set(inside)) == 1
    assert len(inside) > 1


def test_a_clock_that_was_moved_says_by_how_much() -> None:
    def adjusted(offset_ms: int) -> ClockAdjusted:
        return ClockAdjusted(offset_ms=offset_ms, trusted=True, source="CSMS")

    calendar = Calendar(
        [
            recorded(1, 0, booted(1, 1_000, trusted=False)),
            recorded(5, 10, adjusted(7_381_000)),
            recorded(8, 20, adjusted(7_380_000)),
            recorded(9, 30, booted(2, 0, trusted=True)),
        ]
    )
    assert [stretch.moved_ms for stretch in calendar.stretches] == [0, 7_380_000, -1_000, 0]

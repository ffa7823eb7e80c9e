"""Drawings: they fit into 80 columns, say which day it was, and show where nothing is known of the meter."""

from pathlib import Path

import pytest

from eventstore.catalogue.hardware import MeterFailed
from station.replay.answers.transactions import WholeTransaction, whole_transaction
from station.replay.opening.source import open_log
from station.replay.opening.times import Zone, calendar_of
from station.replay.pages.page import plain
from station.replay.pages.plots import WIDTH_MIN, draw, terminal
from station.replay.pages.transaction_page import page
from tests.replay_logs import StoryStation, disputed_bill, metered, session, story, write_log

ZONE = Zone("Europe/Berlin")


def found(station: StoryStation, directory: Path, number: int = 1) -> WholeTransaction:
    with open_log(write_log(station, directory / "log")) as reader:
        return whole_transaction(reader, calendar_of(reader), number)


def test_a_power_cut_is_marked(tmp_path: Path) -> None:
    whole = found(disputed_bill(), tmp_path)
    (gap,) = whole.gaps
    assert (gap.to_utc_ms - gap.from_utc_ms, gap.why) == (360_080, "the station was off (power cut or crash)")
    lines = terminal(whole, ZONE)
    assert all(len(line) <= 80 for line in lines)
    assert all("░" in line for line in lines[:15])
    assert "░ no reading" in lines[-1]
    assert "NOTE           no reading of the meter from 2026-01-01 09:15:05 on for 6 min" in plain(
        page(whole, ZONE, [])
    )


def test_a_meter_that_fails_is_marked_until_it_can_be_read(tmp_path: Path) -> None:
    station = metered(story(connectors=1).online(), 60)  # type: ignore[arg-type]
    station.plug(1)
    station.swipe()
    station.advance(180)
    station.observe(MeterFailed(connector_id=1, reason="no answer"))
    failed_ms = station.log[-1].at_ms
    station.at_ms += 120_000
    station.read_meter(1)
    (gap,) = found(station, tmp_path / "later").gaps
    assert gap.why == "it could not be read (no answer)"
    assert 120_000 <= gap.to_utc_ms - gap.from_utc_ms <= 120_000 + station.at_ms - failed_ms
    station.observe(MeterFailed(connector_id=1, reason="no answer"))
    station.at_ms += 60_000
    station.swipe()
    assert len(found(station, tmp_path / "stopped").gaps) == 2


@pytest.mark.parametrize(
    ("minutes", "begin", "end"),
    [
        (3, "2026-01-01 07:00:00", "07:03:07"),
        (90, "2026-01-01 07:00", "08:30"),
        (1440, "2026-01-01 07:00", "2026-01-02 07:00"),
    ],
)
def test_the_day_stands_on_the_axis_however_short_it_is(minutes: int, begin: str, end: str, tmp_path: Path) -> None:
    station = metered(story(connectors=1).online(), 60 if minutes < 1000 else 3600)  # type: ignore[arg-type]
    session(station, minutes=minutes)
    whole = found(station, tmp_path)
    axis = terminal(whole, ZONE)[-2].strip()
    assert axis.split("  ")[0] == begin
    assert axis.split("  ")[-1].strip() == end
    assert len(terminal(whole, ZONE, WIDTH_MIN)[-2].split()) == 2
    draw(whole, ZONE, tmp_path / "plot.svg")
    assert "2026-01-01" in (tmp_path / "plot.svg").read_text()

"""The commands that hold things against each other: the sources of a bill, two moments, two logs."""

from eventstore.value import replace
from station.replay.answers import billing, comparison
from station.replay.opening.errors import BadQuestion
from station.replay.opening.source import open_log
from station.replay.opening.times import calendar_of
from station.replay.pages import billing_page, comparison_page, station_page
from station.replay.pages.changes_page import changes_page
from station.replay.question import DONE, Question, give


def show_billing(asked: Question) -> int:
    """Register, samples, frames and the CSMS side by side."""
    after_seq, to_seq = asked.range()
    number = asked.options.transaction
    found = billing.billing(asked.reader, asked.calendar, number=number, after_seq=after_seq, to_seq=to_seq)
    give(
        asked,
        found,
        lambda: (
            billing_page.list_page(found, asked.zone)
            if number is None or not found.bills
            else billing_page.page(found.bills[0], asked.zone)
        ),
    )
    return DONE


def show_diff(asked: Question) -> int:
    """What changed between two moments."""
    places = asked.place(asked.options.first), asked.place(asked.options.second)
    states = asked.folded(places[0]).state, asked.folded(places[1]).state
    found = station_page.changes(*states)
    give(asked, found, lambda: changes_page(states, places, found, asked.zone))
    return DONE


def show_comparison(asked: Question) -> int:
    """Two stations, or two parts of one log, side by side."""
    options = asked.options
    first = _side(asked, asked.range())
    if options.other is None:
        second = _side(asked, asked.bounds(options.other_from, options.other_to))
    else:
        with open_log(options.other) as reader:
            other = replace(asked, reader=reader, calendar=calendar_of(reader))
            second = _side(other, other.bounds(options.other_from, options.other_to))
    found = comparison.compare(first, second)
    give(asked, found, lambda: comparison_page.page(found, asked.zone))
    return DONE


def _side(asked: Question, bounds: tuple[int, int]) -> tuple[comparison.Side, dict[str, str]]:
    after_seq, to_seq = bounds
    if asked.reader.head.seq <= after_seq or to_seq <= after_seq:
        raise BadQuestion("nothing of the log lies there")
    state = asked.folded(asked.place(str(to_seq))).state
    return comparison.side(asked.reader, asked.calendar, state, after_seq, to_seq)

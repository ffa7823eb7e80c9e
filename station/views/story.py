"""The view *Story*: events in plain words with their causes, as the journal has them, each one as it stands in the log."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from eventstore.catalogue.link import CallAnswered
from eventstore.event import Event, Recorded
from eventstore.value import replace
from station.telling.causes import reason
from station.telling.levels import level
from station.telling.line import ERROR, WARNING
from station.telling.shown import shortened
from station.telling.usual import Usual
from station.telling.wording import DETAIL, HEADLINE, TABLE, words
from station.views.saying import Json

TEXT_MAX = 2_000
"""Characters; what peers say may be longer than anybody reads."""


def kinds(*, details: bool) -> frozenset[str]:
    """The names of the events that are shown; `details`: the steps between as well. An answer may hold anything: it stays in the log."""
    loudest = DETAIL if details else HEADLINE
    return frozenset(kind.NAME for kind, (loud, _) in TABLE.items() if loud <= loudest and kind is not CallAnswered)


def story_view(events: Iterable[Recorded], causes: Mapping[int, Event], usual: Usual) -> list[Json]:
    """A line for each of the events, in order, but for those that say what was known before (`usual`).

    `causes` has by their seq what led to the events, as far as it is at hand. `text` is English, as in the journal; `text_de` German.
    """
    return list(_lines(events, causes, usual))


def _lines(events: Iterable[Recorded], causes: Mapping[int, Event], usual: Usual) -> Iterator[Json]:
    from station.telling.german import wording as german  # here: who tells no story in German needs none of it

    for recorded in events:
        if usual.goes_on(recorded.event):
            continue
        event = _shown(recorded.event)
        loud = level(event)
        yield {
            "seq": recorded.seq,
            "utc_ms": recorded.utc_ms,
            "type": event.NAME,
            "connector_id": getattr(event, "connector_id", None),
            "level": "error" if loud >= ERROR else "warning" if loud >= WARNING else "info",
            "detail": TABLE[type(recorded.event)][0] == DETAIL if type(recorded.event) in TABLE else True,
            "text": _worded(recorded, event, causes, words, reason),
            "text_de": _worded(recorded, event, causes, german.words, german.reason),
        }


def _worded(
    recorded: Recorded,
    event: Event,
    causes: Mapping[int, Event],
    words_of: Callable[[Event], str],
    reason_of: Callable[[Event, Event], str],
) -> str:
    """The event and its cause, in one language."""
    cause = None if recorded.cause == recorded.seq else causes.get(recorded.cause)
    why = "" if cause is None else reason_of(event, _shown(cause))
    return _shortened_text(f"{words_of(event)}, {why}" if why else words_of(event))


def _shown(event: Any) -> Any:
    """With its tag as the journal shows it."""
    id_tag = getattr(event, "id_tag", None)
    return event if not id_tag else replace(event, id_tag=shortened(id_tag))


def _shortened_text(text: str) -> str:
    return text if len(text) <= TEXT_MAX else f"{text[: TEXT_MAX - 1]}…"

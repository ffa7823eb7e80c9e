"""(What was dropped on record, as verify tells it: tests/integration/test_room_for_transactions.py.)"""

from types import SimpleNamespace
from typing import Any

from eventstore.value import replace
from projections.station import INITIAL
from station.replay.proof.dropping import undecided
from station.replay.proof.redeciding import Foldable


def stretch(after: int, until: int) -> Foldable:
    return Foldable(state=replace(INITIAL, seq=after), until=until)


def told(*stretches: Foldable, head: int = 100) -> list[str]:
    reader: Any = SimpleNamespace(origin=SimpleNamespace(base=None), head=SimpleNamespace(seq=head))
    return [each.split(":")[0] for each in undecided(reader, stretches)]


def test_what_no_stretch_covers_was_not_decided_again() -> None:
    assert told(stretch(0, 100)) == []
    assert told(stretch(0, 10), stretch(40, 100)) == ["fold and decisions of events 11 to 40"]
    assert told(stretch(20, 60)) == [
        "fold and decisions of events 1 to 20",
        "fold and decisions of events 61 to 100",
    ]
    assert told() == ["fold and decisions of events 1 to 100"]

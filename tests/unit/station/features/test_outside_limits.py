"""The rule and the deadline of limits from outside."""

from eventstore.catalogue.limits import OutsideLimitChanged, OutsideLimitReported
from projections.outside_limits import OUTSIDE_LIMIT_DUE
from station.core.feature import Deadline
from station.features.outside_limits import FEATURE
from tests.given import station


def test_the_deadline_is_the_end_of_what_was_said_and_is_gone_once_it_was_reached() -> None:
    under_test = station().boot()
    assert FEATURE.deadlines is not None
    assert list(FEATURE.deadlines(under_test.state)) == []
    said = OutsideLimitReported(source="ems", max_current_ma=10_000, max_power_w=None, valid_ms=30_000)
    events = under_test.observe(said)
    assert [type(event) for event in events] == [OutsideLimitReported, OutsideLimitChanged]
    due_ms = under_test.at_ms + 30_000
    assert list(FEATURE.deadlines(under_test.state)) == [Deadline(due_ms=due_ms, name=OUTSIDE_LIMIT_DUE)]
    under_test.advance(30)
    assert list(FEATURE.deadlines(under_test.state)) == []

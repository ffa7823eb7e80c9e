"""One line for many."""

import logging

import pytest

from eventstore.seldom import EVERY_S, Seldom

LOGGER = logging.getLogger(__name__)


def test_the_first_time_is_told_at_once_and_then_one_line_a_minute_counts_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now_s = 100.0
    seldom = Seldom(LOGGER, logging.WARNING, now_s=lambda: now_s)
    for text in ("first", "second", "third"):
        seldom.say(text)
    now_s += EVERY_S - 0.001
    seldom.say("fourth")
    assert caplog.messages == ["first"]
    now_s += 0.001
    seldom.say("fifth")
    now_s += EVERY_S
    seldom.say("sixth")
    assert caplog.messages == ["first", "fifth (3 more times since this was last logged)", "sixth"]

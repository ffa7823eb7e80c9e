"""What is believed of a temperature sensor."""

import pytest

from devices.temperature.belief import SILENT_AFTER_MS, Belief, measured

PERIOD_MS = 5_000


def after(*found: int | None, belief: Belief | None = None) -> Belief:
    """What is believed after measurements, one each period."""
    known = Belief(good_at_ms=0) if belief is None else belief
    at_ms = known.good_at_ms
    for each in found:
        at_ms += PERIOD_MS
        known = measured(known, each, at_ms)
        if known.news and (known.reported or known.believed_dc is not None):
            known = known.as_reported()
    return known


@pytest.mark.parametrize(
    ("found", "believed"),
    [
        ((215,), 215),
        ((215, 300, 390), 390),
        ((215, 900), 215),
        ((215, 900, 215), 215),
        ((215, 900, 900), 215),
        ((215, 900, 905, 910), 910),
        ((215, 900, 400, 900, 400), 215),
        ((215, -600), 215),
        ((215, 1_251, 1_251, 1_251), 215),
        ((-600, 215), 215),
        ((None, None, 215), 215),
    ],
)
def test_a_jump_is_believed_once_others_confirm_it(found: tuple[int | None, ...], believed: int) -> None:
    assert after(*found).believed_dc == believed


def test_a_sensor_is_silent_half_a_minute_after_it_was_believed_last() -> None:
    known = measured(Belief(good_at_ms=0), 215, 1_000)
    assert measured(known, None, 1_000 + SILENT_AFTER_MS - 1).believed_dc == 215
    assert measured(known, None, 1_000 + SILENT_AFTER_MS).believed_dc is None
    assert measured(known, 900, 1_000 + SILENT_AFTER_MS).believed_dc is None


def test_one_that_was_silent_is_believed_again_once_it_agrees_with_itself() -> None:
    silent = after(*([None] * 7), belief=after(215))
    assert (silent.believed_dc, silent.news) == (None, False)
    assert after(700, 705, belief=silent).believed_dc is None
    assert after(700, 705, 702, belief=silent).believed_dc == 702


@pytest.mark.parametrize(("then", "news"), [(215, False), (224, False), (225, True), (205, True), (206, False)])
def test_a_change_by_a_degree_is_news(then: int, news: bool) -> None:
    assert measured(after(215), then, 20_000).news is news


def test_the_first_temperature_and_the_end_of_it_are_news() -> None:
    first = measured(Belief(good_at_ms=0), 215, 1)
    assert first.news
    silent = measured(first.as_reported(), None, 1 + SILENT_AFTER_MS)
    assert silent.news
    assert not silent.as_reported().news

"""What others draw: more at once, less once it has lasted, and a meter that cannot be right is doubted."""

from hypothesis import given
from hypothesis import strategies as st

from devices.site_load import DEADBAND_MA, DOUBT_AFTER_MS, DOUBT_HOLDS_MS, SiteLoad, SiteSample

WINDOW_MS = 30_000


def sample(site_ma: int, own_ma: int = 0) -> SiteSample:
    return SiteSample(current_ma=(site_ma, 1_000, 1_000), own_ma=(own_ma, 0, 0))


def load(*, feeds_in: bool = False) -> SiteLoad:
    return SiteLoad(WINDOW_MS, feeds_in=feeds_in)


def test_the_first_sample_is_told_and_the_next_only_if_it_says_something_new() -> None:
    under_test = load()
    assert under_test.take(sample(10_000), 0) == sample(10_000)
    assert under_test.take(sample(10_000 + DEADBAND_MA), 500) is None
    assert under_test.take(sample(10_001 + DEADBAND_MA), 1_000) == sample(10_001 + DEADBAND_MA)


def test_what_the_station_draws_itself_is_nobody_elses() -> None:
    under_test = load()
    under_test.take(sample(10_000), 0)
    assert under_test.take(sample(26_000, 16_000), 500) is None


def test_less_is_told_once_it_has_lasted_and_to_the_moment() -> None:
    under_test = load()
    under_test.take(sample(20_000), 0)
    for at_ms in range(1_000, WINDOW_MS + 1, 1_000):
        assert under_test.take(sample(5_000), at_ms) is None
    assert under_test.take(sample(5_000), WINDOW_MS + 1) == sample(5_000)


def test_a_load_that_switches_on_and_off_counts_as_on() -> None:
    under_test = load()
    told = [under_test.take(sample(20_000 if at % 5 == 0 else 2_000), at * 1_000) for at in range(300)]
    assert [each for each in told if each is not None] == [sample(20_000)]


def test_a_meter_that_shows_less_than_the_station_draws_is_doubted_after_a_while_and_for_long() -> None:
    under_test = load()
    under_test.take(sample(2_000), 0)
    under_test.take(sample(2_000, 16_000), 1_000)
    under_test.take(sample(2_000, 16_000), 1_000 + DOUBT_AFTER_MS - 1)
    assert not under_test.is_doubted
    assert under_test.take(sample(2_000, 16_000), 1_000 + DOUBT_AFTER_MS) is None
    assert under_test.is_doubted
    last_ms = 1_000 + DOUBT_AFTER_MS
    assert under_test.take(sample(2_000), last_ms + DOUBT_HOLDS_MS - 1) is None
    assert under_test.take(sample(2_000), last_ms + DOUBT_HOLDS_MS) == sample(2_000)
    assert not under_test.is_doubted


def test_a_moment_in_which_the_two_meters_do_not_fit_is_no_doubt() -> None:
    under_test = load()
    for at_ms in range(0, 120_000, 1_000):
        under_test.take(sample(20_000, 16_000 if at_ms % 2_000 else 24_000), at_ms)
    assert not under_test.is_doubted


def test_where_the_site_feeds_in_nothing_is_doubted() -> None:
    under_test = load(feeds_in=True)
    for at_ms in range(0, 2 * DOUBT_AFTER_MS, 1_000):
        under_test.take(sample(2_000, 16_000), at_ms)
    assert not under_test.is_doubted


def test_after_a_silence_the_next_sample_is_told() -> None:
    under_test = load()
    under_test.take(sample(20_000), 0)
    under_test.forget()
    assert under_test.take(sample(20_000), 1_000) == sample(20_000)


@given(st.lists(st.tuples(st.integers(0, 63_000), st.integers(0, 32_000)), min_size=1, max_size=80))
def test_what_was_told_last_is_never_less_than_what_others_draw_by_more_than_the_dead_band(
    samples: list[tuple[int, int]],
) -> None:
    under_test, told = load(feeds_in=True), None
    for number, (site_ma, own_ma) in enumerate(samples):
        told = under_test.take(sample(site_ma, own_ma), number * 500) or told
        assert told is not None
        assert max(0, site_ma - own_ma) <= told.others_ma(0) + DEADBAND_MA

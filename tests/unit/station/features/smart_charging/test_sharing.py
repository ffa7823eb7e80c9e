from hypothesis import given, settings
from hypothesis import strategies as st

from projections.connector import CURRENT_MIN_MA
from station.features.smart_charging.sharing import Wish, share


def wish(connector_id: int, limit_ma: int = 32_000, number: int = 0, min_ma: int = 0) -> Wish:
    return Wish(connector_id=connector_id, limit_ma=limit_ma, transaction_number=number, min_ma=min_ma)


@st.composite
def wishes(draw: st.DrawFn) -> list[Wish]:
    count = draw(st.integers(0, 5))
    return [
        wish(
            connector_id,
            limit_ma=draw(st.integers(0, 40_000)),
            number=draw(st.integers(0, 3)),
            min_ma=draw(st.sampled_from((0, 6_000, 8_000, 13_000, 20_000))),
        )
        for connector_id in range(1, count + 1)
    ]


@settings(max_examples=200)
@given(st.integers(0, 100_000), wishes())
def test_shares_stay_within_the_total_and_each_is_nothing_or_a_real_offer(
    total_ma: int, given_wishes: list[Wish]
) -> None:
    shares = share(total_ma, given_wishes)
    assert sum(shares.values()) <= total_ma
    assert list(shares) == [each.connector_id for each in given_wishes]
    for each in given_wishes:
        assert shares[each.connector_id] == 0 or CURRENT_MIN_MA <= shares[each.connector_id] <= each.limit_ma


@settings(max_examples=200)
@given(st.integers(0, 100_000), wishes(), st.randoms(use_true_random=False))
def test_the_order_of_the_wishes_does_not_matter(total_ma: int, given_wishes: list[Wish], chance: object) -> None:
    shuffled = list(given_wishes)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # a random.Random
    assert share(total_ma, shuffled) == share(total_ma, given_wishes)


@settings(max_examples=200)
@given(st.integers(0, 100_000), wishes())
def test_nothing_stays_unused_that_a_connector_could_take(total_ma: int, given_wishes: list[Wish]) -> None:
    shares = share(total_ma, given_wishes)
    unused_ma = total_ma - sum(shares.values())
    growing = [each for each in given_wishes if 0 < shares[each.connector_id] < each.limit_ma]
    assert not growing or unused_ma < len(given_wishes), "only what does not divide evenly is left"
    waiting = [each for each in given_wishes if shares[each.connector_id] == 0 and each.limit_ma >= CURRENT_MIN_MA]
    assert not waiting or unused_ma < CURRENT_MIN_MA


@settings(max_examples=200)
@given(st.integers(0, 100_000), wishes())
def test_who_gets_less_than_another_has_no_wish_for_more(total_ma: int, given_wishes: list[Wish]) -> None:
    plain = [wish(each.connector_id, each.limit_ma, each.transaction_number) for each in given_wishes]
    shares = share(total_ma, plain)
    for one in plain:
        for other in plain:
            if 0 < shares[one.connector_id] < shares[other.connector_id]:
                assert shares[one.connector_id] == one.limit_ma


@settings(max_examples=200)
@given(st.integers(0, 100_000), wishes())
def test_a_newcomer_switches_nobody_off(total_ma: int, given_wishes: list[Wish]) -> None:
    plain = [wish(each.connector_id, each.limit_ma, each.transaction_number) for each in given_wishes]
    before = share(total_ma, plain)
    after = share(total_ma, [*plain, wish(9, number=99)])
    assert all(after[connector_id] > 0 for connector_id, share_ma in before.items() if share_ma > 0)


def test_two_connectors_share_evenly() -> None:
    assert share(25_000, [wish(1), wish(2)]) == {1: 12_500, 2: 12_500}


def test_what_one_connector_cannot_use_goes_to_the_other() -> None:
    assert share(32_000, [wish(1, limit_ma=10_000), wish(2)]) == {1: 10_000, 2: 22_000}


def test_when_not_all_can_have_six_amperes_the_oldest_transaction_charges() -> None:
    assert share(10_000, [wish(1, number=5), wish(2, number=1)]) == {1: 0, 2: 10_000}


def test_wishes_that_no_transaction_tells_apart_are_served_by_connector_id() -> None:
    assert share(13_000, [wish(3), wish(2), wish(1)]) == {3: 0, 2: 6_500, 1: 6_500}


def test_below_six_amperes_nobody_charges() -> None:
    assert share(5_999, [wish(1), wish(2)]) == {1: 0, 2: 0}
    assert share(32_000, [wish(1, limit_ma=5_999)]) == {1: 0}


def test_nobody_gets_less_than_its_minimum_charging_rate() -> None:
    assert share(20_000, [wish(1, number=1), wish(2, number=2, min_ma=12_000)]) == {1: 8_000, 2: 12_000}


def test_a_connector_waits_when_its_share_would_be_inefficient() -> None:
    assert share(16_000, [wish(1, number=1), wish(2, number=2, min_ma=12_000)]) == {1: 16_000, 2: 0}


def test_an_inefficient_share_is_better_than_an_unused_one() -> None:
    limited = wish(1, limit_ma=8_000, number=1)
    assert share(16_000, [limited, wish(2, number=2, min_ma=12_000)]) == {1: 8_000, 2: 8_000}


def test_a_minimum_charging_rate_beyond_the_total_does_not_cost_the_oldest_its_turn() -> None:
    assert share(12_000, [wish(1, number=1, min_ma=13_000), wish(2, number=2)]) == {1: 6_000, 2: 6_000}
    assert share(11_000, [wish(1, number=1, min_ma=13_000), wish(2, number=2)]) == {1: 11_000, 2: 0}


def test_a_profile_below_the_minimum_charging_rate_stands() -> None:
    assert share(32_000, [wish(1, limit_ma=7_000, min_ma=10_000)]) == {1: 7_000}

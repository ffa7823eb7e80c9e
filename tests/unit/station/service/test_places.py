"""Places for connections: silent ones cost each other theirs, and this machine has its own."""

import pytest

from station.service.places import PEER_MAX, PLACES_MAX, YOUNG_S, Full, Place, Places, Standing

HALF = PLACES_MAX // 2
OLD_S = 10.0


def roomy() -> Places:
    return Places(lambda: 1024)


def seated(places: Places, peer: str, at_s: float = 0.0, standing: Standing = Standing.WAITING) -> Place:
    """A place that must be had, of somebody who then stands so."""
    place = places.take(peer, is_here=peer == "loopback", now_s=at_s)
    assert isinstance(place, Place)
    place.standing = standing
    return place


@pytest.mark.parametrize(("limit", "total"), [(1024, 128), (256, 128), (192, 64), (128, 32), (16, 4), (0, 2)])
def test_places_leave_descriptors_for_the_log_and_the_link(limit: int, total: int) -> None:
    assert Places(lambda: limit).total() == total


def test_a_thousand_silent_connections_of_one_peer_hold_what_one_peer_may_hold() -> None:
    places = roomy()
    held = [seated(places, "192.0.2.7", number) for number in range(1_000)]
    assert [place.is_given_up for place in held] == [True] * (1_000 - PEER_MAX) + [False] * PEER_MAX
    assert len(places) == PEER_MAX


def test_this_machine_finds_a_place_whoever_comes_from_elsewhere() -> None:
    places = roomy()
    for number in range(1_000):
        seated(places, f"192.0.2.{number % 250}", number)
    assert len(places) == HALF
    here = [seated(places, "loopback", 2_000) for _ in range(HALF)]
    assert not any(place.is_given_up for place in here)
    assert len(places) == PLACES_MAX


def test_the_peer_with_most_places_gives_one_up_for_a_peer_with_none() -> None:
    places = roomy()
    modest = [seated(places, f"198.51.100.{number}") for number in range(HALF - PEER_MAX)]
    greedy = [seated(places, "192.0.2.7", 1) for _ in range(PEER_MAX)]
    seated(places, "203.0.113.1", 2)
    assert [place.is_given_up for place in greedy].count(True) == 1
    assert not any(place.is_given_up for place in modest)


def test_the_more_expendable_goes_first_and_among_equals_the_one_that_is_it_for_longest() -> None:
    places = roomy()
    order = [
        seated(places, "192.0.2.7", 9, Standing.ENDING),
        seated(places, "192.0.2.7", 3),
        seated(places, "192.0.2.7", 4),
        seated(places, "192.0.2.7", 1, Standing.TAKING),
        seated(places, "192.0.2.7", OLD_S),
    ]
    served = [seated(places, "192.0.2.7", 0, Standing.SERVED) for _ in range(PEER_MAX - len(order))]
    for place in order:
        assert not place.is_given_up
        newcomer = seated(places, "192.0.2.7", OLD_S + YOUNG_S / 2)
        newcomer.standing = Standing.SERVED
        assert place.is_given_up, "the last of them came just now, and is spared for as long as there is another one"
    assert places.take("192.0.2.7", is_here=False, now_s=101) == Full()
    assert not any(place.is_given_up for place in served)


@pytest.mark.parametrize("standing", [Standing.WAITING, Standing.TAKING])
def test_newcomers_are_not_sent_away_for_those_who_sit_there_with_half_a_request_or_an_answer(
    standing: Standing,
) -> None:
    places = roomy()
    for _ in range(HALF):
        place = seated(places, "loopback", 0)
        place.standing, place.since_s = standing, OLD_S
    newcomers = [seated(places, "loopback", OLD_S + YOUNG_S / 2) for _ in range(HALF)]
    assert not any(place.is_given_up for place in newcomers)


def test_a_connection_of_this_machine_keeps_its_place_long_enough_to_speak() -> None:
    places = roomy()
    first = seated(places, "loopback")
    for _ in range(HALF - 1):
        seated(places, "loopback")
    found = places.take("loopback", is_here=True, now_s=YOUNG_S - 0.01)
    assert isinstance(found, Full)
    assert found.wait_s == pytest.approx(0.01)
    assert not first.is_given_up
    seated(places, "loopback", YOUNG_S)
    assert first.is_given_up


def test_who_is_served_is_never_sent_away_for_anybody() -> None:
    places = roomy()
    for _ in range(HALF):
        seated(places, "loopback", 0, Standing.SERVED)
    assert places.take("loopback", is_here=True, now_s=OLD_S) == Full(wait_s=YOUNG_S), "one of them is done soon"
    places.give_up_one(OLD_S)
    assert len(places) == HALF


def test_a_place_that_is_left_can_be_taken() -> None:
    places = roomy()
    held = [seated(places, "192.0.2.7", 0, Standing.SERVED) for _ in range(PEER_MAX)]
    places.leave(held[0])
    places.leave(held[0])
    seated(places, "192.0.2.7", 1)


def test_a_descriptor_that_is_needed_is_had_from_who_is_most_expendable() -> None:
    places, closed = roomy(), []
    place = seated(places, "loopback")
    place.give_up = lambda: closed.append(place)
    seated(places, "192.0.2.7", 0, Standing.SERVED)
    places.give_up_one(OLD_S)
    places.give_up_one(OLD_S)
    assert closed == [place]

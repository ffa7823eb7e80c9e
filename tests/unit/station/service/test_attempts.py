"""Wrong tokens: they become slow, for whoever gives them."""

import asyncio

import pytest

from station.service import attempts
from station.service.attempts import FORGIVEN_S, FREE, HELD_MAX, PEERS_MAX, Attempts


def test_a_few_mistakes_cost_nothing_and_more_of_them_do() -> None:
    found = Attempts(lambda: 0.0)
    assert [found.note("a") for _ in range(FREE + 2)] == [False] * FREE + [True] * 2
    assert not found.note("b"), "another peer pays for nothing"


def test_it_begins_anew_after_a_while_without_one() -> None:
    now_s = 0.0
    found = Attempts(lambda: now_s)
    for _ in range(FREE + 1):
        found.note("a")
    now_s += FORGIVEN_S - 0.1
    assert found.note("a")
    now_s += FORGIVEN_S
    assert not found.note("a")


def test_it_remembers_a_bounded_number_of_peers() -> None:
    found = Attempts(lambda: 0.0)
    for number in range(10 * PEERS_MAX):
        found.note(f"peer {number}")
    assert len(found) == PEERS_MAX


@pytest.mark.asyncio
async def test_it_is_busy_with_a_peer_while_as_many_answers_are_held_back_as_may_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(attempts, "HELD_S", 0.05)
    found = Attempts(lambda: 0.0)
    held = [asyncio.create_task(found.hold("a")) for _ in range(HELD_MAX)]
    await asyncio.sleep(0)
    assert found.is_busy_with("a")
    assert not found.is_busy_with("b")
    await asyncio.gather(*held)
    assert not found.is_busy_with("a")

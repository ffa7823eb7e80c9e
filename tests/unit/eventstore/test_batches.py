"""Batches that share a commit: one group at a time, the others in their order, and everybody told once."""

import asyncio

import pytest

from eventstore.batches import GROUP_EVENTS_MAX, Batches
from eventstore.chain import EMPTY
from eventstore.errors import StorageFailed
from tests.logs import door, pair


@pytest.mark.asyncio
async def test_what_comes_while_a_group_is_under_way_goes_into_the_next_one_together() -> None:
    batches = Batches(EMPTY)
    first = batches.add([door(1)])
    group = batches.begin()
    assert group is not None
    assert not batches.is_idle
    second, third = batches.add(pair(2)), batches.add([door(4)])
    assert batches.begin() is None
    assert batches.head == EMPTY
    assert batches.ahead.seq == 1
    batches.conclude()
    assert (batches.head.seq, batches.is_idle) == (1, True)
    assert [done.done() for done in (first, second, third)] == [True, False, False]
    following = batches.begin()
    assert following is not None
    assert len(following) == 3
    batches.conclude()
    assert [done.done() for done in (second, third)] == [True, True]
    assert batches.head == following.head
    assert batches.begin() is None


@pytest.mark.asyncio
async def test_a_full_group_takes_no_further_batch_and_the_next_is_chained_to_it() -> None:
    batches = Batches(EMPTY)
    batches.add([door(seq) for seq in range(1, GROUP_EVENTS_MAX + 1)])
    batches.add([door(GROUP_EVENTS_MAX + 1)])
    group = batches.begin()
    assert group is not None
    assert len(group) == GROUP_EVENTS_MAX
    batches.conclude()
    following = batches.begin()
    assert following is not None
    assert len(following) == 1


@pytest.mark.asyncio
async def test_a_batch_that_does_not_continue_what_waits_is_refused_and_nobody_waits_for_it() -> None:
    batches = Batches(EMPTY)
    batches.add([door(1)])
    with pytest.raises(AssertionError):
        batches.add([door(3)])
    group = batches.begin()
    assert group is not None
    assert (len(group), len(group.waiting)) == (1, 1)


@pytest.mark.asyncio
async def test_who_was_cancelled_is_passed_over() -> None:
    batches = Batches(EMPTY)
    cancelled, kept = batches.add([door(1)]), batches.add([door(2)])
    cancelled.cancel()
    batches.begin()
    batches.conclude()
    assert kept.done()


@pytest.mark.asyncio
async def test_a_failure_strands_what_is_under_way_and_what_waits() -> None:
    batches = Batches(EMPTY)
    under_way = batches.add([door(1)])
    batches.begin()
    waiting = batches.add([door(2)])
    batches.strand(StorageFailed("no disk"))
    for done in (under_way, waiting):
        with pytest.raises(StorageFailed, match="no disk"):
            await done
    assert batches.head == EMPTY


@pytest.mark.asyncio
async def test_the_last_one_on_its_way_can_be_waited_for() -> None:
    batches = Batches(EMPTY)
    assert batches.last() is None
    batches.add([door(1)])
    batches.begin()
    only = batches.last()
    batches.add([door(2)])
    last = batches.last()
    assert only is not None
    assert last is not None
    batches.conclude()
    await asyncio.sleep(0)
    assert (only.done(), last.done()) == (True, False)
    batches.begin()
    batches.conclude()
    assert last.done()
    assert batches.last() is None

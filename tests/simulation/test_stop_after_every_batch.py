"""Each story, cut at each of its batches: the power goes before the commit, or after it and before anybody was told.

Wherever that is, the next process folds the log to the state that was, and in the end the CSMS has every transaction
whole, in order and once.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.simulation.run import Story, tell
from tests.simulation.store import Cut
from tests.simulation.stories import FIXED, STORIES
from tests.simulation.world import World

# One policy for each story by default; the others in the long run.
POLICIES = {story: ("stop", "resume")[index % 2] for index, story in enumerate(STORIES)}


def cut_everywhere(story: Story, policy: str, fresh: Callable[[], Path], cuts: tuple[Cut, ...]) -> int:
    """The story without a cut, then once for each batch and kind of cut; the number of cuts."""
    worlds: list[World] = []
    tell(story, fresh(), worlds.append, power_loss_policy=policy, **FIXED)
    batches = worlds[0].log.appends
    for batch in range(1, batches + 1):
        for cut in cuts:

            def prepare(world: World, batch: int = batch, cut: Cut = cut) -> None:
                world.plan = lambda number: (1, cut if number == batch else None)

            print(f"{story.__name__}, {policy}: cut {cut} the commit of batch {batch} of {batches}")
            outcome = tell(story, fresh(), prepare, power_loss_policy=policy, **FIXED)
            assert outcome.boots > 1, "the cut never came"
    return batches * len(cuts)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_a_story_survives_a_cut_at_every_batch(story: Story, fresh: Callable[[], Path]) -> None:
    cuts: tuple[Cut, ...] = ("before", "after") if story is STORIES[0] else ("after",)
    assert cut_everywhere(story, POLICIES[story], fresh, cuts) >= 20


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("policy", ["stop", "resume"])
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_a_story_survives_every_kind_of_cut_at_every_batch(
    story: Story, policy: str, fresh: Callable[[], Path]
) -> None:
    assert cut_everywhere(story, policy, fresh, ("before", "after", "failed")) >= 60

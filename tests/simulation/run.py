"""One run of the simulation from a seed: chaos for a while, then peace, then the accounts."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.accounts import check_accounts
from tests.simulation.people import Disk, People
from tests.simulation.virtual_time import run, virtual_loop
from tests.simulation.world import World

CHAOS_S = 2 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run came to; `digest` is that of its log, by which two runs are told to be the same."""

    digest: str
    events: int
    boots: int
    transactions: int
    calls: int
    simulated_ms: int


def _outcome(world: World) -> Outcome:
    return Outcome(
        digest=world.log.head.digest.hex(),
        events=len(world.log.rows),
        boots=world.boots,
        transactions=world.invariants.shadow.transactions.last_number,
        calls=len(world.csms.calls),
        simulated_ms=virtual_loop().now_ms,
    )


def described(seed: str) -> dict[str, object]:
    """What kind of station a seed is about."""
    chance = random.Random(f"{seed}/description")
    fixed_cable = chance.random() < 0.25
    return {
        "connectors": chance.choice([1, 1, 2, 3]),
        "fixed_cable": fixed_cable,
        "power_loss_policy": chance.choice(["stop", "resume"]),
        "call_timeout_s": chance.choice([10, 30]),
        "reconnect_max_ms": chance.choice([2_000, 60_000]),
        "factory_values": (("MeterValueSampleInterval", chance.choice(["10", "30", "60"])),),
    }


async def _chaos(seed: str, directory: Path) -> Outcome:
    world = World(seed, directory, **described(seed))
    disk = Disk(seed)
    world.csms.trouble = 0.1
    world.plan, world.off_for_ms, world.clock_error_ms = disk.plan, disk.off_for_ms, disk.clock_error_ms
    async with world.running():
        people = asyncio.create_task(People(world).run(), name="people")
        await asyncio.wait({people}, timeout=CHAOS_S)
        if people.done():
            people.result()
        people.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await people
        world.plan = lambda number: (1, None)
        await world.heal()
        await world.settle()
        check_accounts(world.invariants)
        return _outcome(world)


def simulate(seed: str, directory: Path) -> Outcome:
    """The run of a seed. Raises AssertionError, with the last events, where an invariant does not hold."""
    return run(_chaos(seed, directory))


Story = Callable[[World], Awaitable[None]]


def tell(
    story: Story, directory: Path, prepare: Callable[[World], None] = lambda world: None, **description: object
) -> Outcome:
    """A scripted story on a world without chance, then the accounts."""

    async def play() -> Outcome:
        world = World(story.__name__, directory, **description)
        prepare(world)
        async with world.running():
            await world.up()
            await story(world)
            await world.heal()
            await world.settle()
            check_accounts(world.invariants)
            return _outcome(world)

    return run(play())

"""The whole station from one seed: safety after every step, liveness once the faults have ended.

CHARGEBOX_SEED=17 pytest tests/simulation/test_seeds.py -k one_seed -s        runs one seed
CHARGEBOX_SIMULATION_S=600 pytest -m long tests/simulation/test_seeds.py      new seeds for ten minutes
"""

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.simulation.run import Outcome, simulate

# 24 found that a meter that answers again was not read where nothing was plugged in, 1052 that a board was used after its end.
SEEDS = ("1", "2", "3", "4", "9", "18", "24", "28", "29", "55", "58", "1052")
NEW_SEEDS_S = int(os.environ.get("CHARGEBOX_SIMULATION_S", "3600"))
DAY_MS = 86_400_000


@pytest.mark.parametrize("seed", SEEDS)
def test_a_seed_keeps_every_invariant_and_settles(seed: str, fresh: Callable[[], Path]) -> None:
    outcome = simulate(seed, fresh())
    print(f"seed {seed}: {outcome}")
    assert outcome.boots > 1, "nothing ever went wrong"


def test_a_seed_is_the_same_run_again(fresh: Callable[[], Path]) -> None:
    assert simulate("5", fresh()) == simulate("5", fresh())


def test_different_seeds_are_different_runs(fresh: Callable[[], Path]) -> None:
    assert simulate("6", fresh()).digest != simulate("7", fresh()).digest


def test_one_seed_from_the_environment(fresh: Callable[[], Path]) -> None:
    seed = os.environ.get("CHARGEBOX_SEED", "12")
    print(f"CHARGEBOX_SEED={seed}")
    print(simulate(seed, fresh()))


@pytest.mark.long
@pytest.mark.timeout(2 * NEW_SEEDS_S + 600)
def test_new_seeds_for_an_hour(fresh: Callable[[], Path]) -> None:
    begun_s, outcomes = time.monotonic(), list[Outcome]()
    while time.monotonic() - begun_s < NEW_SEEDS_S:
        seed = str(random.randrange(10**9))
        print(f"CHARGEBOX_SEED={seed}", flush=True)
        outcomes.append(simulate(seed, fresh()))
    took_min = (time.monotonic() - begun_s) / 60
    days = sum(outcome.simulated_ms for outcome in outcomes) / DAY_MS
    transactions = sum(outcome.transactions for outcome in outcomes)
    boots = sum(outcome.boots for outcome in outcomes)
    print(f"{len(outcomes)} seeds, {days:.1f} station-days, {days / took_min:.1f} station-days a minute")
    print(f"{transactions} transactions, {boots} boots")

"""Power cuts: every state that the disk may be left in, of a sample by default, of all with -m long.

The engine is held to account too: its model must say what the real directory holds, and where syncs do nothing it must
find the loss.
"""

from pathlib import Path

import pytest

from tests.reliability.disk import Effort
from tests.reliability.engine import Recording, Scenario, judge, modelled, record
from tests.reliability.interposer import Action, Control
from tests.reliability.scenarios import SCENARIOS

SAMPLE = 150
LONG_EFFORT = Effort(subsets=48, tears=5)

USUAL = tuple(scenario for scenario in SCENARIOS if not scenario.variant)


def recorded(scenario: Scenario, library: Path, base: Path) -> Recording:
    """One run under the recorder; what the model makes of it is what the directory really holds."""
    recording = record(scenario, library, base)
    model = modelled(recording)
    assert sorted(model) == sorted(recording.after)
    assert [name for name in model if model[name] != recording.after[name]] == []
    return recording


@pytest.mark.parametrize("scenario", USUAL, ids=lambda scenario: scenario.name)
def test_a_power_cut_costs_nothing_that_was_told(scenario: Scenario, library: Path, base: Path) -> None:
    verdict = judge(scenario, recorded(scenario, library, base), base / "state", at_most=SAMPLE)
    print(f"{scenario.name}: {verdict}")
    assert not verdict.violations, "\n".join(verdict.violations[:10])
    assert verdict.checked == SAMPLE


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_power_cut_anywhere_costs_nothing_that_was_told(scenario: Scenario, library: Path, base: Path) -> None:
    recording = recorded(scenario, library, base)
    verdict = judge(scenario, recording, base / "state", effort=LONG_EFFORT)
    print(f"{scenario.name}: {verdict}")
    assert not verdict.violations, "\n".join(verdict.violations[:10])


def test_a_disk_that_syncs_nothing_is_found_to_lose(library: Path, base: Path) -> None:
    """A card that lies: the method must see it."""
    scenario = next(scenario for scenario in SCENARIOS if scenario.name == "first creation and growth of a log")
    with Control(base / "control") as control:
        control.arm(1, Action.LOSE_SYNC, sticky=True)

        def run(root: Path, environment: dict[str, str]) -> None:
            scenario.run(root, {**environment, "DISK_CONTROL": str(control.path)})

        lying = Scenario(name="a card that lies", run=run)
        verdict = judge(lying, recorded(lying, library, base), base / "state", at_most=4 * SAMPLE)
    assert len(verdict.violations) >= 10, "losses were overlooked"
    for seen in ("had been told", "the witness has not seen", "taken for damaged"):
        assert any(seen in violation for violation in verdict.violations), f"never: {seen}"

"""The simulated board: sound, and without a wiring to show."""

from pathlib import Path

import pytest

from station.boards import BoardModule, bench, module_of
from station.settings.loading import SettingsError
from tests.unit.station.boards.test_gpio import settings


def test_its_doctor_counts_the_connectors() -> None:
    (finding,) = bench.findings(settings("[board]\n"))
    assert str(finding) == "ok: bench: 1 simulated connectors"


@pytest.mark.parametrize("ask", ["plan", "picture", "make_safe"])
def test_a_bench_has_no_wiring(ask: str) -> None:
    with pytest.raises(SettingsError, match="kind: has no wiring"):
        getattr(module_of(settings("")), ask)(settings(""))


def test_it_is_made_of_what_the_settings_say(tmp_path: Path) -> None:
    found = settings(f'[storage]\ndirectory = "{tmp_path}"\n[board]\nfixed_cable = true\n')
    module: BoardModule = module_of(found)
    board = module.make(found, lambda: 0)
    assert (board.connector_ids, board.has_lock) == ((1,), False)

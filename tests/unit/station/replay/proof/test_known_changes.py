"""Known changes of behaviour: what released logs have is explained, and nothing that tells money is, whatever the version."""

from pathlib import Path

import pytest

from eventstore.catalogue.transactions import TransactionStopped
from eventstore.event import Recorded
from eventstore.value import replace
from station.replay.opening.source import open_log
from station.replay.proof.known_changes import KNOWN_CHANGES, MONEY, explain
from station.replay.proof.redeciding import Decided, Deciding
from station.replay.proof.versions import is_newer_version, numbers
from tests.corpora.released import versions


@pytest.fixture(scope="module")
def differing() -> list[Decided]:
    """The decisions of the first released version that this one would make otherwise."""
    with open_log(Path(versions()[0] / "single")) as reader:
        return [decided for decided in Deciding(reader) if not decided.agrees]


def test_what_a_released_version_decided_otherwise_is_explained(differing: list[Decided]) -> None:
    assert differing
    assert {change.version for decided in differing if (change := explain(decided))} == {"0.1.0"}
    assert all(explain(decided) is not None for decided in differing)


@pytest.mark.parametrize("version", ["0.0.9", "0.1.1", "0.2.0", "9.9.9", "", "0.1.0, another build"])
def test_no_other_version_is_explained_by_it(differing: list[Decided], version: str) -> None:
    assert all(explain(replace(decided, version=version)) is None for decided in differing)


@pytest.mark.parametrize(
    "change", [{"meter_stop_wh": 1}, {"id_tag": "04FFFFFF"}, {"reason": "Other"}, {"meter_stale": True}]
)
def test_a_register_a_tag_or_a_reason_is_never_explained(differing: list[Decided], change: dict[str, object]) -> None:
    assert any(isinstance(each.event, TransactionStopped) for decided in differing for each in decided.recorded)
    for decided in differing:
        forged = tuple(_changed(each, change) for each in decided.recorded)
        if forged == decided.recorded:  # it is none that tells of a transaction
            continue
        assert explain(replace(decided, recorded=forged)) is None


def _changed(recorded: Recorded, change: dict[str, object]) -> Recorded:
    if not isinstance(recorded.event, TransactionStopped):
        return recorded
    return replace(recorded, event=replace(recorded.event, **change))


def test_a_time_is_never_explained(differing: list[Decided]) -> None:
    for decided in (each for each in differing if len(each.recorded) > 1):
        later = tuple(replace(each, at_ms=each.at_ms + 1) for each in decided.recorded[1:])
        assert explain(replace(decided, recorded=(decided.recorded[0], *later))) is None


def test_no_change_is_of_a_kind_that_tells_money() -> None:
    assert not any(change.kinds & MONEY for change in KNOWN_CHANGES)


def test_versions_compare_by_their_numbers() -> None:
    assert is_newer_version("99.0")
    assert not is_newer_version("0.1.0")
    assert not is_newer_version("nonsense")
    assert numbers("1.2.3+local") == (1, 2, 3)

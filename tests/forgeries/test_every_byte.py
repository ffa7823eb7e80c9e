"""A change of any byte in a storage directory is found, or changes no answer. Some bytes by default, with -m long many."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from station.replay.answers.conversation import ExchangeFilter, exchanges
from station.replay.answers.summary import summarize
from station.replay.answers.transactions import transaction_rows
from station.replay.opening.errors import LogUnreadable
from station.replay.opening.folding import state_at
from station.replay.opening.source import open_log
from station.replay.opening.times import calendar_of
from station.replay.proof.findings import CONTRADICTED
from station.replay.proof.verdict import WHOLE
from station.replay.proof.verify import verify
from tests.forgeries.honest import PUBLIC, Honest, make

BYTES = st.tuples(st.integers(0, 1 << 30), st.integers(0, 1 << 30), st.integers(1, 255))
"""Which file, which of its bytes, and what changes in it."""


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Honest:
    return make(tmp_path_factory.mktemp("honest") / "storage")


def answers(path: Path) -> Any:
    """What questions are answered with: to whatever changes none of this, nobody can be misled."""
    with open_log(path) as reader:
        calendar = calendar_of(reader)
        return (
            [row for rows in reader.rows() for row in rows],
            transaction_rows(reader, calendar),
            list(exchanges(reader, calendar, ExchangeFilter())),
            summarize(reader, calendar),
            state_at(reader, reader.head.seq).state,
        )


def check(honest: Honest, base: Path, which: int, at: int, mask: int, expected: Any) -> None:
    """One byte is changed in a copy; asserts what is to follow."""
    directory = base / "storage"
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(honest.directory, directory)
    files = sorted(file for file in directory.rglob("*") if file.is_file())
    file = files[which % len(files)]
    content = bytearray(file.read_bytes())
    place = at % len(content)
    content[place] ^= mask
    file.write_bytes(content)
    try:
        with open_log(directory) as reader:
            verdict = verify(reader, keys=[PUBLIC])
    except LogUnreadable:
        return
    assert not any(each.kind == CONTRADICTED for each in verdict.findings), (file.name, place, verdict.findings)
    if verdict.verdict == WHOLE:
        assert answers(directory) == expected, f"byte {place} of {file.name}, changed by {mask:#x}"


def examined(examples: int) -> Callable[[Honest, Path], None]:
    """So many bytes, here and there."""

    def run(honest: Honest, base: Path) -> None:
        expected = answers(honest.directory)

        @settings(max_examples=examples, suppress_health_check=list(HealthCheck), database=None)
        @given(BYTES)
        def any_byte(place: tuple[int, int, int]) -> None:
            check(honest, base, *place, expected)

        any_byte()

    return run


def test_a_changed_byte_is_found_or_changes_no_answer(honest: Honest, tmp_path: Path) -> None:
    examined(150)(honest, tmp_path)


@pytest.mark.long
@pytest.mark.timeout(3_600)
def test_a_changed_byte_is_found_or_changes_no_answer_wherever_it_is(honest: Honest, tmp_path: Path) -> None:
    examined(5_000)(honest, tmp_path)

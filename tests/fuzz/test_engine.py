"""The fuzzer itself: it finds what is there to be found, tells how to see it again, and gives each target its share."""

import ast
from pathlib import Path

import pytest

from tests.fuzz.engine import CASE, FIXED_SEED, SEED, SIZE_MAX, TARGETS, Target, fuzz, mutant

HERE = Path(__file__).parent


def no_brackets(content: bytes) -> None:
    if b"[[[[" in content:
        raise KeyError("brackets")


BRITTLE = Target(name="brittle", corpus=(b'{"a":[1,2,3],"b":"text"}', b"[]"), check=no_brackets)


def test_a_fault_is_found_and_told_with_all_that_it_takes_to_see_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AssertionError, match=f"KeyError.*{SEED}={FIXED_SEED} {CASE}=") as caught:
        fuzz(BRITTLE, tmp_path, long=False)
    (kept,) = tmp_path.iterdir()
    number = kept.name.rpartition("-")[2]
    monkeypatch.setenv(SEED, str(FIXED_SEED))
    monkeypatch.setenv(CASE, number)
    with pytest.raises(AssertionError) as again:
        fuzz(BRITTLE, tmp_path, long=False)
    assert str(again.value) == str(caught.value)


def test_a_case_follows_from_its_seed_and_number_alone_and_is_bounded() -> None:
    found = [mutant(BRITTLE, 7, number) for number in range(500)]
    assert found == [mutant(BRITTLE, 7, number) for number in range(500)]
    assert found != [mutant(BRITTLE, 8, number) for number in range(500)]
    assert len(set(found)) > 350
    assert max(map(len, found)) <= SIZE_MAX


def test_the_hour_is_shared_among_all_targets() -> None:
    made = [
        node
        for path in HERE.glob("test_*.py")
        if path.name != "test_engine.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Target"
    ]
    assert len(made) == TARGETS

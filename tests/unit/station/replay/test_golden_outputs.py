"""What the flight recorder says of the corpus of field logs, to the letter (tests/corpora/replay/make.py writes it anew)."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from tests.console import printed

CORPUS = Path(__file__).resolve().parents[3] / "corpora" / "replay"


def _make() -> ModuleType:
    spec = importlib.util.spec_from_file_location("replay_corpus", CORPUS / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKE = _make()
NAMES = sorted(path.stem for path in CORPUS.glob("*.jsonl"))


def test_the_corpus_is_there() -> None:
    assert sorted(MAKE.STORIES) == NAMES


@pytest.mark.parametrize("question", sorted(MAKE.COMMANDS))
@pytest.mark.parametrize("name", NAMES)
def test_the_output_is_as_it_was(name: str, question: str) -> None:
    expected = (CORPUS / name / f"{question}.txt").read_text()
    assert printed(MAKE.command(name, question), CORPUS) == expected

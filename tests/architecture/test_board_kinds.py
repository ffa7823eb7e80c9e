"""A kind of board is compared with its name nowhere: what differs between kinds stands in their one table."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from station.settings.board_kinds import KINDS
from tests.architecture.sources import ROOT, is_within, sources

NAMES = frozenset(kind.name for kind in KINDS)
HISTORY = ("migrations", "projections.digest")
"""They speak of shapes that are stored, when the name of the board was all there was."""
SCRIPT = re.compile(rf"""[!=]=+\s*["'](?:{"|".join(sorted(NAMES))})["']""")


def compared(tree: ast.AST) -> Iterator[int]:
    """The lines in which something is compared with the name of a kind."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare(left=left, comparators=comparators):
                if any(_names(side) for side in (left, *comparators)):
                    yield node.lineno
            case ast.MatchValue(value=ast.Constant(value=value)) if value in NAMES:
                yield node.lineno


def _names(side: ast.expr) -> bool:
    within = side.elts if isinstance(side, ast.Tuple | ast.Set | ast.List) else (side,)
    return any(isinstance(item, ast.Constant) and item.value in NAMES for item in within)


def test_no_module_compares_the_name_of_a_kind_of_board() -> None:
    found = [
        f"{source.path}:{line}"
        for source in sources()
        if not is_within(source.module, HISTORY)
        for line in compared(source.tree)
    ]
    assert found == [], "ask the kind's entry in station.settings.board_kinds instead"


def test_the_page_compares_the_name_of_no_kind_either() -> None:
    scripts = sorted((ROOT / "station" / "service" / "page_files").rglob("*.js"))
    assert scripts
    # "bench" is the name of a view as well, which the page asks of the view alone.
    views = re.compile(r"""\bname\s*[!=]==?\s*["']bench["']""")
    assert [script.name for script in scripts if SCRIPT.search(views.sub("", script.read_text("utf-8")))] == []


def test_a_station_imports_the_board_of_no_other_kind() -> None:
    code = "import sys, station.daemon.process\n"
    code += (
        "print([m for m in sys.modules if m.startswith(('devices.evse', 'devices.gpio', 'devices.bench', 'pymodbus'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ('if kind == "gpio": pass', [1]),
        ('x = "bench" != kind', [1]),
        ('x = kind in {"bench", "none"}', [1]),
        ('match kind:\n    case "gpio":\n        pass', [2]),
        ('x = BENCH\ny = kind == "none"', []),
    ],
)
def test_a_comparison_is_found_in_whatever_form(code: str, lines: list[int]) -> None:
    assert list(compared(ast.parse(code))) == lines

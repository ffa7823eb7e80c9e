"""Sizes and names: what keeps a module readable in one sitting."""

import ast
from pathlib import Path

from tests.architecture.sources import PACKAGES, ROOT, sources

FUNCTION_LINES_MAX = 60
MODULE_LINES_MAX = 400
MEANINGLESS_NAMES = frozenset({"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"})


def test_functions_have_at_most_60_lines() -> None:
    functions = [
        (source.path, node)
        for source in sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    lengths = [(path, node.name, (node.end_lineno or node.lineno) - node.lineno + 1) for path, node in functions]
    assert [f"{path}: {name} has {lines} lines" for path, name, lines in lengths if lines > FUNCTION_LINES_MAX] == []


def test_modules_have_at_most_400_lines() -> None:
    lengths = {str(source.path): len(source.lines) for source in sources()}
    assert {path: lines for path, lines in lengths.items() if lines > MODULE_LINES_MAX} == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [
        str(source.path) for source in sources() if MEANINGLESS_NAMES & set(source.path.with_suffix("").parts)
    ] == []


def test_every_module_begins_with_what_it_is() -> None:
    assert [str(source.path) for source in sources() if ast.get_docstring(source.tree) is None] == []


def test_every_folder_with_modules_is_a_package() -> None:
    folders = {source.path.parent for source in sources()}
    assert [str(folder) for folder in sorted(folders) if not (ROOT / folder / "__init__.py").is_file()] == []


def test_the_five_packages_are_there_and_tests_are_no_package() -> None:
    assert [package for package in PACKAGES if not (ROOT / package / "__init__.py").is_file()] == []
    assert [str(path) for path in Path(ROOT / "tests").rglob("__init__.py")] == []

"""Plain words: no comment, docstring or page uses a word that the glossary has retired."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import PACKAGES, ROOT

GLOSSARY = ROOT / "docs" / "glossary.md"
RETIRED_HEADING = "## Retired words"
PLACES = (*PACKAGES, "deploy", "docs", "README.md", "CONTRIBUTING.md", "CHANGELOG.md")
"""Files and folders; of a folder all Python files and pages in it."""

CODE = re.compile(r"^```.*?^```|``.*?``|`[^`\n]*`", flags=re.MULTILINE | re.DOTALL)


def retired() -> tuple[str, ...]:
    """The words and phrases in the first column of the glossary's last table."""
    table = GLOSSARY.read_text(encoding="utf-8").partition(RETIRED_HEADING)[2]
    rows = re.findall(r"^\| ([^|]+) \|", table, flags=re.MULTILINE)[1:]
    return tuple(word.strip() for row in rows for word in row.split(",") if "---" not in row)


PATTERN = re.compile(rf"\b(?:{'|'.join(retired())})\b", flags=re.IGNORECASE)


def without_code(text: str) -> str:
    """The text, with blanks in place of code; lines stay lines."""
    return CODE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """The comments and docstrings of a module, or a page without its code, each with its line."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        plain = text.partition(RETIRED_HEADING)[0] if path == GLOSSARY else text
        yield from enumerate(without_code(plain).splitlines(), 1)
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], without_code(token.string)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield from enumerate(without_code(node.value.value).splitlines(), node.lineno)


def files(place: str) -> Iterator[Path]:
    path = ROOT / place
    yield from [path] if path.is_file() else sorted((*path.rglob("*.py"), *path.rglob("*.md")))


@pytest.mark.parametrize("place", PLACES)
def test_nobody_uses_a_word_that_the_glossary_has_retired(place: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match[0]!r}"
        for path in files(place)
        for number, line in prose(path)
        for match in PATTERN.finditer(line)
    ]
    assert found == [], f"docs/glossary.md ({RETIRED_HEADING.strip('# ')}) has the words to use instead"


def test_retired_words_are_found_in_comments_docstrings_and_pages_but_not_in_code(tmp_path: Path) -> None:
    module, page = tmp_path / "module.py", tmp_path / "page.md"
    module.write_text('"""Says what is owed; `owed_seq` is a name."""\n\nowed = 1  # nobody was told\n')
    page.write_text("`owed`\n```\ntold\n```\nIt is told.\n")
    found = [
        (path.name, number, match[0])
        for path in (module, page)
        for number, line in prose(path)
        for match in PATTERN.finditer(line)
    ]
    assert sorted(found) == [("module.py", 1, "owed"), ("module.py", 3, "told"), ("page.md", 5, "told")]

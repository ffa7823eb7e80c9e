"""The documentation says what the code says: configuration keys, events, commands, settings, modules, links."""

import re
from pathlib import Path

import pytest

from eventstore.catalogue import BY_NAME
from station.cli.main import COMMANDS
from station.features import registry_for
from station.settings.tables import own_keys, tables
from tests.architecture.sources import PACKAGES, ROOT
from tests.docs.generate import AGAIN, DOCS, PAGES, TABLES, page

OUTSIDE = [
    ROOT / "README.md",
    ROOT / "SECURITY.md",
    ROOT / "CONTRIBUTING.md",
    *(ROOT / folder / "README.md" for folder in ("deploy", *PACKAGES)),
]
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)")


def names_in(name: str) -> list[str]:
    """The first column of the tables on a page, without its code marks."""
    text = (DOCS / name).read_text(encoding="utf-8")
    return re.findall(r"^\| `([^`]+)` \|", text, flags=re.MULTILINE)


def anchors(path: Path) -> set[str]:
    """What headings of a page can be linked to."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_tables_of_a_page_are_those_of_the_code(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text == page(text), AGAIN


def test_every_table_stands_on_a_page() -> None:
    texts = [path.read_text(encoding="utf-8") for path in PAGES]
    assert [name for name in TABLES if sum(f"<!-- table {name} -->" in text for text in texts) != 1] == []


def test_a_mark_that_no_table_belongs_to_is_an_error() -> None:
    with pytest.raises(ValueError, match="strange"):
        page("<!-- table strange -->\n<!-- end strange -->")


def test_every_configuration_key_is_documented() -> None:
    assert set(names_in("configuration-keys.md")) == set(registry_for().config_keys)


def test_every_event_is_documented() -> None:
    assert set(BY_NAME) - set(names_in("events.md")) == set()


def test_every_command_is_documented() -> None:
    assert {name for name in names_in("README.md") if name.startswith("chargebox ")} == {
        f"chargebox {name}" for name in COMMANDS
    }


def test_every_setting_is_documented() -> None:
    text = (DOCS / "settings.md").read_text(encoding="utf-8")
    assert [table for table in (*(name for name, _ in tables()), "config") if f"## `[{table}]`" not in text] == []
    keys = {name for _, section in tables() for name in own_keys(section)}
    assert set(names_in("settings.md")) == keys


def test_every_module_stands_on_the_map() -> None:
    """Each module and folder directly inside a package; what lies deeper belongs to its folder's line."""
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    for package in PACKAGES:
        assert f"**{package}/**" in text
        folder = ROOT / package
        modules = [f"{package}/{path.name}" for path in folder.glob("*.py") if path.name != "__init__.py"]
        folders = [f"{package}/{path.parent.name}/" for path in folder.glob("*/__init__.py")]
        missing = [name for name in sorted((*modules, *folders)) if f"`{name}`" not in text]
        assert missing == [], "add a line to the map in docs/architecture.md"


def test_the_map_names_nothing_that_is_not_there() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(rf"`((?:{'|'.join(PACKAGES)})/[\w/]+(?:\.py|/))`", text)
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("path", [*OUTSIDE, *sorted(DOCS.rglob("*.md"))], ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    broken = []
    for target, anchor in LINK.findall(path.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        there = (path.parent / target).resolve() if target else path
        if not there.exists() or (anchor and anchor not in anchors(there)):
            broken.append(f"{target}#{anchor}")
    assert broken == []


@pytest.mark.parametrize("folder", [DOCS, DOCS / "decisions"], ids=lambda path: path.name)
def test_the_index_links_to_every_page(folder: Path) -> None:
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert [
        path.name for path in folder.glob("*.md") if path.name != "README.md" and f"({path.name})" not in text
    ] == []


def test_the_files_that_a_page_names_are_there() -> None:
    """What stands as code with a folder of ours before it: `station/rules/status.py`."""
    named = re.compile(rf"`((?:{'|'.join((*PACKAGES, 'tests', 'deploy', 'docs'))})/[\w./-]*\w/?)`")
    pages = (*OUTSIDE, *(DOCS / "decisions").glob("*.md"), DOCS / "glossary.md")
    missing = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in pages
        for name in named.findall(path.read_text(encoding="utf-8"))
        if not (ROOT / name).exists()
    ]
    assert missing == []


def test_the_first_section_says_what_protects_people() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    assert headings[:2] == ["chargebox", "Software is not the protective device"]


def test_the_installation_asks_for_nothing_that_a_minimal_debian_lacks() -> None:
    """Its steps are tried by hand in a minimal root of Debian 12 and 13; these are the mistakes that were made once."""
    text = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
    steps = "\n".join(re.findall(r"^```sh\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL))
    assert "sudo" not in steps
    for directory in ("/etc/chargebox", "/var/lib/chargebox", "/opt/chargebox"):
        assert re.search(rf"^install -d .*{directory}\b", steps, flags=re.MULTILINE), directory
    files = set(re.findall(r"\b(?:deploy|docs)/[\w./-]+", steps))
    assert [name for name in files if not (ROOT / name).exists()] == []
    unit = (ROOT / "deploy" / "chargebox.service").read_text(encoding="utf-8")
    mode = re.search(r"install -d -m (\d+) .*/etc/chargebox", steps)
    assert mode is not None
    assert f"ConfigurationDirectoryMode={mode[1]}" in unit, "systemd warns where they differ"

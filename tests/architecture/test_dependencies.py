"""Every package that we ask for stands in docs/dependencies.md, with what it is for."""

import re
import tomllib

from deploy.lock import pins
from tests.architecture.sources import ROOT

PAGE = ROOT / "docs" / "dependencies.md"
_ROW = re.compile(r"^\| `([A-Za-z0-9._-]+)` \| ([^|]+) \|", re.MULTILINE)


def _asked() -> dict[str, set[str]]:
    """Each package, with the extras that ask for it; none: the daemon."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lists = {"": project["dependencies"], **project["optional-dependencies"]}
    asked: dict[str, set[str]] = {}
    for extra, requirements in lists.items():
        for requirement in requirements if extra != "dev" else ():
            name = re.split(r"[\[>=<!~; ]", requirement, maxsplit=1)[0]
            asked.setdefault(name, set()).update({extra} - {""})
    return asked


def test_the_page_has_a_row_for_each_package_and_no_other() -> None:
    rows = dict(_ROW.findall(PAGE.read_text(encoding="utf-8")))
    asked = _asked()
    assert rows.keys() == asked.keys()
    for name, extras in asked.items():
        assert not extras or set(re.findall(r"`(\w+)`", rows[name])) == extras, name


def test_the_daemon_asks_for_few() -> None:
    assert sum(not extras for extras in _asked().values()) <= 14


def test_what_breaks_its_users_in_minor_releases_is_asked_for_exactly_as_locked() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (version,) = re.findall(r'"pymodbus\[serial\]==([0-9.]+)"', text)
    assert pins((ROOT / "tests" / "requirements.txt").read_text(encoding="utf-8"))["pymodbus"] == version

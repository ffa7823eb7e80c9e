import base64
import hashlib
import json
from importlib import metadata
from pathlib import Path

import pytest

from station.doctor.findings import Finding, Level
from station.doctor.installation import (
    PACKAGES,
    package_findings,
    python_finding,
    requirement_findings,
    sqlite_finding,
)


def installed(site: Path, *, editable: Path | None = None) -> metadata.Distribution:
    """A distribution of five packages in a directory, with its RECORD."""
    info = site / "chargebox-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: chargebox\nVersion: 0.1.0\n")
    lines = []
    for name in PACKAGES if editable is None else ():
        file = site / name / "__init__.py"
        file.parent.mkdir()
        file.write_text(f'"""{name}"""\n')
        digest = base64.urlsafe_b64encode(hashlib.sha256(file.read_bytes()).digest()).rstrip(b"=").decode()
        lines.append(f"{name}/__init__.py,sha256={digest},{file.stat().st_size}\n")
    if editable is not None:
        url = {"url": editable.as_uri(), "dir_info": {"editable": True}}
        (info / "direct_url.json").write_text(json.dumps(url))
    (info / "RECORD").write_text("".join(lines))
    return metadata.PathDistribution(info)


def levels(found: "list[Finding]") -> list[Level]:
    return [finding.level for finding in found]


def places(root: Path) -> dict[str, Path | None]:
    return {name: root / name for name in PACKAGES}


def test_packages_that_record_lists_are_ours(tmp_path: Path) -> None:
    (finding,) = package_findings(installed(tmp_path), places(tmp_path))
    assert str(finding) == "ok       installation: chargebox 0.1.0, packages ours and unchanged"


def test_a_package_of_the_same_name_from_elsewhere_is_a_fault(tmp_path: Path) -> None:
    distribution = installed(tmp_path / "site")
    found = {**places(tmp_path / "site"), "station": tmp_path / "other" / "station"}
    (finding,) = package_findings(distribution, found)
    assert finding.level is Level.FAULT
    assert "the package station comes from" in finding.text
    (finding,) = package_findings(distribution, {**found, "station": None})
    assert "cannot be found" in finding.text


def test_a_file_that_was_changed_or_lost_since_is_a_fault(tmp_path: Path) -> None:
    distribution = installed(tmp_path)
    (tmp_path / "station" / "__init__.py").write_text("changed")
    (finding,) = package_findings(distribution, places(tmp_path))
    assert (finding.level, "1 files differ" in finding.text) == (Level.FAULT, True)
    (tmp_path / "devices" / "__init__.py").unlink()
    (finding,) = package_findings(distribution, places(tmp_path))
    assert "2 files differ from what was installed: devices/__init__.py, station/__init__.py" in finding.text


def test_an_editable_installation_is_ours_where_it_points(tmp_path: Path) -> None:
    root = tmp_path / "with space"
    distribution = installed(tmp_path / "site", editable=root)
    (finding,) = package_findings(distribution, places(root))
    assert (finding.level, "editable" in finding.text) == (Level.OK, True)
    assert levels(list(package_findings(distribution, places(tmp_path)))) == [Level.FAULT] * 5


@pytest.mark.parametrize(
    ("version", "level", "says"),
    [
        ((3, 37, 2), Level.FAULT, "3.38.0 or newer"),
        ((3, 40, 1), Level.OK, "WAL-reset bug"),
        ((3, 51, 2), Level.OK, "WAL-reset bug"),
        ((3, 51, 3), Level.OK, "SQLite 3.51.3"),
    ],
)
def test_sqlite_is_judged_by_its_version(version: tuple[int, ...], level: Level, says: str) -> None:
    finding = sqlite_finding(version)
    assert (finding.level, says in str(finding)) == (level, True)
    assert ("bug" in finding.text) is ("bug" in says)


def test_an_old_python_is_a_fault() -> None:
    assert python_finding((3, 10, 9)).level is Level.FAULT
    assert python_finding((3, 14, 0)).level is Level.OK


def test_libraries_that_miss_or_are_old_are_faults_and_extras_are_not_asked_for() -> None:
    requires = ["here>=1.10", "old>=2.0", "gone", 'optional>=1; extra == "x"']
    versions = {"here": "1.10.1", "old": "1.99"}
    old, gone, present = requirement_findings(requires, versions.get)
    assert (old.level, gone.level, present.level) == (Level.FAULT, Level.FAULT, Level.OK)
    assert ("old 1.99 is older than 2.0" in old.text, "gone" in gone.text) == (True, True)
    assert present.text == "here 1.10.1"

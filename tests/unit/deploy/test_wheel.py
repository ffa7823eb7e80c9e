"""`make wheel`: the same bytes twice."""

import os
import shutil
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

from deploy import wheel
from deploy.debian import libraries, staging
from deploy.debian.staging import ROOT
from station import VERSION

NAME = f"chargebox-{VERSION}-py3-none-any.whl"


def build(into: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert wheel.main(["--into", str(into)]) == 0
    path = Path(capsys.readouterr().out.strip())
    assert path == into / NAME
    return path


def test_a_wheel_has_the_same_bytes_whenever_and_wherever_it_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(libraries.EPOCH_VARIABLE, "1790000000")
    first = build(tmp_path / "a", capsys)
    other = tmp_path / "checkout"
    for name in staging.SOURCES:
        shutil.copytree(ROOT / name, other / name)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, other / name)
    for path in other.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700 if path.is_dir() else 0o600)
    monkeypatch.setattr(staging, "ROOT", other)
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    before = os.umask(0o077)
    try:
        second = build(tmp_path / "b", capsys)
    finally:
        os.umask(before)
    assert sha256(first.read_bytes()).digest() == sha256(second.read_bytes()).digest()
    with zipfile.ZipFile(first) as archive:
        assert {info.date_time for info in archive.infolist()} == {(2026, 9, 21, 14, 13, 20)}


def test_the_time_of_the_release_is_part_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = set()
    for epoch in ("1790000000", "1790086400"):
        monkeypatch.setenv(libraries.EPOCH_VARIABLE, epoch)
        made.add(build(tmp_path / epoch, capsys).read_bytes())
    assert len(made) == 2


def test_what_is_missing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(libraries.EPOCH_VARIABLE, "yesterday")
    assert wheel.main(["--into", str(tmp_path)]) == 1
    assert "make wheel: SOURCE_DATE_EPOCH is not a number of seconds: 'yesterday'" in capsys.readouterr().err

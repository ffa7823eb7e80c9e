import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.debian import build, staging
from deploy.debian.libraries import CannotBuild
from deploy.debian.staging import CONFFILE, VENV, debian_version
from tests.corpora.released import CORPORA

EPOCH = 1_700_000_000
needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is not here: apt-get install dpkg")


def package(work: Path) -> Path:
    """A package without the libraries: they are a minute's work, and packed like everything else."""
    stage = work / "stage"
    staging.lay_out(stage, EPOCH)
    shutil.copytree(CORPORA.parent / "unit" / "deploy", stage / staging.SITE)
    staging.normalize(stage)
    staging.describe(stage, "amd64")
    work.joinpath("dist").mkdir()
    return build.pack(stage, work / "dist", "amd64", EPOCH)


@needs_dpkg
def test_two_builds_have_the_same_bytes(tmp_path: Path) -> None:
    first, second = (package(tmp_path / name) for name in ("first", "second"))
    assert first.name == f"chargebox_{debian_version()}_amd64.deb"
    assert first.read_bytes() == second.read_bytes()


@needs_dpkg
def test_dpkg_reads_what_was_packed(tmp_path: Path) -> None:
    file = package(tmp_path)
    listed = subprocess.run(["dpkg-deb", "-c", str(file)], capture_output=True, text=True, check=True).stdout
    lines = {line.split()[5]: line.split() for line in listed.splitlines()}
    assert {line[1] for line in lines.values()} == {"root/root"}
    assert lines[f"./{CONFFILE}"][0] == "-rw-r--r--"
    assert lines[f"./{VENV}/bin/chargebox"][0] == "-rwxr-xr-x"
    assert {line[3] for line in lines.values()} == {"2023-11-14"}
    field = ["dpkg-deb", "-f", str(file), "Version"]
    assert subprocess.run(field, capture_output=True, text=True, check=True).stdout.strip() == debian_version()


def test_what_is_missing_ends_it_with_a_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(python: str) -> str:
        raise CannotBuild(f"Python {python} is needed")

    monkeypatch.setattr(build, "find_interpreter", missing)
    assert build.main([]) == 1
    assert capsys.readouterr().err == "make deb: Python 3.11 is needed\n"


def test_an_architecture_that_is_not_promised_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build.main(["--architecture", "armhf"])
    assert "invalid choice: 'armhf'" in capsys.readouterr().err

import re
import subprocess
from pathlib import Path

import pytest

from deploy.debian import staging
from deploy.debian.staging import CONFFILE, ROOT, SCRIPTS, VENV, control_text, debian_version, maintainer_script
from migrations import MIGRATIONS
from station import VERSION
from station.settings.loading import parse_settings

EPOCH = 1_700_000_000


@pytest.mark.parametrize(
    ("version", "debian"),
    [("0.2.0", "0.2.0"), ("0.2.0.dev3", "0.2.0~dev3"), ("0.2.0rc1", "0.2.0~rc1"), ("1.0b2", "1.0~b2")],
)
def test_what_comes_before_a_release_sorts_before_it(version: str, debian: str) -> None:
    assert debian_version(version) == debian


def test_the_control_file_asks_for_the_pythons_of_both_releases_and_no_other() -> None:
    text = control_text("arm64", 1)
    fields = dict(re.findall(r"^([\w-]+): (.*)$", text, flags=re.MULTILINE))
    assert (fields["Package"], fields["Architecture"]) == ("chargebox", "arm64")
    assert fields["Version"] == debian_version(VERSION)
    for wanted in ("python3 (>= 3.11)", "python3 (<< 3.14)", "python3.11 | python3.13", "libc6 (>= 2.36)", "adduser"):
        assert wanted in fields["Depends"]
    assert text.endswith("\n")
    assert all(len(line) <= 80 for line in text.splitlines() if line.startswith(" "))


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_maintainer_script_is_filled_in_and_a_shell_reads_it(name: str, tmp_path: Path) -> None:
    script = tmp_path / name
    script.write_text(maintainer_script(name))
    assert re.findall(r"@[A-Z_]+@", script.read_text()) == []
    done = subprocess.run(["sh", "-n", str(script)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_preinst_knows_the_newest_migration_of_this_version() -> None:
    assert f"\nNEWEST_MIGRATION = {MIGRATIONS[-1].number}\n" in maintainer_script("preinst")


def test_the_tree_holds_what_an_installation_by_hand_has(tmp_path: Path) -> None:
    staging.lay_out(tmp_path, EPOCH)
    for place in (CONFFILE, "usr/lib/systemd/system/chargebox.service", "opt/chargebox/share/operations.md"):
        assert (tmp_path / place).is_file(), place
    assert (tmp_path / "usr/bin/chargebox").readlink() == Path("/") / VENV / "bin" / "chargebox"
    unit = (tmp_path / "usr/lib/systemd/system/chargebox.service").read_text()
    program = re.search(r"^ExecStart=/(\S+) run --settings /(\S+)$", unit, flags=re.MULTILINE)
    assert program is not None
    assert (program[1], program[2]) == (f"{VENV}/bin/chargebox", CONFFILE)
    assert (tmp_path / program[1]).stat().st_mode & 0o111 == 0o111
    documented = re.search(r"^Documentation=file:/(\S+)", unit, flags=re.MULTILINE)
    assert documented is not None
    assert (tmp_path / documented[1]).is_file()


def test_the_conffile_is_a_bench_station() -> None:
    assert parse_settings((ROOT / "deploy" / "chargebox.toml").read_text(), "chargebox.toml").board.kind == "bench"


def test_the_environment_is_found_under_either_python(tmp_path: Path) -> None:
    staging.lay_out(tmp_path, EPOCH)
    (tmp_path / staging.SITE).mkdir(parents=True)
    for python in staging.PYTHONS:
        assert (tmp_path / VENV / "lib" / f"python{python}" / "site-packages").resolve() == tmp_path / staging.SITE


def test_the_checksums_leave_out_the_conffile_and_cover_everything_else(tmp_path: Path) -> None:
    staging.lay_out(tmp_path, EPOCH)
    staging.describe(tmp_path, "amd64")
    summed = {line.split("  ")[1] for line in (tmp_path / "DEBIAN" / "md5sums").read_text().splitlines()}
    files = {
        path.relative_to(tmp_path).as_posix()
        for path in tmp_path.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
    assert summed == {name for name in files if not name.startswith("DEBIAN/")} - {CONFFILE}
    assert (tmp_path / "DEBIAN" / "conffiles").read_text() == f"/{CONFFILE}\n"


def test_modes_do_not_depend_on_who_builds(tmp_path: Path) -> None:
    staging.lay_out(tmp_path, EPOCH)
    (tmp_path / CONFFILE).chmod(0o600)
    (tmp_path / "etc").chmod(0o700)
    staging.normalize(tmp_path)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*") if path.is_dir()} == {0o755}
    assert (tmp_path / CONFFILE).stat().st_mode & 0o777 == 0o644

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import release
from deploy.debian.staging import ROOT
from deploy.release import CHECKLIST, Checkout, Item, holds

VERSION = "1.2.3"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A tree of which every quick line of the checklist holds, but for lintian, which asks for real packages."""
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n## {VERSION} (2026-03-31)\n\n## 1.2.2\n")
    (tmp_path / "pyproject.toml").write_text('[project]\nmaintainers = [{ name = "A", email = "a@chargebox.test" }]\n')
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "README.md").write_text(f"apt-get install -y ./chargebox_{VERSION}_arm64.deb\n")
    (tmp_path / "tests" / "corpora" / VERSION).mkdir(parents=True)
    (tmp_path / "tests" / "corpora" / VERSION / "expected.json").write_text("{}")
    (tmp_path / ".gitignore").write_text("/dist/\n")
    (tmp_path / "dist").mkdir()
    for name in (f"chargebox_{VERSION}_amd64.deb", f"chargebox_{VERSION}_arm64.deb", f"chargebox-{VERSION}.cdx.json"):
        (tmp_path / "dist" / name).write_text("")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "All of it")
    return Checkout(root=tmp_path, version=VERSION)


def git(directory: Path, *words: str) -> None:
    who = ["-c", "user.name=A", "-c", "user.email=a@chargebox.test", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *words], cwd=directory, check=True, capture_output=True)


def wrong(checkout: Checkout) -> list[str]:
    """What the quick lines say, but lintian's."""
    items = [item for item in CHECKLIST if not item.slow and item.check is not release.lintian_has_no_error]
    return [text for item in items for text in item.check(checkout)]


def test_a_tree_that_is_ready_has_nothing_to_be_done(checkout: Checkout) -> None:
    assert wrong(checkout) == []


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("CHANGELOG.md", f"## {VERSION} (unreleased)\n", "put the day there"),
        ("CHANGELOG.md", "## 1.2.2\n", "is not 1.2.3"),
        ("pyproject.toml", '[project]\nmaintainers = [{ name = "A", email = "a@b.invalid" }]\n', "nobody reads A"),
        ("deploy/README.md", "chargebox_1.2.2_arm64.deb", "names packages of 1.2.2"),
        ("deploy/README.md", "", "names packages of no version"),
    ],
)
def test_a_page_that_is_behind_is_named(checkout: Checkout, file: str, text: str, told: str) -> None:
    (checkout.root / file).write_text(text)
    git(checkout.root, "commit", "-q", "-a", "-m", "Fall behind")
    (found,) = wrong(checkout)
    assert told in found


@pytest.mark.parametrize("change", ["edited", "new"])
def test_what_is_not_committed_is_no_release(checkout: Checkout, change: str) -> None:
    file = checkout.root / ("CHANGELOG.md" if change == "edited" else "stray.py")
    file.write_text(f"{file.read_text() if file.exists() else ''}\n")
    assert wrong(checkout) == ["1 files are not committed: git status"]


def test_a_version_is_released_once_and_is_no_development_version(checkout: Checkout) -> None:
    git(checkout.root, "tag", f"v{VERSION}")
    assert wrong(checkout) == [f"there is a tag v{VERSION} already: raise VERSION in station/__init__.py"]
    developing = Checkout(root=checkout.root, version="1.2.4.dev1")
    assert any("the version is 1.2.4.dev1" in text for text in wrong(developing))


def test_files_that_were_not_built_are_named_with_the_command(checkout: Checkout) -> None:
    (checkout.root / "dist" / f"chargebox_{VERSION}_arm64.deb").unlink()
    (checkout.root / "dist" / f"chargebox-{VERSION}.cdx.json").unlink()
    assert wrong(checkout) == [
        f"dist/chargebox_{VERSION}_arm64.deb is missing: make deb",
        f"dist/chargebox-{VERSION}.cdx.json is missing: make sbom",
    ]


def test_logs_of_the_version_are_kept(checkout: Checkout) -> None:
    git(checkout.root, "rm", "-q", "-r", f"tests/corpora/{VERSION}")
    git(checkout.root, "commit", "-q", "-m", "Lose them")
    (found,) = wrong(checkout)
    assert "python -m tests.corpora.released" in found


def test_a_line_that_does_not_hold_says_what_to_do(checkout: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    def failing(_: Checkout) -> Iterator[str]:
        yield "mend it"

    assert not holds(Item(what="it works", check=failing), checkout)
    assert capsys.readouterr().out.split() == ["to", "do", "it", "works", "mend", "it"]


def test_a_command_that_fails_is_told_with_its_last_words(tmp_path: Path) -> None:
    found = list(release._failure(["sh", "-c", "echo first; echo the reason >&2; exit 3"], tmp_path))
    assert found[0].endswith("ended with 3")
    assert "the reason" in found


def test_the_checklist_of_this_tree_ends_with_a_status(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever holds today: every quick line is shown, and every slow one is left for later."""
    assert release.main([]) in {0, 1}
    shown = capsys.readouterr().out
    assert [item.what for item in CHECKLIST if item.what not in shown] == []
    assert shown.count("not yet") == sum(item.slow for item in CHECKLIST)
    assert (ROOT / "SECURITY.md").is_file()

"""`make release-check`: the release checklist. Each line is looked at here, and says what is to be done when it does not hold.

    python -m deploy.release [--slow]

With --slow also what takes minutes to hours: the packages built twice, and the long tests. Exit status: 0 everything holds, 1 not.
"""

import argparse
import filecmp
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.debian.libraries import MACHINES
from deploy.debian.staging import ROOT, debian_version, maintainer
from station import VERSION

WORDS_SHOWN = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """What is to be released: the tree, and its version."""

    root: Path
    version: str

    def git(self, *words: str) -> str:
        """The output of a git command; "" when it fails."""
        done = subprocess.run(["git", *words], cwd=self.root, capture_output=True, text=True, check=False)  # noqa: S607
        return done.stdout.strip() if done.returncode == 0 else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A line of the checklist: `check` gives what is wrong, one text each, and nothing if it holds."""

    what: str
    check: Callable[[Checkout], Iterator[str]]
    slow: bool = False


def version_is_final(checkout: Checkout) -> Iterator[str]:
    """A release has a plain version, which no tag has yet."""
    if not re.fullmatch(r"\d+\.\d+\.\d+", checkout.version):
        yield f"the version is {checkout.version}: set VERSION in station/__init__.py"
    if checkout.git("tag", "--list", f"v{checkout.version}"):
        yield f"there is a tag v{checkout.version} already: raise VERSION in station/__init__.py"


def tree_is_clean(checkout: Checkout) -> Iterator[str]:
    """What is released is what was committed."""
    if not checkout.git("rev-parse", "HEAD"):
        yield "this is no git checkout"
    elif changed := checkout.git("status", "--porcelain"):
        yield f"{len(changed.splitlines())} files are not committed: git status"


def changelog_names_it(checkout: Checkout) -> Iterator[str]:
    """The first section of the changelog is that of this version, and it is final."""
    text = (checkout.root / "CHANGELOG.md").read_text(encoding="utf-8")
    first = re.search(r"^## (\S+)(.*)$", text, flags=re.MULTILINE)
    if first is None or first[1] != checkout.version:
        yield f"the first section of CHANGELOG.md is not {checkout.version}"
    elif "unreleased" in first[2]:
        yield f"CHANGELOG.md says {checkout.version}{first[2]}: put the day there, as in (2026-03-31)"


def logs_are_kept(checkout: Checkout) -> Iterator[str]:
    """Every later version must open a log of this one, so one is kept."""
    if not (checkout.root / "tests" / "corpora" / checkout.version).is_dir():
        yield f"tests/corpora/{checkout.version} is missing: python -m tests.corpora.released, before the day stands in CHANGELOG.md"


def maintainer_can_be_reached(checkout: Checkout) -> Iterator[str]:
    """Whoever finds a hole must be able to write to somebody (SECURITY.md)."""
    address = maintainer((checkout.root / "pyproject.toml").read_text(encoding="utf-8"))
    if address.endswith((".invalid>", ".example>")):
        yield f"nobody reads {address}: put an address into maintainers in pyproject.toml"


def pages_name_this_version(checkout: Checkout) -> Iterator[str]:
    """The commands that people copy name the file that they get."""
    text = (checkout.root / "deploy" / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"chargebox_(\d[^_\s]*)_(?:amd64|arm64)\.deb", text))
    if named != {debian_version(checkout.version)}:
        yield f"deploy/README.md names packages of {', '.join(sorted(named)) or 'no version'}"


def artefacts_are_there(checkout: Checkout) -> Iterator[str]:
    """The files of the release lie in dist/."""
    packages = [f"chargebox_{debian_version(checkout.version)}_{architecture}.deb" for architecture in MACHINES]
    for command, names in (("make deb", packages), ("make sbom", [f"chargebox-{checkout.version}.cdx.json"])):
        for name in names:
            if not (checkout.root / "dist" / name).is_file():
                yield f"dist/{name} is missing: {command}"


def lintian_has_no_error(checkout: Checkout) -> Iterator[str]:
    """Debian's own checks of a package."""
    files = sorted((checkout.root / "dist").glob(f"chargebox_{debian_version(checkout.version)}_*.deb"))
    if shutil.which("lintian") is None:
        yield "lintian is not here: apt-get install lintian"
    elif files:
        yield from _failure(
            ["lintian", "--fail-on", "error", "--display-level", ">=error", *map(str, files)], checkout.root
        )


def packages_are_the_same_twice(checkout: Checkout) -> Iterator[str]:
    """Whoever builds this commit gets these bytes."""
    with tempfile.TemporaryDirectory(prefix="chargebox-release-") as again:
        failed = list(_failure([sys.executable, "-m", "deploy.debian.build", "--into", again], checkout.root))
        yield from failed
        for file in [] if failed else sorted(Path(again).iterdir()):
            kept = checkout.root / "dist" / file.name
            if kept.is_file() and not filecmp.cmp(file, kept, shallow=False):
                yield f"dist/{file.name} is not what this commit builds: make deb"


def tests_pass(checkout: Checkout) -> Iterator[str]:
    """The quick ones."""
    yield from _failure(["make", "test"], checkout.root)


def long_tests_pass(checkout: Checkout) -> Iterator[str]:
    """The long ones; the package in a minimal Debian is among them."""
    yield from _failure(["make", "test-long"], checkout.root)


CHECKLIST = (
    Item(what="the version is final and new", check=version_is_final),
    Item(what="everything is committed", check=tree_is_clean),
    Item(what="the changelog names the version as released", check=changelog_names_it),
    Item(what="logs of this version are kept for later ones", check=logs_are_kept),
    Item(what="the maintainer can be reached", check=maintainer_can_be_reached),
    Item(what="the installation names this version", check=pages_name_this_version),
    Item(what="packages and the list of parts are built", check=artefacts_are_there),
    Item(what="lintian finds no error", check=lintian_has_no_error),
    Item(what="the packages have the same bytes when built again", check=packages_are_the_same_twice, slow=True),
    Item(what="make test passes", check=tests_pass, slow=True),
    Item(what="make test-long passes", check=long_tests_pass, slow=True),
)
LAST = """\
Then: git tag -s v{version}; publish dist/ with its checksums (sha256sum dist/*); begin the next section of CHANGELOG.md.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Goes through the checklist; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m deploy.release", description=__doc__.splitlines()[0])
    parser.add_argument("--slow", action="store_true", help="also what takes minutes to hours")
    slow = parser.parse_args(argv).slow
    checkout = Checkout(root=ROOT, version=VERSION)
    missing = sum(not holds(item, checkout) for item in CHECKLIST if slow or not item.slow)
    for item in CHECKLIST:
        if item.slow and not slow:
            print(f"not yet  {item.what}: make release-check ARGS=--slow")
    print(LAST.format(version=VERSION) if slow and not missing else f"{missing} to be done")
    return 1 if missing else 0


def holds(item: Item, checkout: Checkout) -> bool:
    """Whether a line holds; shows it, with what is wrong."""
    wrong = list(item.check(checkout))
    print(f"{'to do ' if wrong else 'ok    '}   {item.what}", flush=True)
    for text in wrong:
        print(f"           {text}", flush=True)
    return not wrong


def _failure(command: Sequence[str], root: Path) -> Iterator[str]:
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        yield f"{' '.join(command[:3])} ended with {done.returncode}"
        yield from (done.stdout + done.stderr).strip().splitlines()[-WORDS_SHOWN:]


if __name__ == "__main__":
    sys.exit(main())

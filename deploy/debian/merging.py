"""One site-packages for several versions of Python, out of one for each.

Modules are the same in all of them, and compiled ones carry their version in the name (`_map.cpython-311-aarch64-linux-gnu.so`), so
they lie side by side, as in Debian's own packages. What differs is what the wheels say about themselves: RECORD lists the files of
one wheel and WHEEL its tags, of which both are kept.
"""

import filecmp
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

TOLD_OF_ALL = ("RECORD", "WHEEL")
"""Files in which a wheel tells of itself; the lines of all are kept."""


class Unmergeable(Exception):  # noqa: N818  # it says what is the case
    """Two wheels of one version of a library do not go together; the text names the file."""


def merge(sources: Sequence[Path], target: Path) -> None:
    """Lays the trees of `sources` into `target`, which is made. Raises Unmergeable, OSError."""
    target.mkdir(parents=True)
    for source in sources:
        for path in _files(source):
            place = target / path.relative_to(source)
            if not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, place)
                place.chmod(0o644)
            elif not filecmp.cmp(path, place, shallow=False):
                _reconcile(path, place, place.relative_to(target))
    for record in target.glob("*.dist-info/RECORD"):
        _write_lines(record, sorted(_still_true(record, target)))


def _files(tree: Path) -> Iterator[Path]:
    """The files of a tree but the programs of the libraries: nothing of them is for the PATH."""
    return (path for path in sorted(tree.rglob("*")) if path.is_file() and path.relative_to(tree).parts[0] != "bin")


def _reconcile(path: Path, place: Path, name: Path) -> None:
    inside = name.parts[0].endswith(".dist-info")
    if inside and name.name in TOLD_OF_ALL:
        known = place.read_text(encoding="utf-8").splitlines()
        added = (line for line in path.read_text(encoding="utf-8").splitlines() if line not in known)
        _write_lines(place, [*known, *added])
    elif not inside:
        raise Unmergeable(f"{name} is not the same in the wheels of two versions of Python")
    # Other metadata of a wheel (a list of its parts) is taken from the first one for all.


def _still_true(record: Path, target: Path) -> Iterator[str]:
    """The lines of a RECORD without the programs, and without files that the other wheel tells of."""
    seen: set[str] = set()
    for line in record.read_text(encoding="utf-8").splitlines():
        name = line.rsplit(",", 2)[0].strip('"')
        if name in seen or not (target / name).is_file():
            continue
        seen.add(name)
        yield f"{name},," if name in {f"{record.parent.name}/{told}" for told in TOLD_OF_ALL} else line


def _write_lines(path: Path, lines: Sequence[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines if line), encoding="utf-8")

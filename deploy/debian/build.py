"""`make deb`: builds dist/chargebox_VERSION_ARCHITECTURE.deb for Debian 12 and 13, the same bytes whenever it is built.

    python -m deploy.debian.build [--architecture amd64]... [--into dist]

Nothing is compiled and nothing of the target runs: libraries come as wheels for its processor, and the bytecode is made by an
interpreter of each version, on whatever machine this is. What it takes: dpkg-deb, pip and the network (or a directory of wheels
that pip knows), Python 3.11 and 3.13.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.debian.libraries import (
    MACHINES,
    CannotBuild,
    build_wheel,
    compile_modules,
    find_interpreter,
    install_libraries,
    install_own,
    run,
    source_date_epoch,
)
from deploy.debian.merging import Unmergeable, merge
from deploy.debian.parts import list_parts
from deploy.debian.staging import DOC, PYTHONS, ROOT, SITE, debian_version, describe, lay_out, normalize


def main(argv: Sequence[str] | None = None) -> int:
    """Builds what is asked for; returns the exit status: 0 done, 1 something is missing or failed."""
    parser = argparse.ArgumentParser(prog="python -m deploy.debian.build", description=__doc__.splitlines()[0])
    parser.add_argument("--architecture", action="append", choices=sorted(MACHINES), help="all of them if not given")
    parser.add_argument("--into", type=Path, default=ROOT / "dist", help="where the packages go")
    arguments = parser.parse_args(argv)
    try:
        interpreters = {python: find_interpreter(python) for python in PYTHONS}
        if shutil.which("dpkg-deb") is None:
            raise CannotBuild("dpkg-deb is missing; on Debian it is in the package dpkg")
        arguments.into.mkdir(parents=True, exist_ok=True)
        epoch = source_date_epoch()
        with tempfile.TemporaryDirectory(prefix="chargebox-deb-") as work:
            wheels = build_wheel(Path(work), epoch)
            for architecture in arguments.architecture or MACHINES:
                stage = Path(work) / architecture / "stage"
                fill(stage, architecture, interpreters, wheels, epoch)
                print(pack(stage, arguments.into, architecture, epoch), flush=True)
    except (CannotBuild, Unmergeable, OSError) as error:
        print(f"make deb: {error}", file=sys.stderr)
        return 1
    return 0


def fill(stage: Path, architecture: str, interpreters: Mapping[str, str], wheels: Path, epoch: int) -> None:
    """The complete tree of a package. Raises CannotBuild, Unmergeable, OSError."""
    trees = [stage.with_name(f"python{python}") for python in interpreters]
    for python, tree in zip(interpreters, trees, strict=True):
        install_libraries(tree, architecture, python)
    lay_out(stage, epoch)
    list_parts(trees[-1], stage / DOC / "sbom.cdx.json", epoch)
    for python, tree in zip(interpreters, trees, strict=True):
        install_own(tree, architecture, python, wheels)
    merge(trees, stage / SITE)
    for interpreter in interpreters.values():
        compile_modules(stage / SITE, stage, interpreter)
    normalize(stage)
    describe(stage, architecture)


def pack(stage: Path, into: Path, architecture: str, epoch: int) -> Path:
    """The package file. Raises CannotBuild, OSError."""
    for path in (*stage.rglob("*"), stage):
        os.utime(path, (epoch, epoch), follow_symlinks=False)
    file = into / f"chargebox_{debian_version()}_{architecture}.deb"
    # One thread: several divide the stream into blocks, as many as the machine has.
    options = ["--root-owner-group", "--uniform-compression", "-Zxz", "--threads-max=1"]
    run(["dpkg-deb", *options, "--build", str(stage), str(file)], "dpkg-deb failed", epoch)
    return file


if __name__ == "__main__":
    os.umask(0o022)  # that of whoever builds must not show in the package
    sys.exit(main())

"""`make wheel`: builds dist/chargebox-VERSION-py3-none-any.whl, the same bytes whenever and wherever it is built.

    python -m deploy.wheel [--into dist]

The archive bears the time of the commit (or SOURCE_DATE_EPOCH), and its files have the modes of a fresh checkout, whatever they have here.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from deploy.debian.libraries import CannotBuild, build_wheel, source_date_epoch
from deploy.debian.staging import ROOT


def main(argv: Sequence[str] | None = None) -> int:
    """Builds the wheel and prints its path; returns the exit status: 0 done, 1 something is missing or failed."""
    parser = argparse.ArgumentParser(prog="python -m deploy.wheel", description=__doc__.splitlines()[0])
    parser.add_argument("--into", type=Path, default=ROOT / "dist", help="where the wheel goes")
    arguments = parser.parse_args(argv)
    try:
        with tempfile.TemporaryDirectory(prefix="chargebox-wheel-") as work:
            (wheel,) = build_wheel(Path(work), source_date_epoch()).glob("*.whl")
            arguments.into.mkdir(parents=True, exist_ok=True)
            print(shutil.copyfile(wheel, arguments.into / wheel.name))
    except (CannotBuild, OSError) as error:
        print(f"make wheel: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

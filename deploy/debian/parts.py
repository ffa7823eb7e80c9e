"""`make sbom`: the list of parts of the package as CycloneDX JSON: each library with version, licence and what it needs.

    python -m deploy.debian.parts [--into dist]

The list is made by cyclonedx-py, the CycloneDX project's own tool, from the libraries as they are unpacked for a package. Which
processor they are for makes no difference to it. Libraries inside of wheels (zstd, OpenSSL) are listed by the wheels themselves,
in `.dist-info/sboms`, where their makers do so.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from deploy.debian.libraries import CannotBuild, install_libraries, run, source_date_epoch
from deploy.debian.staging import PYTHONS, ROOT
from station import VERSION

DYNAMIC = 'dynamic = ["version"]'
LOOK = """\
#!/bin/sh
PYTHONPATH={site} exec {python} -S "$@"
"""
"""An interpreter that sees these libraries and no others."""


def main(argv: Sequence[str] | None = None) -> int:
    """Writes dist/chargebox-VERSION.cdx.json; returns the exit status: 0 done, 1 it cannot be made."""
    parser = argparse.ArgumentParser(prog="python -m deploy.debian.parts", description=__doc__.splitlines()[0])
    parser.add_argument("--into", type=Path, default=ROOT / "dist", help="where the list goes")
    into = parser.parse_args(argv).into
    file = into / f"chargebox-{VERSION}.cdx.json"
    try:
        into.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="chargebox-parts-") as work:
            site = Path(work) / "site"
            install_libraries(site, "amd64", PYTHONS[-1])
            list_parts(site, file, source_date_epoch())
    except (CannotBuild, OSError) as error:
        print(f"make sbom: {error}", file=sys.stderr)
        return 1
    print(file)
    return 0


def list_parts(site: Path, file: Path, epoch: int) -> None:
    """Writes the list of the libraries in `site`. Raises CannotBuild, OSError."""
    with tempfile.TemporaryDirectory(prefix="chargebox-parts-") as work:
        look = Path(work) / "python"
        look.write_text(LOOK.format(site=site, python=sys.executable), encoding="utf-8")
        look.chmod(0o755)
        project = Path(work) / "pyproject.toml"
        text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        project.write_text(text.replace(DYNAMIC, f'version = "{VERSION}"', 1), encoding="utf-8")
        command = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible", "--of", "JSON"]
        named = ["--pyproject", str(project), "--mc-type", "application", "-o", str(file), str(look)]
        run([*command, *named], "the list of parts cannot be made", epoch)


if __name__ == "__main__":
    sys.exit(main())

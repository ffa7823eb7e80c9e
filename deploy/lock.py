"""`make lock`: writes the hashes of the pinned packages anew, after a version was changed by hand.

    python -m deploy.lock [FILE ...]

A lock holds a version for each package, and the hash of every file that the index has of it: of the wheels for x86-64, aarch64 and 32-bit
ARM, and of the source that is built where there is no wheel. With hashes pip takes nothing else, and no package that is not named.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("deploy/requirements.txt", "deploy/debian/requirements.txt", "tests/requirements.txt")
OLDEST_PYTHON = "3.11"


def main(argv: Sequence[str] | None = None) -> int:
    """Writes the locks; returns the exit status: 0 done, 1 a version or the index is not there."""
    for name in (sys.argv[1:] if argv is None else argv) or LOCKS:
        file = ROOT / name
        text = file.read_text(encoding="utf-8")
        done = hashed(file)
        if done.returncode != 0:
            print(f"make lock: {name}: {done.stderr.strip()}", file=sys.stderr)
            return 1
        file.write_text(f"{head(text)}{done.stdout}", encoding="utf-8")
    return 0


def head(text: str) -> str:
    """The lines before the first package: what the file is."""
    return "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))


def pins(text: str) -> dict[str, str]:
    """Each package as the index writes its name, with its version; markers and hashes left out."""
    lines = (line.partition(";")[0].strip(" \\") for line in text.splitlines() if line[:1].isalnum())
    return {
        name.lower().replace(".", "-").replace("_", "-"): version
        for name, _, version in (line.partition("==") for line in lines)
    }


def hashed(file: Path) -> "subprocess.CompletedProcess[str]":
    """The pins of this file, for every platform, with hashes."""
    command = ["uv", "pip", "compile", "--quiet", "--no-deps", "--generate-hashes", "--no-annotate", "--no-header"]
    command += ["--universal", "--python-version", OLDEST_PYTHON, str(file)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main())

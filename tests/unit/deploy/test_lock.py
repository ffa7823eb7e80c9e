"""The locks: what they hold, and that they are written as `make lock` writes them."""

import re
import subprocess
from pathlib import Path

import pytest

from deploy import lock
from deploy.lock import LOCKS, ROOT, head, pins

_HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_has_one_version_and_hashes(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    held: dict[str, int] = {}
    for line in text.removeprefix(head(text)).splitlines():
        if line[:1].isalnum():
            package = line.partition("==")[0]
            assert re.fullmatch(r"[a-z0-9-]+==[^ =]+( ; [^\\]+)? \\", line), line
            assert package not in held
            held[package] = 0
        else:
            assert _HASH.fullmatch(line), line
            held[package] += 1
    assert held
    assert all(held.values())


def test_pins_are_read_whatever_stands_around_them() -> None:
    text = (
        "# Pins.\nAdafruit-PureIO==1.1\nbackports.zstd==1.8.0 ; python_version < '3.14' \\\n    --hash=sha256:00\n"
        "typing_extensions==4 \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\n"
    )
    assert head(text) == "# Pins.\n"
    assert pins(text) == {"adafruit-pureio": "1.1", "backports-zstd": "1.8.0", "typing-extensions": "4"}


class Index:
    """What `uv` says of a file of pins."""

    def __init__(self, answer: "subprocess.CompletedProcess[str]") -> None:
        self.answer = answer
        self.asked: list[Path] = []

    def hashed(self, file: Path) -> "subprocess.CompletedProcess[str]":
        self.asked.append(file)
        return self.answer


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(lock, "ROOT", tmp_path)
    path = tmp_path / "pins.txt"
    path.write_text("# Mine.\nh11==0.16.0\n")
    return path


def test_a_lock_is_written_with_its_own_first_words(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = Index(subprocess.CompletedProcess([], 0, "h11==0.16.0 \\\n    --hash=sha256:aa\n", ""))
    monkeypatch.setattr(lock, "hashed", index.hashed)
    assert lock.main(["pins.txt"]) == 0
    assert index.asked == [file]
    assert file.read_text() == "# Mine.\nh11==0.16.0 \\\n    --hash=sha256:aa\n"


def test_a_version_that_is_not_there_leaves_the_lock_as_it_was(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lock, "hashed", Index(subprocess.CompletedProcess([], 1, "", "no version of h11==9")).hashed)
    before = file.read_bytes()
    assert lock.main(["pins.txt"]) == 1
    assert file.read_bytes() == before
    assert capsys.readouterr().err == "make lock: pins.txt: no version of h11==9\n"

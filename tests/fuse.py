"""A power cut at the n-th change of a name in the file system, by Python's audit events: every such change is a moment to try."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Crash(BaseException):
    """Stands for the power cut."""


class Fuse:
    """Cuts the work at the n-th change of a name in the file system; None lets everything pass."""

    def __init__(self) -> None:
        self.left: int | None = None
        sys.addaudithook(self.heard)

    def heard(self, event: str, _: tuple[Any, ...]) -> None:
        if self.left is None or event not in ("os.rename", "os.mkdir", "os.remove", "os.link", "sqlite3.connect"):
            return
        self.left -= 1
        if self.left < 0:
            self.left = None
            raise Crash

    @contextmanager
    def cutting_after(self, changes: int) -> Iterator[None]:
        """The change after so many is not made."""
        self.left = changes
        try:
            yield
        finally:
            self.left = None


FUSE = Fuse()

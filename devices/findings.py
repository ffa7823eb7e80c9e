"""What is found about a board: something to put right, something to know, or that all is well."""

from msgspec import Struct

ERROR = "error"
WARNING = "warning"
SOUND = "ok"


class BoardFinding(Struct, frozen=True, kw_only=True):
    """Something to put right (`ERROR`), to know (`WARNING`), or in order (`SOUND`). `where` is a table of the wiring, or a part of the machine."""

    level: str
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.level}: {self.where}: {self.text}"


def error(where: str, text: str) -> BoardFinding:
    """Something to put right before the station may run."""
    return BoardFinding(level=ERROR, where=where, text=text)


def warning(where: str, text: str) -> BoardFinding:
    """Something that should have been decided on purpose."""
    return BoardFinding(level=WARNING, where=where, text=text)


def sound(where: str, text: str) -> BoardFinding:
    """In order."""
    return BoardFinding(level=SOUND, where=where, text=text)

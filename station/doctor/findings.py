"""A finding: one line about one thing, and, unless it is in order, what to do about it."""

from enum import StrEnum

from eventstore.value import Value


class Level(StrEnum):
    """How bad it is: a fault keeps the station from doing its duty, a warning is to be known or decided on purpose."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


class Finding(Value, frozen=True, kw_only=True):
    """`subject` is what was looked at; `advice` what to do."""

    level: Level
    subject: str
    text: str
    advice: str = ""

    def __str__(self) -> str:
        """The line."""
        line = f"{self.level:<7}  {self.subject}: {self.text}"
        return " ".join((f"{line}; {self.advice}" if self.advice else line).split("\n"))


def ok(subject: str, text: str) -> Finding:
    """All is well."""
    return Finding(level=Level.OK, subject=subject, text=text)


def warning(subject: str, text: str, advice: str) -> Finding:
    """Something to know."""
    return Finding(level=Level.WARNING, subject=subject, text=text, advice=advice)


def fault(subject: str, text: str, advice: str) -> Finding:
    """Something to put right."""
    return Finding(level=Level.FAULT, subject=subject, text=text, advice=advice)

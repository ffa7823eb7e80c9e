"""The software versions that a log names, and which of them are newer than this one."""

from eventstore.catalogue.lifecycle import StationBooted
from station import VERSION
from station.replay.proof.work import Work


def numbers(version: str) -> tuple[int, ...]:
    """A version as numbers, to be compared; none for what is no version."""
    parts = version.partition("+")[0].split(".")
    return tuple(int(part) for part in parts) if all(part.isascii() and part.isdecimal() for part in parts) else ()


def is_newer_version(version: str) -> bool:
    """Is this version newer than the one that verifies? What is no version number is not."""
    return numbers(version) > numbers(VERSION)


def is_newer(work: Work) -> bool:
    """Whether the log says that a newer version wrote to it."""
    return any(
        is_newer_version(each.event.software_version)
        for each in work.milestones
        if isinstance(each.event, StationBooted)
    )

"""The requirements of the standard that bind a charge point, and how it is read where it can be read in two ways.

`requirements.tsv` has a row for each: its clause, what is asked in a few words, "done: MODULE" with the test that shows it, or
"exempt: REASON". A line "== PART" begins the rows of a feature profile, or of OCPP-J. `readings.toml` has the choices, and the
clauses that ask nothing. docs/conformance.md is written from both (tests/docs/generate.py).
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
REQUIREMENTS = FOLDER / "requirements.tsv"
READINGS = FOLDER / "readings.toml"

PARTS = (
    "Core",
    "LocalAuthListManagement",
    "Reservation",
    "FirmwareManagement",
    "RemoteTrigger",
    "SmartCharging",
    "Security",
    "OCPP-J",
)
# In the order in which they outrank one another.
GROUNDS = {
    "errata": "the errata",
    "text": "the text",
    "certification": "a certification case",
    "practice": "what most central systems expect",
    "ours": "our own choice",
}
CLAUSE = re.compile(r"(OCPP-J )?(errata )?\d+(\.\d+)*|white paper [A-Z]\d\d\.FR\.\d+")
DOCUMENTS = ("OCPP-J", "white paper")


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """A row: `module` and `test` (a pytest node id) if it is done, else the `reason` why it is exempt."""

    part: str
    clause: str
    says: str
    module: str = ""
    test: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A choice; `clauses` are separated by commas, `because` is a key of GROUNDS."""

    clauses: str
    question: str
    choice: str
    because: str
    module: str
    test: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingAsked:
    """Clauses of a document ("OCPP 1.6", "errata", "OCPP-J", "OCPP-J errata") that ask nothing of a charge point, and why."""

    document: str
    why: str
    clauses: tuple[str, ...]


def place(clause: str) -> tuple[int, bool, list[int]]:
    """Where a clause stands: those of OCPP 1.6 before OCPP-J's, the white paper's last, by use case; text before errata, by number."""
    document = next((rank for rank, name in enumerate(DOCUMENTS, start=1) if clause.startswith(name)), 0)
    use_cases = re.findall(r"\b([A-Z])(?=\d)", clause)  # A00 to N01 of the white paper
    numbers = [int(number) for number in re.findall(r"\d+", clause)]
    return document, "errata" in clause, [*(ord(letter) for letter in use_cases), *numbers]


def requirements(text: str | None = None) -> tuple[Requirement, ...]:
    """The rows in their order; raises ValueError that names the line of one that is neither done nor exempt."""
    text = REQUIREMENTS.read_text(encoding="utf-8") if text is None else text
    return tuple(_rows(text))


def _rows(text: str) -> Iterator[Requirement]:
    part = ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("== "):
            part = line.removeprefix("== ")
            continue
        try:
            yield _row(part, line)
        except ValueError as error:
            raise ValueError(f"{REQUIREMENTS.name} line {number}: {error}") from None


def _row(part: str, line: str) -> Requirement:
    if part not in PARTS:
        raise ValueError(f"no part {part!r}")
    cells = line.split("\t")
    if len(cells) not in (3, 4) or not all(cells):
        raise ValueError("not a clause, a requirement, its fate and a test, separated by tabs")
    clause, says, fate, *tests = cells
    if not CLAUSE.fullmatch(clause):
        raise ValueError(f"no clause: {clause!r}")
    word, _, rest = fate.partition(": ")
    if word == "exempt" and rest and not tests:
        return Requirement(part=part, clause=clause, says=says, reason=rest)
    if word == "done" and rest and tests:
        return Requirement(part=part, clause=clause, says=says, module=rest, test=tests[0])
    raise ValueError("neither done with a module and a test, nor exempt with a reason")


def readings() -> tuple[Reading, ...]:
    """The choices in the order of their first clauses."""
    found = tomllib.loads(READINGS.read_text(encoding="utf-8"))
    return tuple(Reading(**reading) for reading in found["reading"])


def nothing_asked() -> tuple[NothingAsked, ...]:
    """The clauses that ask nothing."""
    found = tomllib.loads(READINGS.read_text(encoding="utf-8"))
    return tuple(
        NothingAsked(document=each["document"], why=each["why"], clauses=tuple(each["clauses"]))
        for each in found["nothing_asked"]
    )

"""A case in the papers: what it asks, what became of it, and the frames of the conversation."""

from collections.abc import Iterable, Iterator, Sequence

from station.certify.papers.paper import Part, drawing
from station.certify.results import CaseResult, TranscriptFrame
from station.replay.pages.page import facts

TEXT_MAX = 2_000
"""How much of a frame is printed; `report.json` has all of it."""
_WAYS = {"station": "station ──►     ", "CSMS": "        ◄── CSMS"}
_BECAME = {"result": " (answer)", "error": " (refused)"}
_TIME_OF_DAY = slice(11, 23)  # of 2026-01-01T00:00:00.000Z


def numbered(cases: Iterable[CaseResult]) -> tuple[tuple[str, CaseResult], ...]:
    """Each case with the text by which tables name it: its label, with a number where a report has it again."""
    found: list[tuple[str, CaseResult]] = []
    counted: dict[str, int] = {}
    for case in cases:
        counted[case.label] = again = counted.get(case.label, 0) + 1
        found.append((case.label if again == 1 else f"{case.label} #{again}", case))
    return tuple(found)


def case_part(anchor: str, case: CaseResult, result: str) -> Part:
    """The case under a heading; `result` is its result in words."""
    place = f"events {case.first_seq} to {case.last_seq} of {case.log}" if case.last_seq else ""
    said = facts(
        ("shows", case.shows),
        ("asked for by", case.clause),
        ("result", result),
        ("expected", case.expected),
        ("seen", case.seen),
        ("reason", "" if case.expected else case.reason),
        ("asked of a person", case.prompts or ""),
        ("took", f"{case.duration_s:.1f} s" if case.duration_s else ""),
        ("in the log", place),
        *(("look further", command) for command in case.look_further),
    )
    blocks = (said, drawing(ladder(case.transcript))) if case.transcript else (said,)
    return Part(title=f"{anchor}: {case.name}: {result}", level=3, anchor=anchor, blocks=blocks)


def ladder(frames: Sequence[TranscriptFrame]) -> Iterator[str]:
    """A line for each frame, as the CSMS saw them; where the station connected anew, a line says so."""
    connection = frames[0].connection if frames else 0
    for frame in frames:
        if frame.connection != connection:
            connection = frame.connection
            yield f"--- connection {connection}"
        text = frame.text if len(frame.text) <= TEXT_MAX else f"{frame.text[:TEXT_MAX]}… ({len(frame.text)} characters)"
        action = f"{frame.action}{_BECAME.get(frame.kind, '')}"
        yield f"{frame.at[_TIME_OF_DAY]:12}  {_WAYS[frame.sender]}  {action}  {text}"

"""What the page of a log says above everything else: which log, which moment of it, and what was verified of it: never more than `verify` says."""

from station.replay.opening.folding import Folded
from station.replay.opening.reader import LogReader
from station.replay.opening.times import Calendar, LogPlace
from station.replay.pages.verdict_page import proves, title_of
from station.replay.proof.findings import LogFinding
from station.replay.proof.verdict import WHOLE, Verdict
from station.views.saying import Json

FINDINGS_MAX = 20
"""How many of them are said one by one; the title says how many there are."""


def head_view(reader: LogReader, calendar: Calendar, place: LogPlace, folded: Folded, verdict: Verdict | None) -> Json:
    """The head at `place`, where the state is `folded`; `verdict` is None where nothing was verified."""
    found = {
        "source": reader.origin.kind,
        "first_seq": reader.first_seq,
        "last_seq": reader.head.seq,
        "seq": place.seq,
        "utc_ms": place.utc_ms,
        "certain": calendar.is_certain(place.seq),
        "caution": place.caution,
        "left_out": folded.left_out,
        "redacted": reader.origin.redacted or reader.redaction is not None,
        "excerpt": reader.origin.excerpt,
        "damage": list(reader.damage()),
        "verdict": None if verdict is None else _verdict(verdict),
    }
    return found if reader.redaction is None else dict(reader.redaction.value(found))


def _verdict(verdict: Verdict) -> Json:
    return {
        "is_whole": verdict.verdict == WHOLE,
        "level": verdict.level,
        "title": title_of(verdict),
        "lines": [
            *(f"{each.kind}, {_events(each)}: {each.says}" for each in verdict.findings[:FINDINGS_MAX]),
            *(f"not checked: {each}" for each in verdict.skipped),
            *proves(verdict),
        ],
    }


def _events(finding: LogFinding) -> str:
    return f"event {finding.seq}" if finding.seq == finding.last_seq else f"events {finding.seq} to {finding.last_seq}"

"""A verdict for people: what was found where, what was proven of which events, and what only an anchor from outside can prove."""

from collections.abc import Iterator

from station.replay.pages.page import Page, Paragraph, facts, table
from station.replay.proof.anchoring import AGREES, CONTRADICTS, AnchorResult
from station.replay.proof.findings import CONTRADICTED
from station.replay.proof.spans import Spans, listed, minus, union
from station.replay.proof.verdict import FAULTY, HERE, UNCHECKED, WHOLE, WITHHELD, Range, Verdict
from station.telling.amounts import plural

SHOWN_MAX = 50
TITLES = {
    (WHOLE, "decide"): "The log is WHOLE",
    (WHOLE, "fold"): "The chain and the fold of the log are WHOLE",
    (WHOLE, "chain"): "The chain of the log is WHOLE",
}
_RESULTS = {AGREES: "agrees", CONTRADICTS: "CONTRADICTS"}
_OF_THIS_VERSION = (
    "Decisions were compared with those of the installed software. Software that was changed under the same number contradicts "
    "a log as well, and so does newer software: --level fold leaves decisions out."
)
_NOT_PROVEN = (
    "NOT proven: that it is the log which the station wrote. One that was edited and hashed anew from some event on, or cut "
    "at its end, is found only against an anchor from outside: a signed statement (--statement), or a head digest that was "
    "seen elsewhere (--anchor SEQ:DIGEST), e.g. in a diagnostics file, in the metrics, in /api/state."
)


def page(verdict: Verdict) -> Page:
    """The verdict for people."""
    shown = Page().add(
        title_of(verdict),
        facts(
            ("read from", verdict.source),
            ("events", f"{verdict.first_seq} to {verdict.last_seq} ({verdict.events})"),
            ("head digest", verdict.head_digest),
            ("state digest", verdict.state_digest),
            ("checked", _checked(verdict)),
            *(("not checked", each) for each in verdict.skipped),
            *(("to know", each) for each in verdict.notes),
        ),
    )
    rows = [
        (each.kind, each.seq if each.seq == each.last_seq else f"{each.seq} to {each.last_seq}", each.says)
        for each in verdict.findings[:SHOWN_MAX]
    ]
    shown.add("Findings", table(("kind", ">event", "what"), rows))
    if verdict.findings_count > SHOWN_MAX:
        shown.add("", Paragraph(lines=(f"… and {verdict.findings_count - SHOWN_MAX} more (all with --json)",)))
    others = [(each.version, each.seq, each.says) for each in verdict.other_versions[:SHOWN_MAX]]
    count = verdict.other_versions_count
    shown.add(
        f"Changed behaviour, not damage: {plural(count, 'decision')} that version {verdict.software_version} would make otherwise",
        table(("recorded by", ">event", "what"), others),
    )
    shown.add(
        "Heads that something remembers",
        table(("what", ">event", "from", "the log", "why"), map(_anchor, verdict.anchors)),
    )
    shown.add(
        "What is known of each event", table(("events", "chained", "re-decided", "vouched for by"), _ranges(verdict))
    )
    shown.add("What this proves", Paragraph(lines=tuple(proves(verdict)), is_prose=True))
    return shown


def title_of(verdict: Verdict) -> str:
    """The verdict in a line, and no more than was checked."""
    if verdict.verdict == FAULTY:
        return f"The log is FAULTY: {plural(verdict.findings_count, 'finding')}"
    return TITLES.get((verdict.verdict, verdict.level), "The log is NOT FULLY CHECKED")


def _checked(verdict: Verdict) -> str:
    parts = ["the files' structure", "the chain of digests"]
    if verdict.observations:
        parts.append("the fold of every event" if not verdict.skipped else "the fold of events whose state is known")
        parts += [plural(verdict.snapshots, "kept state")] if verdict.snapshots else []
        if verdict.level == "decide":
            parts.append(f"the decisions on {plural(verdict.observations, 'observation')}")
    return ", ".join(parts)


def _anchor(anchor: AnchorResult) -> tuple[str, int, str, str, str]:
    origin = "outside" if anchor.outside else "beside the log"
    return anchor.what, anchor.seq, origin, _RESULTS.get(anchor.result, "not applicable"), anchor.says


def _ranges(verdict: Verdict) -> Iterator[tuple[str, str, str, str]]:
    for each in verdict.ranges[:SHOWN_MAX]:
        events = f"{each.first_seq}" if each.first_seq == each.last_seq else f"{each.first_seq} to {each.last_seq}"
        if each.state not in (HERE, WITHHELD):
            yield events, each.state, "", ""
            continue
        partly = each.state if each.state == WITHHELD else "in part"
        chained = "redacted" if each.redacted else "no" if not each.chained else partly if each.withheld else "yes"
        decided = "not asked" if verdict.level != "decide" else "yes" if each.decided else "no"
        yield events, chained, decided, _vouching(each.anchored_by)
    if verdict.ranges_count > SHOWN_MAX:
        yield f"{verdict.ranges_count - SHOWN_MAX} more ranges", "(all with --json)", "", ""


def _vouching(names: tuple[str, ...]) -> str:
    """What vouches for events: the first that does, and how many more."""
    if not names:
        return "nothing"
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _spans(ranges: tuple[Range, ...], *, decided: bool = False, anchored: bool = False) -> Spans:
    return union(
        (each.first_seq, each.last_seq)
        for each in ranges
        if each.chained and (each.decided or not decided) and (each.anchored_by or not anchored)
    )


def proves(verdict: Verdict) -> list[str]:
    """What the verdict proves of the log, and what it does not, in sentences."""
    chained, decided, anchored = (
        _spans(verdict.ranges),
        _spans(verdict.ranges, decided=True),
        _spans(verdict.ranges, anchored=True),
    )
    lines = list(_summary(verdict))
    if chained:
        lines.append(
            f"Chained, {listed(chained)}: none was changed, removed, moved or put in without every digest behind it in "
            "its range being made anew."
        )
    if decided and verdict.level == "decide":
        lines.append(f"Re-decided, {listed(decided)}: every decision follows from what was observed.")
    if anchored:
        lines.append(f"Anchored, {listed(anchored)}: they are the events that the anchors from outside have seen.")
        rest = minus(chained, anchored)
        if rest:
            lines.append(f"NOT anchored, {listed(rest)}: of these, consistency alone is proven.")
    elif verdict.verdict != FAULTY:
        lines.append(_NOT_PROVEN)
    return lines


def _summary(verdict: Verdict) -> Iterator[str]:
    if verdict.verdict == FAULTY:
        yield (
            "The log is not as it was recorded, or not all of it is here. What is found above is certain; "
            "more may hide behind it."
        )
        if any(each.kind == CONTRADICTED for each in verdict.findings):
            yield _OF_THIS_VERSION
    elif verdict.verdict == UNCHECKED:
        yield "Nothing is wrong with what was checked. What was not checked stands above: of that, nothing is proven."
    elif verdict.verdict == WHOLE:
        yield "The log is consistent."

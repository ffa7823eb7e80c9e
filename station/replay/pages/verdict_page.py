"""A verdict for people: what was found where, what was proven, and what only an anchor from outside can prove."""

from station.replay.pages.page import Page, Paragraph, facts, table
from station.replay.proof.findings import CONTRADICTED
from station.replay.proof.verify import ANCHORED, WHOLE, AnchorResult, Verdict
from station.telling.amounts import plural

SHOWN_MAX = 50
_OF_THIS_VERSION = (
    "Decisions were compared with those of the installed software, as it is the version that recorded them by its number.",
    "Software that was changed under the same number contradicts a log as well: --level fold leaves decisions out.",
)


def page(verdict: Verdict) -> Page:
    """The verdict for people."""
    title = (
        "The log is WHOLE"
        if verdict.verdict == WHOLE
        else f"The log is FAULTY: {plural(verdict.findings_count, 'finding')}"
    )
    shown = Page().add(
        title,
        facts(
            ("read from", verdict.source),
            ("events", f"{verdict.first_seq} to {verdict.last_seq} ({verdict.events})"),
            ("head digest", verdict.head_digest),
            ("state digest", verdict.state_digest),
            ("checked", _checked(verdict)),
            *(("not checked", each) for each in verdict.skipped),
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
        "Heads that something remembers", table(("what", ">event", "from", "the log"), map(_anchor, verdict.anchors))
    )
    shown.add("What this proves", Paragraph(lines=tuple(_proves(verdict))))
    return shown


def _checked(verdict: Verdict) -> str:
    parts = ["the file's structure", "the chain of digests"]
    if verdict.observations:
        parts.append("the fold of every event")
        parts += [plural(verdict.snapshots, "snapshot")] if verdict.snapshots else []
        if verdict.level == "decide":
            parts.append(f"the decisions on {plural(verdict.observations, 'observation')}")
    return ", ".join(parts)


def _anchor(anchor: AnchorResult) -> tuple[str, int, str, str]:
    origin = "outside" if anchor.outside else "beside the log"
    return anchor.what, anchor.seq, origin, "agrees" if anchor.agrees else "CONTRADICTS"


def _proves(verdict: Verdict) -> list[str]:
    if verdict.verdict != WHOLE:
        return [
            "The log is not as it was recorded, or not all of it is here. What is found above is certain;",
            "more may hide behind it.",
            *(_OF_THIS_VERSION if any(each.kind == CONTRADICTED for each in verdict.findings) else ()),
        ]
    decided = verdict.observations and verdict.level == "decide"
    lines = [
        "The log is consistent: no event was changed, removed, moved or put in without every digest behind it being made anew."
    ]
    if decided and not verdict.other_versions_count:
        lines.append("Every decision follows from what was observed.")
    if verdict.proven == ANCHORED:
        lines.append(f"Up to event {verdict.anchored_seq} it is the log that the anchor from outside has seen.")
        if verdict.anchored_seq < verdict.last_seq:
            lines.append(f"Of the events from {verdict.anchored_seq + 1} on, this proves consistency alone.")
        return lines
    lines += [
        "NOT proven: that it is the log which the station wrote. One that was edited and hashed anew from some event on, or cut",
        "at its end, is found only against an anchor from outside: a signed statement (--statement), or a head digest that was",
        "seen elsewhere (--anchor SEQ:DIGEST), e.g. in a diagnostics file, in the metrics, in /api/state.",
    ]
    return lines

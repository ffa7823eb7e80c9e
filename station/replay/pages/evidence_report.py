"""The report in an evidence file: one page of HTML that needs nothing else, for people who have never seen a log.

It says what happened, with the number of the event that says so beside each fact, and what is proven of it and what is not.
"""

from collections.abc import Sequence
from html import escape

from eventstore.value import Value
from station.replay.answers.timeline import line
from station.replay.answers.transactions import WholeTransaction
from station.replay.opening.times import Zone
from station.replay.pages.html_table import html_table
from station.replay.proof.statement import Statement
from station.telling.amounts import current, duration, energy
from station.views.exchanges import Exchange, brief

SAMPLES_SHOWN = 400
WIDTH, HEIGHT, EDGE = 720, 240, 40
_ANSWER_MAX = 160
_OUTCOMES = {
    "result": "taken",
    "timeout": "no answer in time",
    "lost": "the connection ended first",
    "open": "no answer yet",
}
_STYLE = """
body { font: 15px/1.5 sans-serif; color: #111; max-width: 60em; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 2em; border-bottom: 1px solid #999; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top; padding: .15em .6em .15em 0; }
th { font-weight: 600; border-bottom: 1px solid #ccc; } td.n, th.n { text-align: right; }
.seq { color: #666; font-size: .85em; } .words { white-space: pre-wrap; } code { overflow-wrap: anywhere; font-size: .85em; }
@media print { body { margin: 0; max-width: none; } h2 { break-after: avoid; } tr { break-inside: avoid; } }
"""


class Proof(Value, frozen=True, kw_only=True):
    """What lies beside the report: which events, how many in full and how many withheld, and what was signed of them."""

    first_seq: int
    last_seq: int
    disclosed: int
    withheld: int
    statements: tuple[Statement, ...]


def report(found: WholeTransaction, proof: Proof, zone: Zone, *, identity: str) -> str:
    """The page."""
    row = found.row
    title = f"Charging transaction {row.number} at station {identity}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        _facts(found, zone, identity),
        "<h2>Power and energy</h2>",
        curve(found, zone),
        "<h2>Readings of the meter that belong to the bill</h2>",
        _samples(found, zone),
        "<h2>Limits</h2>",
        html_table(
            ("from", ">limit", ">phases"),
            ((zone.short(each.utc_ms), current(each.limit_ma), each.phases) for each in found.limits),
        ),
        "<h2>What happened</h2>",
        _story(found, zone),
        "<h2>What the operator's system was sent, and what it answered</h2>",
        _messages(found.messages, zone),
        "<h2>What is proven</h2>",
        _proven(proof),
    ]
    body = "\n".join(parts)
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{body}\n</body></html>\n'


def _facts(found: WholeTransaction, zone: Zone, identity: str) -> str:
    row = found.row

    def local(text: str | None) -> str:
        return "" if text is None else f"{zone.short(zone.parse(text))} (UTC {text})"

    facts: list[tuple[str, str, int | None]] = [
        ("station", identity, None),
        ("connector", str(row.connector_id), row.first_seq),
        ("tag", row.id_tag, row.first_seq),
        ("authorized by", row.authorized_by, row.first_seq),
        ("operator's number", "" if row.transaction_id is None else str(row.transaction_id), None),
        ("began", local(row.started_utc), row.first_seq),
        ("register then", f"{energy(row.meter_start_wh)} ({row.meter_start_wh} Wh)", row.first_seq),
    ]
    if row.meter_stop_wh is not None and row.energy_wh is not None:
        stale = ", the last reading that could be had" if row.meter_stale else ""
        facts += [
            ("ended", local(row.stopped_utc), row.stop_seq),
            ("register then", f"{energy(row.meter_stop_wh)} ({row.meter_stop_wh} Wh){stale}", row.stop_seq),
            ("energy", f"{energy(row.energy_wh)} ({row.energy_wh} Wh)", None),
            ("ended by", f"{row.reason}{f', tag {row.stop_id_tag}' if row.stop_id_tag else ''}", row.stop_seq),
        ]
    else:
        facts.append(("ended", "not within this log", None))
    if row.duration_ms is not None:
        facts.append(("lasted", duration(row.duration_ms), None))
    facts += [("start", row.start_told, None), ("stop", row.stop_told, None)]
    facts += [("note", remark, None) for remark in found.remarks]
    cells = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(text)}</td><td class=seq>{'' if seq is None else f'event {seq}'}</td></tr>"
        for name, text, seq in facts
        if text
    )
    return f"<p>Times are in {escape(zone.name)}.</p>\n<table>{cells}</table>"


def curve(found: WholeTransaction, zone: Zone) -> str:
    """Power as steps and energy as a line, drawn as SVG within the page."""
    points = found.curve
    if len(points) < 2 or points[-1].utc_ms <= points[0].utc_ms:
        return "<p>There are too few readings to draw.</p>"
    first_ms, span_ms = points[0].utc_ms, points[-1].utc_ms - points[0].utc_ms
    top_w = max(*(point.power_w or 0 for point in points), 1)
    start_wh, top_wh = points[0].energy_wh, max(points[-1].energy_wh - points[0].energy_wh, 1)

    def x(utc_ms: int) -> str:
        return f"{EDGE + (WIDTH - 2 * EDGE) * (utc_ms - first_ms) / span_ms:.1f}"

    def y(share: float) -> str:
        return f"{HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * share:.1f}"

    steps, height = [], y(0)
    for point in points:
        steps.append(f"{x(point.utc_ms)},{height}")
        height = y((point.power_w or 0) / top_w)
        steps.append(f"{x(point.utc_ms)},{height}")
    lines = " ".join(f"{x(point.utc_ms)},{y((point.energy_wh - start_wh) / top_wh)}" for point in points)
    base = y(0)
    gaps = "".join(
        f'<rect x="{x(max(gap.from_utc_ms, first_ms))}" y="{EDGE}" height="{HEIGHT - 2 * EDGE}" fill="#eee" width="'
        f'{(WIDTH - 2 * EDGE) * max(0, min(gap.to_utc_ms, points[-1].utc_ms) - max(gap.from_utc_ms, first_ms)) / span_ms:.1f}"/>'
        for gap in found.gaps
    )
    texts = "".join(
        f'<text x="{at}" y="{down}" font-size="11" text-anchor="{anchor}" fill="{color}">{escape(text)}</text>'
        for at, down, anchor, color, text in (
            (EDGE, HEIGHT - EDGE + 16, "start", "#111", zone.short(first_ms)),
            (WIDTH - EDGE, HEIGHT - EDGE + 16, "end", "#111", zone.short(points[-1].utc_ms)),
            (EDGE, EDGE - 8, "start", "#1f77b4", f"power, up to {top_w / 1000:.1f} kW"),
            (WIDTH - EDGE, EDGE - 8, "end", "#2ca02c", f"energy, {energy(points[-1].energy_wh - start_wh)}"),
        )
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="power and energy over time">{gaps}'
        f'<path d="M{EDGE},{base}H{WIDTH - EDGE}" stroke="#999"/>'
        f'<polyline points="{" ".join(steps)}" fill="none" stroke="#1f77b4" stroke-width="1.5"/>'
        f'<polyline points="{lines}" fill="none" stroke="#2ca02c" stroke-width="1.5"/>{texts}</svg>'
        + ("<p>Grey: nothing is known of the meter there.</p>" if found.gaps else "")
    )


def _samples(found: WholeTransaction, zone: Zone) -> str:
    shown = found.samples[-SAMPLES_SHOWN:]
    names = list(dict.fromkeys(name for sample in shown for name in sample.values))
    rows = (
        (each.seq, zone.short(each.utc_ms), each.context, *(each.values.get(name, "") for name in names))
        for each in shown
    )
    left_out = len(found.samples) - len(shown)
    more = f"<p>{left_out} earlier ones are in events.jsonl.</p>" if left_out else ""
    return more + html_table((">event", "taken", "why", *(f">{name}" for name in names)), rows)


def _story(found: WholeTransaction, zone: Zone) -> str:
    told = "\n".join(text for entry in found.story for text in line(entry, zone))
    return f'<div class="words">{escape(told)}</div>'


def _messages(messages: Sequence[Exchange], zone: Zone) -> str:
    rows = (
        (
            each.seq,
            zone.short(each.utc_ms),
            f"{each.action}{f' (attempt {each.attempt})' if each.attempt > 1 else ''}",
            brief(each.request, _ANSWER_MAX) if each.request else "",
            each.error
            or (each.answer and brief(each.answer, _ANSWER_MAX))
            or _OUTCOMES.get(each.outcome, each.outcome),
            "" if each.answer_utc_ms is None else zone.short(each.answer_utc_ms),
        )
        for each in messages
    )
    return html_table((">event", "sent", "message", "which says", "answer", "at"), rows)


def _proven(proof: Proof) -> str:
    span = f"events {proof.first_seq} to {proof.last_seq}"
    about = (
        f"Beside this report lie {span} of the station's log: {proof.disclosed} in full, which belong to this transaction or "
        f"describe the station, and {proof.withheld} of which only a salted hash is shown, for they are the business of others. "
        "Each event's digest covers the one before it, and the hashes of the withheld ones are in it as well. So nothing can be "
        "changed, left out, put in or moved without every digest behind it becoming another."
    )
    lines = [about]
    for each in proof.statements:
        says = f" It says: {each.says}." if each.says else ""
        lines.append(
            f"A statement of {each.to_utc} covers the events {each.from_seq} to {each.to_seq} of station {each.identity}, signed with the "
            f"key {each.public_key}.{says}"
        )
    if proof.statements:
        lines.append(
            "Whoever knows that key to be the signer's can check that every event here, up to the last one that was signed, is the one that was "
            "signed, to the byte: with check_evidence.py, or by the procedure in PROCEDURE.txt with any tool. The page you are reading is "
            "made from these events for convenience; where it and they differ, the events count."
        )
    else:
        lines.append(
            "No signed statement covers the transaction. So it can be checked that the events fit each other, and not that they are those "
            "that the station recorded: whoever wrote this file could have written others."
        )
    lines.append(
        "None of this proves that the meter measured correctly, or that the clock was right; where the station's clock had not been "
        "confirmed, events.jsonl says so (utc_certain)."
    )
    return "".join(f"<p>{escape(text)}</p>" for text in lines)

"""Transactions for people: a list of all, and a page about one."""

from station.replay.answers.timeline import line
from station.replay.answers.transactions import Gap, LimitSince, TransactionRow, WholeTransaction
from station.replay.opening.times import Zone
from station.replay.pages.page import Page, Paragraph, facts, table
from station.telling.amounts import current, duration, energy
from station.telling.limit_words import limited_by
from station.views.exchanges import Exchange, brief

SAMPLES_SHOWN, GAPS_SHOWN = 60, 10
_ANSWER_MAX = 60


def list_page(rows: list[TransactionRow], zone: Zone, *, is_part: bool = False) -> Page:
    """All transactions for people; `is_part`: of a part of the log."""
    if not rows:
        where = "this part of the log" if is_part else "this log"
        return Page().add("", Paragraph(lines=(f"There is no transaction in {where}.",)))

    def local(text: str | None) -> str:
        return "" if text is None else zone.short(zone.parse(text))

    shown = [
        (
            row.number,
            row.transaction_id,
            row.connector_id,
            row.id_tag,
            local(row.started_utc),
            "running" if row.duration_ms is None else duration(row.duration_ms),
            "" if row.energy_wh is None else energy(row.energy_wh),
            row.reason,
            _state(row),
        )
        for row in rows
    ]
    columns = (">no", ">CSMS id", ">conn", "tag", "started", ">lasted", ">energy", "ended by", "with the CSMS")
    return Page().add(f"Transactions ({zone.name})", table(columns, shown))


def _state(row: TransactionRow) -> str:
    if "given_up" in (row.start_outcome, row.stop_outcome):
        return "given up"
    return "settled" if row.settled else "start confirmed" if row.transaction_id is not None else "not confirmed"


def page(found: WholeTransaction, zone: Zone, plot: list[str]) -> Page:
    """One transaction for people; `plot` are the lines of a drawing."""
    row = found.row

    def local(text: str | None) -> str:
        return "" if text is None else zone.short(zone.parse(text))

    head = facts(
        ("connector", row.connector_id),
        ("tag", row.id_tag + (f" (group {row.parent_id_tag})" if row.parent_id_tag else "")),
        ("authorized by", row.authorized_by),
        ("reservation", row.reservation_id),
        ("CSMS's id", row.transaction_id),
        ("started", f"{local(row.started_utc)} at {energy(row.meter_start_wh)}"),
        ("ended", "" if row.meter_stop_wh is None else f"{local(row.stopped_utc)} at {energy(row.meter_stop_wh)}"),
        ("lasted", "" if row.duration_ms is None else duration(row.duration_ms)),
        ("energy", "" if row.energy_wh is None else energy(row.energy_wh)),
        (
            "ended by",
            row.reason + (f", tag {row.stop_id_tag}" if row.stop_id_tag else "") if row.reason else "(running)",
        ),
        ("told", row.start_told),
        ("", row.stop_told),
        *(("NOTE", remark) for remark in found.remarks),
        *(("NOTE", _gap(gap, zone)) for gap in found.gaps[:GAPS_SHOWN]),
    )
    shown = Page().add(f"Transaction {row.number} ({zone.name})", head)
    shown.add("Power and energy", Paragraph(lines=tuple(plot), is_drawn=True))
    shown.add("What happened", Paragraph(lines=tuple(text for entry in found.story for text in line(entry, zone))))
    limits = [(zone.short(each.utc_ms), current(each.limit_ma), each.phases, _by(each, zone)) for each in found.limits]
    shown.add("Limits", table(("from", ">limit", ">phases", "limited"), limits))
    shown.add(_samples_title(found), table(*_sample_rows(found, zone)))
    messages = [
        (
            zone.short(each.utc_ms),
            _call(each),
            each.error or each.outcome,
            "" if each.latency_ms is None else duration(each.latency_ms),
            each.message_id,
            brief(each.answer, _ANSWER_MAX) if each.answer else "",
        )
        for each in found.messages
    ]
    shown.add("Messages", table(("sent", "call", "answer", ">after", "message id", "which says"), messages))
    return shown


def _by(limit: LimitSince, zone: Zone) -> str:
    return limited_by(limit.by, lambda utc_ms: zone.moment(utc_ms, limit.utc_ms))


def _gap(gap: Gap, zone: Zone) -> str:
    lasted = duration(gap.to_utc_ms - gap.from_utc_ms)
    return f"no reading of the meter from {zone.short(gap.from_utc_ms)} on for {lasted}: {gap.why}"


def _call(exchange: Exchange) -> str:
    again = f" (attempt {exchange.attempt})" if exchange.attempt > 1 else ""
    return f"{exchange.action}{again}{'' if exchange.ours else ' (from the CSMS)'}"


def _samples_title(found: WholeTransaction) -> str:
    count = len(found.samples)
    return "Samples" if count <= SAMPLES_SHOWN else f"Samples (the last {SAMPLES_SHOWN} of {count}; all with --json)"


def _sample_rows(found: WholeTransaction, zone: Zone) -> tuple[list[str], list[list[str]]]:
    shown = found.samples[-SAMPLES_SHOWN:]
    names = list(dict.fromkeys(name for sample in shown for name in sample.values))
    rows = [[zone.short(each.utc_ms), each.context, *(each.values.get(name, "") for name in names)] for each in shown]
    return ["taken", "context", *(f">{name}" for name in names)], rows

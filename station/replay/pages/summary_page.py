"""The summary of a log for people."""

from station.replay.answers.summary import BOOTS_SHOWN, Outages, Summary
from station.replay.opening.times import Zone
from station.replay.pages.page import Page, facts, table
from station.telling.amounts import duration, energy, plural


def summary_page(summary: Summary, zone: Zone) -> Page:
    """The summary for people."""

    def local(text: str) -> str:
        return zone.short(zone.parse(text)) if text else ""

    span = f"{local(summary.from_utc)} to {local(summary.to_utc)} ({duration(summary.span_ms)}, {zone.name})"
    versions = dict.fromkeys((boot.software_version, boot.firmware_version) for boot in summary.boots)
    outages = summary.outages
    shown = Page()
    shown.add(
        f"Station {summary.identity}",
        facts(
            ("made by", " ".join(part for part in (summary.vendor, summary.model, summary.serial) if part)),
            ("versions", ", ".join(f"software {software} with firmware {own}" for software, own in versions)),
            ("CSMS", summary.csms_url),
            ("read from", f"{summary.source}, events {summary.first_seq} to {summary.last_seq}"),
            ("time span", span if summary.events else "no events"),
            ("head digest", summary.head_digest),
        ),
    )
    shown.add(
        "What happened",
        facts(
            ("boots", f"{summary.boot_count}, {plural(summary.power_cuts, 'power cut')}"),
            ("transactions", _transactions(summary)),
            ("energy", energy(summary.energy_wh)),
            ("ended by", _counts(summary.stop_reasons)),
            ("outages", _outage_words(outages, local(outages.longest_from))),
            ("calls sent", f"{summary.messages_sent}, {summary.calls_unanswered} unanswered"),
            ("given up", summary.messages_given_up or "none"),
            ("CALLERRORs", _counts(summary.call_errors)),
            ("faults", _counts(summary.faults) or "none"),
            ("tags refused", _counts(summary.refused_tags)),
        ),
    )
    odd = [*(f"DAMAGED: {finding}" for finding in summary.damage), *summary.oddities]
    shown.add("Worth a look", facts(*(("*", each) for each in odd)))
    rows = [(b.boot, b.first_seq, local(b.began), local(b.last), b.software_version, b.ended) for b in summary.boots]
    title = "Boots" if summary.boot_count <= BOOTS_SHOWN else f"Boots (the last {BOOTS_SHOWN} of {summary.boot_count})"
    shown.add(title, table((">boot", ">event", "began", "last event", "software", "ended"), rows))
    return shown


def _transactions(summary: Summary) -> str:
    parts = [str(summary.transactions)]
    if summary.transactions_running:
        parts.append(f"{summary.transactions_running} still running")
    if summary.transactions_unconfirmed:
        parts.append(f"{summary.transactions_unconfirmed} not yet settled with the CSMS")
    return ", ".join(parts)


def _outage_words(outages: Outages, longest_from: str) -> str:
    if not outages.count:
        return "none"
    end = "; the link was down at the end" if outages.is_down_at_end else ""
    return (
        f"{outages.count}, {duration(outages.total_ms)} in all, the longest {duration(outages.longest_ms)} "
        f"from {longest_from}{end}"
    )


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])))

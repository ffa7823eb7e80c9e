"""The papers of a swarm: `report.html` for people, `report.json`, and the rows as Parquet for DuckDB and its like."""

import contextlib
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import orjson

from eventstore.structure import to_plain
from station import VERSION
from station.replay.opening.errors import LibraryMissing
from station.replay.pages.html_table import html_table
from station.swarm.faults import KINDS, CsmsFault, counted
from station.swarm.verdict import StationRow, SwarmVerdict
from station.telling.amounts import energy, plural
from station.telling.quantiles import quantile

FAULTS_SHOWN = 2_000
STATIONS_SHOWN = 200
_STYLE = """
body { font: 15px/1.5 sans-serif; color: #111; background: #fff; max-width: 70em; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 2em; border-bottom: 1px solid #999; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top; padding: .15em .6em .15em 0; }
th { font-weight: 600; border-bottom: 1px solid #ccc; } td.n, th.n { text-align: right; }
code { overflow-wrap: anywhere; font-size: .9em; }
"""

Facts = Mapping[str, Any]


def write(directory: Path, found: SwarmVerdict, facts: Facts) -> list[str]:
    """Writes the papers; the names of the files. Without pyarrow the rows are left out, and `report.json` has them alone."""
    names = ["report.html", "report.json"]
    (directory / "report.html").write_text(page(found, facts), encoding="utf-8")
    (directory / "report.json").write_bytes(orjson.dumps(document(found, facts), option=orjson.OPT_INDENT_2))
    with contextlib.suppress(LibraryMissing):
        names += _parquet(directory, found)
    return names


def document(found: SwarmVerdict, facts: Facts) -> dict[str, Any]:
    """`report.json`."""
    return {
        "software_version": VERSION,
        **facts,
        "judged_books": found.judged_books,
        "faults_by_kind": counted(found.faults),
        "latencies_ms": {action: _latencies(counts) for action, counts in sorted(found.latencies.items())},
        "stations": [to_plain(row) for row in found.rows],
        "faults": [to_plain(fault) for fault in found.faults],
    }


def _latencies(counts: Mapping[int, int]) -> dict[str, int]:
    return {
        "calls": sum(counts.values()),
        "median": quantile(counts, 50),
        "99 of 100": quantile(counts, 99),
        "worst": max(counts),
    }


def _parquet(directory: Path, found: SwarmVerdict) -> list[str]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise LibraryMissing("writing Parquet", "pyarrow") from error
    for name, rows, kind in (
        ("stations.parquet", [to_plain(row) for row in found.rows], StationRow),
        ("faults.parquet", [to_plain(fault) for fault in found.faults], CsmsFault),
    ):
        schema = pa.schema([(field, _type(pa, kind, field)) for field in kind.__struct_fields__])
        parquet.write_table(pa.Table.from_pylist(rows, schema=schema), directory / name)
    return ["stations.parquet", "faults.parquet"]


def _type(pa: Any, kind: type[StationRow] | type[CsmsFault], field: str) -> Any:
    return pa.int64() if "int" in str(kind.__annotations__[field]) else pa.string()


def page(found: SwarmVerdict, facts: Facts) -> str:
    """The report for people, one page that needs nothing else."""
    rows = found.rows
    by_kind = counted(found.faults)
    title = "What the CSMS got wrong" if by_kind else "The CSMS got nothing wrong that could be seen"
    books = (
        "its answers and its own books"
        if found.judged_books
        else "its answers alone: it was not asked for its own books"
    )
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(plural(len(rows), 'station'))} were judged by {escape(books)}.</p>",
        html_table(("", ""), [(name, value) for name, value in facts.items() if isinstance(value, str | int | float)]),
        "<h2>Faults</h2>",
        html_table(
            ("fault", ">times", "what it means"), [(kind, times, KINDS[kind]) for kind, times in by_kind.items()]
        ),
        _faults(found.faults),
        "<h2>How long the CSMS took</h2>",
        html_table(
            ("action", ">calls", ">median, ms", ">99 of 100, ms", ">worst, ms"),
            [(action, *_latencies(counts).values()) for action, counts in sorted(found.latencies.items())],
        ),
        "<h2>Stations</h2>",
        _stations(rows),
    ]
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def _faults(faults: Sequence[CsmsFault]) -> str:
    shown = faults[:FAULTS_SHOWN]
    rest = f"<p>{len(faults) - len(shown)} more stand in report.json.</p>" if len(faults) > len(shown) else ""
    rows = [
        (each.kind, each.station, each.transaction, each.transaction_id, each.message_id, each.seq, each.utc, each.says)
        for each in shown
    ]
    heads = ("fault", "station", ">transaction", ">its id", "frame", ">event", "when (UTC)", "what")
    return html_table(heads, rows) + rest


def _stations(rows: Sequence[StationRow]) -> str:
    worst = sorted(rows, key=lambda row: (not row.error, -row.faults, row.station))[:STATIONS_SHOWN]
    total = (
        f"{plural(sum(row.sessions for row in rows), 'session')}, {energy(sum(row.energy_wh for row in rows))}, "
        f"{plural(sum(row.calls for row in rows), 'call')}"
    )
    cells = [
        (
            *(
                row.station,
                row.sessions,
                row.sessions_confirmed,
                energy(row.energy_wh),
                row.calls,
                row.unanswered,
                row.refused,
            ),
            *(row.outages, row.power_cuts, row.median_ms, row.worst_of_100_ms, row.faults, row.error),
        )
        for row in worst
    ]
    heads = (
        *("station", ">sessions", ">confirmed", ">energy", ">calls", ">unanswered", ">refused"),
        *(">outages", ">power cuts", ">median, ms", ">99 of 100, ms", ">faults", "error"),
    )
    first = f", the first {len(worst)} of {len(rows)}" if len(worst) < len(rows) else ""
    return f"<p>{escape(total)} in all{first}.</p>" + html_table(heads, cells)

"""The papers of a run: what a laboratory's annex has, in its order, and then each case with what was seen.

Theory of operation. A `RunReport` says what happened, a `ConformanceStatement` what the station is; nothing else is looked at, so
the same two give the same papers, to the byte.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from eventstore.value import replace
from station.certify.catalogue import all_cases
from station.certify.equipment import NO, YES
from station.certify.keys import VENDOR, KeyRow
from station.certify.papers.case_parts import case_part, numbered
from station.certify.papers.paper import Paper, Part, prose
from station.certify.papers.statement_paper import hardware_part, key_parts, product_facts, support_parts
from station.certify.results import RESULTS, CaseResult, ConfiguredKey, ResponseTimes, RunReport
from station.certify.statement import ConformanceStatement
from station.replay.pages.page import Facts, facts, table
from station.telling.amounts import plural

SELF_TEST = (
    "This is a self-test by the maker, made and printed by chargebox. It is no certificate: no laboratory and no alliance had a part in it, "
    "nobody else vouches for it, and it entitles nobody to a logo."
)
READ_RESULTS = (
    "not applicable: the station is not built for the case. skipped: the case could not be done here, or the run ended before it; nothing "
    "is known of it."
)
WORDS = {"pass": "pass", "fail": "FAIL", "not_applicable": "not applicable", "skipped": "skipped"}
MEASURED_FROM_TO = {
    "triggered function": "from the request of the CSMS until the station sends what it asked for (TriggerMessage)",
    "response": "from a request of the CSMS until the station's answer",
    "RemoteStartTransaction": "from the request of the CSMS until the station's StartTransaction",
}


def run_paper(report: RunReport, statement: ConformanceStatement) -> Paper:
    """All papers of a run as one."""
    cases = numbered(report.cases)
    keys = keys_as_read(statement.keys, report.configuration)
    return Paper(
        parts=(
            _head(report, statement),
            *_summary(report, cases),
            _response_times(report.response_times),
            hardware_part(statement.hardware),
            *key_parts(keys),
            *support_parts(statement),
            _cases(cases),
            *(case_part(anchor, case, WORDS[case.result]) for anchor, case in cases),
            *_proof(report),
        )
    )


def _head(report: RunReport, statement: ConformanceStatement) -> Part:
    results = Counter(case.result for case in report.cases)
    counted = ", ".join(f"{results[result]} {WORDS[result].lower()}" for result in RESULTS if results[result])
    run = facts(
        ("Firmware", report.station.firmware_version),
        ("Run", f"{report.began} to {report.ended} ({report.duration_s:.0f} s)"),
        ("Command", report.command),
        ("Cases", counted or "none"),
        ("Asked of a person", plural(report.prompts, "time")),
        ("Not wholly tested", report.ended_early or _left_out(report)),
    )
    title = f"Self-test of {statement.vendor} {statement.model} for OCPP 1.6"
    return Part(
        title=title, level=1, blocks=(prose(SELF_TEST), Facts(pairs=(*product_facts(statement).pairs, *run.pairs)))
    )


def _left_out(report: RunReport) -> str:
    """That cases were left out by whoever asked for the run; "" if none was."""
    played = {case.label for case in report.cases}
    return "" if all(case.label in played for case in all_cases()) else "only some of the cases were asked for"


def _summary(report: RunReport, cases: Sequence[tuple[str, CaseResult]]) -> Iterator[Part]:
    rows = []
    for functionality, result in report.functionalities.items():
        counted = Counter(case.result for case in report.cases if case.functionality == functionality)
        rows.append((functionality, WORDS[result], *(counted[each] or "" for each in RESULTS)))
    columns = ("functionality", "result", *(f">{WORDS[each].lower()}" for each in RESULTS))
    yield Part(title="Test result summary", blocks=(table(columns, rows), prose(READ_RESULTS)))
    failed = [(anchor, case.name, case.reason) for anchor, case in cases if case.result == "fail"]
    if failed:
        yield Part(title="What failed", level=3, blocks=(table(("case", "name", "reason"), failed),))


def _response_times(times: Sequence[ResponseTimes]) -> Part:
    rows = [
        (
            each.kind,
            MEASURED_FROM_TO.get(each.kind, ""),
            len(each.values_s),
            _seconds(each.median_s),
            _seconds(each.worst_s),
            _seconds(each.stated_s),
            _held(each),
        )
        for each in times
    ]
    columns = ("response time", "measured", ">times", ">median", ">worst", ">stated by the maker", "kept")
    nothing = prose("Nothing was measured: the cases in which it is were not run.")
    return Part(title="Response times", blocks=(table(columns, rows) if rows else nothing,))


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.3f} s"


def _held(times: ResponseTimes) -> str:
    """Whether the worst is within what the maker states; blank without a statement or a measurement."""
    if times.stated_s is None or times.worst_s is None:
        return ""
    return YES if times.worst_s <= times.stated_s else NO


def keys_as_read(rows: Sequence[KeyRow], configuration: Sequence[ConfiguredKey]) -> tuple[KeyRow, ...]:
    """The table with what GetConfiguration gave; what it gave beside the table stands among the station's own."""
    read = {each.key: each for each in configuration}
    merged = [row if row.name not in read else _as_read(row, read[row.name]) for row in rows]
    known = {row.name for row in rows}
    own = [
        _as_read(KeyRow(group=VENDOR, name=name, supported=True), read[name]) for name in sorted(read.keys() - known)
    ]
    return (*merged, *own)


def _as_read(row: KeyRow, read: ConfiguredKey) -> KeyRow:
    access = "R" if read.readonly else row.access if "W" in row.access else "RW"
    return replace(row, supported=True, access=access, value=read.value or "")


def _cases(cases: Sequence[tuple[str, CaseResult]]) -> Part:
    rows = [
        (
            anchor,
            case.name,
            case.variant,
            case.functionality,
            WORDS[case.result],
            case.reason if case.result != "fail" else "",
        )
        for anchor, case in cases
    ]
    return Part(title="Cases", blocks=(table(("case", "name", "reading", "functionality", "result", ""), rows),))


def _proof(report: RunReport) -> Iterator[Part]:
    if not report.logs:
        return
    rows = [
        (each.used_for, each.path, each.before.seq, each.before.digest, each.after.seq, each.after.digest)
        for each in report.logs
    ]
    columns = ("log of", "path", ">first event", "head before", ">last event", "head after")
    yield Part(
        title="Proof",
        blocks=(
            prose(
                "The station wrote down all that happened. Each digest is over the one before it, so the two heads stand for every event "
                "between them: chargebox replay PATH verify decides all of it again, and chargebox replay PATH evidence --transaction N "
                "--out FILE makes a file of a charging session that others can check without chargebox.",
            ),
            table(columns, rows),
        ),
    )

"""What a run of the certification cases found out: frozen values, and the file `report.json` that is made of them.

`RunReport` is the whole of it. Whoever prints papers needs nothing else. Instants are ISO 8601 in UTC, as the wire has them; seconds
are fractions of a second where they were measured. In the file `functionalities` maps each name to its result, and
`response_times_s` each kind to what was measured; everything else stands there as it is declared here.
"""

import json
import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from eventstore.structure import from_plain, to_plain
from eventstore.value import Value

REPORT_FILE = "report.json"
LAYOUT = 1

Result = Literal["pass", "fail", "not_applicable", "skipped"]
"""`not_applicable`: the station is not built for it; `skipped`: it could not be done here, or the run ended before."""
RESULTS: tuple[Result, ...] = ("pass", "fail", "not_applicable", "skipped")
RESPONSE_TIMES = ("triggered function", "response", "RemoteStartTransaction")


class TranscriptFrame(Value, frozen=True, kw_only=True):
    """A frame as the CSMS saw it. `kind`: call, result, error or other; a result has the action that it answers.

    `at` is the CSMS's calendar, `connection` counts the station's connections from 1. Passwords in `text` are withheld.
    """

    at: str
    connection: int
    sender: Literal["station", "CSMS"]
    kind: str
    action: str
    message_id: str
    text: str


class LogHead(Value, frozen=True, kw_only=True):
    """A head of a log: the sequence number and the digest of its last event, in hexadecimal."""

    seq: int
    digest: str


class LogSpan(Value, frozen=True, kw_only=True):
    """A log that the run wrote, from its head before to its head after. `path` is what `chargebox replay` takes."""

    path: str
    used_for: str
    before: LogHead
    after: LogHead


class CaseResult(Value, frozen=True, kw_only=True):
    """One case, or one variant of it, and what became of it.

    `shows` says what it is about. `reason`: why it failed, is not applicable or was skipped. `expected` and `seen` are of a failure,
    and `look_further` are commands that show more of it. `prompts` counts what a person was asked to do. `first_seq` and
    `last_seq` are where it lies in the log at `log`; 0 where it never began.
    """

    case_id: str
    name: str
    functionality: str
    ocpp_profile: str
    shows: str
    clause: str
    result: Result
    variant: str = ""
    reason: str = ""
    expected: str = ""
    seen: str = ""
    look_further: tuple[str, ...] = ()
    prompts: int = 0
    duration_s: float = 0
    log: str = ""
    first_seq: int = 0
    last_seq: int = 0
    transcript: tuple[TranscriptFrame, ...] = ()

    @property
    def label(self) -> str:
        """The id, and the variant in brackets: unique in a report."""
        return f"{self.case_id} ({self.variant})" if self.variant else self.case_id


class ResponseTimes(Value, frozen=True, kw_only=True):
    """How long the station took, measured `len(values_s)` times. `stated_s` is what its maker states, None if nothing."""

    kind: str
    values_s: tuple[float, ...]
    stated_s: float | None = None

    @property
    def median_s(self) -> float | None:
        """None where nothing was measured."""
        return statistics.median(self.values_s) if self.values_s else None

    @property
    def worst_s(self) -> float | None:
        """None where nothing was measured."""
        return max(self.values_s, default=None)


class StationFacts(Value, frozen=True, kw_only=True):
    """What the station is, as its settings and its BootNotification say; `ocpp_profiles` as SupportedFeatureProfiles has them."""

    vendor: str
    model: str
    serial: str
    identity: str
    firmware_version: str
    software_version: str
    board: str
    connectors: int
    fixed_cable: bool
    has_lock: bool
    has_reader: bool
    phases: int
    voltage_v: int
    max_current_a: int
    backup_power_s: float
    security_profile: int
    ocpp_profiles: tuple[str, ...]


class ConfiguredKey(Value, frozen=True, kw_only=True):
    """A configuration key as GetConfiguration gave it; `value` is None where the station keeps it to itself."""

    key: str
    readonly: bool
    value: str | None


class RunReport(Value, frozen=True, kw_only=True):
    """A run. `ended_early` is the reason why not every case that was asked for was tried, empty if each was."""

    began: str
    ended: str
    duration_s: float
    command: str
    station: StationFacts
    cases: tuple[CaseResult, ...]
    response_times: tuple[ResponseTimes, ...] = ()
    configuration: tuple[ConfiguredKey, ...] = ()
    logs: tuple[LogSpan, ...] = ()
    ended_early: str = ""
    layout: int = LAYOUT

    @property
    def functionalities(self) -> dict[str, Result]:
        """The result of each functionality, in the order of the cases."""
        return functionality_results(self.cases)

    @property
    def failed(self) -> tuple[CaseResult, ...]:
        """The cases that failed."""
        return tuple(case for case in self.cases if case.result == "fail")

    @property
    def prompts(self) -> int:
        """How often a person was asked to do something."""
        return sum(case.prompts for case in self.cases)


def functionality_results(cases: Iterable[CaseResult]) -> dict[str, Result]:
    """Each functionality: `fail` if a case failed; else `pass` if one passed; else `skipped` if one was; else `not_applicable`."""
    found: dict[str, set[Result]] = {}
    for case in cases:
        found.setdefault(case.functionality, set()).add(case.result)
    order: tuple[Result, ...] = ("fail", "pass", "skipped", "not_applicable")
    return {name: next(result for result in order if result in results) for name, results in found.items()}


def to_document(report: RunReport) -> dict[str, Any]:
    """The report as the file has it."""
    document: dict[str, Any] = to_plain(report)
    document["functionalities"] = report.functionalities
    document["response_times_s"] = {
        each.kind: {
            "values": list(each.values_s),
            "n": len(each.values_s),
            "median": each.median_s,
            "worst": each.worst_s,
            "stated": each.stated_s,
        }
        for each in report.response_times
    }
    return document


def from_document(document: Any) -> RunReport:
    """The report that a file's JSON holds. Raises ValueError, which says what is wrong with it."""
    if not isinstance(document, Mapping) or "layout" not in document:
        raise ValueError("is no report of chargebox certify")
    if document["layout"] != LAYOUT:
        raise ValueError(f"has layout {document['layout']!r}; this version reads {LAYOUT}")
    derived = ("functionalities", "response_times_s")
    plain = {name: value for name, value in document.items() if name not in derived}
    read: RunReport = from_plain(RunReport, plain)
    return read


def write_report(report: RunReport, directory: Path) -> Path:
    """Writes `report.json`, replaced whole; returns its path."""
    file = directory / REPORT_FILE
    draft = directory / f".{REPORT_FILE}.new"
    draft.write_text(json.dumps(to_document(report), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    draft.replace(file)
    return file


def read_report(directory: Path) -> RunReport:
    """The report in a directory. Raises ValueError with the path if there is none that can be read."""
    file = directory / REPORT_FILE
    try:
        return from_document(json.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise ValueError(f"{file}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error

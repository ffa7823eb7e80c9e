"""The papers of two stations as they have been checked by eye: tests/docs/papers/<station>/.

    python -m tests.docs.golden_papers

plays the cases anew on both, and writes what was seen (`report.json`, with times, ids and digests masked) and the papers of it. `make
docs` writes only the papers anew, of what was seen then. A difference is a change of what a maker reads, or of what a station does.
"""

import json
import re
import sys
import tempfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from eventstore.value import Value, replace
from station.certify.command import Asked, certify
from station.certify.papers.writing import paper_texts
from station.certify.results import (
    CaseResult,
    LogHead,
    ResponseTimes,
    RunReport,
    TranscriptFrame,
    read_report,
    write_report,
)
from station.certify.statement import statement_of
from station.settings.loading import Settings, parse_settings

FOLDER = Path(__file__).resolve().parent / "papers"
NOON, LOG = "2026-01-01T12:00:00.000Z", "LOG"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
METER = re.compile(r'("meterSt(?:art|op)":)\d+')
STATED = {"triggered function": 1.0, "response": 0.5}
"""What the makers of the two stations state, in seconds."""


class Model(Value, frozen=True, kw_only=True):
    """A station, and the cases of its papers."""

    settings: str
    cases: tuple[str, ...]


HEAD = '[station]\nidentity = "{0}"\nvendor = "Example"\nmodel = "{1}"\nserial = "{0}"\n{2}[csms]\nurl = "ws://127.0.0.1:9/ocpp"\n'
COMMON = ("TC_003_CS", "TC_012_CS", "TC_017_1_CS", "TC_017_2_CS", "TC_040_1_CS", "TC_048_4_CS", "TC_058_1_CS")
MODELS = {
    "socket-with-two-connectors": Model(
        settings=HEAD.format("TWIN-1", "Twin", "connectors = 2\n")
        + "[board]\nbackup_power_s = 5\nsupply_current_a = 40\n",
        cases=(*COMMON, "TC_027_CS", "TC_051_CS"),
    ),
    "one-connector-with-fixed-cable": Model(
        settings=HEAD.format("MONO-1", "Mono", "") + "[board]\nfixed_cable = true\nphases = 1\nmax_current_a = 16\n"
        "[features]\nreservation = false\nsmart_charging = false\n[config]\nConnectionTimeOut = 90\n",
        cases=(*COMMON, "TC_018_2_CS"),
    ),
}


def settings_of(name: str, storage: Path = Path("/nowhere")) -> Settings:
    """The settings of a station of the two."""
    return parse_settings(_toml(name, storage), "settings")


def _toml(name: str, storage: Path) -> str:
    return f'{MODELS[name].settings}[storage]\ndirectory = "{storage}"\n'


def played(name: str, directory: Path) -> RunReport:
    """A run on a bench station, with what differs each time masked."""
    file = directory / "station.toml"
    file.write_text(_toml(name, directory / "storage"))
    asked = Asked(settings_file=file, cases=MODELS[name].cases, out=directory / "out", command="chargebox certify")
    status, report = certify(asked, lambda line: None, partial(print, file=sys.stderr))
    assert report is not None, f"{name}: status {status}"
    return masked(report)


def masked(report: RunReport) -> RunReport:
    """The report without what is another each time."""
    return replace(
        report,
        began=NOON,
        ended=NOON,
        duration_s=0,
        cases=tuple(_masked_case(case) for case in report.cases),
        response_times=tuple(_masked_times(times) for times in report.response_times),
        logs=tuple(
            replace(log, path=LOG, before=LogHead(seq=1, digest="aa" * 32), after=LogHead(seq=2, digest="bb" * 32))
            for log in report.logs
        ),
    )


def _masked_times(times: ResponseTimes) -> ResponseTimes:
    values = (0.25, 0.5, 0.75) if times.values_s else ()
    return replace(times, values_s=values, stated_s=STATED.get(times.kind))


def _masked_case(case: CaseResult) -> CaseResult:
    began = bool(case.log)
    return replace(
        case,
        duration_s=1 if began else 0,
        log=LOG if began else "",
        first_seq=1 if began else 0,
        last_seq=2 if began else 0,
        transcript=tuple(_masked_frames(case.transcript)),
    )


def _masked_frames(frames: Iterable[TranscriptFrame]) -> Iterable[TranscriptFrame]:
    names: dict[str, str] = {}
    for frame in frames:
        name = names.setdefault(frame.message_id, f"m{len(names) + 1}")
        text = METER.sub(r"\g<1>0", MOMENT.sub(NOON, frame.text.replace(frame.message_id, name)))
        yield replace(frame, at=NOON, connection=1, message_id=name, text=text)


def unordered(report: RunReport) -> RunReport:
    """The same with the actions of each case sorted, since what comes first of two that may swap is chance, and without the keys."""

    def of(case: CaseResult) -> CaseResult:
        seen = sorted(f"{frame.sender} {frame.kind} {frame.action}" for frame in case.transcript)
        text = json.dumps(seen)
        first = case.transcript[:1]
        return replace(case, transcript=tuple(replace(frame, text=text, message_id="", action="") for frame in first))

    return replace(report, cases=tuple(of(case) for case in report.cases), configuration=())


def expected(name: str) -> RunReport:
    """The report as it was kept. Raises ValueError if there is none."""
    return read_report(FOLDER / name)


def papers() -> dict[Path, str]:
    """The papers of what was kept, as they are printed now, by their files."""
    found = {}
    for name in MODELS:
        texts = paper_texts(expected(name), statement_of(settings_of(name)))
        found.update({FOLDER / name / file: text for file, text in texts.items()})
    return found


def main() -> None:
    """Plays the cases anew, and writes all of it."""
    for name in MODELS:
        (FOLDER / name).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as directory:
            write_report(played(name, Path(directory)), FOLDER / name)
    for file, text in papers().items():
        file.write_text(text, encoding="utf-8")
        print(file)


if __name__ == "__main__":
    main()

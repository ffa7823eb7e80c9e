"""What a run found out, and its file."""

from pathlib import Path

import pytest

from station.certify.results import (
    CaseResult,
    ConfiguredKey,
    LogHead,
    LogSpan,
    ResponseTimes,
    Result,
    RunReport,
    StationFacts,
    TranscriptFrame,
    functionality_results,
    read_report,
    to_document,
    write_report,
)

FACTS = StationFacts(
    vendor="Chargebox",
    model="Bench",
    serial="CB-0001",
    identity="CB-0001",
    firmware_version="0.2.0",
    software_version="0.2.0",
    board="bench",
    connectors=2,
    fixed_cable=False,
    has_lock=True,
    has_reader=True,
    phases=3,
    voltage_v=230,
    max_current_a=32,
    backup_power_s=0,
    security_profile=0,
    ocpp_profiles=("Core", "Reservation"),
)
FRAME = TranscriptFrame(
    at="2026-01-01T00:00:00.000Z",
    connection=1,
    sender="station",
    kind="call",
    action="Heartbeat",
    message_id="1",
    text='[2,"1","Heartbeat",{}]',
)


def case(case_id: str, functionality: str, result: Result, **more: object) -> CaseResult:
    members = {"name": "a case", "ocpp_profile": "Core", "shows": "something", "clause": "4.2"} | more
    return CaseResult(case_id=case_id, functionality=functionality, result=result, **members)  # type: ignore[arg-type]


def report(*cases: CaseResult) -> RunReport:
    return RunReport(
        began="2026-01-01T00:00:00.000Z",
        ended="2026-01-01T00:01:00.000Z",
        duration_s=60.5,
        command="chargebox certify --settings x",
        station=FACTS,
        cases=cases,
        response_times=(ResponseTimes(kind="response", values_s=(0.25, 0.5, 0.125), stated_s=1.0),),
        configuration=(ConfiguredKey(key="HeartbeatInterval", readonly=False, value="300"),),
        logs=(
            LogSpan(
                path="out/station",
                used_for="every case",
                before=LogHead(seq=3, digest="aa"),
                after=LogHead(seq=9, digest="bb"),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("results", "wanted"),
    [
        (("pass", "fail", "skipped"), "fail"),
        (("pass", "not_applicable", "skipped"), "pass"),
        (("skipped", "not_applicable"), "skipped"),
        (("not_applicable",), "not_applicable"),
    ],
)
def test_a_functionality_fails_with_one_case_and_passes_with_one(results: tuple[Result, ...], wanted: Result) -> None:
    cases = [case(f"TC_{number}", "Reset", result) for number, result in enumerate(results)]
    assert functionality_results([case("TC_9", "Unlock", "pass"), *cases]) == {"Unlock": "pass", "Reset": wanted}


def test_the_file_has_the_names_that_other_tools_rely_on() -> None:
    document = to_document(report(case("TC_1", "Reset", "pass"), case("TC_2", "Unlock", "fail")))
    assert document["functionalities"] == {"Reset": "pass", "Unlock": "fail"}
    assert [each["case_id"] for each in document["cases"]] == ["TC_1", "TC_2"]
    times = {"values": [0.25, 0.5, 0.125], "n": 3, "median": 0.25, "worst": 0.5, "stated": 1.0}
    assert document["response_times_s"] == {"response": times}


def test_a_report_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    written = report(case("TC_1", "Reset", "fail", variant="Hard", expected="x", seen="y", transcript=(FRAME,)))
    write_report(written, tmp_path)
    assert read_report(tmp_path) == written
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Expecting value"),
        ("[]", "is no report of chargebox certify"),
        ('{"layout": 99}', "has layout 99; this version reads 1"),
        ('{"layout": 1}', "missing required field"),
    ],
)
def test_what_is_no_report_is_refused_with_its_path(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(ValueError, match=why) as refusal:
        read_report(tmp_path)
    assert str(tmp_path / "report.json") in str(refusal.value)


def test_a_directory_without_a_report_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"report\.json: cannot be read: No such file"):
        read_report(tmp_path)


def test_nothing_measured_has_neither_median_nor_worst() -> None:
    nothing = ResponseTimes(kind="response", values_s=())
    assert (nothing.median_s, nothing.worst_s) == (None, None)


def test_a_label_tells_variants_apart_and_prompts_add_up() -> None:
    made = report(case("TC_1", "Reset", "pass", variant="Hard", prompts=2), case("TC_2", "Reset", "fail", prompts=1))
    assert [each.label for each in made.cases] == ["TC_1 (Hard)", "TC_2"]
    assert made.prompts == 3
    assert [each.case_id for each in made.failed] == ["TC_2"]

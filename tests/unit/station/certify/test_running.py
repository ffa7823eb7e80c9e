"""What is played, what is not and why, and how a result is told."""

from pathlib import Path
from typing import Any

import pytest

from station.certify.catalogue import all_cases
from station.certify.registry import Case
from station.certify.results import CaseResult, ResponseTimes, TranscriptFrame
from station.certify.running import chosen, counts, is_secured, line_of, summary, why_not
from station.certify.session import Site
from station.settings.loading import parse_settings
from tests.unit.station.certify.test_results import case, report


def site(text: str = "") -> Site:
    head = '[station]\nidentity = "CB-0001"\nconnectors = 2\n[csms]\nurl = "ws://127.0.0.1:9/ocpp"\n'
    return Site(settings=parse_settings(head + text, "x"), tables={}, directory=Path())


def named(label: str) -> Case:
    return next(each for each in all_cases() if each.label == label)


@pytest.mark.parametrize(
    ("label", "text", "reason"),
    [
        ("TC_012_CS", "", None),
        ("TC_017_1_CS", "[board]\nfixed_cable = true\n", ("not_applicable", "the station has a fixed cable")),
        ("TC_017_2_CS", "", ("not_applicable", "the station has no fixed cable")),
        ("TC_032_1_CS", "", ("not_applicable", "the station has no back-up power")),
        (
            "TC_052_CS",
            "[features]\nreservation = false\n",
            ("not_applicable", "the station does not support Reservation"),
        ),
        ("TC_048_4_CS", "[features]\nreservation = false\n", None),
        ("TC_085_CS (profile 2)", "", None),
        (
            "TC_085_CS (profile 2)",
            "[features]\nsecurity = false\n",
            ("not_applicable", "the station does not support the security extension"),
        ),
        (
            "TC_079_CS (ftp)",
            "[features]\nsecurity = false\n",
            ("not_applicable", "the station does not support the security extension"),
        ),
    ],
)
def test_a_case_is_played_unless_the_station_is_not_built_for_it(label: str, text: str, reason: Any) -> None:
    assert why_not(named(label), site(text)) == reason


def test_cases_of_security_profiles_have_a_station_of_their_own() -> None:
    assert is_secured(named("TC_083_CS (profile 1)"))
    assert not is_secured(named("TC_079_CS (http)"))


def test_cases_are_chosen_by_profile_and_by_id() -> None:
    every = all_cases()
    assert chosen(every, (), ()) == every
    assert {each.functionality.name for each in chosen(every, ("Reservation",), ())} == {"Reservation"}
    assert [each.label for each in chosen(every, (), ("TC_005_2_CS",))] == [
        "TC_005_2_CS (socket)",
        "TC_005_2_CS (fixed cable)",
    ]
    assert [each.label for each in chosen(every, (), ("TC_005_2_CS (socket)",))] == ["TC_005_2_CS (socket)"]
    assert chosen(every, ("Reservation",), ("TC_012_CS",)) == ()


@pytest.mark.parametrize(
    ("profiles", "ids", "why"),
    [
        (("Reservations",), (), "no feature profile 'Reservations'; there are Core, "),
        ((), ("TC_999",), "no case 'TC_999'; there are TC_001_CS, "),
    ],
)
def test_a_name_that_there_is_not_is_refused_with_those_that_there_are(
    profiles: tuple[str, ...], ids: tuple[str, ...], why: str
) -> None:
    with pytest.raises(ValueError, match=why.replace("(", r"\(")):
        chosen(all_cases(), profiles, ids)


def failed() -> CaseResult:
    frames = tuple(
        TranscriptFrame(
            at="2026-01-01T00:00:00.000Z",
            connection=1,
            sender="CSMS" if number % 2 else "station",
            kind="call",
            action="x",
            message_id=str(number),
            text=f"frame {number}",
        )
        for number in range(12)
    )
    return case(
        "TC_1",
        "Reset",
        "fail",
        expected="this",
        seen="that",
        clause="5.14",
        look_further=("chargebox replay x timeline",),
        transcript=frames,
        duration_s=1.25,
    )


def test_a_failure_explains_itself() -> None:
    lines = [line.strip() for line in line_of(failed()).splitlines()]
    assert lines[0] == "fail  TC_1  a case  1.2 s"
    assert lines[1:4] == ["expected  this", "seen      that", "clause    5.14"]
    assert lines[4] == "← frame 4"
    assert lines[-2:] == ["→ frame 11", "chargebox replay x timeline"]


def test_what_is_skipped_has_its_reason() -> None:
    assert line_of(case("TC_1", "Reset", "skipped", reason="no card")).splitlines()[1].strip() == "no card"
    assert len(line_of(case("TC_1", "Reset", "pass")).splitlines()) == 1


def test_the_summary_has_functionalities_and_times() -> None:
    text = summary(report(case("TC_1", "Reset", "pass"), case("TC_2", "Unlock", "not_applicable")))
    assert "Unlock                               not_applicable" in text
    assert "median 0.250 s, worst 0.500 s of 3" in text
    assert counts(report(failed(), failed())) == {"fail": 2}
    assert ResponseTimes(kind="response", values_s=()).median_s is None

"""A case in the papers: result, reason, and the conversation as the CSMS saw it."""

from eventstore.value import replace
from station.certify.papers.case_parts import TEXT_MAX, case_part, ladder, numbered
from station.certify.papers.markdown import markdown
from station.certify.papers.paper import Paper
from tests.unit.station.certify.reports import BOOT, FAILED, case


def shown(**more: object) -> str:
    return markdown(Paper(parts=(case_part("TC_013_CS", replace(FAILED, **more), "FAIL"),)))


def test_a_failed_case_says_what_was_expected_what_was_seen_and_how_to_look_further() -> None:
    lines = shown().splitlines()
    assert lines[0] == "### TC_013_CS: Name of TC_013_CS: FAIL"
    for row in (
        "| asked for by | 4.2 |",
        "| expected | Accepted |",
        "| seen | NotSupported |",
        "| in the log | events 40 to 60 of run/log |",
        "| look further | chargebox replay run/log timeline --from 40 --to 60 --all |",
    ):
        assert row in lines
    assert not [line for line in lines if line.startswith("| reason")]


def test_a_case_that_was_not_played_says_why_and_has_no_conversation() -> None:
    text = shown(expected="", seen="", reason="the station has a fixed cable", transcript=(), duration_s=0, last_seq=0)
    assert "| reason | the station has a fixed cable |" in text
    assert "```" not in text
    assert "took" not in text
    assert "in the log" not in text


def test_the_ladder_shows_both_ways_answers_refusals_and_new_connections() -> None:
    assert list(ladder(BOOT)) == [
        '00:00:01.000  station ──►       BootNotification  [2,"m","BootNotification",{"chargePointModel":"Twin"}]',
        '00:00:01.250          ◄── CSMS  BootNotification (answer)  [3,"m",{"status":"Accepted"}]',
        '00:00:02.000          ◄── CSMS  Reset  [2,"m","Reset",{"type":"Hard"}]',
        '00:00:02.500  station ──►       Reset (refused)  [4,"m","NotSupported","",{}]',
        "--- connection 2",
        "00:00:03.000  station ──►       BootNotification  [2]",
    ]


def test_a_frame_that_is_very_long_is_cut_and_says_so() -> None:
    [line] = ladder((replace(BOOT[0], text="x" * (TEXT_MAX + 1)),))
    assert line.endswith(f"x… ({TEXT_MAX + 1} characters)")
    [whole] = ladder((replace(BOOT[0], text="x" * TEXT_MAX),))
    assert whole.endswith("x")


def test_cases_are_named_by_their_label_and_one_that_comes_again_by_its_number() -> None:
    cases = (case("TC_001_CS"), case("TC_001_CS", variant="two"), case("TC_001_CS"))
    assert [name for name, _ in numbered(cases)] == ["TC_001_CS", "TC_001_CS (two)", "TC_001_CS #2"]

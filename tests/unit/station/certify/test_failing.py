"""A failure says what was expected and what was seen."""

import pytest

from station.certify.failing import CaseFailed, equal, holds, near, one_of


def test_what_is_as_wanted_is_no_failure() -> None:
    equal("the status", "Accepted", "Accepted")
    one_of("the reason", None, ("Local", None))
    near("seconds", 60.9, 60, within=1)
    holds("something", True, "seen")


@pytest.mark.parametrize(
    ("fails", "expected", "seen"),
    [
        (lambda: equal("the status", "Rejected", "Accepted"), "the status: Accepted", "Rejected"),
        (lambda: one_of("the reason", "Other", ("Local", None)), "the reason: one of Local, None", "Other"),
        (lambda: near("seconds", 61.5, 60, within=1), "seconds: 60, give or take 1", "61.5"),
        (lambda: holds("no idTag", False, {"idTag": "A"}), "no idTag", "{'idTag': 'A'}"),
        (lambda: equal("the text", "", "x"), "the text: x", "''"),
    ],
)
def test_a_failure_has_both(fails: object, expected: str, seen: str) -> None:
    with pytest.raises(CaseFailed) as failure:
        fails()  # type: ignore[operator]
    assert (failure.value.expected, failure.value.seen) == (expected, seen)
    assert str(failure.value) == f"expected {expected}, seen: {seen}"


def test_what_was_seen_is_cut_when_it_is_long() -> None:
    with pytest.raises(CaseFailed) as failure:
        equal("the text", "x" * 5_000, "y")
    assert failure.value.seen == "x" * 2_000 + "…"

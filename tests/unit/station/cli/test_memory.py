"""What stands behind the bounds of each reader: the memory of the whole process."""

import resource

import pytest

from station.cli.memory import DEFAULT_MIB, VARIABLE, BadLimit, bounded

MIB = 1 << 20


def soft() -> int:
    return resource.getrlimit(resource.RLIMIT_DATA)[0]


def test_the_bound_holds_within_and_is_lifted_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    monkeypatch.delenv(VARIABLE, raising=False)
    with bounded():
        assert soft() == DEFAULT_MIB * MIB
        with pytest.raises(MemoryError):
            bytearray(DEFAULT_MIB * MIB)
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


@pytest.mark.parametrize(("text", "expected"), [("3000", 3000 * MIB), (" 3000 ", 3000 * MIB), ("", DEFAULT_MIB * MIB)])
def test_it_can_be_set_from_outside(text: str, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with bounded():
        assert soft() == expected


def test_none_leaves_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    before = soft()
    monkeypatch.setenv(VARIABLE, "0")
    with bounded():
        assert soft() == before


@pytest.mark.parametrize("text", ["much", "-1", "²", "1e3", "9" * 40])
def test_what_is_no_number_is_told(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(BadLimit, match="expected a number of MiB"), bounded():
        pass

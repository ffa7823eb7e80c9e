"""The mistakes that are made, and those that are not."""

import pytest

from tests.mutation.operators import made, mistakes


def of(body: str) -> list[tuple[str, str]]:
    return [(each.before, each.after) for each in mistakes(f"def f(a, b):\n    return {body}\n")]


@pytest.mark.parametrize(
    ("body", "changes"),
    [
        ("a < b", [("a < b", "a <= b")]),
        ("a >= b", [("a >= b", "a > b")]),
        ("a is None", [("a is None", "a is not None")]),
        ("a and b", [("a and b", "a or b")]),
        ("not a", [("not a", "a")]),
        ("a + b", [("a + b", "a - b")]),
        ("a * 2", [("a * 2", "a // 2"), ("2", "3")]),
        ("True", [("True", "False")]),
        ("a if b else 0", [("a if b else 0", "a if not b else 0"), ("0", "1")]),
    ],
)
def test_each_kind_of_mistake(body: str, changes: list[tuple[str, str]]) -> None:
    assert of(body) == changes


@pytest.mark.parametrize("body", ["'a' + b", "f'{a + 1}'", "a.b", "'text'"])
def test_texts_and_names_are_left_alone(body: str) -> None:
    assert of(body) == []


def test_nothing_outside_of_functions_and_in_assertions_is_changed() -> None:
    source = "BOUND = 3 + 4\nclass C:\n    size: int = 5\n    def f(self, a: int = 6) -> int:\n        assert a < 7\n        raise E(a < 8)\n"
    assert mistakes(source) == ()


def test_a_mistake_is_made_in_its_place_and_nowhere_else() -> None:
    source = "def f(a):\n    return a < 1\n\ndef g(a):\n    return a < 1\n"
    last = [each for each in mistakes(source) if each.before == "a < 1"][-1]
    assert last.line == 5
    assert made(source, last) == "def f(a):\n    return a < 1\n\ndef g(a):\n    return a <= 1"


def test_every_mistake_gives_another_module() -> None:
    source = "def f(a, b):\n    if a < b and not a:\n        return a + 1\n    return (a if b else 2)\n"
    found = [made(source, each) for each in mistakes(source)]
    assert len(set(found)) == len(found) == 7

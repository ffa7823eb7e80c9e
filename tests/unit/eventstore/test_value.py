"""A value is told from the standard library's frozen dataclass by nothing but its speed."""

import copy
import dataclasses
import pickle
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.value import Value, field, replace


class Part(Value, frozen=True):
    """A base without fields, as events have one."""

    NAME: ClassVar[str] = "Part"


class Quick(Part, frozen=True, kw_only=True):
    """A value."""

    number: int
    text: str = "none"
    items: list[int] = field(default_factory=list)


class Longer(Quick, frozen=True, kw_only=True):
    """With a field more than its base."""

    more: bool = False


class Checked(Value, frozen=True, kw_only=True):
    """Its constructor does more than to fill the fields."""

    low: int
    high: int

    def __post_init__(self) -> None:
        if self.high < self.low:
            raise ValueError("high is below low")


class Placed(Value, frozen=True):
    """Its fields may be given by their place."""

    number: int
    text: str = "none"


class Empty(Value, frozen=True):
    """No field at all."""


class Worded(Value, frozen=True, kw_only=True):
    """Shown in words of its own, equal by a rule of its own."""

    text: str

    def __repr__(self) -> str:
        return f"<{self.text}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Worded) and self.text.lower() == other.text.lower()

    def __hash__(self) -> int:
        return hash(self.text.lower())


@dataclass(frozen=True, slots=True, kw_only=True)
class Standard:
    """The same fields as Quick, made by the standard library."""

    number: int
    text: str = "none"
    items: list[int] = dataclasses.field(default_factory=list)


members = st.fixed_dictionaries(
    {"number": st.integers()}, optional={"text": st.text(), "items": st.lists(st.integers())}
)


def as_dict(value: Value) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__struct_fields__}


@given(members, members)
def test_it_is_what_the_standard_library_makes_of_the_same_fields(one: dict[str, Any], other: dict[str, Any]) -> None:
    quick, standard = Quick(**one), Standard(**one)
    assert as_dict(quick) == dataclasses.asdict(standard)
    assert repr(quick) == repr(standard).replace("Standard", "Quick")
    assert (quick == Quick(**other)) is (standard == Standard(**other))
    changed = replace(quick, **other)
    assert as_dict(changed) == dataclasses.asdict(dataclasses.replace(standard, **other))
    assert Quick(**one) == quick, "the value that was copied has changed"


def test_a_default_that_is_made_is_made_for_each_value() -> None:
    assert Quick(number=1).items is not Quick(number=1).items


def test_fields_are_given_by_their_place_where_the_class_allows_it() -> None:
    assert Placed(1, "a") == Placed(number=1, text="a") != Placed(1)
    assert repr(Placed(1)) == "Placed(number=1, text='none')"
    assert replace(Placed(1), text="a") == Placed(1, "a")
    with pytest.raises(TypeError, match="positional"):
        Quick(1)  # type: ignore[call-arg]


def test_fields_of_a_base_are_those_of_the_class_too() -> None:
    value = Longer(number=1, more=True)
    assert set(Longer.__struct_fields__) == {"number", "text", "items", "more"}
    assert (value.number, value.more, value.NAME) == (1, True, "Part")
    assert replace(value, number=2) == Longer(number=2, more=True)
    assert value != Quick(number=1)


def test_a_field_cannot_be_set_or_deleted_afterwards() -> None:
    value = Quick(number=1)
    with pytest.raises(AttributeError, match="immutable"):
        value.number = 2  # type: ignore[misc]
    with pytest.raises(AttributeError, match="immutable"):
        del value.number
    assert not hasattr(value, "__dict__")


@pytest.mark.parametrize("given_to_it", [{}, {"number": 1, "nuber": 2}], ids=["one is missing", "one is unknown"])
def test_other_fields_than_there_are_are_refused(given_to_it: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"number|nuber"):
        Quick(**given_to_it)


def test_a_copy_with_a_field_that_there_is_not_is_refused() -> None:
    with pytest.raises(TypeError, match="nuber"):
        replace(Quick(number=1), nuber=2)


def test_a_constructor_that_checks_checks_copies_too() -> None:
    assert replace(Checked(low=1, high=4), high=5).high == 5
    with pytest.raises(ValueError, match="high is below low"):
        replace(Checked(low=1, high=4), low=9)


def test_a_class_without_fields_has_one_value() -> None:
    assert Empty() == Empty() == replace(Empty())
    assert hash(Empty()) == hash(Empty())
    assert repr(Empty()) == "Empty()"


def test_methods_that_a_class_has_of_its_own_stay() -> None:
    assert repr(Worded(text="A")) == "<A>"
    assert Worded(text="A") == Worded(text="a")
    assert len({Worded(text="A"), Worded(text="a")}) == 1


def test_values_are_hashed_by_what_they_are_compared_by() -> None:
    assert len({Checked(low=1, high=2), Checked(low=1, high=2)}) == 1
    with pytest.raises(TypeError, match="unhashable"):
        hash(Quick(number=1))


@pytest.mark.parametrize("value", [Longer(number=1, items=[2]), Checked(low=1, high=2), Empty()], ids=str)
def test_a_value_survives_pickling_and_copying(value: Any) -> None:
    for again in (pickle.loads(pickle.dumps(value)), copy.copy(value), copy.deepcopy(value)):
        assert again == value
        assert repr(again) == repr(value)


def test_it_matches_by_its_members() -> None:
    match Quick(number=7, text="seven"):
        case Quick(number=7, text=text):
            assert text == "seven"
        case _:
            pytest.fail("no match")


def test_the_collector_of_circles_has_nothing_to_do_with_values() -> None:
    import gc

    assert not gc.is_tracked(Quick(number=1, items=[2]))

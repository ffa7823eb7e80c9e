"""A class of `eventstore.frozen` is told from the standard library's dataclass by nothing but its speed."""

import copy
import dataclasses
import pickle
from dataclasses import FrozenInstanceError, dataclass, field
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore import frozen


class Part:
    """A base without fields, as events have one."""

    __slots__ = ()

    NAME: ClassVar[str] = "Part"


@frozen.dataclass(frozen=True, slots=True, kw_only=True)
class Quick(Part):
    """Made here."""

    number: int
    text: str = "none"
    items: list[int] = field(default_factory=list)
    hidden: int = field(default=0, repr=False, compare=False)


@frozen.dataclass(frozen=True, slots=True, kw_only=True)
class Longer(Quick):
    """With a field more than its base."""

    more: bool = False


@frozen.dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Its constructor does more than to fill the fields."""

    low: int
    high: int
    width: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        if self.high < self.low:
            raise ValueError("high is below low")
        object.__setattr__(self, "width", self.high - self.low)


@frozen.dataclass(frozen=True, slots=True)
class Placed:
    """Its fields may be given by their place."""

    number: int
    text: str = "none"


@frozen.dataclass(frozen=True, slots=True, kw_only=True)
class Empty:
    """No field at all."""


@frozen.dataclass(frozen=True, slots=True, kw_only=True)
class Worded:
    """Shown in words of its own, equal by a rule of its own."""

    text: str

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<{self.text}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Worded) and self.text.lower() == other.text.lower()

    def __hash__(self) -> int:
        return hash(self.text.lower())


@dataclass(frozen=True, slots=True, kw_only=True)
class Standard(Part):
    """The same fields as Quick, made by the standard library."""

    number: int
    text: str = "none"
    items: list[int] = field(default_factory=list)
    hidden: int = field(default=0, repr=False, compare=False)


members = st.fixed_dictionaries(
    {"number": st.integers()},
    optional={"text": st.text(), "items": st.lists(st.integers()), "hidden": st.integers()},
)


@given(members, members)
def test_it_is_what_the_standard_library_makes_of_the_same_fields(one: dict[str, Any], other: dict[str, Any]) -> None:
    quick, standard = Quick(**one), Standard(**one)
    assert dataclasses.asdict(quick) == dataclasses.asdict(standard)
    assert repr(quick) == repr(standard).replace("Standard", "Quick")
    assert (quick == Quick(**other)) is (standard == Standard(**other))
    changed = frozen.replace(quick, **other)
    assert dataclasses.asdict(changed) == dataclasses.asdict(dataclasses.replace(standard, **other))
    assert Quick(**one) == quick, "the value that was copied has changed"


def test_a_default_that_is_made_is_made_for_each_value() -> None:
    assert Quick(number=1).items is not Quick(number=1).items


def test_fields_are_given_by_their_place_where_the_class_allows_it() -> None:
    assert Placed(1, "a") == Placed(number=1, text="a") != Placed(1)
    assert repr(Placed(1)) == "Placed(number=1, text='none')"
    assert frozen.replace(Placed(1), text="a") == Placed(1, "a")
    match Placed(1, "a"):
        case Placed(1, text):
            assert text == "a"
        case _:
            pytest.fail("no match")
    with pytest.raises(TypeError, match="positional"):
        Quick(1)  # type: ignore[call-arg]


def test_fields_of_a_base_come_first() -> None:
    assert [each.name for each in dataclasses.fields(Longer)] == ["number", "text", "items", "hidden", "more"]
    value = Longer(number=1, more=True)
    assert (value.number, value.more, value.NAME) == (1, True, "Part")
    assert frozen.replace(value, number=2) == Longer(number=2, more=True)
    assert value != Quick(number=1)


def test_a_field_cannot_be_set_or_deleted_afterwards() -> None:
    value = Quick(number=1)
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'number'"):
        value.number = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'number'"):
        del value.number
    assert not hasattr(value, "__dict__")


@pytest.mark.parametrize("given_to_it", [{}, {"number": 1, "nuber": 2}], ids=["one is missing", "one is unknown"])
def test_other_fields_than_there_are_are_refused(given_to_it: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="__init__"):
        Quick(**given_to_it)


def test_a_copy_with_a_field_that_there_is_not_is_refused() -> None:
    with pytest.raises(TypeError, match="nuber"):
        frozen.replace(Quick(number=1), nuber=2)  # type: ignore[call-arg]


def test_a_constructor_that_checks_checks_copies_too() -> None:
    assert Checked(low=1, high=4).width == 3
    assert frozen.replace(Checked(low=1, high=4), high=5).width == 4
    with pytest.raises(ValueError, match="high is below low"):
        frozen.replace(Checked(low=1, high=4), low=9)


def test_a_class_without_fields_has_one_value() -> None:
    assert Empty() == Empty() == frozen.replace(Empty())
    assert hash(Empty()) == hash(Empty())
    assert repr(Empty()) == "Empty()"


def test_methods_that_a_class_has_of_its_own_stay() -> None:
    assert repr(Worded(text="A")) == "<A>"
    assert Worded(text="A") == Worded(text="a")
    assert len({Worded(text="A"), Worded(text="a")}) == 1


def test_values_are_hashed_by_what_they_are_compared_by() -> None:
    same = {Checked(low=1, high=2), Checked(low=1, high=2)}
    assert len(same) == 1
    with pytest.raises(TypeError, match="unhashable"):
        hash(Quick(number=1))


@pytest.mark.parametrize("value", [Longer(number=1, items=[2], hidden=3), Checked(low=1, high=2), Empty()], ids=str)
def test_a_value_survives_pickling_and_copying(value: Any) -> None:
    for again in (pickle.loads(pickle.dumps(value)), copy.copy(value), copy.deepcopy(value)):
        assert again == value
        assert repr(again) == repr(value)
    assert pickle.loads(pickle.dumps(Quick(number=1, hidden=3))).hidden == 3


def test_it_matches_by_its_members() -> None:
    match Quick(number=7, text="seven"):
        case Quick(number=7, text=text):
            assert text == "seven"
        case _:
            pytest.fail("no match")


def test_another_kind_of_class_is_refused() -> None:
    with pytest.raises(TypeError, match="frozen and slotted"):
        frozen.dataclass(frozen=False, slots=True, kw_only=True)


def test_a_standard_dataclass_is_copied_as_well() -> None:
    assert frozen.replace(Standard(number=1), text="x") == Standard(number=1, text="x")

"""Kinds of values, access, defaults (section 9)."""

import pytest

from eventstore.persistent import Map
from eventstore.value import replace
from station.core.config_keys import Access, AnyText, Boolean, ConfigKey, Csl, Integer
from tests.given import station

LEVELS: ConfigKey[int] = ConfigKey(
    name="Levels", kind=Integer(minimum=1, maximum=9), access=Access.READ_WRITE, default=3, clause="", doc=""
)


@pytest.mark.parametrize(("text", "value"), [("5", 5), (" 7 ", 7), ("+3", 3), ("-4", -4), ("007", 7)])
def test_integers(text: str, value: int) -> None:
    kind = Integer(minimum=-10, maximum=10)
    assert kind.parse(text) == value
    assert kind.parse(kind.canonical(value)) == value


@pytest.mark.parametrize("text", ["", "x", "1.0", "1e1", "11", "-11", "--1", "+-1", "0x1", "１", "9" * 40])
def test_what_is_no_integer_within_the_range(text: str) -> None:
    with pytest.raises(ValueError, match="not"):
        Integer(minimum=-10, maximum=10).parse(text)


@pytest.mark.parametrize(("text", "value"), [("true", True), ("FALSE", False), (" True ", True)])
def test_booleans(text: str, *, value: bool) -> None:
    assert Boolean().parse(text) is value
    assert Boolean().canonical(value) == text.strip().lower()


@pytest.mark.parametrize("text", ["", "1", "yes", "truefalse"])
def test_what_is_no_boolean(text: str) -> None:
    with pytest.raises(ValueError, match="neither true nor false"):
        Boolean().parse(text)


@pytest.mark.parametrize(("text", "items"), [("", ()), ("  ", ()), ("a", ("a",)), ("a, b ,c", ("a", "b", "c"))])
def test_lists(text: str, items: tuple[str, ...]) -> None:
    kind = Csl(allowed=lambda item: len(item) == 1, items_max=3)
    assert kind.parse(text) == items
    assert kind.canonical(items) == ",".join(items)


@pytest.mark.parametrize(
    ("text", "why"), [("a,bb", "'bb'"), ("a,", "''"), ("a,b,c,d", "at most 3"), ("a,b,a", "twice")]
)
def test_what_is_no_such_list(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Csl(allowed=lambda item: len(item) == 1, items_max=3).parse(text)


def test_texts_are_kept_as_they_came_within_their_length() -> None:
    assert AnyText(length_max=3).parse(" a ") == " a "
    assert AnyText().canonical("x") == "x"
    with pytest.raises(ValueError, match="at most 3"):
        AnyText(length_max=3).parse("abcd")


def test_a_key_has_its_default_until_the_factory_or_the_csms_says_otherwise() -> None:
    """Contract on settings: what the CSMS set outranks the factory."""
    state = station().boot().state
    assert LEVELS.of(state) == 3
    factory = replace(state, configuration=replace(state.configuration, factory=Map({"Levels": "5"})))
    assert LEVELS.of(factory) == 5
    override = replace(factory, configuration=replace(factory.configuration, overrides=Map({"Levels": "7"})))
    assert (LEVELS.of(override), LEVELS.text_of(override)) == (7, "7")


def test_a_stored_text_that_no_longer_fits_falls_back_to_the_default() -> None:
    state = station().boot().state
    state = replace(state, configuration=replace(state.configuration, overrides=Map({"Levels": "99"})))
    assert LEVELS.of(state) == 3


def test_a_default_may_follow_from_the_state() -> None:
    key = replace(LEVELS, default=lambda state: state.described.connectors)
    assert key.of(station(connectors=2).boot().state) == 2


def test_access_and_presence_may_follow_from_the_state() -> None:
    state = station().boot().state
    assert LEVELS.access_in(state) is Access.READ_WRITE
    assert LEVELS.is_present(state)
    key = replace(LEVELS, access_of=lambda state: Access.READ_ONLY, present=lambda state: False)
    assert key.access_in(state) is Access.READ_ONLY
    assert not key.is_present(state)

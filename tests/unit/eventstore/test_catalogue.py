"""The catalogue: what may stand in a log, and that it can be read for ever."""

import typing
from collections.abc import Mapping
from types import UnionType
from typing import Any

import pytest

from eventstore.catalogue import ALL, BY_NAME
from eventstore.codec import decode, encode
from eventstore.event import Decision, Event, Observation
from eventstore.value import Value
from migrations.upcasters import UPCASTERS
from projections.station import FOLDS
from tests.corpora.catalogue_lock import describe, differences, locked, present

TEXT, NUMBER = 'text é "quoted"', -2_147_483_648


def example(hint: Any, *, full: bool) -> Any:
    """A value of the type: everything filled in, or as little as possible."""
    if hint in (str, int, bool):
        return {str: TEXT if full else "", int: NUMBER if full else 0, bool: full}[hint]
    if isinstance(hint, type) and issubclass(hint, Value):
        return example_of(hint, full=full)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, UnionType):
        (given,) = [argument for argument in arguments if argument is not type(None)]
        return example(given, full=full) if full else None
    assert origin is tuple, hint
    if arguments[-1] is not Ellipsis:
        return tuple(example(argument, full=full) for argument in arguments)
    return (example(arguments[0], full=True), example(arguments[0], full=False)) if full else ()


def example_of(structure: type[Any], *, full: bool) -> Any:
    hints = typing.get_type_hints(structure)
    names = [name for name in structure.__struct_fields__ if name not in getattr(structure, "UNLOGGED", ())]
    return structure(**{name: example(hints[name], full=full) for name in names})


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("event_type", ALL, ids=lambda event_type: event_type.NAME)
def test_every_event_survives_the_codec(event_type: type[Event], *, full: bool) -> None:
    event = example_of(event_type, full=full)
    text = encode(event)
    assert decode(event_type.NAME, event_type.VERSION, text) == event
    assert encode(decode(event_type.NAME, event_type.VERSION, text)) == text


def test_names_are_unique_and_those_of_their_classes() -> None:
    assert len(BY_NAME) == len(ALL)
    assert [event_type.NAME for event_type in ALL] == [event_type.__name__ for event_type in ALL]


@pytest.mark.parametrize("event_type", ALL, ids=lambda event_type: event_type.NAME)
def test_every_event_is_a_frozen_slotted_fact_with_a_docstring(event_type: type[Event]) -> None:
    assert issubclass(event_type, Observation) != issubclass(event_type, Decision)
    example = example_of(event_type, full=False)
    with pytest.raises(AttributeError):
        example.anything = 1
    assert "__dict__" not in dir(example)
    assert event_type.__doc__
    assert not event_type.__doc__.startswith(f"{event_type.__name__}(")


def test_every_fold_is_of_an_event_of_the_catalogue() -> None:
    assert {kind.NAME for kind in FOLDS} <= set(BY_NAME)


# The lock (tests/corpora/catalogue_lock.py says how to change it)


def test_the_catalogue_is_as_locked() -> None:
    """A changed event needs a new VERSION and an upcaster; then: python -m tests.corpora.catalogue_lock."""
    assert differences(locked(), present()) == []


def test_every_older_version_in_the_lock_has_its_upcaster() -> None:
    for entry in locked():
        name, version = entry.split("/")
        for older in range(int(version), BY_NAME[name].VERSION):
            assert (name, older) in UPCASTERS


def test_a_changed_field_a_missing_event_and_a_new_one_are_told_apart() -> None:
    now = present()
    name = (
        "FrameReceived/1" if "FrameReceived/1" in now else next(key for key in now if key.startswith("FrameReceived"))
    )
    changed: Mapping[str, Any] = {**now, name: {"kind": "observation", "fields": {"text": "int"}}}
    assert differences(changed, now) == [f"{name} has changed: raise VERSION and add an upcaster"]
    without = {key: entry for key, entry in now.items() if key != name}
    assert differences(without, now) == [f"{name} is not locked yet"]
    assert differences(now, without) == ["FrameReceived is gone: logs that hold it could not be read any more"]


def test_the_lock_sees_into_the_structures_of_an_event() -> None:
    stopped = describe(BY_NAME["TransactionStopped"])
    assert stopped["fields"]["stopped"] == {"at_ms": "int", "boot": "int", "utc_ms": {"Union": ["int", "None"]}}

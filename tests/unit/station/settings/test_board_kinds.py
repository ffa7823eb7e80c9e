"""The kinds of board: one table, whose modules have what a kind must have."""

import inspect
from importlib import import_module

import pytest

from station.boards import BoardModule, module_of
from station.settings.board_kinds import KINDS, BoardKind, kind_named
from station.settings.loading import parse_settings


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_each_kind_has_a_module_that_makes_judges_shows_and_secures(kind: BoardKind) -> None:
    module = import_module(f"station.boards.{kind.module}")
    for name, wanted in inspect.getmembers(BoardModule, inspect.isfunction):
        if name.startswith("_"):
            continue
        signature = inspect.signature(wanted)
        expected = [parameter for parameter in signature.parameters if parameter != "self"]
        assert list(inspect.signature(getattr(module, name)).parameters) == expected, name


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_settings_name_a_kind_and_find_its_entry_and_module(kind: BoardKind) -> None:
    text = f'[station]\nidentity = "A"\n[csms]\nurl = "ws://h"\n[board]\nkind = "{kind.name}"\n'
    settings = parse_settings(text, "cb.toml")
    assert settings.board_kind is kind_named(kind.name) is kind
    assert inspect.ismodule(module_of(settings))


def test_a_kind_that_is_no_kind_is_not_found() -> None:
    with pytest.raises(KeyError):
        kind_named("pi")

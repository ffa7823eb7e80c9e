"""Where a configuration key of OCPP is declared: in the lowest room of the decisions that reads it, and nowhere twice."""

import ast
import importlib
from collections import defaultdict
from collections.abc import Iterator

from station.core.config_keys import ConfigKey
from tests.architecture.sources import is_within, sources

ROOMS = ("station.core", "station.rules", "station.features")
"""From the ground up; what only the shell reads, or nobody, is declared by a feature."""
KEPT_WITH_THEIR_LIKE = {"METER_VALUES_ALIGNED_DATA"}
"""One of the four lists of measurands, which are made alike."""


def room_of(module: str) -> str:
    return next(room for room in ROOMS if is_within(module, (room,)))


def declarations() -> dict[str, str]:
    """The module of each key, by the name of the key in the code."""
    found: dict[str, str] = {}
    for source in sources():
        if not is_within(source.module, ROOMS):
            continue
        names = vars(importlib.import_module(source.module))
        assigned = [target for node in source.tree.body for target in _targets(node)]
        for name in (name for name in assigned if isinstance(names.get(name), ConfigKey)):
            assert name not in found, f"{name} is declared twice"
            found[name] = source.module
    return found


def _targets(node: ast.stmt) -> list[str]:
    match node:
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case _:
            return []


def readers() -> dict[str, set[str]]:
    """The modules in which each name is used for more than to declare that a feature has the key."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for source in sources():
        if is_within(source.module, ROOMS):
            for statement in source.tree.body:
                if _targets(statement) != ["FEATURE"]:
                    for name in _loaded(statement):
                        found[name].add(source.module)
    return found


def _loaded(statement: ast.stmt) -> Iterator[str]:
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def belongs_into(modules: set[str]) -> str:
    """The lowest room of those that read a key; where only features do, several of them meet in the rules."""
    room = min((room_of(module) for module in modules), key=ROOMS.index, default=ROOMS[-1])
    features = {".".join(module.split(".")[:3]) for module in modules}
    return "station.rules" if room == ROOMS[-1] and len(features) > 1 else room


def test_a_key_is_declared_in_the_lowest_room_that_reads_it() -> None:
    asked, declared = readers(), declarations()
    assert len(declared) > 30
    misplaced = {
        name: f"{module}, but it belongs into {belongs_into(asked[name])}: {', '.join(sorted(asked[name]))}"
        for name, module in declared.items()
        if name not in KEPT_WITH_THEIR_LIKE and room_of(module) != belongs_into(asked[name])
    }
    assert misplaced == {}

"""What a rule may read of the state, by its source: every function that it can come to is looked through.

A state is called `state` everywhere in the decisions, and a moment `at_ms` or `utc_ms`; that habit is what this goes by. It
sees every branch, and none that does not exist: what a table of the module or a configuration key calls is followed too.
"""

import ast
import inspect
import sys
import textwrap
from types import FunctionType, ModuleType
from typing import Any

from projections.station import StationState
from station.core.config_keys import ConfigKey
from station.core.feature import TIME

FIELDS = frozenset(StationState.__struct_fields__)
OURS = ("station.", "projections.")
MOMENTS = frozenset({"at_ms", "utc_ms"})


def reads(decide: object, ours: tuple[str, ...] = OURS) -> dict[str, str]:
    """The projections that a function can read, and TIME if it can hold the moment against another; each with the way there.

    What is followed stands in modules of these names.
    """
    search = _Search(ours)
    search.visit(decide, "")
    return search.found


class _Search:
    def __init__(self, ours: tuple[str, ...]) -> None:
        self._ours = ours
        self.found: dict[str, str] = {}
        self._seen: set[int] = set()

    def visit(self, subject: Any, way: str) -> None:
        if id(subject) in self._seen or subject is StationState:
            return
        self._seen.add(id(subject))
        match subject:
            case ConfigKey():
                self._note("configuration", f"{way} > {subject.name}")
                self.visit(subject.default, f"{way} > {subject.name}")
                self.visit(subject.access_of, f"{way} > {subject.name}")
            case dict():
                for value in subject.values():
                    self.visit(value, way)
            case FunctionType() if self._is_ours(subject) and subject.__code__.co_filename.endswith(".py"):
                self._function(subject, f"{way} > {subject.__qualname__}".removeprefix(" > "))
            case type() if self._is_ours(subject):
                for member in vars(subject).values():
                    self.visit(member.fget if isinstance(member, property) else member, way)

    def _is_ours(self, subject: Any) -> bool:
        return (subject.__module__ or "").startswith(self._ours)

    def _note(self, name: str, way: str) -> None:
        self.found.setdefault(name, way)

    def _function(self, function: FunctionType, way: str) -> None:
        for node in ast.walk(_tree(function)):
            match node:
                case ast.Attribute(value=ast.Name(id="state") | ast.Attribute(attr="state" | "_state"), attr=name):
                    self._member(name, way)
                case ast.Attribute(value=ast.Name(id=module), attr=name):
                    if isinstance(found := function.__globals__.get(module), ModuleType):
                        self.visit(getattr(found, name, None), way)
                case ast.Name(id=name):
                    self.visit(function.__globals__.get(name), way)
                case ast.Compare() if MOMENTS & _names(node):
                    self._note(TIME, way)

    def _member(self, name: str, way: str) -> None:
        if name in FIELDS:
            self._note(name, way)
            return
        member = inspect.getattr_static(StationState, name)
        for node in ast.walk(_tree(member.fget if isinstance(member, property) else member)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
                self._member(node.attr, f"{way} > {name}")


def _names(node: ast.AST) -> set[str]:
    found = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    return found | {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)}


def _tree(function: Any) -> ast.AST:
    """The function's own part of its source; of a lambda, which stands in the middle of other code, that lambda."""
    lines, _first = inspect.getsourcelines(function)
    source = textwrap.dedent("".join(lines))
    if function.__name__ != "<lambda>":
        return ast.parse(source)
    module = ast.parse(inspect.getsource(sys.modules[function.__module__]))
    at = function.__code__.co_firstlineno
    return next(node for node in ast.walk(module) if isinstance(node, ast.Lambda) and node.lineno == at)

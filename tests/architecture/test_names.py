"""One name, one thing: a public class is defined once in the whole tree."""

import ast
from collections import defaultdict

from tests.architecture.sources import sources


def test_a_public_class_name_is_defined_once() -> None:
    """Somebody who searches for a name finds one thing; two that need telling apart get two names."""
    places: defaultdict[str, list[str]] = defaultdict(list)
    for source in sources():
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(f"{source.path}:{node.lineno}")
    assert {name: found for name, found in places.items() if len(found) > 1} == {}

"""No circle among modules and none among rooms, and how many layers of rooms stand on one another.

A room is what a stranger opens first: a package of the station (`station.core`), of `devices` and of `station.replay`; the
loose modules of those; each other top-level package as a whole.
"""

from collections.abc import Iterable, Mapping

from tests.architecture.sources import imports, module_names, sources

Graph = Mapping[str, frozenset[str]]

LAYERS_MAX = 14
SPLIT = ("station", "devices", "station.replay")
"""Packages whose own packages are rooms."""


def room_of(module: str) -> str:
    """The room that a module stands in; the package itself for a loose module."""
    room, parts = "", module.split(".")
    packages = {name.rpartition(".")[0] for name in module_names()}
    for depth in range(1, len(parts) + 1):
        name = ".".join(parts[:depth])
        if depth > 1 and (room not in SPLIT or name not in packages):
            break
        room = name
    return room


def modules() -> Graph:
    """What each module of ours imports of ours, wherever the import stands."""
    return {source.module: frozenset(_modules(target for _, target in imports(source))) for source in sources()}


def _modules(targets: Iterable[str]) -> Iterable[str]:
    for target in targets:
        name = target
        while name and name not in module_names():
            name = name.rpartition(".")[0]
        if name:
            yield name


def rooms() -> Graph:
    """What each room imports of the others."""
    found: dict[str, set[str]] = {}
    for module, targets in modules().items():
        found.setdefault(room_of(module), set()).update(room_of(target) for target in targets)
    return {room: frozenset(others - {room}) for room, others in found.items()}


def circle(graph: Graph) -> list[str]:
    """A way that leads back to where it began, its first stop named twice; empty if there is none."""
    done: set[str] = set()
    for start in sorted(graph):
        way: list[str] = []
        found = _walk(graph, start, way, done)
        if found:
            return found
    return []


def _walk(graph: Graph, node: str, way: list[str], done: set[str]) -> list[str]:
    if node in way:
        return [*way[way.index(node) :], node]
    if node in done:
        return []
    way.append(node)
    for target in sorted(graph.get(node, ())):
        found = _walk(graph, target, way, done) if target != node else []
        if found:
            return found
    way.pop()
    done.add(node)
    return []


def layers(graph: Graph) -> list[list[str]]:
    """The rooms from the ground up: each stands above all that it imports. Of a graph without circles."""
    heights: dict[str, int] = {}

    def height(room: str) -> int:
        if room not in heights:
            heights[room] = 1 + max((height(other) for other in graph[room]), default=0)
        return heights[room]

    top = max(height(room) for room in graph)
    return [sorted(room for room in graph if heights[room] == level) for level in range(1, top + 1)]


def test_no_module_imports_itself_by_others() -> None:
    assert " -> ".join(circle(modules())) == ""


def test_no_room_imports_itself_by_others() -> None:
    assert " -> ".join(circle(rooms())) == ""


def test_the_house_is_no_higher_than_it_was() -> None:
    """Fewer is better: lower the bound when a layer goes."""
    found = layers(rooms())
    assert len(found) <= LAYERS_MAX, "\n".join(f"{level}: {', '.join(names)}" for level, names in enumerate(found, 1))


def test_a_circle_is_found_wherever_it_closes() -> None:
    graph = {"a": frozenset("bc"), "b": frozenset("d"), "c": frozenset("d"), "d": frozenset("e"), "e": frozenset("c")}
    assert circle(graph) == ["d", "e", "c", "d"]
    assert circle({**graph, "e": frozenset()}) == []
    assert layers({**graph, "e": frozenset()}) == [["e"], ["d"], ["b", "c"], ["a"]]


def test_rooms_are_packages_and_loose_modules_stand_in_the_one_around_them() -> None:
    rooms_of = {
        "station.core.kernel": "station.core",
        "station.features.maintenance.firmware": "station.features",
        "station.replay.proof.verify": "station.replay.proof",
        "station.replay.commands": "station.replay",
        "devices.gpio.board": "devices.gpio",
        "devices.readings": "devices",
        "eventstore.catalogue.link": "eventstore",
    }
    assert {module: room_of(module) for module in rooms_of} == rooms_of

"""The product's source files, as the architecture tests look at them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("eventstore", "station", "projections", "devices", "migrations")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One module: its dotted name, its file relative to the root, its lines and its tree."""

    module: str
    path: Path
    lines: tuple[str, ...]
    tree: ast.Module


@cache
def sources() -> tuple[Source, ...]:
    """Every module of the five packages."""
    return tuple(_read(path) for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))


def _read(path: Path) -> Source:
    relative = path.relative_to(ROOT)
    parts = relative.with_suffix("").parts
    text = path.read_text(encoding="utf-8")
    return Source(
        module=".".join(parts[:-1] if parts[-1] == "__init__" else parts),
        path=relative,
        lines=tuple(text.splitlines()),
        tree=ast.parse(text, str(relative)),
    )


@cache
def module_names() -> frozenset[str]:
    return frozenset(source.module for source in sources())


def imports(source: Source) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything that a module imports, wherever the import stands."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, _imported(node, alias.name)) for alias in node.names)


def _imported(node: ast.ImportFrom, name: str) -> str:
    """`from a import b` imports the module a.b if there is one, else something out of a."""
    origin = "." * node.level + (node.module or "")
    submodule = f"{origin}.{name}"
    return submodule if submodule in module_names() else origin


def is_within(module: str, packages: tuple[str, ...]) -> bool:
    """Whether a module is one of these packages or modules, or lies inside one."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)

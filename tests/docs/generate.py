"""Writes the tables of the documentation, the manual page and the shells' completion anew, from what the code declares:
`make docs`, or

    python -m tests.docs.generate

at the root of the project. A table stands between `<!-- table NAME -->` and `<!-- end NAME -->`; the rest of a page is prose
and stays as it is. tests/architecture/test_docs.py fails when a page is not what this would write.
"""

import inspect
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from devices.kinds import SubTable, TableArray, keys_of, required_keys
from eventstore.catalogue import ALL as EVENTS
from eventstore.event import Event, Observation, Recorded
from projections.station import INITIAL, StationState, evolve
from station import VERSION
from station.certify.catalogue import all_cases
from station.certify.keys import limits_of
from station.certify.needs import Need
from station.certify.registry import Case
from station.cli.main import COMMANDS, make_parser
from station.core.config_keys import Access, ConfigKey
from station.features import registry_for
from station.swarm.faults import KINDS as FAULT_KINDS
from station.swarm.scenario import SwarmScenario
from tests.architecture.sources import PACKAGES
from tests.architecture.test_imports import LAYERS
from tests.conformance.requirements import GROUNDS, PARTS, Requirement, nothing_asked, readings, requirements
from tests.docs.golden_papers import papers
from tests.given import DESCRIPTION

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
AGAIN = "run make docs"

ACCESS = {Access.READ_ONLY: "read", Access.READ_WRITE: "read, write", Access.WRITE_ONLY: "write"}


def described_station() -> StationState:
    """A station as the default settings make it, where defaults that follow from the station are looked up."""
    return evolve(INITIAL, Recorded(seq=1, cause=1, at_ms=0, utc_ms=0, event=DESCRIPTION))


# ---- configuration keys -------------------------------------------------------------------------------------------


def config_keys() -> Iterator[str]:
    """Every OCPP configuration key of a station with all profiles on, by feature profile."""
    state = described_station()
    registry = registry_for()
    for profile in registry.profiles:
        yield from ("", f"### {profile}", "")
        yield "| key | type | unit | access | range | default | required | clause | what it does |"
        yield "|---|---|---|---|---|---|---|---|---|"
        keys = [key for feature in registry.features if feature.ocpp_profile == profile for key in feature.config_keys]
        yield from (key_row(key, state) for key in sorted(keys, key=lambda key: key.name))


def key_row(key: ConfigKey[Any], state: StationState) -> str:
    """A key in a line."""
    required = "yes" if key.required else ""
    default = key.kind.canonical(key.default_of(state))
    cells = (
        f"`{key.name}`",
        key.kind.name,
        key.unit,
        access_text(key),
        limits_of(key),
        f"`{default}`" if default else "",
    )
    return row(*cells, required, key.clause, key.doc)


def access_text(key: ConfigKey[Any]) -> str:
    """What the CSMS may do; what depends on the station or needs a restart is said."""
    notes = [
        note
        for note, holds in (("read only on some stations", key.access_of), ("after a restart", key.reboot_required))
        if holds
    ]
    return "; ".join((ACCESS[key.access], *notes))


# ---- events -------------------------------------------------------------------------------------------------------


def events() -> Iterator[str]:
    """Every event of the catalogue, by the module of its subject."""
    modules = dict.fromkeys(event.__module__ for event in EVENTS)
    for module in modules:
        yield from (
            "",
            f"### {module.rpartition('.')[2]}",
            "",
            f"{first_sentence(sys.modules[module].__doc__ or '')}",
            "",
        )
        yield from ("| event | version | kind | members | what it says |", "|---|---|---|---|---|")
        yield from (event_row(event) for event in EVENTS if event.__module__ == module)


def event_row(event: type[Event]) -> str:
    """An event in a line."""
    kind = "observation" if issubclass(event, Observation) else "decision"
    members = ", ".join(f"`{member}`" for member in event.__struct_fields__)
    return row(f"`{event.NAME}`", str(event.VERSION), kind, members, first_sentence(event.__doc__ or ""))


# ---- layers -------------------------------------------------------------------------------------------------------


def layers() -> Iterator[str]:
    """Who may import what, as the architecture test has it."""
    yield from ("| modules | of ours | of others | never |", "|---|---|---|---|")
    for rule, found in groupby(LAYERS, lambda layer: (layer.ours, layer.third_party, layer.never)):
        ours, others, never = rule
        modules = code(layer.package for layer in found)
        yield row(modules, "everything" if ours == PACKAGES else code(ours), code(sorted(others)), code(never))


def code(names: Iterable[str]) -> str:
    """Names as code, separated by commas."""
    return ", ".join(f"`{name}`" for name in names)


# ---- commands -----------------------------------------------------------------------------------------------------


def commands() -> Iterator[str]:
    """Every command of `chargebox`."""
    yield from ("| command | what it does |", "|---|---|")
    yield from (row(f"`chargebox {name}`", summary) for name, (_, summary) in COMMANDS.items())


# ---- conformance --------------------------------------------------------------------------------------------------


def requirement_counts() -> Iterator[str]:
    """How many rows each part of the table has, by their fate."""
    yield from ("| part | rows | done | exempt |", "|---|---|---|---|")
    rows = requirements()
    for part in (*PARTS, "all"):
        of_part = [each for each in rows if part in (each.part, "all")]
        exempt = sum(1 for each in of_part if each.reason)
        yield row(part, str(len(of_part)), str(len(of_part) - exempt), str(exempt))


def requirement_rows() -> Iterator[str]:
    """Every requirement of the standard, by part and clause."""
    for part, of_part in groupby(requirements(), lambda each: each.part):
        yield from ("", f"### {part}", "", "| clause | what is asked | done by | shown by |", "|---|---|---|---|")
        yield from (requirement_row(each) for each in of_part)


def requirement_row(requirement: Requirement) -> str:
    """A requirement in a line; an exempt one has its reason in place of module and test."""
    if requirement.reason:
        return row(requirement.clause, requirement.says, f"exempt: {requirement.reason}", "")
    return row(requirement.clause, requirement.says, module_link(requirement.module), test_link(requirement.test))


def reading_rows() -> Iterator[str]:
    """Every choice between two readings."""
    yield from ("| clauses | question | choice | by | made in | shown by |", "|---|---|---|---|---|---|")
    for each in readings():
        made, shown = module_link(each.module), test_link(each.test)
        yield row(each.clauses, each.question, each.choice, GROUNDS[each.because], made, shown)


def silent_rows() -> Iterator[str]:
    """The clauses that ask nothing."""
    yield from ("| document | clauses | why |", "|---|---|---|")
    yield from (row(each.document, ", ".join(each.clauses), each.why) for each in nothing_asked())


def module_link(module: str) -> str:
    """A module, linked from a page in docs/."""
    return f"[{module}](../{module})"


def test_link(node: str) -> str:
    """A test by what it says, linked to its file from a page in docs/."""
    file, _, name = node.partition("::")
    if name.startswith("test_case["):  # a certification case, by its id
        return f"[{name.removeprefix('test_case[').removesuffix(']')}](../{file})"
    return f"[{name.removeprefix('test_').replace('_', ' ')}](../{file})"


# ---- certification ------------------------------------------------------------------------------------------------


def certification_cases() -> Iterator[str]:
    """Every case that is played, with its readings, by functionality."""
    for functionality, of_it in groupby(all_cases(), lambda case: case.functionality):
        yield from (
            "",
            f"### {functionality.name}",
            "",
            "| case | name | what it asks for | clause | needs |",
            "|---|---|---|---|---|",
        )
        yield from (case_row(tuple(found)) for _, found in groupby(of_it, lambda case: case.case_id))


def case_row(found: Sequence[Case]) -> str:
    """A case in a line; what only some of its readings need is said with them."""
    first = found[0]
    shows = "; ".join(dict.fromkeys(case.shows for case in found))
    needing: dict[str, list[str]] = {}
    for case in found:
        for text in dict.fromkeys(need_text(need) for need in case.needs):
            needing.setdefault(text, []).append(case.variant)
    needs = [text if len(of) == len(found) else f"{text} ({', '.join(of)})" for text, of in needing.items() if text]
    return row(first.case_id, first.name, shows, first.clause, "; ".join(needs))


def need_text(need: Need) -> str:
    """What it is, and what the settings say for it; "" for a feature profile that is on."""
    said = [
        f"`[{table}] {key} = {toml(value)}`" for table, keys in need.settings.items() for key, value in keys.items()
    ]
    if need.security_profile is not None:
        said.append(f"`[csms] security_profile = {need.security_profile}`")
    is_of_profile = need.name == "OCPP profile"
    return ", ".join(said) if is_of_profile or said else need.name


def toml(value: object) -> str:
    """A number, a truth or a text as TOML has it."""
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


# ---- pages --------------------------------------------------------------------------------------------------------


def first_sentence(text: str) -> str:
    """The first paragraph up to its first full stop that ends a sentence, on one line."""
    paragraph = " ".join(inspect.cleandoc(text).partition("\n\n")[0].split())
    return re.split(r"(?<=[.!?])\s(?=[A-Z`])", paragraph, maxsplit=1)[0]


def row(*cells: str) -> str:
    """A line of a table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


# ---- swarm --------------------------------------------------------------------------------------------------------


def scenario_keys() -> Iterator[str]:
    """Every key of a swarm's scenario, table by table."""
    yield "| table | key | kind | default | what it does |"
    yield "|---|---|---|---|---|"
    yield from _scenario_table("", SwarmScenario)


def _scenario_table(name: str, section: type[Any]) -> Iterator[str]:
    inner: list[tuple[str, type[Any]]] = []
    required = required_keys(section)
    for key, declared in keys_of(section).items():
        if isinstance(declared.kind, SubTable | TableArray):
            is_array = isinstance(declared.kind, TableArray)
            path = f"{name}.{key}".lstrip(".")
            inner.append((f"[{path}]" if is_array else path, declared.kind.section))
            continue
        default = "required" if key in required else f"`{toml_of(getattr(section(**_needed(section)), key))}`"
        shown = f"`[{name}]`" if name else ""
        yield row(shown, f"`{key}`", declared.kind.describe(), default, declared.doc)
    for path, kind in inner:
        yield from _scenario_table(path, kind)


def _needed(section: type[Any]) -> dict[str, Any]:
    """Some value for each key that has no default: the others are looked up beside them."""
    return dict.fromkeys(required_keys(section), 0)


def toml_of(value: object) -> str:
    """A default as a scenario would spell it."""
    if isinstance(value, tuple):
        return f"[{', '.join(f'{each:g}' for each in value)}]"
    if isinstance(value, Mapping):
        return "{}"
    return f'"{value}"' if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)


def swarm_faults() -> Iterator[str]:
    """Every kind of fault that a swarm finds."""
    yield "| fault | what it means |"
    yield "|---|---|"
    yield from (row(f"`{kind}`", means) for kind, means in FAULT_KINDS.items())


TABLES: dict[str, Callable[[], Iterable[str]]] = {
    "config-keys": config_keys,
    "events": events,
    "layers": layers,
    "scenario": scenario_keys,
    "swarm-faults": swarm_faults,
    "commands": commands,
    "requirement-counts": requirement_counts,
    "requirements": requirement_rows,
    "readings": reading_rows,
    "nothing-asked": silent_rows,
    "certification-cases": certification_cases,
}
# ---- the shell and the manual -------------------------------------------------------------------------------------


def completion(shell: str) -> str:
    """What completes `chargebox` in a shell ("bash" or "zsh"), made from the parsers."""
    import shtab

    return str(shtab.complete(make_parser(), shell))


def manual() -> str:
    """The manual page, made from the parsers; 80 columns wide wherever it is made."""
    from argparse_manpage.manpage import Manpage

    columns, os.environ["COLUMNS"] = os.environ.get("COLUMNS"), "80"
    try:
        found = Manpage(make_parser(), format="single-commands-section")
        found.date, found.source, found.manual = "", f"chargebox {VERSION}", "chargebox"
        return str(found).rstrip("\n") + "\n"
    finally:
        os.environ.pop("COLUMNS")
        if columns is not None:
            os.environ["COLUMNS"] = columns


FILES: dict[Path, Callable[[], str]] = {
    ROOT / "deploy" / "completion" / "chargebox.bash": lambda: completion("bash"),
    ROOT / "deploy" / "completion" / "_chargebox": lambda: completion("zsh"),
    ROOT / "deploy" / "man" / "chargebox.1": manual,
}

PAGES = (
    DOCS / "configuration-keys.md",
    DOCS / "architecture.md",
    DOCS / "events.md",
    DOCS / "README.md",
    DOCS / "conformance.md",
    DOCS / "certification.md",
    DOCS / "swarm.md",
)


def page(text: str) -> str:
    """A page with its tables as they should be; raises ValueError for a mark that no table belongs to."""

    def table(match: re.Match[str]) -> str:
        name = match[1]
        if name not in TABLES:
            raise ValueError(f"no table {name!r}")
        lines = "\n".join(TABLES[name]()).strip("\n")
        return f"<!-- table {name} -->\n{lines}\n<!-- end {name} -->"

    return re.sub(r"<!-- table ([\w-]+) -->\n.*?<!-- end \1 -->", table, text, flags=re.DOTALL)


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(page(path.read_text(encoding="utf-8")), encoding="utf-8")
        print(path.relative_to(ROOT))
    for path, make in FILES.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(make(), encoding="utf-8")
        print(path.relative_to(ROOT))
    for path, text in papers().items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))

"""Who may import what: the layers of station/README.md as one table, read by `ast` from the whole tree."""

import ast
import subprocess
import sys
from dataclasses import dataclass

import pytest

from station.wire.messages import MESSAGES
from tests.architecture.sources import PACKAGES, ROOT, Source, imports, is_within, sources

VALUE = "eventstore.value"
PERSISTENT = "eventstore.persistent"
PURE_EVENTSTORE = ("eventstore.event", "eventstore.catalogue", "eventstore.structure", VALUE, PERSISTENT)
SETTINGS = ("station.settings.loading", "station.settings.lines", "station.settings.sections", "station.settings.kinds")
DESK = frozenset({"rich", "pyarrow", "duckdb", "dask", "distributed", "matplotlib"})
NETWORK = frozenset({"websockets", "starlette", "uvicorn", "h11", "httpx2", "httpcore2", "aioftp", "anyio"})
SHELL = NETWORK | {"aiosqlite", "orjson", "marshmallow", "cryptography", "gpiozero"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What the modules inside `package` may import beside the standard library; the longest match counts."""

    package: str
    ours: tuple[str, ...] = ()
    third_party: frozenset[str] = frozenset()
    never: tuple[str, ...] = ()


FACTS = (*PURE_EVENTSTORE, "projections", "station.wire")
"""What every decision may build on."""
CORE = (*FACTS, "station.core")
DECISIONS = (*CORE, "station.rules", "station.features")

SHELLS = (
    *("station.runtime", "station.service", "station.daemon", "station.demo", "station.doctor", "station.certify"),
)
"""The shell may import everything of ours but the commands."""

MQTT_PURE = ("station.mqtt.topics", "station.mqtt.discovery")

LAYERS = (
    Layer(package="migrations", ours=("migrations",), third_party=frozenset({"msgspec"})),
    Layer(package=VALUE, third_party=frozenset({"msgspec"})),
    Layer(package="eventstore.structure", ours=(VALUE, PERSISTENT), third_party=frozenset({"msgspec"})),
    Layer(package="eventstore.event", ours=PURE_EVENTSTORE, third_party=frozenset({"msgspec"})),
    Layer(package="eventstore.catalogue", ours=PURE_EVENTSTORE),
    Layer(package=PERSISTENT, third_party=frozenset({"immutables"})),
    Layer(
        package="eventstore",
        ours=("eventstore", "migrations"),
        third_party=frozenset({"aiosqlite", "orjson"}),
    ),
    Layer(package="eventstore.zstandard", third_party=frozenset({"backports", "compression"})),
    Layer(package="devices", ours=("devices",), third_party=frozenset({"msgspec"})),
    Layer(package="devices.readers", ours=("devices",), third_party=frozenset({"evdev", "msgspec", "serialx"})),
    Layer(
        package="devices.gpio",
        ours=("devices",),
        third_party=frozenset({"Adafruit_PureIO", "gpiod", "gpiozero", "msgspec"}),
    ),
    Layer(
        package="devices.modbus", ours=("devices",), third_party=frozenset({"msgspec", "pymodbus", "serial", "serialx"})
    ),
    Layer(package="devices.evse", ours=("devices",), third_party=frozenset({"msgspec", "serialx"})),
    Layer(package="projections", ours=("projections", *PURE_EVENTSTORE)),
    Layer(package="station.wire", ours=("station.wire", VALUE), third_party=frozenset({"marshmallow", "orjson"})),
    Layer(package="station.settings", ours=("station.settings", "devices.kinds", VALUE)),
    Layer(package="station.boards", ours=("station.boards", "station.settings", "devices", VALUE)),
    Layer(package="station"),
    Layer(package="station.page_files"),
    Layer(package="station.core", ours=CORE),
    Layer(package="station.rules", ours=(*CORE, "station.rules")),
    # The outputs speak the board's language: its pure part, no driver.
    Layer(package="station.rules.outputs", ours=(*CORE, "station.rules", "devices.iec61851", "devices.readings")),
    Layer(package="station.features", ours=DECISIONS),
    Layer(package="station.telling", ours=(*FACTS, "station.telling")),
    Layer(package="station.views", ours=(*DECISIONS, "station.telling", "station.views")),
    Layer(
        package="station.replay",
        ours=(
            *DECISIONS,
            *("station.telling", "station.views", "station.page_files", "station.replay", "eventstore", "migrations"),
        ),
        third_party=DESK | {"aiosqlite", "cryptography", "orjson"},
        never=(*SHELLS, "station.fleet", "station.cli"),
    ),
    Layer(
        package="station.fleet",
        ours=("station.fleet", "station.replay", "station.telling", "eventstore"),
        third_party=DESK | {"orjson"},
        never=("station.cli",),
    ),
    *(Layer(package=name, ours=PACKAGES, third_party=SHELL, never=("station.cli",)) for name in SHELLS),
    Layer(package="station.mqtt.packets", third_party=frozenset({"msgspec"})),
    Layer(package="station.mqtt", ours=PACKAGES, third_party=frozenset({"aiomqtt", "orjson"}), never=("station.cli",)),
    *(Layer(package=name, ours=(*DECISIONS, "station.telling", "station.views", "station.mqtt")) for name in MQTT_PURE),
    Layer(package="station.swarm", ours=PACKAGES, third_party=SHELL | DESK, never=("station.cli",)),
    Layer(
        package="station.cli",
        ours=(
            "station.cli",
            "station.settings.loading",
            "station.boards",
            "station.replay",
            "station.fleet",
            "station.swarm",
            *SHELLS,
        ),
        third_party=frozenset({"rich"}),
    ),
)

PURE = (
    "migrations.upcasters",
    *PURE_EVENTSTORE,
    "projections",
    "station.wire",
    "station.core",
    "station.rules",
    "station.features",
    "station.telling",
    "station.views",
    *MQTT_PURE,
    "station.mqtt.packets",
    "devices.iec61851",
    "devices.debounce",
    "devices.interlock",
    "devices.evse.obedience",
    "devices.evse.rapi",
    "devices.evse.watch",
)
"""No I/O, clock or chance."""

PURE_NEVER = frozenset(
    "asyncio concurrent ftplib glob http io multiprocessing os pathlib queue random secrets select selectors shutil signal "
    "smtplib socket socketserver sqlite3 ssl subprocess sys tempfile threading time urllib.request uuid".split()
)
DIGEST_ONLY = frozenset({"hashlib"})
CLOCK_READERS = frozenset({"now", "utcnow", "today"})
IMPURE_BUILTINS = frozenset({"open", "print", "input", "__import__", "exec", "eval"})


def layer_of(module: str) -> Layer:
    matching = [layer for layer in LAYERS if is_within(module, (layer.package,))]
    return max(matching, key=lambda layer: len(layer.package))


def is_pure(module: str) -> bool:
    return is_within(module, PURE)


def may_import(module: str, target: str) -> bool:
    layer = layer_of(module)
    top = target.partition(".")[0]
    if (top, target) == (module.partition(".")[0], top):
        return True  # what a package says of itself, as its version
    if top in PACKAGES:
        return is_within(target, layer.ours) and not is_within(target, layer.never)
    if is_within(module, ("projections",)) and top in DIGEST_ONLY:
        return module == "projections.digest"
    if top in sys.stdlib_module_names:
        return not (is_pure(module) and (top in PURE_NEVER or target in PURE_NEVER))
    return top in layer.third_party


def violations(source: Source) -> list[str]:
    return [
        f"{source.path}:{line}: {source.module} must not import {target}"
        for line, target in imports(source)
        if not may_import(source.module, target)
    ]


def impurities(source: Source) -> list[str]:
    """Calls by which a pure module would ask for the time, or do input or output, without an import."""
    found = []
    for node in ast.walk(source.tree):
        match node:
            case ast.Call(func=ast.Attribute(attr=name)) if name in CLOCK_READERS:
                found.append(f"{source.path}:{node.lineno}: asks for the time: {name}()")
            case ast.Call(func=ast.Name(id=name)) if name in IMPURE_BUILTINS:
                found.append(f"{source.path}:{node.lineno}: is not pure: {name}()")
    return found


def test_every_import_follows_the_layers() -> None:
    assert [text for source in sources() for text in violations(source)] == []


def test_the_pure_set_neither_asks_for_the_time_nor_does_input_or_output() -> None:
    assert [text for source in sources() if is_pure(source.module) for text in impurities(source)] == []


def test_features_do_not_import_each_other() -> None:
    features = "station.features"
    faults = []
    for source in sources():
        if not source.module.startswith(f"{features}."):
            continue
        own = ".".join(source.module.split(".")[:3])
        faults += [
            f"{source.path}:{line}: {target}"
            for line, target in imports(source)
            if is_within(target, (features,)) and not is_within(target, (own,))
        ]
    assert faults == []


def test_importing_the_pure_set_loads_no_database_network_or_pins() -> None:
    names = sorted(source.module for source in sources() if is_pure(source.module))
    unwanted = ["asyncio", "sqlite3", "aiosqlite", "websockets", "httpx2", "starlette", "gpiozero"]
    code = f"import importlib, sys\nfor n in {names!r}: importlib.import_module(n)\n"
    code += f"print([m for m in {unwanted!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


@pytest.mark.parametrize(
    ("module", "target", "allowed"),
    [
        ("migrations.upcasters.x", "eventstore.event", False),
        ("eventstore.event", "sqlite3", False),
        ("eventstore.log", "sqlite3", True),
        ("eventstore.log", "projections.station", False),
        ("eventstore.catalogue.link", "eventstore.log", False),
        ("projections.link", "eventstore.event", True),
        ("projections.link", "eventstore.structure", True),
        ("projections.link", "eventstore.log", False),
        ("projections.link", "immutables", False),
        ("projections.link", "eventstore.persistent", True),
        ("eventstore.archive", "backports.zstd", False),
        ("eventstore.zstandard", "backports.zstd", True),
        ("projections.link", "msgspec", False),
        ("projections.digest", "hashlib", True),
        ("eventstore.structure", "msgspec", True),
        ("projections.digest", "asyncio", False),
        ("devices.bench.world", "gpiozero", False),
        ("devices.gpio.pilot", "gpiozero", True),
        ("devices.evse.open_evse", "serialx", True),
        ("devices.evse.board", "pymodbus", False),
        ("devices.interlock", "threading", False),
        ("station.wire.schema", "marshmallow", True),
        ("station.wire.schema", "projections.station", False),
        ("station.features.boot", "station.wire.frames", True),
        ("station.features.boot", "station.runtime.clock", False),
        ("station.features.boot", "devices.readings", False),
        ("station.features.boot", "eventstore.log", False),
        ("station.features.boot", "datetime", True),
        ("station.core.kernel", "time", False),
        ("station.core.kernel", "station.rules.status", False),
        ("station.rules.status", "station.core.feature", True),
        ("station.rules.status", "station.features.link", False),
        ("station.telling.story", "station.core.kernel", False),
        ("station.views.now", "station.features.smart_charging.reasons", True),
        ("station.views.now", "station.runtime.clock", False),
        ("station.unforeseen", "projections.station", False),
        ("station.replay.proof.verify", "eventstore.log", True),
        ("station.replay.proof.verify", "station.runtime.clock", False),
        ("station.runtime.link", "websockets", True),
        ("station.runtime.link", "station.cli.main", False),
        ("station.cli.main", "station.daemon.bootstrap", True),
        ("station.boards.gpio", "devices.gpio.board", True),
        ("station.boards.gpio", "station.runtime.clock", False),
        ("station.cli.main", "projections.station", False),
    ],
)
def test_the_table_says_what_the_architecture_says(module: str, target: str, allowed: bool) -> None:
    assert may_import(module, target) is allowed


def test_the_core_knows_no_message_by_its_name() -> None:
    """What is special about a message stands with the feature that owns it, in its `Call` or its `Answer`."""
    named = [
        f"{source.path}:{node.lineno}: {node.value}"
        for source in sources()
        if is_within(source.module, ("station.core",))
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in MESSAGES
    ]
    assert named == []

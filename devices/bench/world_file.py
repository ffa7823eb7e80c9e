"""Where the bench keeps its world: two files in the storage directory that outlive the process.

`bench.json` is the whole world, replaced atomically (temporary file, fsync, rename, fsync of the directory) at each bench
control. What the station itself moves in between, the meter registers and the locks, goes to `bench-copper`: one record of 64
bytes for each connector, overwritten in place without a sync. A write that returned outlives the process however that is killed,
so a register that was handed out is never behind in the next process; and neither the reading of a meter nor the drive of a lock
waits for the disk to sync. A record carries the generation of the `bench.json` that it belongs to: after a loss of power, which may
keep one file and lose the other, an older record is void and the world of `bench.json` stands.
"""

import json
import os
import zlib
from pathlib import Path

from msgspec import to_builtins
from msgspec.structs import replace

from devices.bench.world import (
    LETS_GO_MS,
    MICROWATT_SECONDS_PER_WH,
    REGISTER_MAX_WH,
    BenchSensor,
    ConnectorWorld,
    Network,
    PlantedFault,
    World,
)

WORLD_NAME = "bench.json"
COPPER_NAME = "bench-copper"
DAMAGED_SUFFIX = ".damaged"
RECORD_BYTES = 64
FORMAT = 1


class WorldFile:
    """The two files in `directory`. `load` first; `save` and `store` raise OSError when the disk refuses."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._path = directory / WORLD_NAME
        self._generation = 0

    def load(self) -> World | None:
        """The world as it was left; None without one, or with one that cannot be read, which is moved aside."""
        try:
            document = json.loads(self._path.read_bytes())
            world = world_from_document(document)
            self._generation = _whole(document, "generation")
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, RecursionError):
            self._path.replace(self._path.with_name(WORLD_NAME + DAMAGED_SUFFIX))
            return None
        return replace(world, connectors=tuple(self._moved_since(connector) for connector in world.connectors))

    def save(self, world: World) -> None:
        """Replace `bench.json`, durable when this returns."""
        self._directory.mkdir(parents=True, exist_ok=True)
        document = {"format": FORMAT, "generation": self._generation + 1, **to_builtins(world)}
        temporary = self._path.with_name(WORLD_NAME + ".new")
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._path)
        self._generation += 1
        _sync_directory(self._directory)

    def store(self, connector: ConnectorWorld) -> None:
        """Keep the register and the lock of one connector, so that they outlive this process."""
        text = f"{self._generation:015d} {connector.register_uws:025d} {connector.locked:d}".encode()
        record = b"%s %08x" % (text, zlib.crc32(text))
        descriptor = os.open(self._directory / COPPER_NAME, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            os.pwrite(descriptor, record.ljust(RECORD_BYTES - 1) + b"\n", (connector.connector_id - 1) * RECORD_BYTES)
        finally:
            os.close(descriptor)

    def _moved_since(self, connector: ConnectorWorld) -> ConnectorWorld:
        try:
            copper = (self._directory / COPPER_NAME).read_bytes()
        except FileNotFoundError:
            return connector
        record = copper[(connector.connector_id - 1) * RECORD_BYTES :][:RECORD_BYTES].split()
        if len(record) != 4 or record[3] != b"%08x" % zlib.crc32(b" ".join(record[:3])):
            return connector
        if int(record[0]) != self._generation:
            return connector
        return replace(connector, register_uws=int(record[1]), locked=record[2] == b"1")


def world_from_document(document: object) -> World:
    """The world of a parsed `bench.json`. Raises ValueError, KeyError or TypeError for anything else."""
    fields = _table(document)
    if fields["format"] != FORMAT:
        raise ValueError(f"format {fields['format']!r} is not {FORMAT}")
    connectors = tuple(_connector(item) for item in _items(fields, "connectors"))
    if [connector.connector_id for connector in connectors] != list(range(1, len(connectors) + 1)):
        raise ValueError("connectors are not numbered from 1")
    return World(
        connectors=connectors,
        station_faults=_faults(fields, "station_faults"),
        emergency_stop=_yes(fields, "emergency_stop"),
        mains=_yes(fields, "mains"),
        enclosure_open=_yes({"enclosure_open": False, **fields}, "enclosure_open"),  # older worlds do not say
        limit_contact_closed=_yes({"limit_contact_closed": False, **fields}, "limit_contact_closed"),
        network=_network(_table(fields["network"])),
        thermometer=_thermometer(fields),
    )


def _connector(item: object) -> ConnectorWorld:
    fields = _table(item)
    return ConnectorWorld(
        connector_id=_whole(fields, "connector_id"),
        ev_plugged=_yes(fields, "ev_plugged"),
        station_plugged=_yes(fields, "station_plugged"),
        seated=_yes(fields, "seated"),
        cable_rating_ma=_whole(fields, "cable_rating_ma"),
        vehicle_ready=_yes(fields, "vehicle_ready"),
        vehicle_max_current_ma=_whole(fields, "vehicle_max_current_ma"),
        vehicle_phases=_whole(fields, "vehicle_phases"),
        vehicle_soc_percent=None if fields["vehicle_soc_percent"] is None else _whole(fields, "vehicle_soc_percent"),
        vehicle_lets_go_ms=_lets_go_ms(fields),
        vehicle_evccid=_text({"vehicle_evccid": "", **fields}, "vehicle_evccid"),  # older worlds do not say
        vehicle_sleeps=_yes({"vehicle_sleeps": False, **fields}, "vehicle_sleeps"),  # older worlds do not say
        vehicle_asleep=_yes({"vehicle_asleep": False, **fields}, "vehicle_asleep"),
        locked=_yes(fields, "locked"),
        lock_jammed=_yes(fields, "lock_jammed"),
        contactor_defect=_text(fields, "contactor_defect"),
        meter_failed=_yes(fields, "meter_failed"),
        register_uws=_register(fields, "register_uws"),
        faults=_faults(fields, "faults"),
        thermometer=_thermometer(fields),
        monitor=None if fields.get("monitor") is None else _text(fields, "monitor"),  # older worlds have none
    )


def _lets_go_ms(fields: dict[str, object]) -> int | None:
    """A world that was kept before vehicles had this let go like any other; null is never."""
    name = "vehicle_lets_go_ms"
    if name not in fields:
        return LETS_GO_MS
    return None if fields[name] is None else _whole(fields, name)


def _thermometer(fields: dict[str, object]) -> BenchSensor | None:
    """Older worlds have none."""
    found = fields.get("thermometer")
    if found is None:
        return None
    temperature_dc = _table(found)["temperature_dc"]
    if temperature_dc is not None and (not isinstance(temperature_dc, int) or isinstance(temperature_dc, bool)):
        raise TypeError("temperature_dc is not a whole number")
    return BenchSensor(temperature_dc=temperature_dc)


def _network(fields: dict[str, object]) -> Network:
    return Network(up=_yes(fields, "up"), silent=_yes(fields, "silent"), persist=_yes(fields, "persist"))


def _faults(fields: dict[str, object], name: str) -> tuple[PlantedFault, ...]:
    tables = [_table(item) for item in _items(fields, name)]
    return tuple(
        PlantedFault(
            error_code=_text(table, "error_code"),
            info=_text(table, "info"),
            vendor_error_code=_text(table, "vendor_error_code"),
        )
        for table in tables
    )


def _table(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError("not a table")
    return value


def _items(fields: dict[str, object], name: str) -> list[object]:
    value = fields[name]
    if not isinstance(value, list):
        raise TypeError(f"{name} is not a list")
    return value


def _yes(fields: dict[str, object], name: str) -> bool:
    value = fields[name]
    if not isinstance(value, bool):
        raise TypeError(f"{name} is not true or false")
    return value


def _whole(fields: dict[str, object], name: str) -> int:
    value = fields[name]
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"{name} is not a whole number")
    return value


def _register(fields: dict[str, object], name: str) -> int:
    value = _whole(fields, name)
    if value > 10 * REGISTER_MAX_WH * MICROWATT_SECONDS_PER_WH:  # set to the largest, it still counts on
        raise ValueError(f"{name} is no register of a meter")
    return value


def _text(fields: dict[str, object], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is not a text")
    return value


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Where the bench keeps its world."""

import errno
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from devices.bench.world import ConnectorWorld, Network, PlantedFault, World
from devices.bench.world_file import COPPER_NAME, RECORD_BYTES, WORLD_NAME, WorldFile

FAULT = PlantedFault(error_code="GroundFailure", info="wet", vendor_error_code="E7")
WORLD = World(
    connectors=(
        ConnectorWorld(connector_id=1, ev_plugged=True, locked=True, register_uws=10**20, faults=(FAULT,)),
        ConnectorWorld(connector_id=2, vehicle_soc_percent=40, vehicle_lets_go_ms=None),
    ),
    station_faults=(FAULT,),
    emergency_stop=True,
    network=Network(up=False, persist=True),
)


def test_without_a_file_there_is_no_world(tmp_path: Path) -> None:
    assert WorldFile(tmp_path / "nowhere").load() is None


def test_a_world_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    WorldFile(tmp_path / "new").save(WORLD)
    assert WorldFile(tmp_path / "new").load() == WORLD


def test_a_world_of_before_vehicles_let_go_is_read(tmp_path: Path) -> None:
    WorldFile(tmp_path).save(WORLD)
    path = tmp_path / WORLD_NAME
    document = json.loads(path.read_text())
    for connector in document["connectors"]:
        del connector["vehicle_lets_go_ms"]
    path.write_text(json.dumps(document))
    found = WorldFile(tmp_path).load()
    assert found is not None
    assert [connector.vehicle_lets_go_ms for connector in found.connectors] == [50, 50]
    assert found.connector(1) == WORLD.connector(1)


def test_nothing_but_the_world_is_left_behind(tmp_path: Path) -> None:
    WorldFile(tmp_path).save(WORLD)
    assert [path.name for path in tmp_path.iterdir()] == [WORLD_NAME]


def test_what_was_stored_since_comes_back(tmp_path: Path) -> None:
    file = WorldFile(tmp_path)
    file.save(WORLD)
    file.store(replace(WORLD.connector(2), register_uws=42, locked=True))
    found = WorldFile(tmp_path).load()
    assert found is not None
    assert found.connector(1) == WORLD.connector(1)
    assert found.connector(2) == replace(WORLD.connector(2), register_uws=42, locked=True)


def test_a_record_older_than_the_world_is_void(tmp_path: Path) -> None:
    file = WorldFile(tmp_path)
    file.save(WORLD)
    file.store(replace(WORLD.connector(1), register_uws=1))
    file.save(WORLD)
    assert WorldFile(tmp_path).load() == WORLD


@given(st.integers(0, 2 * RECORD_BYTES - 1), st.integers(1, 255))
@settings(max_examples=60)
def test_a_damaged_record_gives_the_world_never_nonsense(
    tmp_path_factory: pytest.TempPathFactory, at: int, flip: int
) -> None:
    directory = tmp_path_factory.mktemp("copper")
    file = WorldFile(directory)
    file.save(WORLD)
    moved = [replace(connector, register_uws=99) for connector in WORLD.connectors]
    for connector in moved:
        file.store(connector)
    copper = bytearray((directory / COPPER_NAME).read_bytes())
    copper[at] ^= flip
    (directory / COPPER_NAME).write_bytes(copper)
    found = WorldFile(directory).load()
    assert found is not None
    for kept, stored, got in zip(WORLD.connectors, moved, found.connectors, strict=True):
        assert got in (kept, stored)


@pytest.mark.parametrize("length", [0, 1, RECORD_BYTES - 1, RECORD_BYTES])
def test_a_short_copper_file_is_no_obstacle(tmp_path: Path, length: int) -> None:
    file = WorldFile(tmp_path)
    file.save(WORLD)
    file.store(replace(WORLD.connector(2), register_uws=42))
    os.truncate(tmp_path / COPPER_NAME, length)
    assert WorldFile(tmp_path).load() == WORLD


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "",
        "{",
        "[]",
        "null",
        '{"format": 1}',
        '{"format": 2}',
        '{"format": 1, "connectors": [3]}',
        "\x00\xff",
    ],
)
def test_a_world_that_cannot_be_read_is_moved_aside(tmp_path: Path, text: str) -> None:
    (tmp_path / WORLD_NAME).write_text(text, encoding="latin-1")
    assert WorldFile(tmp_path).load() is None
    assert (tmp_path / f"{WORLD_NAME}.damaged").read_text(encoding="latin-1") == text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("emergency_stop", 1),
        ("network", []),
        ("station_faults", {}),
        ("connectors", [{}]),
        ("connectors", [{"connector_id": 2}]),
        ("generation", -1),
        ("generation", True),
    ],
)
def test_a_field_of_the_wrong_kind_is_damage(tmp_path: Path, name: str, value: object) -> None:
    WorldFile(tmp_path).save(WORLD)
    document = json.loads((tmp_path / WORLD_NAME).read_text())
    (tmp_path / WORLD_NAME).write_text(json.dumps({**document, name: value}))
    assert WorldFile(tmp_path).load() is None


def test_a_register_that_no_meter_shows_is_damage(tmp_path: Path) -> None:
    huge = replace(ConnectorWorld(connector_id=1), register_uws=1 << 200)
    WorldFile(tmp_path).save(replace(WORLD, connectors=(huge,)))
    assert WorldFile(tmp_path).load() is None


def test_a_world_without_a_bottom_is_damage(tmp_path: Path) -> None:
    (tmp_path / WORLD_NAME).write_text("[" * 100_000)
    assert WorldFile(tmp_path).load() is None


def test_connectors_out_of_order_are_damage(tmp_path: Path) -> None:
    WorldFile(tmp_path).save(replace(WORLD, connectors=(ConnectorWorld(connector_id=2),)))
    assert WorldFile(tmp_path).load() is None


def test_a_disk_that_refuses_leaves_the_old_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = WorldFile(tmp_path)
    file.save(WORLD)

    def no_space(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "no space")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", no_space)
        with pytest.raises(OSError, match="no space"):
            file.save(replace(WORLD, emergency_stop=False))
    file.store(replace(WORLD.connector(2), register_uws=42))
    found = WorldFile(tmp_path).load()
    assert found is not None
    assert found.emergency_stop
    assert found.connector(2).register_uws == 42


def test_the_world_is_synced_before_it_takes_its_place_and_the_directory_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    sync = os.fsync

    def watch(descriptor: int) -> None:
        target = Path(f"/proc/self/fd/{descriptor}").readlink()
        synced.append(f"{target.name}:{(tmp_path / WORLD_NAME).exists()}")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", watch)
    WorldFile(tmp_path).save(WORLD)
    assert synced == [f"{WORLD_NAME}.new:False", f"{tmp_path.name}:True"]

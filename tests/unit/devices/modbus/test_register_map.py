"""Register maps: the files that come with the program, decoding, and what a wrong map is told."""

import struct
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.modbus.meter import measured_by
from devices.modbus.register_map import (
    PHASES,
    QUANTITIES,
    TYPES,
    Block,
    MapError,
    ModbusRegister,
    RegisterMap,
    load_map,
    map_names,
    named_map,
    parse_map,
)

SIMPLE = """
name = "Test"
function = "input"
[values]
energy_import_wh = { at = 10, type = "uint32", scale = 10 }
"""


def words_of(kind: str, value: float, word_order: str = "big") -> list[int]:
    """The registers in which a meter shows a number."""
    code, length = TYPES[kind]
    raw = value if code in "fd" else int(value)
    words = list(struct.unpack(f">{length}H", struct.pack(f">{code}", raw)))
    return words if word_order == "big" else words[::-1]


def image(register_map: RegisterMap, values: Mapping[str, float]) -> dict[int, int]:
    """The registers of a meter of this type that shows these values in its own units."""
    registers: dict[int, int] = {}
    for block in register_map.blocks:
        for register in block.registers:
            words = words_of(register.type, values.get(register.name, 0), register_map.word_order)
            registers |= {register.address + offset: word for offset, word in enumerate(words)}
    return registers


def decoded(register_map: RegisterMap, registers: Mapping[int, int]) -> dict[str, int]:
    values: dict[str, int] = {}
    for block in register_map.blocks:
        words = [registers[address] for address in range(block.address, block.address + block.length)]
        values.update(register_map.decode(block, words))
    return values


def test_the_meters_in_common_use_are_there() -> None:
    assert set(map_names()) >= {"eastron-sdm630", "eastron-sdm72d-m", "abb-b23", "carlo-gavazzi-em340"}
    assert set(map_names()) >= {"eastron-sdm120", "eastron-sdm230", "carlo-gavazzi-em24", "carlo-gavazzi-em24-e1"}


@pytest.mark.parametrize("name", map_names())
def test_every_map_is_read_in_requests_that_the_meter_answers(name: str) -> None:
    register_map = load_map(name)
    assert {"energy_import_wh", "power_w"} <= set(register_map.quantities) <= set(QUANTITIES)
    assert all(1 <= block.length <= 125 for block in register_map.blocks)
    gapless = [sum(register.length for register in block.registers) == block.length for block in register_map.blocks]
    assert all(gapless)


@pytest.mark.parametrize(
    "name",
    [
        "eastron-sdm630",
        "eastron-sdm72d-m-2",
        "abb-b23",
        "carlo-gavazzi-em340",
        "carlo-gavazzi-em24",
        "carlo-gavazzi-em24-e1",
    ],
)
def test_a_three_phase_meter_gives_everything_per_phase(name: str) -> None:
    quantities = load_map(name).quantities
    for phase in PHASES:
        assert {f"voltage_{phase}_mv", f"current_{phase}_ma", f"power_{phase}_w"} <= set(quantities)
    assert "frequency_mhz" in quantities


@pytest.mark.parametrize("name", ["eastron-sdm120", "eastron-sdm230"])
def test_a_meter_of_one_phase_gives_everything_on_a_station_of_one_phase(name: str) -> None:
    wanted = {"energy_wh", "power_w", "frequency_mhz", "current_ma", "voltage_mv"}
    assert measured_by(load_map(name), 1) == wanted
    assert measured_by(load_map(name), 3) == wanted - {"current_ma", "voltage_mv"}


@pytest.mark.parametrize("name", ["carlo-gavazzi-em24", "carlo-gavazzi-em24-e1"])
def test_an_em24_is_never_asked_for_more_than_six_registers(name: str) -> None:
    assert max(block.length for block in load_map(name).blocks) == 6


@pytest.mark.parametrize(
    ("name", "shown", "values"),
    [
        (
            "eastron-sdm630",
            {
                "voltage_l1_mv": 230.1,
                "current_l2_ma": 15.96,
                "power_w": -120.4,
                "energy_import_wh": 1234.567,
                "frequency_mhz": 50.01,
            },
            {
                "voltage_l1_mv": 230_100,
                "current_l2_ma": 15_960,
                "power_w": -120,
                "energy_import_wh": 1_234_567,
                "frequency_mhz": 50_010,
            },
        ),
        (
            "eastron-sdm72d-m",
            {"power_w": 11_040.0, "energy_import_wh": 7.25},
            {"power_w": 11_040, "energy_import_wh": 7_250},
        ),
        (
            "abb-b23",
            {
                "voltage_l3_mv": 2_301,
                "current_l1_ma": 1_596,
                "power_w": -12_040,
                "energy_import_wh": 123_456,
                "frequency_mhz": 4_998,
            },
            {
                "voltage_l3_mv": 230_100,
                "current_l1_ma": 15_960,
                "power_w": -120,
                "energy_import_wh": 1_234_560,
                "frequency_mhz": 49_980,
            },
        ),
        (
            "carlo-gavazzi-em340",
            {
                "voltage_l2_mv": 2_301,
                "current_l1_ma": -15_960,
                "power_w": 110_404,
                "energy_import_wh": 12_345,
                "frequency_mhz": 500,
            },
            {
                "voltage_l2_mv": 230_100,
                "current_l1_ma": -15_960,
                "power_w": 11_040,
                "energy_import_wh": 1_234_500,
                "frequency_mhz": 50_000,
            },
        ),
        (
            "eastron-sdm120",
            {"voltage_l1_mv": 229.9, "current_l1_ma": 31.5, "power_w": 7_241.8, "energy_import_wh": 98.76},
            {"voltage_l1_mv": 229_900, "current_l1_ma": 31_500, "power_w": 7_242, "energy_import_wh": 98_760},
        ),
        (
            "carlo-gavazzi-em24",
            {"voltage_l3_mv": 2_301, "power_l1_w": -1_204, "energy_import_wh": 70_000, "frequency_mhz": 499},
            {"voltage_l3_mv": 230_100, "power_l1_w": -120, "energy_import_wh": 7_000_000, "frequency_mhz": 49_900},
        ),
    ],
)
def test_registers_become_integers_with_units(name: str, shown: dict[str, float], values: dict[str, int]) -> None:
    register_map = load_map(name)
    found = decoded(register_map, image(register_map, shown))
    for quantity, value in values.items():
        # A 32-bit float has seven digits.
        assert found[quantity] == pytest.approx(value, rel=1e-6), quantity


def test_the_registers_are_where_the_manuals_have_them() -> None:
    addresses = {
        (name, register.name): register.address
        for name in map_names()
        for block in load_map(name).blocks
        for register in block.registers
    }
    assert addresses["eastron-sdm630", "energy_import_wh"] == 72
    assert addresses["eastron-sdm630", "power_w"] == 52
    assert addresses["abb-b23", "energy_import_wh"] == 0x5000
    assert addresses["abb-b23", "voltage_l1_mv"] == 0x5B00
    assert addresses["carlo-gavazzi-em340", "energy_import_wh"] == 0x34
    assert addresses["carlo-gavazzi-em24", "energy_import_wh"] == 0x3E
    assert addresses["carlo-gavazzi-em24", "frequency_mhz"] == 0x37
    assert addresses["carlo-gavazzi-em24-e1", "energy_import_wh"] == 0x34
    assert addresses["eastron-sdm120", "power_w"] == addresses["eastron-sdm230", "power_w"] == 12
    assert addresses["eastron-sdm230", "energy_import_wh"] == 72
    assert (load_map("abb-b23").function, load_map("carlo-gavazzi-em340").word_order) == ("holding", "little")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("float32", words_of("float32", float("nan"))),
        ("float64", words_of("float64", float("inf"))),
        ("uint32", [0xFFFF, 0xFFFF]),
        ("int32", [0x7FFF, 0xFFFF]),
        ("uint64", [0xFFFF] * 4),
        ("int16", [0x7FFF]),
    ],
)
def test_what_a_meter_marks_as_not_available_is_left_out(kind: str, words: list[int]) -> None:
    register = ModbusRegister(name="power_w", address=0, type=kind, scale=Decimal(1))
    block = Block(address=0, length=len(words), registers=(register,))
    register_map = RegisterMap(name="", function="input", word_order="big", blocks=(block,))
    assert register_map.decode(block, words) == {}


@given(st.sampled_from(sorted(TYPES)), st.integers(-30_000, 30_000), st.sampled_from(["big", "little"]))
@settings(max_examples=60)
def test_every_encoding_gives_back_the_number(kind: str, number: int, word_order: str) -> None:
    value = abs(number) if kind.startswith("u") else number
    register = ModbusRegister(name="power_w", address=0, type=kind, scale=Decimal("0.1"))
    block = Block(address=0, length=register.length, registers=(register,))
    register_map = RegisterMap(name="", function="input", word_order=word_order, blocks=(block,))
    assert register_map.decode(block, words_of(kind, value, word_order))["power_w"] == round(Decimal(value) / 10)


def test_neighbours_are_read_together_as_far_as_the_meter_answers() -> None:
    text = """
    function = "input"
    registers_max = 6
    gap_max = 2
    [values]
    energy_import_wh = { at = 0, type = "uint32" }
    power_w = { at = 4, type = "int32" }
    frequency_mhz = { at = 6, type = "uint16" }
    voltage_l1_mv = { at = 100, type = "uint16" }
    """
    assert [(block.address, block.length) for block in parse_map(text).blocks] == [(0, 6), (6, 1), (100, 1)]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('function = "input"', 'function = "coil"', "function must be"),
        ('function = "input"', 'function = "input"\nword_order = "middle"', "word_order must be"),
        ('function = "input"', 'function = "input"\nregisters_max = 200', "registers_max must be"),
        ('function = "input"', 'function = "input"\ngap_max = -1', "gap_max must be"),
        ('function = "input"', 'function = "input"\nspeed = 3', "speed is no key"),
        ("energy_import_wh", "energy_wh", "values must have energy_import_wh"),
        ("at = 10", "at = 70000", "energy_import_wh: at must be"),
        ('"uint32"', '"uint33"', "energy_import_wh: type must be"),
        ("scale = 10", "scale = 0", "energy_import_wh: scale must be"),
        ("scale = 10", 'scale = "10"', "energy_import_wh: scale must be"),
        ("[values]", "[values]\npower_watt = { at = 1, type = 'int16' }", "power_watt is no quantity"),
        ("[values]", "[values]\npower_w = { at = 11, type = 'int16' }", "power_w overlaps energy_import_wh"),
        ("[values]", "[values]\npower_w = 3", "power_w must be a table"),
        ("[values]", "values = 3\n[rest]", "rest is no key"),
        ("function", "= function", "not valid TOML"),
        ("scale = 10", "scal = 1000", "Test: energy_import_wh: scal is no member of a register; did you mean scale"),
        ("scale = 10", "scale = nan", "Test: energy_import_wh: scale must be a number other than 0, not nan"),
        ("scale = 10", "scale = -inf", "energy_import_wh: scale must be a number other than 0, not nan or inf"),
        ("scale = 10", "scale = 0.0", "energy_import_wh: scale must be"),
        ("scale = 10", "scale = 1e999999", "energy_import_wh: scale must be between"),
        ("scale = 10", "scale = 0x" + "f" * 9_000, "energy_import_wh: scale must be between"),
        ("scale = 10", "scale = " + "9" * 9_000, "not valid TOML"),
        ("scale = 10", "scale = -10", "energy_import_wh: scale must be above 0"),
        ("scale = 10", "scale = true", "energy_import_wh: scale must be"),
        ("scale = 10", "scale = 1979-05-27", "energy_import_wh: scale must be"),
        ("at = 10", "at = 65535", "Test: energy_import_wh: at must be 65534 at most: uint32 takes 2 registers"),
        ("at = 10", "at = true", "energy_import_wh: at must be"),
        ("at = 10", "at = 1.5", "energy_import_wh: at must be"),
        ("at = 10, ", "", "energy_import_wh: at must be"),
        ('"uint32"', '["uint32"]', "energy_import_wh: type must be"),
        ('function = "input"', 'function = ["input"]', "function must be"),
        ('function = "input"', 'function = "input"\nword_order = {}', "word_order must be"),
        ('function = "input"', 'function = "input"\nregisters_max = true', "registers_max must be"),
        ('name = "Test"', "name = 3", "name must be text"),
        ('name = "Test"', "source = []", "source must be text"),
        ("[values]", "a = " + "[" * 5_000 + "]" * 5_000 + "\n[values]", "nested too deeply"),
    ],
)
def test_a_wrong_map_is_told_what_is_wrong(old: str, new: str, problem: str) -> None:
    with pytest.raises(MapError, match=problem):
        parse_map(SIMPLE.replace(old, new))


def test_the_last_register_of_all_may_be_used() -> None:
    assert parse_map(SIMPLE.replace("at = 10", "at = 65534")).blocks[0].address == 65_534


SCALARS = st.one_of(
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.sampled_from(["nan", "inf", "-inf", "1e9999999", "0.0", "1979-05-27", "07:32:00", "input", "uint16", "float64"]),
    st.text("abé\x00\n", max_size=5),
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text("ab", max_size=3), inner, max_size=3)),
    max_leaves=8,
)
BARE = frozenset({"nan", "inf", "-inf", "1e9999999", "0.0", "1979-05-27", "07:32:00"})


def toml_of(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str() if value in BARE:
            return value
        case str():
            return '"' + "".join(f"\\u{ord(letter):04x}" for letter in value) + '"'
        case list():
            return f"[{', '.join(map(toml_of, value))}]"
        case dict():
            return "{" + ", ".join(f"{toml_of(str(key))} = {toml_of(item)}" for key, item in value.items()) + "}"
        case _:
            return str(value)


REGISTERS = st.dictionaries(
    st.sampled_from(["at", "type", "scale", "scal"]),
    st.one_of(TREES, st.integers(0, 70_000), st.sampled_from(list(TYPES))),
    max_size=4,
)
DOCUMENTS = st.fixed_dictionaries(
    {"function": st.one_of(st.just("input"), TREES)},
    optional={
        **dict.fromkeys(("name", "source", "word_order", "registers_max", "gap_max", "other"), TREES),
        "values": st.one_of(
            TREES, st.dictionaries(st.sampled_from(QUANTITIES[:4]), st.one_of(REGISTERS, TREES), max_size=3)
        ),
    },
)


@given(
    st.one_of(
        DOCUMENTS.map(lambda tree: "\n".join(f"{key} = {toml_of(item)}" for key, item in tree.items())), st.text()
    )
)
@settings(max_examples=300)
def test_whatever_stands_in_a_map_it_is_one_or_is_told_what_is_wrong(text: str) -> None:
    try:
        register_map = parse_map(text)
    except MapError as error:
        assert str(error)
        return
    for block in register_map.blocks:
        assert block.address + block.length <= 65_536
        register_map.decode(block, [0x7F7F] * block.length)


@pytest.mark.parametrize("name", ["/no/such\0", "/"])
def test_what_cannot_be_a_file_cannot_be_read(name: str) -> None:
    with pytest.raises(MapError, match="cannot be read"):
        load_map(name)


def test_a_file_that_is_no_text_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(MapError, match="cannot be read"):
        load_map(str(tmp_path / "mine.toml"))


def test_a_map_may_be_the_makers_own_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(SIMPLE)
    assert load_map(str(file)).quantities == ("energy_import_wh",)
    with pytest.raises(MapError, match="cannot be read"):
        load_map(str(tmp_path / "none.toml"))
    with pytest.raises(MapError, match="eastron-sdm630"):
        load_map("mine")


def test_a_block_is_cut_where_a_request_would_be_too_long_and_never_within_a_value() -> None:
    block = load_map("eastron-sdm72d-m-2").blocks[0]
    parts = block.cut(6)
    assert [register for part in parts for register in part.registers] == list(block.registers)
    assert max(part.length for part in parts) <= 6
    assert all(part.registers[0].address == part.address for part in parts)
    assert block.cut(125) == (block,)


def test_a_map_of_names_alone_says_what_there_is() -> None:
    assert named_map("A controller", ("power_w", "energy_import_wh")).quantities == ("power_w", "energy_import_wh")

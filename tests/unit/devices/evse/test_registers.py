"""What is read in one turn, and what the registers say."""

import pytest

from devices.evse.controller_map import TextSpot, load_controller
from devices.evse.registers import ControllerPlace, meter_values, requests, tag_of, text_of, words_of
from devices.modbus.line import BusRequest


def spans(name: str, place: ControllerPlace, longest: int = 125) -> list[tuple[str, int, int]]:
    return [(r.function, r.address, r.count) for r in requests(load_controller(name), place, longest)]


def test_registers_that_lie_together_are_read_together() -> None:
    assert spans("evse-din", ControllerPlace(unit=1)) == [("holding", 1000, 3)]
    assert spans("heidelberg-ec", ControllerPlace(unit=1)) == [
        ("holding", 257, 1),
        ("holding", 261, 2),
        ("input", 5, 14),
    ]
    assert spans("phoenix-em-cp-pp-eth", ControllerPlace(unit=180)) == [
        ("coil", 400, 1),
        ("holding", 300, 1),
        ("input", 100, 1),
        ("input", 114, 8),
        ("input", 128, 2),
    ]


def test_no_request_is_longer_than_the_line_allows() -> None:
    assert [count for _, _, count in spans("heidelberg-ec", ControllerPlace(unit=1), longest=6)] == [1, 2, 6, 4, 2]


def test_the_second_of_several_controllers_has_its_own_thousand() -> None:
    found, place = load_controller("phoenix-charx"), ControllerPlace(unit=1, number=2)
    addresses = [address for _, address, _ in spans("phoenix-charx", place)]
    assert addresses == [2232, 2250, 2265, 2299]
    words = words_of(found, place, BusRequest(unit=1, function="holding", address=2299, count=3), (0x4232, 1, 16))
    assert words == {("holding", 299): 0x4232, ("holding", 300): 1, ("holding", 301): 16}
    assert found.state.state(words["holding", 299]) == "B"


def test_the_controllers_own_meter_is_read_in_its_word_order() -> None:
    found = load_controller("phoenix-ev-cc-eth")
    words = {("input", at): 0 for at in range(108, 122)} | {("holding", 904): 0x1234, ("holding", 905): 1}
    words |= {("input", 114): 16, ("input", 120): 11_040}
    values = meter_values(found, words)
    assert (values["energy_import_wh"], values["current_l1_ma"], values["power_w"]) == (0x11234, 16_000, 11_040)


@pytest.mark.parametrize(
    ("data", "text", "tag"),
    [
        (b"04A1B2C3\0\0", "04A1B2C3", "04A1B2C3"),
        (b"04:a1:b2\0\0", "04:a1:b2", "04A1B2"),
        (b"CARD-1\0\0\0\0", "CARD-1", "CARD-1"),
        (b"\0" * 10, "", ""),
        (b"\xff" * 10, "", ""),
        (b"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a", "", ""),
        (b"X" * 24, "X" * 24, ""),
    ],
)
def test_a_tag_is_a_uid_or_a_text_that_an_id_tag_may_be(data: bytes, text: str, tag: str) -> None:
    spot = TextSpot(function="holding", at=0, length=len(data) // 2)
    words = {("holding", n): int.from_bytes(data[2 * n : 2 * n + 2]) for n in range(spot.length)}
    assert (text_of(spot, words), tag_of(spot, words)) == (text, tag)
    assert text_of(None, words) == ""

"""A meter between the bus and the connector: age, failures, doubt."""

import pytest

from devices.modbus.meter import MeterPlace, ModbusMeter, measured_by
from devices.modbus.register_map import load_map, parse_map
from devices.readings import MeterUnavailable

VALUES = {
    "energy_import_wh": 1_000,
    "power_w": 690,
    **{f"current_l{n}_ma": 1_000 for n in (1, 2, 3)},
    **{f"voltage_l{n}_mv": 230_000 for n in (1, 2, 3)},
    "frequency_mhz": 50_000,
    "power_factor_permille": 990,
}


class Rig:
    def __init__(self, phases: int = 3) -> None:
        place = MeterPlace(connector_id=1, unit=1, stale_ms=5_000, phases=phases, voltage_v=230, max_current_ma=32_000)
        self.meter = ModbusMeter(place, load_map("eastron-sdm630"), started_at_ms=0)
        self.failures: list[str | None] = []
        self.meter.on_failure(self.failures.append)


def test_a_reading_is_that_of_the_connector() -> None:
    rig = Rig()
    rig.meter.answered(VALUES, 1_000)
    reading = rig.meter.read(1_500)
    assert (reading.energy_wh, reading.power_w, reading.frequency_mhz) == (1_000, 690, 50_000)
    assert reading.current_ma == (1_000,) * 3
    assert reading.voltage_mv == (230_000,) * 3
    assert reading.age_ms == 500
    assert rig.meter.measurands(1_500)["power_factor_permille"] == 990
    assert rig.failures == []


def test_a_board_with_one_phase_has_one() -> None:
    rig = Rig(phases=1)
    rig.meter.answered(VALUES, 0)
    assert rig.meter.read(0).current_ma == (1_000,)


def test_a_meter_without_a_phase_tells_none_of_them() -> None:
    rig = Rig()
    rig.meter.answered({name: value for name, value in VALUES.items() if name != "current_l3_ma"}, 0)
    assert rig.meter.read(0).current_ma == ()


def test_before_the_first_answer_there_is_no_reading() -> None:
    with pytest.raises(MeterUnavailable, match="not read yet"):
        Rig().meter.read(0)


def test_who_asked_before_the_first_answer_hears_when_there_is_one() -> None:
    rig = Rig()
    with pytest.raises(MeterUnavailable):
        rig.meter.read(0)
    rig.meter.answered(VALUES, 300)
    rig.meter.answered(VALUES, 600)
    assert rig.failures == ["it was not read yet", None]


def test_a_reading_that_is_too_old_is_none() -> None:
    rig = Rig()
    rig.meter.answered(VALUES, 0)
    rig.meter.missed("no answer from unit 1", 3_000)
    assert rig.meter.read(5_000).energy_wh == 1_000
    with pytest.raises(MeterUnavailable, match="no answer from unit 1"):
        rig.meter.read(5_001)


def test_one_missed_request_is_no_failure_and_silence_is() -> None:
    rig = Rig()
    rig.meter.answered(VALUES, 0)
    for at_ms in range(1_000, 8_000, 1_000):
        rig.meter.missed("no answer from unit 1", at_ms)
    assert rig.failures == ["no answer from unit 1"]
    rig.meter.answered(VALUES, 8_000)
    assert rig.failures == ["no answer from unit 1", None]


def test_who_asks_late_hears_of_a_failure_that_stands() -> None:
    rig = Rig()
    rig.meter.missed("no answer from unit 1", 6_000)
    late: list[str | None] = []
    rig.meter.on_failure(late.append)
    assert late == ["no answer from unit 1"]
    rig.meter.close()
    rig.meter.answered(VALUES, 7_000)
    assert late == ["no answer from unit 1"]


@pytest.mark.parametrize(
    "lie",
    [
        {"voltage_l1_mv": 0, "voltage_l2_mv": 0, "voltage_l3_mv": 0},
        {"frequency_mhz": 0},
        {"energy_import_wh": -1},
        {"energy_import_wh": 10**12},
        {"power_w": 10**38},
    ],
)
def test_a_meter_that_lies_is_a_failure_at_once_and_its_lie_is_never_told(lie: dict[str, int]) -> None:
    rig = Rig()
    rig.meter.answered(VALUES, 0)
    rig.meter.answered(VALUES | lie, 1_000)
    assert rig.failures[0] is not None
    assert rig.meter.read(1_000).energy_wh == 1_000
    rig.meter.answered(VALUES, 2_000)
    assert rig.failures[1:] == [None]


@pytest.mark.parametrize("energy_wh", [0, 999, 10**9])
def test_a_register_that_fell_or_jumped_is_passed_on_as_it_is(energy_wh: int) -> None:
    """Whether it is believed is the station's to say, which knows what it was before the process too."""
    rig = Rig()
    rig.meter.answered(VALUES, 0)
    rig.meter.answered(VALUES | {"energy_import_wh": energy_wh}, 1_000)
    assert (rig.failures, rig.meter.read(1_000).energy_wh) == ([], energy_wh)


def test_an_answer_without_energy_is_none() -> None:
    rig = Rig()
    rig.meter.answered({"power_w": 1}, 0)
    assert rig.failures == ["it gives no energy"]


@pytest.mark.parametrize(
    ("missing", "phases", "lost"),
    [
        ((), 3, set()),
        (("current_l2_ma",), 3, {"current_ma"}),
        (("current_l2_ma",), 1, set()),
        (("power_w",), 3, {"power_w"}),
    ],
)
def test_a_meter_measures_what_its_map_gives_for_every_phase_of_the_board(
    missing: tuple[str, ...], phases: int, lost: set[str]
) -> None:
    names = ["energy_import_wh", "power_w", "temperature_dc", "current_n_ma"]
    names += [f"{quantity}_l{n}_{unit}" for quantity, unit in (("current", "ma"), ("voltage", "mv")) for n in (1, 2, 3)]
    lines = [
        f'{name} = {{ at = {2 * at}, type = "int32", scale = 1 }}'
        for at, name in enumerate(names)
        if name not in missing
    ]
    whole = parse_map('name = "x"\nfunction = "input"\nword_order = "big"\n[values]\n' + "\n".join(lines))
    everything = {"energy_wh", "power_w", "temperature_dc", "current_ma", "voltage_mv"}
    assert measured_by(whole, phases) == everything - lost

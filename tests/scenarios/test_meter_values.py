"""Sampled MeterValues (4.7, 9.1.17 to 9.1.19, errata 3.13 to 3.16)."""

from typing import Any

import pytest

from eventstore.catalogue.lifecycle import DiskSpaceObserved
from eventstore.catalogue.transactions import MeterSamplesDropped
from tests.given import StationUnderTest, charging, station, utc

ALL = "Energy.Active.Import.Register,Energy.Active.Import.Interval,Power.Active.Import,Power.Offered,Current.Import,"
ALL += "Current.Offered,Voltage,Frequency,Temperature,SoC"


def samples(found: StationUnderTest) -> list[dict[str, Any]]:
    return [payload["meterValue"][0] for payload in found.sent("MeterValues")]


def stamps(found: StationUnderTest) -> list[str]:
    return [sample["timestamp"] for sample in samples(found)]


def test_samples_are_as_far_apart_as_the_interval_from_the_start_on() -> None:
    """TC_070, 9.1.19."""
    found = charging(station(factory={"MeterValueSampleInterval": "25"})).forget()
    found.advance(80)
    assert stamps(found) == [utc(26), utc(51), utc(76)]
    assert found.sent("MeterValues")[0]["connectorId"] == 1
    assert found.sent("MeterValues")[0]["transactionId"] == 9001


def test_an_interval_of_zero_takes_no_samples() -> None:
    """9.1.19."""
    found = charging(station(factory={"MeterValueSampleInterval": "0"})).forget()
    found.advance(10_000)
    assert found.sent("MeterValues") == []


def test_a_changed_interval_acts_at_once() -> None:
    """Lessons on the clock."""
    found = charging().forget()
    found.advance(30)
    found.configure(MeterValueSampleInterval=10)
    found.advance(11)
    assert stamps(found) == [utc(31), utc(41)]
    found.configure(MeterValueSampleInterval=0)
    found.advance(500)
    assert len(samples(found)) == 2


def test_there_are_no_samples_without_a_transaction() -> None:
    found = station().online().forget()
    found.plug()
    found.advance(300)
    assert found.sent("MeterValues") == []


def test_a_sample_is_the_register_in_wh_unless_configured_otherwise() -> None:
    """9.1.17."""
    found = charging().forget()
    found.charge(345)
    found.advance(60)
    assert samples(found)[0]["sampledValue"] == [
        {"value": "1345", "context": "Sample.Periodic", "measurand": "Energy.Active.Import.Register", "unit": "Wh"}
    ]


def test_from_the_factory_a_sample_is_what_the_board_measures() -> None:
    """9.1.15, 9.1.17; what the CSMS or the settings say holds instead."""
    measured = ("Energy.Active.Import.Register", "Power.Active.Import", "Current.Import", "Voltage")
    found = charging(station(measurands=measured)).forget()
    for name in ("MeterValuesSampledData", "MeterValuesAlignedData"):
        answer = found.ask("GetConfiguration", {"key": [name]})
        assert answer is not None
        assert answer.payload is not None
        assert answer.payload["configurationKey"][0]["value"] == ",".join(measured)
    found.advance(60)
    assert {item["measurand"] for item in samples(found)[0]["sampledValue"]} == set(measured)
    set_in_factory = station(measurands=measured, factory={"MeterValuesSampledData": "Voltage.L1"})
    found = charging(set_in_factory).forget()
    found.advance(60)
    assert [item["measurand"] for item in samples(found)[0]["sampledValue"]] == ["Voltage"]


def test_an_empty_list_of_measurands_means_the_register() -> None:
    """TC_070."""
    found = charging().configure(MeterValuesSampledData="").forget()
    found.advance(60)
    assert [item["measurand"] for item in samples(found)[0]["sampledValue"]] == ["Energy.Active.Import.Register"]


def test_every_supported_measurand_is_given_per_phase_where_it_has_phases() -> None:
    """Errata 3.14.3, 7.31, 7.45."""
    found = charging().configure(MeterValuesSampledData=ALL).forget()
    found.meter_values = {
        "power_w": 11_040,
        "current_ma": (16_000, 15_950, 16_004),
        "voltage_mv": (230_100, 229_900, 230_000),
        "frequency_mhz": 50_012,
        "temperature_dc": 235,
        "soc_percent": 44,
    }
    found.energy_wh[1] += 184
    found.advance(60)
    given = [
        (item["measurand"], item.get("phase"), item["value"], item.get("unit"), item.get("location"))
        for item in samples(found)[0]["sampledValue"]
    ]
    assert given == [
        ("Energy.Active.Import.Register", None, "1184", "Wh", None),
        ("Energy.Active.Import.Interval", None, "184", "Wh", None),
        ("Power.Active.Import", None, "11040", "W", None),
        ("Power.Offered", None, "22080", "W", None),
        ("Current.Import", "L1", "16.0", "A", None),
        ("Current.Import", "L2", "15.95", "A", None),
        ("Current.Import", "L3", "16.004", "A", None),
        ("Current.Offered", None, "32.0", "A", None),
        ("Voltage", "L1-N", "230.1", "V", None),
        ("Voltage", "L2-N", "229.9", "V", None),
        ("Voltage", "L3-N", "230.0", "V", None),
        ("Frequency", None, "50.012", None, None),
        ("Temperature", None, "23.5", "Celsius", None),
        ("SoC", None, "44", "Percent", "EV"),
    ]


def test_a_measurand_may_name_one_phase() -> None:
    """9.1.17: e.g. Voltage.L1."""
    found = charging().configure(MeterValuesSampledData="Voltage.L1,Current.Import.L3").forget()
    found.advance(60)
    given = [(item["measurand"], item["phase"]) for item in samples(found)[0]["sampledValue"]]
    assert given == [("Voltage", "L1-N"), ("Current.Import", "L3")]


def test_energy_of_an_interval_is_that_since_the_sample_before() -> None:
    """Errata 3.77."""
    found = charging().configure(MeterValuesSampledData="Energy.Active.Import.Interval").forget()
    for energy_wh in (100, 0, 50):
        found.charge(energy_wh)
        found.advance(60)
    assert [sample["sampledValue"][0]["value"] for sample in samples(found)] == ["100", "0", "50"]


def test_what_the_meter_does_not_give_is_left_out() -> None:
    """Never invented."""
    found = charging().configure(MeterValuesSampledData="SoC,Temperature").forget()
    found.advance(180)
    assert found.sent("MeterValues") == []
    assert {event.reason for event in found.events(MeterSamplesDropped)} == {"meter"}


@pytest.mark.parametrize("key", ["MeterValuesSampledData", "MeterValuesAlignedData"])
@pytest.mark.parametrize(
    "value", ["Energy.Reactive.Import.Register", "Voltage.L4", "SoC.L1", "voltage", "Voltage,", "RPM"]
)
def test_a_list_with_an_unsupported_measurand_is_rejected_whole(key: str, value: str) -> None:
    """Errata 3.14.4."""
    found = station().online()
    before = found.state.configuration
    answer = found.ask("ChangeConfiguration", {"key": key, "value": f"Voltage.L1,{value}"})
    assert answer is not None
    assert answer.payload == {"status": "Rejected"}
    assert found.state.configuration == before


def test_on_a_disk_that_is_nearly_full_three_samples_of_four_are_left_out_on_record() -> None:
    """Lessons on storage: Start and Stop never are."""
    found = charging().forget()
    found.observe(DiskSpaceObserved(level="low", free_bytes=1))
    found.advance(60 * 40)
    assert len(samples(found)) == 10
    assert len(found.events(MeterSamplesDropped)) == 30
    assert stamps(found) == [utc(1 + 60 * 4 * number) for number in range(1, 11)]
    found.observe(DiskSpaceObserved(level="ok", free_bytes=10**9))
    found.advance(120)
    assert len(samples(found)) == 12
    found.swipe()
    assert len(found.sent("StopTransaction")) == 1


def test_a_sample_that_was_missed_is_left_out_and_the_grid_stays() -> None:
    """A suspended process wakes up: what was not measured is not invented."""
    found = charging().forget()
    found.at_ms += 10 * 60_000 + 15_000
    found.advance(0)
    found.advance(60)
    assert stamps(found) == [utc(1 + 600), utc(1 + 660)]


def test_samples_are_transaction_related_and_are_tried_again() -> None:
    """3.7, lessons on offline queues."""
    found = charging().forget()
    found.csms = None
    found.advance(60)
    found.answer_error("InternalError")
    assert found.state.outbox.pending == 1

"""A connector that becomes warm is given less, one that is too hot nothing, and the driver is told why."""

from eventstore.catalogue.smart_charging import LimitChanged
from eventstore.catalogue.temperatures import DeratingChanged, TemperatureObserved, TemperaturesDescribed
from projections.limit_reason import CABLE, STATION, TEMPERATURE, LimitReason
from station.features.smart_charging.reasons import limit_reason
from station.rules import outputs
from station.telling.limit_words import limited_by
from tests.given import StationUnderTest, charging, station

CURVE = ((600, 32_000), (800, 6_000))


def warm(
    found: StationUnderTest, temperature_dc: int | None, connector_id: int = 1, sensor: str = "s"
) -> StationUnderTest:
    found.observe(TemperatureObserved(connector_id=connector_id, sensor=sensor, temperature_dc=temperature_dc))
    return found


def derating(connectors: int = 1, **description: object) -> StationUnderTest:
    """A station with the same curve on each connector, charging at 32 A on the first."""
    found = station(connectors=connectors, **description).online()
    found.observe(TemperaturesDescribed(curves=(CURVE,) * connectors, silent_current_ma=8_000, hysteresis_dc=50))
    return charging(found)


def limit_a(found: StationUnderTest, connector_id: int = 1) -> float:
    return found.state.connectors[connector_id].limit_ma / 1000


def reason(found: StationUnderTest) -> LimitReason | None:
    return limit_reason(found.state, 1, found.at_ms)


def test_a_warm_connector_is_given_less_and_says_why() -> None:
    found = warm(derating(), 700)
    assert limit_a(found) == 19
    assert found.status() == "Charging"
    assert reason(found) == LimitReason(kind=TEMPERATURE, temperature_dc=700)
    assert limited_by(reason(found), str) == "by the temperature, 70.0 °C"
    assert found.events(DeratingChanged)[-1].limit_ma == 19_000
    warm(found, 500)
    assert (limit_a(found), reason(found)) == (32, LimitReason(kind=STATION))


def test_a_cooler_connector_is_limited_by_what_else_there_is() -> None:
    found = derating()
    found.observe(TemperatureObserved(connector_id=1, sensor="s", temperature_dc=610))
    assert limit_a(found) == 30
    found.meter_values = {}
    found.ask(
        "SetChargingProfile",
        {
            "connectorId": 1,
            "csChargingProfiles": {
                "chargingProfileId": 1,
                "stackLevel": 0,
                "chargingProfilePurpose": "TxDefaultProfile",
                "chargingProfileKind": "Relative",
                "chargingSchedule": {
                    "chargingRateUnit": "A",
                    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10.0}],
                },
            },
        },
    )
    assert limit_a(found) == 10
    warm(found, 780)
    assert limit_a(found) == 8


def test_a_connector_that_is_too_hot_is_faulted_and_goes_on_when_it_has_cooled_down() -> None:
    found = warm(derating().forget(), 801)
    assert not outputs.wanted(found.state, 1).outputs.contactor_closed
    told = found.sent("StatusNotification")[-1]
    assert (told["status"], told["errorCode"], told["info"]) == ("Faulted", "HighTemperature", "Too hot")
    assert found.state.transactions.on(1) is not None
    warm(found, 760)
    assert found.status() == "Faulted"
    warm(found, 750)
    assert found.status() == "Charging"
    assert outputs.wanted(found.state, 1).outputs.contactor_closed


def test_a_hot_connector_concerns_no_other_one_and_a_hot_station_all() -> None:
    found = warm(derating(connectors=2), 900)
    assert (found.status(1), found.status(2)) == ("Faulted", "Available")
    warm(found, 900, connector_id=0, sensor="enclosure")
    assert (found.status(1), found.status(2)) == ("Faulted", "Faulted")


def test_a_silent_sensor_leaves_the_safe_current() -> None:
    found = warm(derating(), None)
    assert (limit_a(found), reason(found)) == (8, LimitReason(kind=TEMPERATURE))
    assert limited_by(reason(found), str) == "because a temperature sensor is silent"
    warm(found, 300)
    assert limit_a(found) == 32


def test_without_a_curve_a_temperature_is_only_reported() -> None:
    found = charging().configure(MeterValuesSampledData="Temperature", MeterValueSampleInterval=10)
    warm(found, 900)
    assert (found.events(DeratingChanged), found.status(), len(found.events(LimitChanged))) == ([], "Charging", 1)
    found.forget().advance(10)
    assert found.sent("MeterValues")[0]["meterValue"][0]["sampledValue"] == [
        {
            "value": "90.0",
            "context": "Sample.Periodic",
            "measurand": "Temperature",
            "unit": "Celsius",
            "location": "Body",
        }
    ]


def test_the_hottest_sensor_is_the_one_that_is_sampled_and_the_meters_own_counts_without_one() -> None:
    found = charging().configure(MeterValuesSampledData="Temperature", MeterValueSampleInterval=10)
    found.meter_values = {"temperature_dc": 333}
    found.forget().advance(10)
    warm(warm(found, 215), 224, connector_id=0, sensor="enclosure").advance(10)
    values = [each["meterValue"][0]["sampledValue"][0]["value"] for each in found.sent("MeterValues")]
    assert values == ["33.3", "22.4"]


def test_a_connector_that_was_too_hot_is_so_after_a_restart_until_a_sensor_says_otherwise() -> None:
    found = warm(derating(power_loss_policy="resume"), 900)
    found.boot(pilots={1: "C"}, orderly=False).connect()
    assert found.status() == "Faulted"
    warm(found, 500)
    assert found.status() == "Charging"


def test_settings_without_a_curve_end_what_one_had_led_to() -> None:
    found = warm(derating(), 900)
    found.observe(TemperaturesDescribed())
    assert (found.status(), limit_a(found)) == ("Charging", 32)


def test_the_least_of_cable_and_temperature_decides() -> None:
    found = derating()
    warm(found, 640)
    assert limit_a(found) == 26
    assert reason(found) is not None
    assert CABLE not in str(reason(found))

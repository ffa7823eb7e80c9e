from station.features.smart_charging.composite import Charging
from station.features.smart_charging.limits import Surroundings
from station.features.smart_charging.situation import situation_of
from tests.unit.station.features.smart_charging.given_station import START_MS, Charge, wire


def test_the_situation_is_what_the_state_says() -> None:
    charge = Charge(phases=1, voltage_v=110, max_current_ma=16_000, tx_default_after_tx_profile=True)
    charge.plugs(2, 13_000)
    charge.sets(0, wire("ChargePointMaxProfile", (0, 10), chargingProfileId=1))
    charge.sets(2, wire("TxDefaultProfile", (0, 10), chargingProfileId=2))
    charge.sets(0, wire("TxDefaultProfile", (0, 10), chargingProfileId=3))
    charge.now_ms = 5_000
    charge.starts(2, 9)
    situation = situation_of(charge.state, charge.state.transactions.running())
    assert situation.surroundings == Surroundings(voltage_v=110, phases=1, max_current_ma=16_000)
    assert {key: [each.charging_profile_id for each in value] for key, value in situation.profiles.items()} == {
        0: [1, 3],
        2: [2],
    }
    assert situation.charging == (Charging(connector_id=2, transaction_number=9, since_utc_ms=START_MS + 5_000),)
    assert situation.own_ma == {1: 16_000, 2: 13_000}
    assert situation.tx_default_after_tx_profile


def test_a_supply_that_is_not_named_bears_what_all_connectors_bear() -> None:
    charge = Charge(max_current_ma=16_000, supply_current_ma=0)
    assert situation_of(charge.state, ()).surroundings.max_current_ma == 32_000


def test_only_the_given_transactions_take_part() -> None:
    charge = Charge()
    charge.starts(1, 1)
    assert situation_of(charge.state, ()).charging == ()

"""The beta equation, against a data sheet of a 10 kOhm thermistor with B = 3950."""

import pytest

from devices.temperature.ntc import ntc_dc


@pytest.mark.parametrize(
    ("ohm", "celsius"),
    [(10_000, 25.0), (33_621, 0.0), (3_588, 50.0), (1_481, 75.0), (691, 100.0), (0.001, None), (0, None), (-5, None)],
)
def test_a_resistance_is_a_temperature(ohm: float, celsius: float | None) -> None:
    found = ntc_dc(ohm, ohm_at_25=10_000, beta=3_950)
    if celsius is None:
        assert found is None or found > 1_250
    else:
        assert found == pytest.approx(celsius * 10, abs=3)

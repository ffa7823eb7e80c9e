from station.telling.german.amounts import current, difference, duration, energy, plural


def test_amounts_are_written_with_a_comma() -> None:
    assert energy(12_345) == "12,345 kWh"
    assert current(16_000) == "16,0 A"
    assert duration(9_500) == "9,5 s"
    assert difference(-9_500) == "-9,5 s"
    assert (plural(1, "Schritt", "Schritte"), plural(2, "Schritt", "Schritte")) == ("1 Schritt", "2 Schritte")

"""The `[temperature]` table: what is taken, and what every mistake is answered with."""

import pytest

from station.settings.loading import Settings, SettingsError, parse_settings

HEAD = '[station]\nidentity = "CB"\nconnectors = 2\n[csms]\nurl = "ws://127.0.0.1:9000"\n[temperature]\n'


def settings(line: str) -> Settings:
    return parse_settings(HEAD + line, "cb.toml")


@pytest.mark.parametrize(
    ("line", "curves"),
    [
        ("", ()),
        ("derating = []", ()),
        ("derating = [[60, 32], [80, 6]]", (((60, 32), (80, 6)),) * 2),
        ("derating = [[[60, 32], [80, 6]], []]", (((60, 32), (80, 6)), ())),
        ("derating = [[70.5, 6.5]]", (((70.5, 6.5),),) * 2),
    ],
)
def test_a_curve_is_for_all_connectors_or_one_for_each(line: str, curves: tuple[object, ...]) -> None:
    assert settings(line).temperature.curves(2) == curves


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("derating = 60", "derating: must be an array of points, not the number 60"),
        ("derating = [60, 32]", "derating: point 1 must be [degrees, amperes], not the number 60"),
        ("derating = [[60, 32, 1]]", "derating: point 1 must be [degrees, amperes], not an array"),
        ("derating = [[60, 5]]", "derating: point 1: the amperes must be 6 to 80 amperes, not 5"),
        ("derating = [[nan, 32]]", "derating: point 1: the degrees must be a number of degrees"),
        ("derating = [[200, 32]]", "derating: point 1: the degrees must be -20 to 120 degrees, not 200"),
        ("derating = [[80, 32], [60, 6]]", "derating: must become warmer and not rise: [60, 6] follows [80, 32]"),
        ("derating = [[60, 6], [80, 32]]", "derating: must become warmer and not rise"),
        (
            "derating = [[[60, 32]], [], []]",
            "derating: must have one curve, or one for each of the 2 connectors, not 3",
        ),
        ("silent_current_a = 3", "silent_current_a: must be 6 to 80, not 3"),
        ("silent_current_a = false", "silent_current_a: must be a whole number, not the boolean false"),
        ("hysteresis_c = 0", "hysteresis_c: must be 1 to 40 degrees, not 0"),
        ('sensors = [{ id = "10-0316a279f0ff" }]', 'id: must be as in "28-0316a279f0ff"'),
        (
            'sensors = [{ id = "28-0316a279f0ff", connector = 3 }]',
            "connector: does not exist: the station has connectors",
        ),
        ('sensors = [{ id = "28-0316a279f0ff" }, { id = "28-0316a279f0ff" }]', "id: 28-0316a279f0ff stands here twice"),
    ],
)
def test_a_mistake_is_named_with_its_line(line: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings(line)
    assert said in str(caught.value)
    assert str(caught.value).startswith("cb.toml:7: [temperature] ")

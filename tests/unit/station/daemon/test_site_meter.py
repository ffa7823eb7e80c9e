"""The site meter as the settings describe it: a map that gives the currents, and a bus of its own."""

import pytest

from station.daemon.site_meter import make_site_meter, site_map
from station.settings.loading import Settings, SettingsError, parse_settings

REQUIRED = '[station]\nidentity = "CB-0001"\n[csms]\nurl = "ws://127.0.0.1:9000/ocpp"\n'


def settings(**site: object) -> Settings:
    lines = "".join(f"{key} = {value!r}\n".replace("'", '"') for key, value in site.items())
    return parse_settings(f"{REQUIRED}[limits.site_meter]\n{lines}", "test.toml")


def test_a_map_that_is_there_and_gives_the_currents_is_taken() -> None:
    found = settings(fuse_a=35, map="eastron-sdm630", host="127.0.0.1")
    assert site_map(found).name == "Eastron SDM630-Modbus"


def test_a_map_that_is_none_is_an_error_with_line_and_key() -> None:
    with pytest.raises(SettingsError, match=r"test.toml:7: \[limits.site_meter\] map: .*no register map"):
        site_map(settings(fuse_a=35, map="nothing", host="127.0.0.1"))


@pytest.mark.parametrize(
    ("site", "problem"),
    [
        ({"fuse_a": 35, "host": "a"}, "map: is required beside fuse_a"),
        ({"fuse_a": 35, "map": "m"}, "host: or device is required"),
        ({"fuse_a": 35, "map": "m", "host": "a", "device": "b"}, "host: or device is required"),
        ({"fuse_a": 1, "map": "m", "host": "a"}, "margin_a: must be less than fuse_a"),
        ({"fuse_a": 35, "map": "m", "host": "a", "phases": "RRR"}, "phases: must be"),
    ],
)
def test_what_cannot_be_is_refused_with_its_key(site: dict[str, object], problem: str) -> None:
    with pytest.raises(SettingsError, match=r"\[limits.site_meter\] ") as refused:
        settings(**site)
    assert problem in str(refused.value)


@pytest.mark.asyncio
async def test_it_reads_a_bus_and_looks_at_the_stations_own_phases() -> None:
    class Board:
        connector_ids = ()

    found = settings(fuse_a=35, map="eastron-sdm630", device="/dev/ttyUSB0", phases="STR")
    meter = make_site_meter(found, Board(), lambda: 0, lambda _: None)  # type: ignore[arg-type]
    assert meter._places == (1, 2, 0)

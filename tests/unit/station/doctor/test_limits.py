"""What the doctor says of limits from outside."""

from station.doctor.limits import limit_findings
from station.settings.loading import parse_settings

REQUIRED = '[station]\nidentity = "CB-0001"\n[csms]\nurl = "ws://127.0.0.1:9000/ocpp"\n'


def said(text: str) -> list[str]:
    return [
        f"{found.level.value}: {found.text}" for found in limit_findings(parse_settings(REQUIRED + text, "cb.toml"))
    ]


def test_without_any_nothing_is_said() -> None:
    assert said("") == []


def test_a_site_meter_and_a_contact_are_named() -> None:
    site = '[limits.site_meter]\nfuse_a = 35\nmap = "eastron-sdm630"\nhost = "meter.lan"\n'
    assert said('[limits.contact]\ndims_when = "open"\n' + site) == [
        "ok: the site meter at meter.lan:502, unit 1, is read as Eastron SDM630-Modbus",
        "ok: the grid operator's contact limits while it is open",
    ]


def test_a_map_that_is_none_is_a_fault() -> None:
    (only,) = said('[limits.site_meter]\nfuse_a = 35\nmap = "nothing"\nhost = "meter.lan"\n')
    assert only.startswith("fault: cb.toml:7: [limits.site_meter] map:")

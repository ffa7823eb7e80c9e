"""Settings of stations that papers are printed for."""

from pathlib import Path

from station.settings.loading import Settings, load_settings
from tests.unit.devices.gpio.reference import reference_text

HEAD = '[station]\nidentity = "CB-0001"\n{station}[csms]\nurl = "ws://127.0.0.1:9/ocpp"\n[storage]\ndirectory = "{storage}"\n'
BENCH = ("", "")
SOCKETS = (
    'vendor = "Example"\nmodel = "Twin"\nserial = "T-7"\nconnectors = 2\n',
    "[board]\nbackup_power_s = 5\n[features]\nreservation = false\n[security]\nrequire_signed_firmware = true\n[config]\nHeartbeatInterval = 77\n",
)
CABLE = (
    'vendor = "Example"\nmodel = "Mono"\nserial = "M-7"\n',
    "[board]\nfixed_cable = true\nphases = 1\nmax_current_a = 16\n[features]\nsecurity = false\nlocal_auth_list = false\n",
)
PINS = ("", reference_text())


def settings(station: tuple[str, str], storage: Path) -> Settings:
    """The settings of one of the stations above, as a file in `storage` says them."""
    return load_settings(settings_file(station, storage.parent / "papers.toml", storage))


def settings_file(station: tuple[str, str], file: Path, storage: Path) -> Path:
    """The file itself."""
    of_station, more = station
    file.write_text(HEAD.format(station=of_station, storage=storage) + more, encoding="utf-8")
    return file

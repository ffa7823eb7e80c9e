"""What the files and the settings say at a boot that is not on record yet."""

from pathlib import Path

import pytest

from eventstore.catalogue.configuration import AuthorizationKeysFound
from projections.station import INITIAL
from station.daemon.news import keys_to_record, news
from station.runtime.secrets import Secrets
from station.settings.loading import Settings, SettingsError, parse_settings


def settings(tmp_path: Path, csms: str = "") -> Settings:
    text = f'[station]\nidentity = "CB-1"\n[csms]\nurl = "ws://127.0.0.1:9/ocpp"\n{csms}[storage]\ndirectory = "{tmp_path}"\n'
    return parse_settings(text, "chargebox.toml")


def test_a_station_without_keys_certificates_and_limits_has_no_news(tmp_path: Path) -> None:
    found = settings(tmp_path)
    assert keys_to_record(found, Secrets(tmp_path), INITIAL, salvaged=False) is None
    assert news(found, INITIAL, 1, None, salvaged=False) == ()


def test_the_key_of_the_settings_is_recorded_where_basic_authentication_needs_it(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("0123456789abcdef")
    (tmp_path / "key").chmod(0o600)
    found = settings(tmp_path, f'security_profile = 1\nauthorization_key_file = "{tmp_path}/key"\n')
    keys = keys_to_record(found, Secrets(tmp_path), INITIAL, salvaged=False)
    assert isinstance(keys, AuthorizationKeysFound)
    assert news(found, INITIAL, 1, keys, salvaged=False) == (keys,)


def test_basic_authentication_without_any_key_is_refused_but_not_after_a_loss(tmp_path: Path) -> None:
    found = settings(tmp_path, "security_profile = 1\n")
    with pytest.raises(SettingsError, match="authorization_key_file: is required"):
        keys_to_record(found, Secrets(tmp_path), INITIAL, salvaged=False)
    keys_to_record(found, Secrets(tmp_path), INITIAL, salvaged=True)


def test_limits_of_the_settings_are_news_until_they_are_on_record(tmp_path: Path) -> None:
    found = settings(tmp_path, "[limits.csms_silence]\nafter_s = 60\ncurrent_a = 6\n")
    events = news(found, INITIAL, 1, None, salvaged=False)
    assert [type(event).__name__ for event in events] == ["LimitsDescribed"]

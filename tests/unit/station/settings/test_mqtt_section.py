"""The table of the MQTT broker."""

import pytest

from station.settings.loading import SettingsError, parse_settings

BASE = '[station]\nidentity = "CB"\n[csms]\nurl = "ws://127.0.0.1:9/"\n[mqtt]\n'


@pytest.mark.parametrize(
    ("url", "broker"),
    [
        ("", None),
        ("mqtt://broker.example", ("broker.example", 1_883, False)),
        ("mqtts://broker.example", ("broker.example", 8_883, True)),
        ("mqtts://[fe80::1]:1234/", ("fe80::1", 1_234, True)),
    ],
)
def test_a_url_names_host_port_and_tls(url: str, broker: tuple[str, int, bool] | None) -> None:
    assert parse_settings(f'{BASE}url = "{url}"', "cb.toml").mqtt.broker == broker


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('url = "http://broker"', 'cb.toml:6: [mqtt] url: must begin with mqtt:// or mqtts://, not "http:"'),
        ('url = "mqtt://"', "must name a host"),
        ('url = "mqtt://broker:0"', "must name a host"),
        ('url = "mqtt://broker:99999"', "is not a URL"),
        ('url = "mqtt://me:secret@broker"', "must not hold a user or password"),
        ('url = "mqtt://broker/path"', "must end with the host or its port"),
        ('username = "me"', "[mqtt] username: needs url"),
        ('password_file = "/x"', "[mqtt] password_file: needs url"),
        ('url = "mqtt://broker"\nca_file = "/x"', "[mqtt] ca_file: needs mqtts:// in url"),
        ('url = "mqtt://broker"\npassword_file = "/x"', "[mqtt] username: is required beside password_file"),
        ('base_topic = ""', "base_topic: must have 1 to 128 characters"),
        ('base_topic = "a/#"', "base_topic: must be a topic"),
        ('base_topic = "/a"', "base_topic: must be a topic"),
        ('discovery_prefix = "a//b"', "discovery_prefix: must be a topic"),
        ("interval_s = 0", "interval_s: must be 1 to 3600 seconds"),
        ("interval_s = nan", "interval_s: must be a number"),
        ('id_tags = "all"', "id_tags: must be"),
    ],
)
def test_what_cannot_be_is_named_with_its_line(text: str, problem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings(BASE + text, "cb.toml")
    assert problem in str(caught.value)

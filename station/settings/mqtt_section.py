"""The table of the settings for the MQTT broker."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from devices.kinds import Flag, Number, OneOf, Problem, TableKey, Text, shown
from eventstore.value import Value
from station.settings.kinds import FilePath

PORTS = {"mqtt": 1_883, "mqtts": 8_883}
TOPIC_LENGTH_MAX = 128


def check_broker(text: str) -> None:
    """Refuses what is neither empty nor mqtt:// or mqtts:// with a host, and a port where it is another."""
    if not text:
        return
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"is not a URL: {error}") from None
    if parts.scheme not in PORTS:
        raise ValueError(f'must begin with mqtt:// or mqtts://, not "{parts.scheme}:"')
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user or password; use username and password_file")
    if not host or port == 0 or " " in text:
        raise ValueError("must name a host, as in mqtts://broker.example")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("must end with the host or its port")


def check_topic(text: str) -> None:
    """Refuses what cannot be the beginning of a topic (MQTT 3.1.1, 4.7)."""
    if set(text) & set("+#$") or text.startswith("/") or text.endswith("/") or "//" in text:
        raise ValueError(f'must be a topic as in "chargebox" or "garage/chargebox", not {shown(text)}')


class MqttSettings(Value, frozen=True, kw_only=True):
    """The station on an MQTT broker, beside OCPP ([what is published](mqtt.md)); needs `pip install 'chargebox[mqtt]'`."""

    url: Annotated[
        str,
        TableKey(
            Text(check=check_broker),
            "the broker: mqtt:// or, with TLS, mqtts://, the host, and a port if it is not 1883 or 8883; empty: none",
        ),
    ] = ""
    ca_file: Annotated[
        Path | None,
        TableKey(
            FilePath(may_be_empty=True),
            "CA certificates in PEM that the broker must prove itself by; empty: the system's",
        ),
    ] = None
    username: Annotated[str, TableKey(Text(longest=256), "with which the station logs in there; empty: without")] = ""
    password_file: Annotated[
        Path | None, TableKey(FilePath(may_be_empty=True), "the file with the password, its first line; mode 0600")
    ] = None
    base_topic: Annotated[
        str,
        TableKey(
            Text(shortest=1, longest=TOPIC_LENGTH_MAX, check=check_topic), "the topic above the station's identity"
        ),
    ] = "chargebox"
    discovery: Annotated[bool, TableKey(Flag(), "whether Home Assistant finds the station by itself")] = True
    discovery_prefix: Annotated[
        str,
        TableKey(
            Text(shortest=1, longest=TOPIC_LENGTH_MAX, check=check_topic), "where Home Assistant looks for devices"
        ),
    ] = "homeassistant"
    interval_s: Annotated[
        float,
        TableKey(
            Number(minimum=1, maximum=3_600, unit="seconds"),
            "how often what is measured is published; everything else is when it changes",
        ),
    ] = 10.0
    id_tags: Annotated[
        str,
        TableKey(
            OneOf(words=("short", "full")), "id tags there: the end of them, or whole; a whole one is enough to charge"
        ),
    ] = "short"
    allow_commands: Annotated[
        bool,
        TableKey(
            Flag(),
            "whether a limit and a tag may be commanded there; whoever may write to the broker may then do so",
        ),
    ] = False

    @property
    def broker(self) -> tuple[str, int, bool] | None:
        """Host, port, and whether with TLS; None without a broker."""
        if not self.url:
            return None
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or PORTS[parts.scheme], parts.scheme == "mqtts"


def mqtt_contradictions(mqtt: MqttSettings) -> Iterator[Problem]:
    """What no key of the table is to blame for alone."""
    broker = mqtt.broker
    for key in () if broker is not None else ("ca_file", "username", "password_file"):
        if getattr(mqtt, key):
            yield Problem(path=("mqtt", key), text="needs url, which names the broker")
    if broker is not None and mqtt.ca_file is not None and not broker[2]:
        yield Problem(path=("mqtt", "ca_file"), text="needs mqtts:// in url")
    if broker is not None and mqtt.password_file is not None and not mqtt.username:
        yield Problem(path=("mqtt", "username"), text="is required beside password_file")

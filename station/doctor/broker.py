"""The MQTT broker of the settings: the library, the password's file, and a login with a name of its own.

A broker that is away is a warning: the station charges without it and tries for ever.
"""

import asyncio
from collections.abc import AsyncIterator

from station.doctor.findings import Finding, fault, ok, warning
from station.mqtt.bridge import available, read_password, try_login
from station.settings.loading import Settings, secret_file_findings

SUBJECT = "mqtt"
LATER = "the station charges without it and keeps trying; check [mqtt]"


async def broker_findings(settings: Settings) -> AsyncIterator[Finding]:
    """Nothing without a broker in the settings."""
    mqtt = settings.mqtt
    if mqtt.broker is None:
        return
    host, port, tls = mqtt.broker
    if not available():
        yield fault(SUBJECT, "aiomqtt is not installed, which [mqtt] needs", "pip install 'chargebox[mqtt]'")
        return
    if mqtt.password_file is not None:
        try:
            await asyncio.to_thread(read_password, mqtt.password_file)
        except (OSError, ValueError) as error:
            yield fault(SUBJECT, f"the password cannot be read: {error}", "see [mqtt] password_file")
            return
        for doubt in secret_file_findings(mqtt.password_file):
            yield warning(SUBJECT, doubt, "the password opens the broker")
        if not tls and host not in {"localhost", "127.0.0.1", "::1"}:
            yield warning(SUBJECT, f"the password goes to {host} unencrypted", "use mqtts:// in [mqtt] url")
    why = await try_login(settings)
    yield warning(SUBJECT, f"{host}:{port}: {why}", LATER) if why else ok(SUBJECT, f"{host}:{port} takes the station")

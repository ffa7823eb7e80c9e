"""The station on an MQTT broker: an extra, imported only where the settings name one."""

"""OCPP configuration keys (section 9): what the CSMS set, over the factory values that the settings gave."""

from collections.abc import Callable, Mapping
from typing import Any

from eventstore.catalogue.configuration import ConfigurationChanged
from eventstore.catalogue.lifecycle import StationDescribed
from eventstore.event import Event, Recorded
from eventstore.persistent import Map
from eventstore.value import Value, replace
from projections.clock import Clock


class Configuration(Value, frozen=True, kw_only=True):
    """Values as text, by standard key name; a value set by the CSMS outlives a changed factory value."""

    overrides: Map[str, str] = Map()
    factory: Map[str, str] = Map()

    def text(self, key: str) -> str | None:
        """The value in force, or None where the key's own default holds."""
        found = self.overrides.get(key)
        return self.factory.get(key) if found is None else found


def _on_changed(
    configuration: Configuration, event: ConfigurationChanged, recorded: Recorded, _: Clock
) -> Configuration:
    return replace(configuration, overrides=configuration.overrides.set(event.key, event.value))


def _on_described(configuration: Configuration, event: StationDescribed, recorded: Recorded, _: Clock) -> Configuration:
    return replace(configuration, factory=Map(dict(event.factory_values)))


FOLDS: Mapping[type[Event], Callable[[Configuration, Any, Recorded, Clock], Configuration]] = {
    ConfigurationChanged: _on_changed,
    StationDescribed: _on_described,
}

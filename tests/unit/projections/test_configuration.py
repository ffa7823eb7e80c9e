"""Configuration keys: what the CSMS set over what the factory gave."""

from eventstore.catalogue.configuration import ConfigurationChanged
from eventstore.event import Event, Recorded
from eventstore.value import replace
from projections.clock import Clock
from projections.configuration import FOLDS, Configuration
from tests.given import DESCRIPTION


def folded(configuration: Configuration, *events: Event) -> Configuration:
    for event in events:
        recorded = Recorded(seq=1, cause=1, at_ms=0, utc_ms=0, event=event)
        configuration = FOLDS[type(event)](configuration, event, recorded, Clock())
    return configuration


def test_what_the_csms_set_outranks_the_factory_and_outlives_its_change() -> None:
    """Contract on settings."""
    factory = replace(DESCRIPTION, factory_values=(("A", "1"), ("B", "2")))
    configuration = folded(Configuration(), factory)
    assert [configuration.text(key) for key in "ABC"] == ["1", "2", None]
    configuration = folded(configuration, ConfigurationChanged(key="A", value="9"))
    configuration = folded(configuration, replace(DESCRIPTION, factory_values=(("A", "5"), ("C", "3"))))
    assert [configuration.text(key) for key in "ABC"] == ["9", None, "3"]


def test_an_empty_value_is_a_value() -> None:
    """A list of nothing, for instance."""
    assert folded(Configuration(), ConfigurationChanged(key="A", value="")).text("A") == ""

"""What several tests of the shell need."""

from collections.abc import Callable

import pytest

from eventstore.catalogue.transactions import MeterSampled, Moment, Sample, SampledValue


@pytest.fixture
def make_sampled() -> Callable[[int], MeterSampled]:
    """A sample that is owed, with a register of its own."""

    def make(energy_wh: int) -> MeterSampled:
        value = SampledValue(value=str(energy_wh), measurand="Energy.Active.Import.Register", unit="Wh")
        taken = Moment(at_ms=energy_wh, boot=1, utc_ms=energy_wh)
        sample = Sample(taken=taken, context="Sample.Periodic", values=(value,))
        return MeterSampled(connector_id=1, number=1, register_wh=energy_wh, sample=sample)

    return make

"""A station whose waiters wait for frames, too: for tests whose CSMS lives in the same process and answers at once."""

from collections.abc import Sequence

from eventstore.event import Observation
from station.runtime.station import Station


class RestingStation(Station):
    """Whoever waits waits until nothing happens any more. Such a CSMS asks for nothing by itself, so that comes."""

    async def _wait_for(self, observations: Sequence[Observation]) -> int:
        last, before = await super()._wait_for(observations), -1
        while last != before:
            last, before = await super()._wait_for(()), last
        return last

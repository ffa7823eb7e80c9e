"""One kernel step: the time of each observation of a charging session, on a small state and on a large one.

The large state has 10,000 entries in the Local Authorization List and 200,000 messages owed to the CSMS. Targets:
60 µs median and 1 ms p99 for an ordinary observation, also on the large state; no step above 10 ms.

    python -m tests.performance.bench_kernel
"""

import gc
import json
import statistics
import sys
import time

from eventstore.catalogue.authorization import IdTagInfo, LocalListEntry, LocalListReplaced
from eventstore.catalogue.hardware import MeterObserved
from eventstore.catalogue.lifecycle import DeadlineReached
from eventstore.catalogue.link import FrameReceived
from eventstore.event import Observation, Recorded
from eventstore.value import replace
from projections.station import StationState, evolve
from station.core import kernel
from station.features import registry_for
from tests.given import StationUnderTest, charging

ROUNDS = 400


def enlarged(state: StationState) -> StationState:
    """The same station with a full list and a long outage behind it."""
    entries = tuple(
        LocalListEntry(id_tag=f"TAG{number:08d}", info=IdTagInfo(status="Accepted")) for number in range(10_000)
    )
    event = LocalListReplaced(version=7, entries=entries)
    state = evolve(state, Recorded(seq=state.seq + 1, cause=1, at_ms=state.at_ms, utc_ms=0, event=event))
    return replace(state, outbox=replace(state.outbox, beyond=200_000, last_owed_seq=state.seq))


def observations(found: StationUnderTest) -> dict[str, Observation]:
    """The ordinary ones: a reading, a sample, an answer, a CALL of each weight."""
    connection = found.state.link.connection
    in_flight = found.calls[-1].message_id
    return {
        "meter reading": MeterObserved(connector_id=1, energy_wh=1_506, power_w=11_040),
        "sample deadline": DeadlineReached(name="sample", key=1, due_ms=found.at_ms),
        "answer to MeterValues": FrameReceived(connection=connection, text=json.dumps([3, in_flight, {}])),
        "GetConfiguration of one key": FrameReceived(
            connection=connection, text='[2,"a","GetConfiguration",{"key":["HeartbeatInterval"]}]'
        ),
        "ChangeConfiguration": FrameReceived(
            connection=connection, text='[2,"b","ChangeConfiguration",{"key":"HeartbeatInterval","value":"77"}]'
        ),
        "RemoteStopTransaction": FrameReceived(
            connection=connection, text='[2,"c","RemoteStopTransaction",{"transactionId":9001}]'
        ),
    }


def measure(found: StationUnderTest, state: StationState) -> list[tuple[str, float, float, float]]:
    """Name, median, p99 and maximum in microseconds of stepping each observation from the state."""
    rows = []
    registry = registry_for(found.description.profiles_off)  # not the watched one
    for name, observation in observations(found).items():
        for _ in range(50):
            kernel.step(state, observation, found.at_ms, registry)
        times = []
        for _ in range(ROUNDS):
            begun = time.perf_counter_ns()
            kernel.step(state, observation, found.at_ms, registry)
            times.append((time.perf_counter_ns() - begun) / 1000)
        times.sort()
        rows.append((name, statistics.median(times), times[int(len(times) * 0.99)], times[-1]))
    return rows


def in_midst_of_a_session() -> StationUnderTest:
    """A station that charges, with samples on their way and a CSMS that does not answer."""
    found = charging()
    found.csms = None
    for _ in range(2):
        found.advance(30)
        found.charge(250)
    found.advance(1)
    return found


def main() -> int:
    """Prints the table."""
    found = in_midst_of_a_session()
    gc.collect()
    gc.freeze()
    for label, state in (("small state", found.state), ("10,000 list entries, 200,000 owed", enlarged(found.state))):
        print(f"\n{label}\n{'observation':32}{'median µs':>12}{'p99 µs':>12}{'max µs':>12}")
        for name, median, p99, maximum in measure(found, state):
            print(f"{name:32}{median:12.1f}{p99:12.1f}{maximum:12.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

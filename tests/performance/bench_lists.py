"""A Local Authorization List of 10,000 entries, built by a Full and nine Differential updates of 1,000, and changed again.

Prints what each SendLocalList costs as one kernel step, what a worker thread does for it beforehand (large frames are
read and validated there), and one ordinary step beside the full list.

    python -m tests.performance.bench_lists
"""

import json
import statistics
import sys
import time

from eventstore.catalogue.hardware import MeterObserved
from eventstore.catalogue.link import FrameReceived
from station.core import kernel
from station.core.exchange import read_large
from station.features import registry_for
from tests.given import station

ENTRIES = 1_000


def frame(version: int, kind: str, first: int) -> str:
    """A SendLocalList with a thousand entries."""
    listed = [
        {"idTag": f"TAG{number:08d}", "idTagInfo": {"status": "Accepted", "expiryDate": "2030-01-01T00:00:00Z"}}
        for number in range(first, first + ENTRIES)
    ]
    payload = {"listVersion": version, "updateType": kind, "localAuthorizationList": listed}
    return json.dumps([2, f"list-{version}", "SendLocalList", payload])


def milliseconds(begun: int) -> float:
    """Since a moment of perf_counter_ns."""
    return (time.perf_counter_ns() - begun) / 1e6


def main() -> int:
    """Prints the figures."""
    found, registry = station().online(), registry_for()  # not the watched one
    steps, readings = [], []
    for version in range(1, 21):
        text = frame(version, "Full" if version == 1 else "Differential", (version - 1) % 10 * ENTRIES)
        begun = time.perf_counter_ns()
        read = read_large(text)
        readings.append(milliseconds(begun))
        observation = FrameReceived(connection=found.state.link.connection, text=text, read=read)
        begun = time.perf_counter_ns()
        state, _ = kernel.step(found.state, observation, found.at_ms, registry)
        steps.append(milliseconds(begun))
        found.state = state
    print(f"list of {len(found.state.authorization.local_list):,} entries, updates of {ENTRIES:,}")
    print(f"one SendLocalList as a kernel step: median {statistics.median(steps):.1f} ms, longest {max(steps):.1f} ms")
    print(f"reading and validating it beforehand, in a worker thread: median {statistics.median(readings):.1f} ms")
    times = []
    for _ in range(500):
        begun = time.perf_counter_ns()
        kernel.step(found.state, MeterObserved(connector_id=1, energy_wh=1_000), found.at_ms, registry)
        times.append(milliseconds(begun) * 1000)
    print(f"an ordinary step beside it: median {statistics.median(times):.0f} µs")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""How much the journal says of a month, and what telling it costs the event loop.

    python tests/performance/bench_journal.py [days]

Tells so many days of a station with ten sessions a day, samples every 60 s and heartbeats every 300 s (bench_segments), and the
same time without a CSMS, whose address refuses. It prints the lines and their bytes, by kind, and the time for each event.
It gives no verdict.
"""

import sys
from collections import Counter
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from eventstore.catalogue.link import ConnectFailed
from station.telling.line import Line
from station.telling.story import Story
from station.wire.instants import format_utc_ms
from tests.given import UTC_2026_MS, SentCall, accepting, station
from tests.performance.bench_segments import SESSIONS, Metered, day, forget

PREFIX_BYTES = len("<6>\n")


@dataclass
class Told(Metered):
    """A station whose story is told, and timed."""

    journal: Story = field(default_factory=Story)
    lines: list[Line] = field(default_factory=list)
    events_told: int = 0
    spent_s: float = 0.0

    def _record(self, observation: Any) -> None:
        before = len(self.log)
        super()._record(observation)
        batch = self.log[before:]
        begun_s = perf_counter()
        self.lines += self.journal.tell(self.state, batch)
        self.spent_s += perf_counter() - begun_s
        self.events_told += len(batch)


def begun() -> Told:
    """Online, with the usual measurands."""
    found = Told(description=station().description)

    def answer(call: SentCall) -> dict[str, Any]:
        said = accepting(call)
        return said | {"currentTime": format_utc_ms(UTC_2026_MS + found.at_ms)} if "currentTime" in said else said

    found.csms = answer
    found.online()
    found.configure(HeartbeatInterval=300, MeterValueSampleInterval=60)
    return found


def busy(days: int) -> Told:
    """Ten sessions a day, and one short loss of the link."""
    found = begun()
    for _ in range(days):
        day(found)
        found.disconnect()
        found.advance(2)
        found.connect()
        forget(found)
    return found


def offline(days: int) -> Told:
    """An address that refuses."""
    found = begun()
    found.disconnect()
    until_ms = found.at_ms + days * 86_400_000
    while found.at_ms < until_ms:
        found.advance(300)
        found.observe(ConnectFailed(reason="ConnectionRefusedError: [Errno 111] Connection refused", entropy=500))
        forget(found)
    return found


def show(name: str, found: Told, days: int) -> None:
    """The figures of one of them."""
    size = sum(len(line.text.encode()) + PREFIX_BYTES for line in found.lines)
    print(f"{name}: {days} days, {found.events_told} events, {found.events_told / days:.0f} a day")
    print(f"  {len(found.lines)} lines, {len(found.lines) / days:.1f} a day; {size} bytes, {size / days:.0f} a day")
    print(f"  {found.spent_s / found.events_told * 1e6:.2f} us for each event")
    for kind, count in Counter(line.type for line in found.lines).most_common(12):
        print(f"    {count:>6} {kind}")


def main(days: int) -> None:
    """All of it."""
    show(f"{SESSIONS} sessions a day", busy(days), days)
    show("no CSMS", offline(days), days)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)

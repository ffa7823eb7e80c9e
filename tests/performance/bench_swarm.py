"""How a reconnect storm smooths out: the back-off of the link, worked out for any number of stations against a CSMS that can do so much.

    python -m tests.performance.bench_swarm            the table of docs/swarm.md
    python -m tests.performance.bench_swarm 1000 200   so many stations, so many connections a second

A CSMS takes its number of connections each second and refuses the others at once. Every station follows the link's own rule
(`projections.link.reconnect_delay_ms`) with the factory's 1 s and 300 s. No time passes: it is arithmetic with a seed.
"""

import heapq
import random
import sys
from collections import Counter

from eventstore.value import replace
from projections.link import Link, reconnect_delay_ms

SEED = 1
CASES = ((1_000, 100), (10_000, 200), (10_000, 1_000), (100_000, 1_000), (100_000, 5_000))
LINK = Link(reconnect_min_ms=1_000, reconnect_max_ms=300_000)


def storm(stations: int, capacity: int, *, seed: int = SEED) -> tuple[list[int], list[int]]:
    """Attempts and connections in each second from the moment on at which all links are lost at once."""
    chance = random.Random(seed)
    links = [LINK] * stations
    due = [(reconnect_delay_ms(LINK, chance.randrange(1000)), number) for number in range(stations)]
    heapq.heapify(due)
    attempts, connected = Counter[int](), Counter[int]()
    while due:
        at_ms, number = heapq.heappop(due)
        second = at_ms // 1000
        attempts[second] += 1
        if connected[second] < capacity:
            connected[second] += 1
            continue
        links[number] = replace(links[number], attempts=links[number].attempts + 1)
        heapq.heappush(due, (at_ms + reconnect_delay_ms(links[number], chance.randrange(1000)), number))
    last = max(attempts) + 1
    return [attempts[second] for second in range(last)], [connected[second] for second in range(last)]


def row(stations: int, capacity: int) -> str:
    """One line of the table."""
    attempts, connected = storm(stations, capacity)
    half = next(second for second in range(len(connected)) if sum(connected[: second + 1]) * 2 >= stations)
    nearly = next(second for second in range(len(connected)) if sum(connected[: second + 1]) * 100 >= stations * 99)
    smooth = next(second for second in range(len(attempts)) if max(attempts[second:]) <= capacity)
    ideal = -(-stations // capacity)
    cells = (f"{stations:,}", f"{capacity:,}", f"{max(attempts):,}", f"{sum(attempts) / stations:.1f}")
    times = (ideal, half + 1, nearly + 1, len(connected), smooth)
    return " | ".join(["", *cells, *(f"{each} s" for each in times), ""]).strip()


def main() -> None:
    """Prints the table."""
    cases = ((int(sys.argv[1]), int(sys.argv[2])),) if len(sys.argv) == 3 else CASES
    print(
        "| stations | CSMS takes a second | attempts in the worst second | attempts of each | at best | half are back | 99 of 100 | all | smooth from |"
    )
    print("|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    for stations, capacity in cases:
        print(row(stations, capacity))


if __name__ == "__main__":
    main()

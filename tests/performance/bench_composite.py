"""How long a composite schedule takes: 30 profiles of 24 periods, over 24 hours and over 7 days.

    python tests/performance/bench_composite.py

Prints medians and exits with 1 if 24 hours take more than the target.
"""

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

from eventstore.catalogue.smart_charging import ChargingProfile, SchedulePeriod
from station.features.smart_charging.composite import (
    Charging,
    Situation,
    composite_connector,
    composite_station,
    next_change_ms,
    offers,
)
from station.features.smart_charging.limits import Surroundings

TARGET_MS = 5.0
ROUNDS = 25
START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
HOUR_S = 3_600
DAY_S = 24 * HOUR_S
PURPOSES = ("ChargePointMaxProfile", "TxDefaultProfile", "TxProfile")


def profile(number: int, purpose: str, stack_level: int) -> ChargingProfile:
    """A daily profile of 24 periods; those on higher levels are shorter, so that every one prevails at some time."""
    return ChargingProfile(
        charging_profile_id=number,
        stack_level=stack_level,
        purpose=purpose,
        kind="Recurring",
        recurrency="Daily",
        unit="A" if number % 4 else "W",
        periods=tuple(
            SchedulePeriod(
                start_s=hour * (HOUR_S - 97 * stack_level),
                limit_deci=(60 + (number * 37 + hour * 53) % 260) * (1 if number % 4 else 690),
            )
            for hour in range(24)
        ),
        start_schedule_utc_ms=START_MS - number * 61_000,
        duration_s=DAY_S - stack_level * 2_700,
        transaction_number=1 if purpose == "TxProfile" else None,
    )


def situations() -> dict[str, Situation]:
    """Named situations of 30 profiles each."""
    surroundings = Surroundings(voltage_v=230, phases=3, max_current_ma=32_000)
    thirds = [profile(number, PURPOSES[number % 3], number // 3) for number in range(30)]
    one_stack = tuple(profile(number, "TxDefaultProfile", number) for number in range(30))
    by_connector = {
        0: tuple(each for each in thirds if each.purpose == "ChargePointMaxProfile"),
        1: tuple(each for each in thirds if each.purpose != "ChargePointMaxProfile"),
    }
    charging = (Charging(connector_id=1, transaction_number=1, since_utc_ms=START_MS),)
    second = Charging(connector_id=2, transaction_number=2, since_utc_ms=START_MS + 60_000)
    return {
        "three purposes, ten levels each": Situation(
            surroundings=surroundings, profiles=by_connector, charging=charging, tx_default_after_tx_profile=True
        ),
        "one purpose, thirty levels": Situation(surroundings=surroundings, profiles={0: one_stack}, charging=charging),
        "the same, two transactions share": Situation(
            surroundings=surroundings, profiles={0: one_stack}, charging=(*charging, second)
        ),
    }


def median_ms(work: Callable[[], object]) -> float:
    """Median duration of the work."""
    durations = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        work()
        durations.append((time.perf_counter() - begin) * 1000)
    return statistics.median(durations)


def main() -> int:
    """Run the benchmark; 0 if the target is met."""
    slowest_day = 0.0
    for name, situation in situations().items():
        print(name)
        for label, duration_s in (("24 h", DAY_S), ("7 d", 7 * DAY_S)):
            connector = composite_connector(situation, 1, START_MS, duration_s)
            took = median_ms(partial(composite_connector, situation, 1, START_MS, duration_s))
            station = median_ms(partial(composite_station, situation, START_MS, duration_s))
            print(
                f"  {label:>5}: connector {took:6.2f} ms ({len(connector.periods)} periods, "
                f"{connector.duration_s} s), station {station:6.2f} ms"
            )
            if duration_s == DAY_S:
                slowest_day = max(slowest_day, took)
        print(f"  offers now {median_ms(partial(offers, situation, START_MS)):.2f} ms, ", end="")
        print(f"next change {median_ms(partial(next_change_ms, situation, START_MS)):.2f} ms")
    print(f"slowest connector, 24 h: {slowest_day:.2f} ms, target {TARGET_MS:.0f} ms")
    return 0 if slowest_day <= TARGET_MS else 1


if __name__ == "__main__":
    sys.exit(main())

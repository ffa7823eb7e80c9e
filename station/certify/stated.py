"""The response times that a maker states, and what a run measured against them."""

import math
from collections.abc import Iterable, Mapping, Sequence

from eventstore.value import replace
from station.certify.results import RESPONSE_TIMES, ResponseTimes

NAMES: Mapping[str, str] = dict(zip(("triggered", "response", "remote-start"), RESPONSE_TIMES, strict=True))
"""What is typed for each of the three."""


def read_stated(texts: Iterable[str]) -> dict[str, float]:
    """Seconds by kind, of texts such as "response=0.5". Raises ValueError that says what is wrong with one."""
    stated = {}
    for text in texts:
        name, equals, number = text.partition("=")
        if name not in NAMES or not equals:
            raise ValueError(f"--stated {text}: must be {', '.join(NAMES)}, each with =SECONDS")
        try:
            seconds = float(number)
        except ValueError:
            seconds = math.nan
        if not 0 < seconds < math.inf:
            raise ValueError(f"--stated {text}: {number!r} is no number of seconds above 0")
        stated[NAMES[name]] = seconds
    return stated


def with_stated(times: Sequence[ResponseTimes], stated: Mapping[str, float]) -> tuple[ResponseTimes, ...]:
    """The measured times beside what is stated; what was stated before and is not now stays."""
    return tuple(replace(each, stated_s=stated.get(each.kind, each.stated_s)) for each in times)

"""How much memory a command may take that reads what strangers wrote.

Everything read has bounds of its own (`eventstore.bounds`); this is what stands behind them, so that a log which finds a way past
them costs one error, not the machine.
"""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

VARIABLE = "CHARGEBOX_MEMORY_MIB"
DEFAULT_MIB = 2_048


class BadLimit(ValueError):  # noqa: N818  # it says what is the case
    """The variable holds no number of MiB."""


@contextmanager
def bounded() -> Iterator[None]:
    """Within it, this process and those that it starts get so much memory each, and MemoryError beyond. Raises BadLimit."""
    text = os.environ.get(VARIABLE, "").strip()
    if text and not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise BadLimit(f"{VARIABLE} is {text!r}: expected a number of MiB, 0 for no limit")
    wanted = (int(text) if text else DEFAULT_MIB) << 20
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    known = [each for each in (wanted or resource.RLIM_INFINITY, soft, hard) if each != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min(known, default=resource.RLIM_INFINITY), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))

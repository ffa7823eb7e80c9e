"""A process without a free file descriptor: really, by its own limit."""

import contextlib
import resource
from collections.abc import Iterator

STANDARD_STREAMS = 3


@contextlib.contextmanager
def no_descriptors() -> Iterator[None]:
    """Within, this process can open nothing, whatever it closes: no number above those of the standard streams is given out."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (STANDARD_STREAMS, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

"""The only source of chance: jitter for reconnections, delays of starts, and the name of an installation in message ids."""

import secrets

ENTROPY_MAX = 1000


def draw() -> int:
    """0 to 999, to be recorded with the event that it spreads."""
    return secrets.randbelow(ENTROPY_MAX)


def delay_ms(max_ms: int) -> int:
    """0 to `max_ms`, by which a start is delayed."""
    return secrets.randbelow(max_ms + 1)


def installation() -> str:
    """Eight hexadecimal digits that tell this log's message ids from those of any other."""
    return secrets.token_hex(4)


def salt(length: int) -> bytes:
    """So many random bytes, for a digest that nobody else can compute."""
    return secrets.token_bytes(length)

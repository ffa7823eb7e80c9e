"""What the supervisor is notified of (sd_notify(3)): ready, alive, stopping, what it does. Without one nothing happens."""

import atexit
import functools
import os
import socket

WAIT_S = 1.0
"""A supervisor whose socket is full for so long is notified later, or never: the station charges without it."""


def is_there() -> bool:
    """Whether there is a supervisor that wants to be notified."""
    return bool(os.environ.get("NOTIFY_SOCKET"))


def notify(message: str, *, wait: bool = True) -> bool:
    """Sends a state such as "READY=1" to the supervisor, if there is one; whether it was taken.

    Without `wait` it is sent only if it is taken at once: some ten datagrams wait in a supervisor's socket, no more.
    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        channel = _channel()
        channel.settimeout(WAIT_S if wait else 0)
        channel.sendto(message.encode(), address)
    except OSError:
        return False  # systemd socket absent: ignore
    return True


@functools.cache
def _channel() -> socket.socket:
    """Kept open: the sign of life must not wait for a free descriptor. Raises OSError."""
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    atexit.register(channel.close)
    return channel


def watchdog_ms() -> int | None:
    """How often the supervisor wants a sign of life, halved; None if it does not."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    return int(microseconds) // 2000 if microseconds.isdigit() and int(microseconds) else None

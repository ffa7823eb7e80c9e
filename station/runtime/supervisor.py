"""What the supervisor is told (sd_notify(3)): ready, alive, stopping. Without one nothing happens."""

import contextlib
import functools
import os
import socket


def notify(message: str) -> None:
    """Sends a state such as "READY=1" to the supervisor, if there is one."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with contextlib.suppress(OSError):  # a supervisor that does not listen is none
        _channel().sendto(message.encode(), address)


@functools.cache
def _channel() -> socket.socket:
    """Kept open: the sign of life must not wait for a free descriptor. Raises OSError."""
    return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)


def watchdog_ms() -> int | None:
    """How often the supervisor wants a sign of life, halved; None if it does not."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    return int(microseconds) // 2000 if microseconds.isdigit() and int(microseconds) else None

"""Daemons by the hundred: a process that has everything imported and forks a daemon for each order.

`python -m tests.fork_server N`: N is the descriptor of a socket. Each packet on it is a JSON array of the command's arguments,
with two descriptors: a socket that is told the process id and, once that has ended, its exit status (negative: a signal), and
what becomes its stderr. A start costs a tenth of one from nothing, and what runs is the daemon itself, from `main` on.
"""

import gc
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

ORDER_MAX = 65_536
ROOT = Path(__file__).resolve().parent.parent


class ForkServer:
    """The server, and how daemons are ordered from it. `environment`: of the server, and so of all of them."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.fork_server", str(theirs.fileno())],
                cwd=ROOT,
                env=environment,
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )

    def start(self, arguments: list[str], stderr: int) -> socket.socket:
        """A daemon with these arguments and this descriptor as stderr; the socket says its process id, then how it ended."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            socket.send_fds(self._control, [json.dumps(arguments).encode()], [theirs.fileno(), stderr])
        return ours

    def close(self) -> None:
        """No more daemons; those that run go on."""
        self._control.close()
        self._process.wait(30)


def _daemon(arguments: list[str], stderr: int) -> int:
    from station.cli.main import main

    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor, place in ((nothing, 0), (nothing, 1), (stderr, 2)):
        os.dup2(descriptor, place)
    os.close(nothing)
    os.close(stderr)
    sys.argv = ["chargebox", *arguments]
    # A daemon that starts itself anew (on_reset) does so from nothing.
    sys.orig_argv[:] = [sys.executable, "-m", "station.cli", *arguments]
    try:
        return int(main(arguments) or 0)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # noqa: BLE001  # what a stack trace would be for people
        import traceback

        traceback.print_exc()
        return 99


def _watched(arguments: list[str], answer: int, stderr: int) -> None:
    pid = os.fork()
    if pid == 0:
        os.close(answer)
        os._exit(_daemon(arguments, stderr))
    os.close(stderr)
    with socket.socket(fileno=answer) as told, suppress(OSError):  # who asked may be gone
        told.send(str(pid).encode())
        _, status = os.waitpid(pid, 0)
        told.send(str(os.waitstatus_to_exitcode(status)).encode())


def _import_all() -> None:
    """What a daemon imports once it runs: each fork has it already."""
    from station.cli import main, run
    from station.runtime import diagnostics, jobs, transfer
    from station.service import app

    assert all((app, diagnostics, jobs, main, run, transfer)), "imported for its own sake"


def serve(control: socket.socket) -> None:
    """Until nobody can order any more."""
    _import_all()
    gc.freeze()
    while True:
        packet, descriptors, _, _ = socket.recv_fds(control, ORDER_MAX, 2)
        if not packet:
            return
        if os.fork() == 0:
            control.close()
            _watched(json.loads(packet), *descriptors)
            os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))

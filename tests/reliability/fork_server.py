"""Daemons by the hundred: a process that has everything imported and forks a daemon for each line it is given.

python -m tests.reliability.fork_server: each line on standard input is a JSON object with the command's arguments and a
file for its stderr. It is answered by the process id, and once that has ended, by its exit status (negative: a signal).
"""

import gc
import json
import os
import sys

from station.cli import run as imported_with_all_it_needs
from station.cli.main import main
from station.runtime import diagnostics, jobs, transfer
from station.service import app

IMPORTED = (app, diagnostics, imported_with_all_it_needs, jobs, transfer)
"""What a daemon imports once it runs: each fork has it already."""


def _daemon(arguments: list[str], stderr: str) -> int:
    descriptor = os.open(stderr, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(descriptor, 2)
    sys.argv = ["chargebox", *arguments]
    try:
        return int(main(arguments) or 0)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # noqa: BLE001  # what a stack trace would be for people
        import traceback

        traceback.print_exc()
        return 99


def serve() -> None:
    """Until standard input ends."""
    gc.freeze()
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            os._exit(_daemon(order["arguments"], order["stderr"]))
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    serve()

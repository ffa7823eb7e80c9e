"""Other processes that read the same log: none outlives the one that it works for."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from station.replay.opening.workers import pool

STARTS = (
    "import os, sys, time\n"
    "from station.replay.opening.workers import pool\n"
    "if __name__ == '__main__':\n"
    "    with pool(2, ['station.replay.opening.workers']) as processes:\n"
    "        print(processes.submit(os.getpid).result(), flush=True); time.sleep(600)"
)


def is_there(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_worker_ends_with_its_parent_however_that_ends() -> None:
    with subprocess.Popen([sys.executable, "-c", STARTS], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        assert is_there(worker)
        parent.send_signal(signal.SIGKILL)
    until = time.monotonic() + 120
    while is_there(worker) and time.monotonic() < until:
        time.sleep(0.05)
    assert not is_there(worker)


def test_a_worker_is_another_process() -> None:
    with pool(1, ["station.replay.opening.workers"]) as processes:
        assert processes.submit(os.getpid).result() != os.getpid()

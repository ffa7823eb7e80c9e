"""A signal is obeyed though nothing answers: a process of its own, whose loop is held, or is not."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
PROGRAM = """
import asyncio, os, signal, sys, time
from station.runtime.last_resort import LastResort

async def main():
    resort, asked = LastResort((signal.SIGTERM,), 70, within_s=0.3), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, print, "usr1")
    resort.watch()
    resort.make_safe = lambda: print("safe", flush=True)
    print("ready", flush=True)
    {story}
    resort.close()

asyncio.run(main())
"""


def ended(story: str, *numbers: signal.Signals) -> tuple[int, str, float]:
    """The status, what it said, and how long it took from the last signal."""
    command = [sys.executable, "-c", PROGRAM.replace("{story}", story)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for number in numbers:
            process.send_signal(number)
        begun_s = time.monotonic()
        said, _ = process.communicate(timeout=60)
        return process.returncode, said, time.monotonic() - begun_s


@pytest.mark.parametrize(
    "hang", ["time.sleep(50)", "await asyncio.to_thread(time.sleep, 50)", "await asyncio.sleep(50)"]
)
def test_whatever_hangs_a_signal_ends_the_process_in_time_with_its_outputs_safe(hang: str) -> None:
    status, said, took_s = ended(hang, signal.SIGTERM)
    assert status == 70
    assert "safe\n" in said
    assert "asked to end, and nothing has answered" in said
    assert took_s < 40


def test_outputs_that_hang_too_hold_nothing_up() -> None:
    status, said, _ = ended("resort.make_safe = lambda: time.sleep(50); time.sleep(50)", signal.SIGTERM)
    assert status == 70
    assert "asked to end" in said


def test_the_loop_hears_of_each_signal_and_what_is_obeyed_may_take_longer() -> None:
    story = "await asked.wait(); resort.obeyed(); await asyncio.sleep(0.6); print('done')"
    status, said, took_s = ended(story, signal.SIGUSR1, signal.SIGTERM)
    assert (status, said) == (0, "usr1\ndone\n")
    assert took_s >= 0.6


def test_other_signals_end_nothing_and_after_the_end_the_loop_hears_for_itself() -> None:
    status, said, _ = ended("await asyncio.sleep(0.6)", signal.SIGUSR1)
    assert (status, said) == (0, "usr1\n")
    again = "resort.close(); os.kill(os.getpid(), signal.SIGTERM); await asked.wait(); time.sleep(0.6); print('heard')"
    assert ended(again)[:2] == (0, "heard\n")

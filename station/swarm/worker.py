"""A process of a swarm: it reads its share from standard input, and writes its figures to standard output, a line of JSON each.

It ends in order when it is asked to (SIGINT, SIGTERM), and when whoever began it is gone: its standard input ends then.
"""

import asyncio
import logging
import pickle
import signal
import sys
from typing import Any

import orjson

from station.swarm.share import Runner, Share

SIGNALS = (signal.SIGTERM, signal.SIGINT)


def run_here(share: Share) -> dict[str, Any]:
    """Runs a share to its end in this thread; its last figures. For a worker of a cluster."""
    said: list[dict[str, Any]] = [{}]

    def keep(figures: dict[str, Any]) -> None:
        said[0] = figures

    asyncio.run(Runner(share, keep).run())
    return said[0]


async def _run(share: Share) -> None:
    runner = Runner(share, _say)
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, runner.end)
    loop.add_reader(sys.stdin.fileno(), _abandoned, loop, runner)
    await runner.run()


def _abandoned(loop: asyncio.AbstractEventLoop, runner: Runner) -> None:
    loop.remove_reader(sys.stdin.fileno())
    runner.end()


def _say(figures: dict[str, Any]) -> None:
    try:
        sys.stdout.buffer.write(orjson.dumps(figures, option=orjson.OPT_APPEND_NEWLINE))
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # nobody counts any more: the end comes by standard input
        pass


def main() -> None:
    """The process."""
    logging.basicConfig(level=logging.CRITICAL)
    size = int(sys.stdin.buffer.readline())
    share: Share = pickle.loads(sys.stdin.buffer.read(size))  # noqa: S301  # of the process that began this one
    asyncio.run(_run(share))


if __name__ == "__main__":
    main()

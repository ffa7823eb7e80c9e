"""A person at a terminal: what is said to them, and the lines that they type."""

import asyncio
import os
from typing import TextIO


class Terminal:
    """Lines out, lines in, without a thread: `async with Terminal(...)` reads the descriptor of the terminal while it is open."""

    def __init__(self, typed: int, told: TextIO) -> None:
        self._typed = typed
        self._told = told
        self._lines: asyncio.Queue[str] = asyncio.Queue()
        self._half = ""

    def begin(self) -> None:
        """Listens from now on."""
        asyncio.get_running_loop().add_reader(self._typed, self._read)

    def end(self) -> None:
        """Listens no more."""
        asyncio.get_running_loop().remove_reader(self._typed)

    def _read(self) -> None:
        try:
            content = os.read(self._typed, 4096)
        except OSError:  # the other end of a pseudo-terminal is gone
            content = b""
        if not content:
            self.end()
            return
        *lines, self._half = (self._half + content.decode(errors="replace")).split("\n")
        for line in lines:
            self._lines.put_nowait(line.strip().casefold())

    def say(self, text: str) -> None:
        """A line, or several."""
        self._told.write(f"{text}\n")
        self._told.flush()

    def forget(self) -> None:
        """What was typed before is no answer to what is said next."""
        while not self._lines.empty():
            self._lines.get_nowait()

    async def line(self, within_s: float) -> str | None:
        """The next line that is typed, without its ends and in lower case; None if there is none in time."""
        try:
            async with asyncio.timeout(within_s):
                return await self._lines.get()
        except TimeoutError:
            return None

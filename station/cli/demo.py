"""`chargebox demo`: an embedded CSMS, a bench station and a scripted story on loopback, and a table that compares their books.

Exit status: 0 the log and the CSMS agree; 1 they do not, or the story could not go on; 128 + the signal (130 for Ctrl-C) when it
was ended before its summary. Nothing is left behind in any case. With `--keep` it stays up after the summary, and Ctrl-C ends it
with the status that the summary had.
"""

import argparse
import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TextIO

from station.demo.screen import Screen, Speaker

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STYLES = {
    Speaker.STORY: "bold",
    Speaker.STATION: "yellow",
    Speaker.CSMS: "cyan",
    Speaker.GOOD: "bold green",
    Speaker.BAD: "bold red",
    Speaker.PLAIN: "",
}

End = Callable[[signal.Signals], None]
Piece = Callable[[Screen], Coroutine[None, None, int]]
"""What is played on a screen; it ends with an exit status."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--keep", action="store_true", help="stay up after the summary, until Ctrl-C")
    what.add_argument(
        "--settings",
        metavar="FILE",
        type=Path,
        help="instead, one session on the station that runs with these settings: a bench station without a CSMS",
    )
    parser.add_argument("--pace", type=_pace, default=1.0, help=argparse.SUPPRESS)


def _pace(text: str) -> float:
    try:
        pace = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"not a number: {text!r}") from None
    if not 0 <= pace <= 10:
        raise argparse.ArgumentTypeError(f"{text} is not within 0 to 10")
    return pace


def run(arguments: argparse.Namespace) -> int:
    """Plays the story, or a session on the station that runs; returns the exit status."""
    try:
        if arguments.settings is not None:
            return _visit(arguments.settings, arguments.pace)
        return asyncio.run(_play(_story(keep=arguments.keep, pace=arguments.pace)))
    except KeyboardInterrupt:  # it came before the loop took the signals over
        return 128 + signal.SIGINT


def _story(*, keep: bool, pace: float) -> Piece:
    from station.demo.story import Options, play

    return lambda screen: play(screen, Options(keep=keep, pace=pace))


def _visit(file: Path, pace: float) -> int:
    from station.demo.visit import visit
    from station.settings.loading import SettingsError, load_settings

    try:
        settings = load_settings(file)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    return asyncio.run(_play(lambda screen: visit(screen, settings, pace)))


async def _play(piece: Piece) -> int:
    ended_by: list[signal.Signals] = []

    def end(number: signal.Signals) -> None:
        if not ended_by:  # the way out is taken once, and is short
            ended_by.append(number)
            playing.cancel()

    playing = asyncio.ensure_future(piece(make_screen(sys.stdout, end)))
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, end, number)
    try:
        return await playing
    except asyncio.CancelledError:
        return 128 + ended_by[0]


def make_screen(stream: TextIO, end: End) -> Screen:
    """Plain lines, on a terminal with a living one, and colours if rich is installed."""
    if not stream.isatty():
        return PlainScreen(stream, end)
    try:
        return ColourScreen(stream, end)
    except ImportError:
        return TerminalScreen(stream, end)


class PlainScreen:
    """Lines only, for files and pipes. When nobody reads them any more, the demonstration ends."""

    def __init__(self, stream: TextIO, end: End) -> None:
        self._stream = stream
        self._end = end

    def line(self, voice: Speaker, text: str) -> None:
        """A line that stays."""
        self._write(f"{text}\n")

    def live(self, text: str) -> None:
        """Nothing: a file cannot take a line back."""

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            self._end(signal.SIGPIPE)


class TerminalScreen(PlainScreen):
    """Lines, and below them one that is rewritten."""

    _lives = False

    def line(self, voice: Speaker, text: str) -> None:
        """A line that stays, in the place of the living one."""
        self.live("")
        self._write(f"{self._styled(voice, text)}\n")

    def live(self, text: str) -> None:
        """Rewrites the living line."""
        if text or self._lives:
            width = shutil.get_terminal_size().columns - 1
            self._write(f"\r\x1b[2K{text[:width]}")
        self._lives = bool(text)

    def _styled(self, voice: Speaker, text: str) -> str:
        return text


class ColourScreen(TerminalScreen):
    """The same in colours; raises ImportError if rich is not installed."""

    def __init__(self, stream: TextIO, end: End) -> None:
        from rich.console import Console

        super().__init__(stream, end)
        self._console = Console(file=stream, highlight=False, markup=False, emoji=False)

    def _styled(self, voice: Speaker, text: str) -> str:
        with self._console.capture() as capture:
            self._console.print(text, style=STYLES[voice], soft_wrap=True, end="")
        return capture.get()

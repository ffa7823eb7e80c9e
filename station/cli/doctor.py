"""`chargebox doctor [--settings FILE]`: checks the installation, the settings, the board, the disk and the log, a line each.

With `--failsafe` it tries nothing but whether the controllers of the board switch off when they hear nothing.

Exit status: 0 no fault (warnings there may be), 1 a fault.
"""

import argparse
import sys
from functools import partial
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument(
        "--settings", type=Path, metavar="FILE", help="the settings file; without it only the installation is checked"
    )
    parser.add_argument(
        "--failsafe",
        action="store_true",
        help="let a vehicle draw, stop talking to each controller of the board, and see whether the current falls; the daemon must not run",
    )
    parser.add_argument(
        "--anyway", action="store_true", help="with --failsafe: although a transaction is open in the log"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print all findings; returns the exit status."""
    if arguments.failsafe:
        return _failsafe(arguments)
    from station.doctor.examination import examine

    return examine(arguments.settings, partial(print, flush=True))


def _failsafe(arguments: argparse.Namespace) -> int:
    from station.doctor.failsafe import try_failsafe

    if arguments.settings is None:
        print("chargebox: --failsafe needs --settings FILE", file=sys.stderr)
        return 2
    return try_failsafe(arguments.settings, partial(print, flush=True), anyway=arguments.anyway)

"""`chargebox doctor [--settings FILE]`: checks the installation, the settings, the board, the disk and the log, a line each.

Exit status: 0 no fault (warnings there may be), 1 a fault.
"""

import argparse
from functools import partial
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument(
        "--settings", type=Path, metavar="FILE", help="the settings file; without it only the installation is checked"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print all findings; returns the exit status."""
    from station.doctor.examination import examine

    return examine(arguments.settings, partial(print, flush=True))

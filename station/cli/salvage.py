"""`chargebox salvage DIR`: checks the log in a storage directory whole, and salvages what can be read if it is damaged.

Exit status: 0 whole, or salvaged; 1 there is no log, or closed segments are damaged or gone; 3 the log is locked, too new or not writable.
"""

import argparse
import sys
from functools import partial
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument("directory", type=Path, metavar="DIR", help="the storage directory; no daemon may be using it")


def run(arguments: argparse.Namespace) -> int:
    """Salvage, and print what was found and done; returns the exit status."""
    from station.runtime.salvaging import salvage_and_tell

    return salvage_and_tell(arguments.directory, print, partial(print, file=sys.stderr))

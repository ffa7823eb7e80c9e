"""`chargebox certify --settings FILE --pics`: what a station of these settings supports, as a laboratory asks for it.

Exit status: 0 done; 2 wrong usage or settings.
"""

import argparse
import sys
from functools import partial

EXIT_USAGE = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument("--settings", required=True, metavar="FILE", help="the settings file (TOML)")
    parser.add_argument(
        "--pics",
        action="store_true",
        required=True,
        help="print the protocol implementation conformance statement and the table of configuration keys, without a run",
    )
    parser.add_argument("--json", action="store_true", help="JSON instead of Markdown")


def run(arguments: argparse.Namespace) -> int:
    """Print the statement; returns the exit status."""
    from station.certify import pics

    complain = partial(print, "chargebox:", file=sys.stderr)
    return pics.show(arguments.settings, sys.stdout.write, complain, as_json=arguments.json)

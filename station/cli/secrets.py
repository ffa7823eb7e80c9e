"""`chargebox secrets [forget FINGERPRINT] --settings FILE`: which AuthorizationKey is in use, and the removal of one.

Exit status: 0 done; 1 what was asked for failed: the daemon runs, there is no such key, or it is the last one; 2 wrong usage or settings.
"""

import argparse
import sys
from functools import partial

EXIT_USAGE = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument("--settings", required=True, metavar="FILE", help="the settings file (TOML)")
    parser.add_argument("--force", action="store_true", help="forget even the last key that can be used")
    parser.add_argument("action", nargs="?", choices=("forget",), help="remove a key that the CSMS has set")
    parser.add_argument("key", nargs="?", metavar="FINGERPRINT", help="which one, as this command shows it")


def run(arguments: argparse.Namespace) -> int:
    """Print which keys there are, or remove one; returns the exit status."""
    from station.doctor import key_report
    from station.settings.loading import SettingsError, load_settings

    complain = partial(print, "chargebox:", file=sys.stderr)
    try:
        settings = load_settings(arguments.settings)
    except SettingsError as error:
        complain(str(error))
        return EXIT_USAGE
    if arguments.action == "forget" and arguments.key is None:
        complain("forget which key? `chargebox secrets --settings FILE` shows them")
        return EXIT_USAGE
    if arguments.action == "forget":
        return key_report.forget(settings, arguments.key, print, complain, force=arguments.force)
    return key_report.show(settings, print, complain)

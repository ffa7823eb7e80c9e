"""`chargebox certificates [list | export FINGERPRINT | request | import FILE] --settings FILE`: what the station has of certificates.

Exit status: 0 done; 1 what was asked for failed: the daemon runs, there is no such certificate, or it cannot be used; 2 wrong usage or settings.
"""

import argparse
import sys
from functools import partial
from pathlib import Path

EXIT_USAGE = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument("--settings", required=True, metavar="FILE", help="the settings file (TOML)")
    parser.add_argument(
        "--use", choices=("csms", "manufacturer", "station"), help="what an imported certificate is for"
    )
    parser.add_argument(
        "--organisation", default="", metavar="NAME", help="O of the request: the operator's name (CpoName)"
    )
    actions = ("list", "export", "request", "import")
    parser.add_argument(
        "action", nargs="?", choices=actions, default="list", help="what is to be done; list is the default"
    )
    parser.add_argument(
        "what", nargs="?", metavar="FINGERPRINT|FILE", help="which one to export, or the file to import"
    )


def run(arguments: argparse.Namespace) -> int:
    """Show, export, request or import certificates; returns the exit status."""
    from station.doctor import certificate_report
    from station.settings.loading import SettingsError, load_settings

    complain = partial(print, "chargebox:", file=sys.stderr)
    try:
        settings = load_settings(arguments.settings)
    except SettingsError as error:
        complain(str(error))
        return EXIT_USAGE
    if arguments.action == "list":
        return certificate_report.show(settings, print, complain)
    if arguments.action == "request":
        return certificate_report.request(settings, arguments.organisation, print, complain)
    if arguments.what is None:
        complain(f"{arguments.action} what? `chargebox certificates --help` has examples")
        return EXIT_USAGE
    if arguments.action == "export":
        return certificate_report.export(settings, arguments.what, print, complain)
    if arguments.use is None:
        complain("import for what? --use csms, manufacturer or station")
        return EXIT_USAGE
    return certificate_report.take(settings, Path(arguments.what), arguments.use, print, complain)

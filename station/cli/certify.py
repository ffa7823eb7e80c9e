"""`chargebox certify --settings FILE`: the certification cases against this station, and what it supports (`--pics`).

Exit status: 0 no case failed; 1 one did, or the run could not be begun or ended early; 2 wrong usage or settings; 130 after Ctrl-C.
"""

import argparse
import sys
from functools import partial
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument("--settings", required=True, metavar="FILE", type=Path, help="the settings file (TOML)")
    parser.add_argument(
        "--pics",
        action="store_true",
        help="print the protocol implementation conformance statement and the table of configuration keys, without a run",
    )
    parser.add_argument("--json", action="store_true", help="with --pics: JSON instead of Markdown")
    parser.add_argument(
        "--profile",
        action="append",
        default=[],
        metavar="NAME",
        help="only the cases of this feature profile, such as Core, Reservation or Security (repeatable)",
    )
    parser.add_argument("--case", action="append", default=[], metavar="ID", help="only this case (repeatable)")
    parser.add_argument(
        "--out", metavar="DIR", type=Path, help="where report.json and the run's files go (default: certify-IDENTITY)"
    )
    parser.add_argument(
        "--listen",
        default="",
        metavar="ADDRESS:PORT",
        help="where the CSMS of the run listens (default: a free port of loopback)",
    )
    parser.add_argument("--resume", action="store_true", help="go on with the run in DIR: what it has decided stays")
    parser.add_argument(
        "--even-if-charging",
        action="store_true",
        help="on a real board: begin although the log has a car that is charging",
    )
    parser.add_argument(
        "--stated",
        action="append",
        default=[],
        metavar="NAME=SECONDS",
        help="what the maker states of a response time, for the papers: triggered, response or remote-start (repeatable)",
    )
    parser.add_argument(
        "--page",
        default="",
        metavar="ADDRESS:PORT",
        help="on a real board: also tell the person what to do on a page there, for a phone",
    )


def run(arguments: argparse.Namespace) -> int:
    """Runs the cases, or prints the statement; returns the exit status."""
    complain = partial(print, "chargebox:", file=sys.stderr)
    if arguments.pics:
        from station.certify import pics

        return pics.show(arguments.settings, sys.stdout.write, complain, as_json=arguments.json)
    from station.certify.command import Asked, certify, command_line

    asked = Asked(
        settings_file=arguments.settings,
        ocpp_profiles=tuple(arguments.profile),
        cases=tuple(arguments.case),
        out=arguments.out,
        listen=arguments.listen,
        resume=arguments.resume,
        even_if_charging=arguments.even_if_charging,
        stated=tuple(arguments.stated),
        page=arguments.page,
        command=command_line(sys.argv[1:]),
    )
    status, _ = certify(asked, partial(print, flush=True), complain)
    return status

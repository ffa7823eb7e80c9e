"""`chargebox`: which command, with which arguments. Each command is imported when it is asked for.

Exit status: 0 done; 1 what was asked for failed; 2 wrong usage or settings; 3 the log; 70 the storage failed.
"""

import argparse
import gc
import sys
from collections.abc import Sequence
from importlib import import_module

from station import VERSION
from station.cli.examples import epilog

# Command: the module that has `add_arguments(parser)` and `run(arguments) -> int`, and what it does in a line.
COMMANDS = {
    "run": ("station.cli.run", "run the station, in the foreground"),
    "doctor": ("station.cli.doctor", "check the installation, the settings, the board, the disk and the log"),
    "replay": ("station.cli.replay", "read a log: what happened, when and why, and whether it is whole"),
    "fleet": ("station.cli.fleet", "summarize, verify or export many logs at once"),
    "swarm": ("station.cli.swarm", "many durable stations against a CSMS, and a verdict on it"),
    "salvage": (
        "station.cli.salvage",
        "check the log in a storage directory, and salvage what can be read of a damaged one",
    ),
    "secrets": ("station.cli.secrets", "show which AuthorizationKey is in use, by fingerprint, or forget one"),
    "certificates": ("station.cli.certificates", "show, export, request or import certificates of the station"),
    "wiring": ("station.cli.wiring", "show the plan of a gpio board, or make its outputs safe"),
    "certify": (
        "station.cli.certify",
        "play the certification cases against this station, and print what a laboratory asks a maker for",
    ),
    "demo": ("station.cli.demo", "play a story on a simulated station and a CSMS of its own, and compare their books"),
}


def make_parser(asked: str | None = None) -> argparse.ArgumentParser:
    """The parser of the command line; only the command that is `asked` for is imported, all of them for None."""
    parser = argparse.ArgumentParser(prog="chargebox", description="An OCPP 1.6J charge point.")
    parser.add_argument("--version", action="version", version=f"chargebox {VERSION}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (module, summary) in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=summary,
            description=summary,
            epilog=epilog(name),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if asked is None or name == asked:
            import_module(module).add_arguments(command)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; returns the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    asked = next((word for word in arguments if not word.startswith("-")), "")
    gc.disable()  # what is imported stays: to search it for garbage again and again takes a tenth of a start
    try:
        parser = make_parser(asked)
    finally:
        gc.freeze()
        gc.enable()
    parsed = parser.parse_args(arguments)
    status: int = import_module(COMMANDS[parsed.command][0]).run(parsed)
    return status


if __name__ == "__main__":
    sys.exit(main())

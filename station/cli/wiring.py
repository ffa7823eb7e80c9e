"""`chargebox wiring --settings FILE`: the pin plan of a gpio board as a table, as a picture, or its outputs made safe."""

import argparse
import sys
from pathlib import Path

from station.runtime import wiring
from station.settings.loading import SettingsError, load_settings

EXIT_FAILED = 1
EXIT_SETTINGS = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument("--settings", required=True, metavar="FILE", help="the settings file (TOML)")
    parser.add_argument("--svg", metavar="FILE", type=Path, help="write the plan as a picture instead of printing it")
    parser.add_argument(
        "--safe",
        action="store_true",
        help="open every contactor and make every pilot steady, for a service manager after the daemon ended",
    )


def run(arguments: argparse.Namespace) -> int:
    """Shows the plan, or makes the outputs safe; returns the exit status."""
    try:
        settings = load_settings(arguments.settings)
        plan = wiring.read_wiring(settings)
    except SettingsError as error:
        print(f"chargebox: {error}", file=sys.stderr)
        return EXIT_SETTINGS
    if arguments.safe:
        refused = wiring.make_outputs_safe(plan)
        for line in refused:
            print(f"chargebox: {line}", file=sys.stderr)
        return EXIT_FAILED if refused else 0
    if arguments.svg is None:
        print(wiring.wiring_table(plan))
        for line in wiring.wiring_doubts(plan):
            print(line)
        return 0
    try:
        arguments.svg.write_text(wiring.wiring_picture(plan, settings.station.identity), encoding="utf-8")
    except OSError as error:
        print(f"chargebox: {arguments.svg}: {error.strerror}", file=sys.stderr)
        return EXIT_FAILED
    return 0

"""`chargebox run --settings FILE`: the daemon."""

import argparse
import asyncio
import logging
import os
from typing import NoReturn

from station.daemon import process
from station.runtime import journal
from station.settings.loading import Settings, SettingsError, load_settings

LOGGER = logging.getLogger(__name__)

EXIT_SETTINGS = 2
FOR_OWNER_ALONE = 0o077


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument("--settings", required=True, metavar="FILE", help="the settings file (TOML)")
    parser.add_argument("--verbose", action="store_true", help="log what happens in more detail")


def run(arguments: argparse.Namespace) -> int:
    """Runs the daemon; does not return: the process ends with its status, or is replaced."""
    os.umask(FOR_OWNER_ALONE)  # whatever the process was started with
    handler = journal.begin()
    try:
        settings = load_settings(arguments.settings)
        handler.use(settings.logging, verbose=arguments.verbose)
        return asyncio.run(_run(settings))
    except SettingsError as error:
        journal.say(str(error), logging.ERROR)
        return EXIT_SETTINGS
    finally:
        handler.close()


async def _run(settings: Settings) -> NoReturn:
    """Ends the process from within the loop: closing it would wait for a thread that hangs on a disk."""
    status = process.EXIT_FAILED
    try:
        ending = await process.run(settings)
        status = process.replace_process() if ending.replace else ending.status
    except SettingsError:
        raise
    except Exception as error:  # our own bug, or a board that is not what the settings say
        LOGGER.critical("the station cannot be run: %s", error, exc_info=error)
    journal.flush()
    os._exit(status)

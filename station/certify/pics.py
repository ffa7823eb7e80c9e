"""`chargebox certify --pics`: the statement of the settings at hand, on the terminal, without a run."""

from collections.abc import Callable
from pathlib import Path

from station.certify.papers.markdown import markdown
from station.certify.papers.statement_paper import statement_paper
from station.certify.statement import statement_of
from station.replay.pages.page import json_text
from station.settings.loading import SettingsError, load_settings

EXIT_OK, EXIT_SETTINGS = 0, 2


def show(
    settings_file: Path | str, write: Callable[[str], object], complain: Callable[[str], object], *, as_json: bool
) -> int:
    """Write the statement as Markdown, or as JSON; returns the exit status: 2 for settings that cannot be used."""
    try:
        statement = statement_of(load_settings(settings_file))
    except SettingsError as error:
        complain(str(error))
        return EXIT_SETTINGS
    write(json_text(statement) if as_json else markdown(statement_paper(statement)))
    return EXIT_OK

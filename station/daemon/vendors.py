"""Makers' DataTransfer handlers: installed packages name them by entry points of the group `chargebox.vendors`."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from station.features.data_transfer import Vendor
from station.settings.loading import SettingsError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

VENDORS = "chargebox.vendors"


def load_vendors() -> tuple[Vendor, ...]:
    """The DataTransfer handlers of installed packages. Raises SettingsError naming one that cannot be used."""
    if not any(_may_name_one(place) for place in sys.path):
        return ()
    from importlib import metadata  # here: to read what is said of every package takes longer than the rest of a boot

    return tuple(_vendor(entry) for entry in metadata.entry_points(group=VENDORS))


def _may_name_one(place: str) -> bool:
    """Whether a package at this place of the path names a handler; what is no directory is not looked into."""
    try:
        with os.scandir(place or ".") as entries:
            packages = [entry.path for entry in entries if entry.name.endswith((".dist-info", ".egg-info"))]
    except NotADirectoryError:
        return True
    except OSError:
        return False
    return any(VENDORS in _entry_points(package) for package in packages)


def _entry_points(package: str) -> str:
    try:
        return Path(package, "entry_points.txt").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _vendor(entry: "EntryPoint") -> Vendor:
    where = f"entry point {entry.name} = {entry.value} of {VENDORS}"
    try:
        vendor = entry.load()
    except Exception as error:  # a maker's code may raise anything
        raise SettingsError((f"{where} cannot be loaded: {type(error).__name__}: {error}",)) from error
    if not isinstance(vendor, Vendor):
        raise SettingsError((f"{where} is a {type(vendor).__name__}, not a Vendor",))
    return vendor

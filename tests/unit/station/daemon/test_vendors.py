"""Makers' DataTransfer handlers: found by their entry points, and refused by name."""

import sys
import zipfile
from pathlib import Path

import pytest

from station.daemon.bootstrap import make_registry
from station.daemon.vendors import VENDORS, load_vendors
from station.settings.loading import SettingsError, parse_settings

SETTINGS = """
[station]
identity = "CB-0001"
[csms]
url = "ws://127.0.0.1:9000/ocpp"
"""

VENDOR_PACKAGE = """
from station.features.data_transfer import Vendor
from station.wire.enums import DataTransferStatus
from station.wire.messages.core import DataTransferResponse

def echo(state, data, at_ms):
    return DataTransferResponse(status=DataTransferStatus.ACCEPTED, data=data)

VENDOR = Vendor(vendor_id="org.example.maker", messages={"echo": echo})
NO_VENDOR = object()
"""


def install_maker(directory: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """A maker's package whose entry point names this value."""
    (directory / "example_maker.py").write_text(VENDOR_PACKAGE)
    installed = directory / "example_maker-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: example-maker\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text(f"[{VENDORS}]\nmaker = {value}\n")
    monkeypatch.syspath_prepend(str(directory))


def test_a_makers_handlers_are_found_by_their_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_vendors() == ()
    install_maker(tmp_path, monkeypatch, "example_maker:VENDOR")
    (vendor,) = load_vendors()
    assert vendor.vendor_id == "org.example.maker"
    found = parse_settings(SETTINGS, "chargebox.toml")
    assert "DataTransfer" in make_registry(found).answers


@pytest.mark.parametrize("value", ["example_maker:NO_VENDOR", "example_maker:NOBODY", "no_such_module:VENDOR"])
def test_handlers_that_cannot_be_used_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    install_maker(tmp_path, monkeypatch, value)
    with pytest.raises(SettingsError, match=value):
        load_vendors()


def test_a_handler_in_an_archive_is_found_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    with monkeypatch.context() as patch:
        install_maker(unpacked, patch, "example_maker_zipped:VENDOR")
    (unpacked / "example_maker.py").rename(unpacked / "example_maker_zipped.py")
    archive = tmp_path / "maker.zip"
    with zipfile.ZipFile(archive, "w") as written:
        for file in unpacked.rglob("*"):
            written.write(file, file.relative_to(unpacked))
    monkeypatch.syspath_prepend(str(archive))
    assert [vendor.vendor_id for vendor in load_vendors()] == ["org.example.maker"]


def test_a_place_that_is_not_there_holds_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path / "absent"), *sys.path])
    assert load_vendors() == ()

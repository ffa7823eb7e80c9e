"""Addresses end to end, on the real daemon: where files may go, and what of the CSMS's url stays its own."""

from pathlib import Path

import pytest

from tests.csms.independent import Csms
from tests.daemon import Daemon
from tests.file_servers import serve_files
from tests.integration.stations import delivered, settings_for, until

TOKEN = "a-token-of-the-url"


@pytest.mark.asyncio
async def test_a_file_goes_to_the_station_itself_only_where_the_settings_allow_it(tmp_path: Path) -> None:
    async with Csms() as csms, serve_files("http", tmp_path / "files") as files:
        settings = settings_for(csms.url, transfers={"allow_loopback": False})
        async with Daemon(tmp_path, settings) as daemon:
            await csms.expect("BootNotification")
            for location in (files.url, files.url.replace("127.0.0.1", "localhost")):
                await csms.request("GetDiagnostics", location=location, retries=0)
                await csms.expect("DiagnosticsStatusNotification", status="UploadFailed", within_s=20)
            told = repr(await daemon.api.events())
        assert files.received() == {}
    assert "is this machine itself (loopback)" in told


@pytest.mark.asyncio
async def test_the_query_of_the_url_reaches_the_csms_and_nobody_else(tmp_path: Path) -> None:
    async with Csms() as csms, serve_files("http", tmp_path / "files") as files:
        async with Daemon(tmp_path, settings_for(f"{csms.url}?token={TOKEN}")) as daemon:
            await csms.expect("BootNotification")
            await csms.request("GetDiagnostics", location=files.url)
            await csms.expect("DiagnosticsStatusNotification", status="Uploaded", within_s=20)
            await until(daemon, delivered, "everything to be delivered")
            seen = [
                repr(await daemon.api.state()),
                repr(await daemon.api.events()),
                await daemon.api.metrics(),
                daemon.stderr_text(),
            ]
        assert csms.gate.handshakes[0].path.endswith(f"?token={TOKEN}")
        storage = tmp_path / "storage"
        kept = [path.read_bytes().decode("latin-1") for path in storage.rglob("*") if path.is_file()]
        assert [text[:100] for text in (*seen, *kept) if TOKEN in text] == []
        assert "?(withheld)" in seen[1]

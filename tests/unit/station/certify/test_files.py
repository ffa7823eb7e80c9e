"""The laboratory's file servers, as the station's own transfers use them."""

from collections.abc import AsyncIterator
from pathlib import Path

import aioftp
import httpx2
import pytest

from station.certify.files import serve_files

pytestmark = pytest.mark.asyncio


async def test_files_are_fetched_and_put_over_http(tmp_path: Path) -> None:
    async with serve_files("http", tmp_path / "files") as server, httpx2.AsyncClient(trust_env=False) as http:
        assert (await http.get(server.put("a.bin", b"content"))).content == b"content"
        assert (await http.get(f"{server.url}/none")).status_code == 404
        assert (await http.put(f"{server.url}/b.zip", content=b"put")).status_code == 201

        async def parts() -> AsyncIterator[bytes]:
            yield b"in "
            yield b"parts"

        assert (await http.post(f"{server.url}/../c", content=parts())).status_code == 201
        assert server.received() == {"a.bin": b"content", "b.zip": b"put", "c": b"in parts"}


async def test_files_are_fetched_and_put_over_ftp(tmp_path: Path) -> None:
    async with serve_files("ftp", tmp_path / "files") as server:
        server.put("a.bin", b"content")
        host, _, port = server.url.rpartition("@")[2].partition(":")
        async with aioftp.Client.context(host, int(port), user="lab", password="secret") as client:
            assert [path.name for path, _ in await client.list()] == ["a.bin"]
        assert server.received() == {"a.bin": b"content"}

"""HTTP with servers that refuse, ask for time or lead astray (8.1, 8.2)."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from station.runtime.dialing import anywhere, only_elsewhere
from station.runtime.location import TransferError, TransferFault, TransferLimits
from station.runtime.transfer import Transfers
from tests.csms.tls import issue, make_authority, server_context
from tests.names import Names, dull, swallowing
from tests.unit.station.runtime.transfer_servers import HttpFiles, http_files

CONTENT = bytes(range(256)) * 1200
MAX = 10_000_000
LIMITS = TransferLimits(connect_s=10, stall_s=10, total_s=60, reserve_bytes=0)

pytestmark = pytest.mark.asyncio


@pytest.fixture
def files() -> Iterator[HttpFiles]:
    with http_files(CONTENT) as server:
        yield server


@pytest.fixture
def transfers() -> Transfers:
    return Transfers(judge=anywhere, limits=LIMITS)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    file = tmp_path / "1-bundle.zip"
    file.write_bytes(CONTENT)
    return file


@pytest.mark.parametrize("status", [400, 402, 404, 405, 406, 409, 410, 411, 415, 422, 428, 429, 431, 451, 499, 501])
async def test_a_put_that_is_refused_becomes_a_post(
    files: HttpFiles, transfers: Transfers, bundle: Path, status: int
) -> None:
    files.statuses = {"PUT": status, "POST": 201}
    await transfers.upload(bundle, files.url("api/upload"), "x.zip")
    request = files.requests[-1]
    assert (request.method, request.path, request.body) == ("POST", "/api/upload", CONTENT)


@pytest.mark.parametrize("status", [401, 403, 413, 500, 502, 503, 507])
async def test_what_a_post_would_not_mend_stands(
    files: HttpFiles, transfers: Transfers, bundle: Path, status: int
) -> None:
    files.statuses = {"PUT": status, "POST": 201}
    with pytest.raises(TransferError, match=f"HTTP status {status}"):
        await transfers.upload(bundle, files.url("api/upload"), "x.zip")
    assert [request.method for request in files.requests] == ["PUT"]


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (400, TransferFault.PROTOCOL),
        (401, TransferFault.PERMISSION),
        (403, TransferFault.PERMISSION),
        (405, TransferFault.UNSUPPORTED),
        (501, TransferFault.UNSUPPORTED),
        (404, TransferFault.OTHER),
        (500, TransferFault.OTHER),
    ],
)
async def test_what_kind_of_refusal_it_is_follows_from_the_status(
    files: HttpFiles, transfers: Transfers, bundle: Path, status: int, fault: TransferFault
) -> None:
    files.statuses = {"PUT": status, "POST": status}
    with pytest.raises(TransferError) as caught:
        await transfers.upload(bundle, files.url("logs"), "x.zip")
    assert caught.value.fault is fault


async def test_a_server_that_speaks_no_http_is_a_protocol_fault(transfers: Transfers, bundle: Path) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(TransferError) as caught:
            await transfers.upload(bundle, f"http://127.0.0.1:{port}/logs", "x.zip")
    assert caught.value.fault is TransferFault.PROTOCOL


@pytest.mark.parametrize("status", [429, 503])
async def test_a_server_that_asks_for_time_is_left_alone(
    files: HttpFiles, transfers: Transfers, bundle: Path, tmp_path: Path, status: int
) -> None:
    files.status, files.statuses, files.refusal_headers = status, {"PUT": status}, {"Retry-After": "70"}
    for attempt in (
        transfers.upload(bundle, files.url("logs"), "x.zip"),
        transfers.download(files.url(), tmp_path / "file", bytes_max=MAX),
    ):
        with pytest.raises(TransferError) as caught:
            await attempt
        assert caught.value.retry_after_s == 70
    assert [request.method for request in files.requests] == ["PUT", "GET"]


@pytest.mark.parametrize("status", [400, 403, 405, 409, 412, 416, 501])
async def test_a_server_that_knows_no_ranges_sends_the_file_from_the_start(
    files: HttpFiles, transfers: Transfers, tmp_path: Path, status: int
) -> None:
    files.cut_after = 100_000
    with pytest.raises(TransferError):
        await transfers.download(files.url(), tmp_path / "file", bytes_max=MAX)
    files.cut_after, files.range_status = None, status
    await transfers.download(files.url(), tmp_path / "file", bytes_max=MAX)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert ["Range" in request.headers for request in files.requests] == [False, True, False]


async def test_a_server_that_is_busy_costs_nothing_of_what_has_come(
    files: HttpFiles, transfers: Transfers, tmp_path: Path
) -> None:
    files.cut_after = 100_000
    with pytest.raises(TransferError):
        await transfers.download(files.url(), tmp_path / "file", bytes_max=MAX)
    files.cut_after, files.status = None, 404
    with pytest.raises(TransferError):
        await transfers.download(files.url(), tmp_path / "file", bytes_max=MAX)
    files.status = 200
    await transfers.download(files.url(), tmp_path / "file", bytes_max=MAX)
    assert files.requests[-1].headers["Range"] == "bytes=100000-"
    assert (tmp_path / "file").read_bytes() == CONTENT


@contextlib.asynccontextmanager
async def talking(text: bytes, *, listens: bool) -> AsyncIterator[str]:
    """A server that says `text` to every PUT once it has the head, or the whole request if it `listens`, and takes POSTs."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if listens or head.startswith(b"POST"):
            await reader.readexactly(len(CONTENT))
        writer.write(text if head.startswith(b"PUT") else b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/logs"


async def test_a_word_in_between_is_no_answer(transfers: Transfers, bundle: Path) -> None:
    """RFC 9110, 15.2: 100 and 103 come before the answer."""
    text = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"
    async with talking(text, listens=True) as location:
        await transfers.upload(bundle, location, "x.zip")


async def test_a_put_that_is_refused_by_its_head_becomes_a_post(transfers: Transfers, bundle: Path) -> None:
    text = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    async with talking(text, listens=False) as location:
        await transfers.upload(bundle, location, "x.zip")


async def test_a_dead_first_address_is_passed_over(
    files: HttpFiles, transfers: Transfers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Names(monkeypatch).known["files.test"] = ("127.0.0.2", "127.0.0.1")
    with swallowing("127.0.0.2", files.port):
        await transfers.download(f"http://files.test:{files.port}/x", tmp_path / "file", bytes_max=MAX)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert files.requests[0].headers["Host"] == f"files.test:{files.port}"


async def test_an_address_without_tls_is_passed_over_and_the_certificate_is_checked_by_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Names(monkeypatch)
    names.known["files.test"] = names.known["other.test"] = ("127.0.0.2", "127.0.0.1")
    authority = make_authority(tmp_path)
    tls: ssl.SSLContext = server_context(issue(tmp_path, authority, name="files.test"))
    transfers = Transfers(judge=anywhere, limits=LIMITS, ca_file=authority.certificate_file)
    with http_files(CONTENT, tls=tls) as files:
        async with dull("127.0.0.2", files.port, hangs_up=True):
            with pytest.raises(TransferError, match="CERTIFICATE_VERIFY_FAILED"):
                await transfers.download(f"https://other.test:{files.port}/x", tmp_path / "file", bytes_max=MAX)
            assert files.requests == []
            await transfers.download(f"https://files.test:{files.port}/x", tmp_path / "file", bytes_max=MAX)
    assert (tmp_path / "file").read_bytes() == CONTENT


async def test_after_an_address_that_hangs_up_the_next_try_begins_with_the_other(
    files: HttpFiles, transfers: Transfers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Names(monkeypatch).known["files.test"] = ("127.0.0.2", "127.0.0.1")
    location = f"http://files.test:{files.port}/x"
    async with dull("127.0.0.2", files.port, hangs_up=True) as taken:
        with pytest.raises(TransferError):
            await transfers.download(location, tmp_path / "file", bytes_max=MAX)
        for name in ("file", "again"):
            await transfers.download(location, tmp_path / name, bytes_max=MAX)
    assert len(taken) == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "[::]"],
)
async def test_a_location_on_this_machine_is_refused(
    files: HttpFiles, bundle: Path, tmp_path: Path, scheme: str, host: str
) -> None:
    transfers = Transfers(limits=LIMITS)
    location = f"{scheme}://{host}:{files.port}/x"
    for attempt in (
        transfers.upload(bundle, location, "x.zip"),
        transfers.download(location, tmp_path / "f", bytes_max=MAX),
    ):
        with pytest.raises(TransferError, match="loopback"):
            await attempt
    assert files.requests == []


async def test_a_redirect_and_a_name_that_changes_its_mind_lead_to_no_forbidden_address(
    files: HttpFiles, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Names(monkeypatch)
    judged: list[str] = []

    def judge(address: str) -> str:
        judged.append(address)
        return only_elsewhere(address) if address == "127.0.0.9" else ""

    transfers = Transfers(judge=judge, limits=LIMITS)
    names.known["bound.test"] = ("127.0.0.9",)  # it was another address when somebody looked
    for target in ("127.0.0.9", "bound.test", "2130706441", "0x7f000009"):
        files.redirects = dict.fromkeys(("/x", "/x/x.zip"), f"http://{target}:{files.port}/secret")
        for attempt in (
            transfers.download(files.url("x"), tmp_path / "file", bytes_max=MAX),
            transfers.upload(bundle, files.url("x"), "x.zip"),
        ):
            with pytest.raises(TransferError, match="loopback"):
                await attempt
    assert "/secret" not in [request.path for request in files.requests]
    assert "127.0.0.9" in judged

"""Downloads and uploads against real servers that do everything wrong (8.1, 8.2)."""

import asyncio
import hashlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from station.runtime.dialing import anywhere
from station.runtime.location import TransferError, TransferLimits, parse_location
from station.runtime.transfer import Transfers
from tests.csms.tls import issue, make_authority, server_context
from tests.unit.station.runtime.transfer_servers import HttpFiles, ftp_files, http_files

CONTENT = bytes(range(256)) * 1200  # more than one buffer
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MAX = 10_000_000
LIMITS = TransferLimits(connect_s=5, stall_s=5, total_s=20, reserve_bytes=0)

pytestmark = pytest.mark.asyncio


@pytest.fixture
def files() -> Iterator[HttpFiles]:
    with http_files(CONTENT) as server:
        yield server


@pytest.fixture
def transfers() -> Transfers:
    return Transfers(judge=anywhere, limits=LIMITS)


async def failure(transfers: Transfers, location: str, target: Path, *, bytes_max: int = MAX) -> str:
    """Why a download fails; no file is there then."""
    with pytest.raises(TransferError) as caught:
        await transfers.download(location, target, bytes_max=bytes_max)
    assert target.name not in names(target.parent)
    return str(caught.value)


def names(directory: Path) -> list[str]:
    """What lies in a directory."""
    return sorted(path.name for path in directory.iterdir())


# Locations


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("gopher://h/x", "the protocol 'gopher' is not supported"),
        ("file:///etc/passwd", "the protocol 'file' is not supported"),
        ("/etc/passwd", "the protocol '' is not supported"),
        ("http:///x", "names no host"),
        ("http://[::1/x", "is not a URL"),
        ("ftp://h:99999/x", "is not a URL"),
        ("ftp://h/x%0d%0aDELE%20y", "control characters"),
        ("ftp://u%0aUSER%20root@h/x", "control characters"),
    ],
)
async def test_a_location_that_cannot_be_used_is_refused(
    transfers: Transfers, tmp_path: Path, location: str, why: str
) -> None:
    assert why in await failure(transfers, location, tmp_path / "file")
    with pytest.raises(TransferError, match=why.replace("'", ".")):
        await transfers.upload(tmp_path / "file", location, "x.zip")


async def test_a_message_shows_neither_credentials_nor_query() -> None:
    location = parse_location("ftp://user:pass%20word@h:2121/a%20b?signature=1")
    assert (location.user, location.password, location.path) == ("user", "pass word", "a b")
    assert str(location) == "ftp://h:2121/a b"


# HTTP downloads


async def test_an_http_download_has_every_byte(files: HttpFiles, transfers: Transfers, tmp_path: Path) -> None:
    target = tmp_path / "file"
    assert await transfers.download(files.url(), target, bytes_max=MAX) == SHA256
    assert target.read_bytes() == CONTENT
    assert names(tmp_path) == ["file"]


async def test_a_file_that_has_come_is_not_fetched_again(
    files: HttpFiles, transfers: Transfers, tmp_path: Path
) -> None:
    """A power cut between the download and its report."""
    for _ in range(2):
        assert await transfers.download(files.url(), tmp_path / "file", bytes_max=MAX) == SHA256
    assert len(files.requests) == 1


async def test_a_cut_http_download_goes_on_where_it_stopped(
    files: HttpFiles, transfers: Transfers, tmp_path: Path
) -> None:
    files.cut_after = 100_000
    assert "127.0.0.1" in await failure(transfers, files.url(), tmp_path / "file")
    files.cut_after = None
    assert await transfers.download(files.url(), tmp_path / "file", bytes_max=MAX) == SHA256
    assert files.requests[1].headers["Range"] == "bytes=100000-"
    assert (tmp_path / "file").read_bytes() == CONTENT


async def test_a_file_that_changed_meanwhile_is_fetched_from_the_start(
    files: HttpFiles, transfers: Transfers, tmp_path: Path
) -> None:
    files.cut_after = 100_000
    await failure(transfers, files.url(), tmp_path / "file")
    files.cut_after, files.content, files.etag = None, CONTENT[::-1], '"2"'
    await transfers.download(files.url(), tmp_path / "file", bytes_max=MAX)
    assert (tmp_path / "file").read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize("etag", ["", 'W/"weak"'])
async def test_without_a_strong_validator_a_download_begins_anew(
    files: HttpFiles, transfers: Transfers, tmp_path: Path, etag: str
) -> None:
    files.cut_after, files.etag = 100_000, etag
    await failure(transfers, files.url(), tmp_path / "file")
    files.cut_after = None
    await transfers.download(files.url(), tmp_path / "file", bytes_max=MAX)
    assert "Range" not in files.requests[1].headers
    assert (tmp_path / "file").read_bytes() == CONTENT


async def test_what_came_from_another_location_is_not_continued(
    files: HttpFiles, transfers: Transfers, tmp_path: Path
) -> None:
    files.cut_after = 100_000
    await failure(transfers, files.url("one"), tmp_path / "file")
    files.cut_after = None
    await transfers.download(files.url("two"), tmp_path / "file", bytes_max=MAX)
    assert "Range" not in files.requests[1].headers


async def test_a_range_that_the_server_refuses_leads_to_a_fresh_start(
    files: HttpFiles, transfers: Transfers, tmp_path: Path
) -> None:
    files.cut_after = 100_000
    await failure(transfers, files.url(), tmp_path / "file")
    files.cut_after, files.content = None, CONTENT[:50_000]
    await transfers.download(files.url(), tmp_path / "file", bytes_max=MAX)
    assert (tmp_path / "file").read_bytes() == CONTENT[:50_000]


async def test_a_file_larger_than_allowed_is_refused_before_it_comes(
    files: HttpFiles, transfers: Transfers, tmp_path: Path
) -> None:
    why = await failure(transfers, files.url(), tmp_path / "file", bytes_max=1000)
    assert "larger than 1000 bytes" in why


async def test_a_file_that_turns_out_larger_than_allowed_is_given_up(
    files: HttpFiles, transfers: Transfers, tmp_path: Path
) -> None:
    files.announce_length = False
    why = await failure(transfers, files.url(), tmp_path / "file", bytes_max=1000)
    assert "larger than 1000 bytes" in why
    assert names(tmp_path) == []


async def test_a_file_that_the_disk_has_no_room_for_is_refused(files: HttpFiles, tmp_path: Path) -> None:
    limits = TransferLimits(reserve_bytes=1_000_000)
    transfers = Transfers(judge=anywhere, limits=limits, free_bytes=lambda directory: 1_000_000 + len(CONTENT) - 1)
    assert "disk has no room" in await failure(transfers, files.url(), tmp_path / "file")


async def test_redirects_are_followed_but_not_for_ever(files: HttpFiles, transfers: Transfers, tmp_path: Path) -> None:
    files.redirects = {"/old": "/older", "/older": files.url("new"), "/round": "/round"}
    await transfers.download(files.url("old"), tmp_path / "file", bytes_max=MAX)
    assert (tmp_path / "file").read_bytes() == CONTENT
    files.requests.clear()
    assert "redirected more than 5 times" in await failure(transfers, files.url("round"), tmp_path / "other")
    assert len(files.requests) == 6


async def test_a_redirect_to_another_protocol_is_refused(
    files: HttpFiles, transfers: Transfers, tmp_path: Path
) -> None:
    files.redirects = {"/file": "file:///etc/passwd"}
    await failure(transfers, files.url(), tmp_path / "file")


@pytest.mark.parametrize("status", [403, 404, 500])
async def test_an_error_status_is_a_failure(
    files: HttpFiles, transfers: Transfers, tmp_path: Path, status: int
) -> None:
    files.status = status
    assert f"HTTP status {status}" in await failure(transfers, files.url(), tmp_path / "file")


async def test_an_encoding_that_was_not_asked_for_is_refused(
    files: HttpFiles, transfers: Transfers, tmp_path: Path
) -> None:
    files.extra_headers = {"Content-Encoding": "gzip"}
    assert "Content-Encoding" in await failure(transfers, files.url(), tmp_path / "file")


async def test_a_server_that_falls_silent_is_not_waited_for_for_ever(files: HttpFiles, tmp_path: Path) -> None:
    files.silent = threading.Event()
    transfers = Transfers(judge=anywhere, limits=TransferLimits(stall_s=0.2, reserve_bytes=0))
    assert "ReadTimeout" in await failure(transfers, files.url(), tmp_path / "file")
    slow = Transfers(judge=anywhere, limits=TransferLimits(total_s=0.2, reserve_bytes=0))
    assert "not done within 0.2 s" in await failure(slow, files.url(), tmp_path / "file")


@pytest.mark.parametrize("scheme", ["http", "https", "ftp", "ftps"])
async def test_a_refused_connection_is_a_failure(transfers: Transfers, tmp_path: Path, scheme: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        location = f"{scheme}://127.0.0.1:{unused.getsockname()[1]}/file"
        await failure(transfers, location, tmp_path / "file")
        with pytest.raises(TransferError):
            await transfers.upload(Path(__file__), location, "x.zip")


async def test_https_is_held_to_the_trust_anchors(tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    with http_files(CONTENT, tls=server_context(issue(tmp_path, authority))) as files:
        trusting = Transfers(judge=anywhere, limits=LIMITS, ca_file=authority.certificate_file)
        await trusting.download(files.url(), tmp_path / "file", bytes_max=MAX)
        assert (tmp_path / "file").read_bytes() == CONTENT
        why = await failure(Transfers(judge=anywhere, limits=LIMITS), files.url(), tmp_path / "other")
        assert "CERTIFICATE_VERIFY_FAILED" in why
        with http_files(CONTENT) as plain:
            files.redirects = {"/down": plain.url()}
            assert "from HTTPS to HTTP" in await failure(trusting, files.url("down"), tmp_path / "other")


async def test_trust_anchors_that_cannot_be_read_are_named(files: HttpFiles, tmp_path: Path) -> None:
    transfers = Transfers(judge=anywhere, limits=LIMITS, ca_file=tmp_path / "missing.pem")
    assert "missing.pem" in await failure(transfers, files.url(), tmp_path / "file")


# HTTP uploads


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    file = tmp_path / "1-bundle.zip"
    file.write_bytes(CONTENT)
    return file


@pytest.mark.parametrize(
    ("path", "arrives_at"),
    [
        ("", "/x.zip"),
        ("logs", "/logs/x.zip"),
        ("logs/", "/logs/x.zip"),
        ("put?signature=a%2Fb", "/put?signature=a%2Fb"),
    ],
)
async def test_an_upload_is_a_put_into_the_directory_or_to_what_a_signed_url_names(
    files: HttpFiles, transfers: Transfers, bundle: Path, path: str, arrives_at: str
) -> None:
    await transfers.upload(bundle, files.url(path), "x.zip")
    (request,) = files.requests
    assert (request.method, request.path, request.body) == ("PUT", arrives_at, CONTENT)


async def test_a_server_that_does_not_allow_put_gets_a_post(
    files: HttpFiles, transfers: Transfers, bundle: Path
) -> None:
    files.statuses = {"PUT": 405, "POST": 200}
    await transfers.upload(bundle, files.url("form"), "x.zip")
    request = files.requests[-1]
    assert (request.method, request.path, request.body) == ("POST", "/form", CONTENT)
    assert request.headers["Content-Disposition"] == 'attachment; filename="x.zip"'


async def test_an_upload_follows_redirects_but_not_for_ever(
    files: HttpFiles, transfers: Transfers, bundle: Path
) -> None:
    files.redirects = {"/a/x.zip": "/b/y.zip", "/round/x.zip": "/round/x.zip"}
    await transfers.upload(bundle, files.url("a"), "x.zip")
    assert (files.requests[-1].path, files.requests[-1].body) == ("/b/y.zip", CONTENT)
    with pytest.raises(TransferError, match="more than 5 times"):
        await transfers.upload(bundle, files.url("round"), "x.zip")


async def test_an_upload_that_is_refused_is_a_failure(files: HttpFiles, transfers: Transfers, bundle: Path) -> None:
    files.statuses = {"PUT": 507}
    with pytest.raises(TransferError, match="HTTP status 507"):
        await transfers.upload(bundle, files.url(), "x.zip")


# FTP


async def test_an_ftp_download_has_every_byte(transfers: Transfers, tmp_path: Path) -> None:
    async with ftp_files(tmp_path / "server") as server:
        (server.directory / "new image.fwi").write_bytes(CONTENT)
        await transfers.download(server.url("new%20image.fwi"), tmp_path / "file", bytes_max=MAX)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert not [command for command in server.commands if command.startswith("rest")]


async def test_a_cut_ftp_download_goes_on_where_it_stopped(transfers: Transfers, tmp_path: Path) -> None:
    async with ftp_files(tmp_path / "server") as server:
        (server.directory / "file").write_bytes(CONTENT)
        server.cut_after = 100_000
        await failure(transfers, server.url("file"), tmp_path / "file")
        server.cut_after = None
        have = (tmp_path / "file.part").stat().st_size
        assert 0 < have < len(CONTENT)
        await transfers.download(server.url("file"), tmp_path / "file", bytes_max=MAX)
    assert f"rest {have}" in server.commands
    assert (tmp_path / "file").read_bytes() == CONTENT


async def test_an_ftp_file_that_changed_meanwhile_is_fetched_from_the_start(
    transfers: Transfers, tmp_path: Path
) -> None:
    async with ftp_files(tmp_path / "server") as server:
        (server.directory / "file").write_bytes(CONTENT)
        server.cut_after = 100_000
        await failure(transfers, server.url("file"), tmp_path / "file")
        server.cut_after = None
        (server.directory / "file").write_bytes(CONTENT[:-1])
        await transfers.download(server.url("file"), tmp_path / "file", bytes_max=MAX)
    assert (tmp_path / "file").read_bytes() == CONTENT[:-1]


async def test_a_server_without_rest_is_asked_from_the_start(transfers: Transfers, tmp_path: Path) -> None:
    async with ftp_files(tmp_path / "server") as server:
        (server.directory / "file").write_bytes(CONTENT)
        server.cut_after = 100_000
        await failure(transfers, server.url("file"), tmp_path / "file")
        server.cut_after = None
        del server.commands_mapping["rest"]
        await transfers.download(server.url("file"), tmp_path / "file", bytes_max=MAX)
    assert (tmp_path / "file").read_bytes() == CONTENT


async def test_a_server_that_tells_neither_size_nor_time_is_believed(transfers: Transfers, tmp_path: Path) -> None:
    async with ftp_files(tmp_path / "server") as server:
        (server.directory / "file").write_bytes(CONTENT)
        del server.commands_mapping["mlst"]
        await transfers.download(server.url("file"), tmp_path / "file", bytes_max=MAX)
    assert (tmp_path / "file").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("path", "why"), [("missing", "550"), ("", "names no file"), ("directory/", "names no file"), ("..", "550")]
)
async def test_an_ftp_file_that_is_not_there_is_a_failure(
    transfers: Transfers, tmp_path: Path, path: str, why: str
) -> None:
    async with ftp_files(tmp_path / "server") as server:
        assert why in await failure(transfers, server.url(path), tmp_path / "file")


async def test_a_wrong_ftp_password_is_a_failure_that_does_not_show_it(transfers: Transfers, tmp_path: Path) -> None:
    async with ftp_files(tmp_path / "server") as server:
        location = server.url("file").replace("se%20cret", "guess")
        why = await failure(transfers, location, tmp_path / "file")
    assert "530" in why
    assert "guess" not in why


async def test_an_ftp_file_larger_than_allowed_is_refused(transfers: Transfers, tmp_path: Path) -> None:
    async with ftp_files(tmp_path / "server") as server:
        (server.directory / "file").write_bytes(CONTENT)
        why = await failure(transfers, server.url("file"), tmp_path / "file", bytes_max=1000)
    assert "larger than 1000 bytes" in why


async def test_an_ftp_upload_has_every_byte_and_its_name(transfers: Transfers, tmp_path: Path, bundle: Path) -> None:
    async with ftp_files(tmp_path / "server") as server:
        (server.directory / "logs").mkdir()
        for path in ("", "logs", "logs/"):
            await transfers.upload(bundle, server.url(path), "x.zip")
        for file in (server.directory / "x.zip", server.directory / "logs" / "x.zip"):
            assert file.read_bytes() == CONTENT


async def test_a_cut_ftp_upload_goes_on_where_it_stopped(transfers: Transfers, tmp_path: Path, bundle: Path) -> None:
    async with ftp_files(tmp_path / "server") as server:
        server.cut_after = 100_000
        with pytest.raises(TransferError):
            await transfers.upload(bundle, server.url(""), "x.zip")
        server.cut_after = None
        have = (server.directory / "x.zip").stat().st_size
        assert 0 < have < len(CONTENT)
        await transfers.upload(bundle, server.url(""), "x.zip", resume=True)
        assert f"rest {have}" in server.commands
        assert (server.directory / "x.zip").read_bytes() == CONTENT
        server.commands.clear()
        await transfers.upload(bundle, server.url(""), "x.zip", resume=True)
        assert not [command for command in server.commands if command.startswith("stor")]


async def test_an_ftp_upload_into_no_directory_is_a_failure(transfers: Transfers, tmp_path: Path, bundle: Path) -> None:
    async with ftp_files(tmp_path / "server") as server:
        with pytest.raises(TransferError, match="550"):
            await transfers.upload(bundle, server.url("nowhere"), "x.zip")


@pytest.mark.parametrize("kind", ["implicit", "explicit"])
async def test_ftps_protects_both_connections_whichever_way_the_server_speaks_it(
    tmp_path: Path, bundle: Path, kind: str
) -> None:
    authority = make_authority(tmp_path)
    tls = server_context(issue(tmp_path, authority))
    async with ftp_files(tmp_path / "server", **{kind: tls}) as server:
        (server.directory / "file").write_bytes(CONTENT)
        trusting = Transfers(judge=anywhere, limits=LIMITS, ca_file=authority.certificate_file)
        await trusting.download(server.url("file"), tmp_path / "file", bytes_max=MAX)
        assert (tmp_path / "file").read_bytes() == CONTENT
        await trusting.upload(bundle, server.url(""), "x.zip")
        assert (server.directory / "x.zip").read_bytes() == CONTENT
        assert server.commands.count("prot P") == 2
        why = await failure(Transfers(judge=anywhere, limits=LIMITS), server.url("file"), tmp_path / "other")
        assert "CERTIFICATE_VERIFY_FAILED" in why


async def test_ftps_never_falls_back_to_plain_ftp(transfers: Transfers, tmp_path: Path) -> None:
    async with ftp_files(tmp_path / "server") as server:
        (server.directory / "file").write_bytes(CONTENT)
        await failure(transfers, server.url("file").replace("ftp:", "ftps:"), tmp_path / "file")
        assert not [command for command in server.commands if command.startswith("pass")]


async def test_a_cancelled_download_leaves_no_file_but_what_came_of_it(files: HttpFiles, tmp_path: Path) -> None:
    files.silent = threading.Event()
    files.asked = threading.Event()
    transfers = Transfers(judge=anywhere, limits=LIMITS)
    task = asyncio.create_task(transfers.download(files.url(), tmp_path / "file", bytes_max=MAX))
    assert await asyncio.to_thread(files.asked.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert names(tmp_path) == []

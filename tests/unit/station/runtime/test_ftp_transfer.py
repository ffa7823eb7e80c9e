"""FTP with servers that know little, and data connections that must not lead elsewhere (8.1, 8.2)."""

import asyncio
from pathlib import Path

import pytest

from station.runtime.dialing import anywhere, only_elsewhere
from station.runtime.location import TransferError, TransferFault, TransferLimits
from station.runtime.transfer import Transfers
from tests.names import Names, dull, swallowing
from tests.unit.station.runtime.transfer_servers import OldFtp

CONTENT = bytes(range(256)) * 1200
MAX = 10_000_000
LIMITS = TransferLimits(connect_s=10, stall_s=10, total_s=60, reserve_bytes=0)

pytestmark = pytest.mark.asyncio


@pytest.fixture
def transfers() -> Transfers:
    return Transfers(judge=anywhere, limits=LIMITS)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    file = tmp_path / "1-bundle.zip"
    file.write_bytes(CONTENT)
    return file


@pytest.mark.parametrize(
    "answer",
    [
        "500 not understood",
        "501 no",
        "502 no",
        "503 no",
        "504 no",
        "522 Network protocol not supported, use (1)",
        "530 not for you",
        "550 no",
        "425 cannot",
        "450 busy",
        "200 fine",
        "229 Entering Extended Passive Mode",
        "229 Entering Extended Passive Mode (|1|10.0.0.1|5000|)",
        "229 Entering Extended Passive Mode (|||0|)",
        "229 Entering Extended Passive Mode (|||99999|)",
        "229 Entering Extended Passive Mode (|||1|)",  # nobody listens there
    ],
)
async def test_epsv_that_leads_nowhere_is_followed_by_pasv(transfers: Transfers, bundle: Path, answer: str) -> None:
    async with OldFtp(epsv=answer).serving() as server:
        await transfers.upload(bundle, server.url("logs"), "x.zip")
    assert server.files == {"logs/x.zip": CONTENT}
    assert server.heard.index("EPSV") < server.heard.index("PASV")


@pytest.mark.parametrize("form", ["227 Entering Passive Mode ({})", "227 Entering Passive Mode {}", "227 ={}"])
async def test_the_address_that_pasv_names_is_not_gone_to(transfers: Transfers, bundle: Path, form: str) -> None:
    """Behind a translated address it is a private one; and a server must not send the station elsewhere (RFC 2577, 3)."""
    async with OldFtp().serving() as server:
        server.pasv_text = form
        for server.announce in ("10.255.255.1", "0.0.0.0", "169.254.169.254", "127.0.0.2"):
            server.files.clear()
            await transfers.upload(bundle, server.url(""), "x.zip")
            assert server.files == {"x.zip": CONTENT}


@pytest.mark.parametrize(
    "answer", ["227 Entering Passive Mode", "227 (1,2,3,4,5)", "227 (0,0,0,0,0,0)", "227 (1,2,3,4,999,1)"]
)
async def test_pasv_that_names_no_port_is_a_failure(transfers: Transfers, bundle: Path, answer: str) -> None:
    async with OldFtp(pasv=answer).serving() as server:
        with pytest.raises(TransferError, match="port"):
            await transfers.upload(bundle, server.url(""), "x.zip")


@pytest.mark.parametrize("unknown", [("type",), ("size", "mdtm"), ("rest",), ("type", "size", "mdtm", "mlst", "rest")])
async def test_what_a_server_need_not_know_is_done_without(
    transfers: Transfers, bundle: Path, tmp_path: Path, unknown: tuple[str, ...]
) -> None:
    async with OldFtp(**dict.fromkeys(unknown, "502 not implemented")).serving() as server:
        await transfers.upload(bundle, server.url(""), "x.zip", resume=True)
        await transfers.download(server.url("x.zip"), tmp_path / "file", bytes_max=MAX)
    assert (tmp_path / "file").read_bytes() == server.files["x.zip"] == CONTENT


async def test_a_dead_first_address_is_passed_over_and_data_go_where_the_control_connection_is(
    transfers: Transfers, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Names(monkeypatch).known["files.test"] = ("127.0.0.2", "127.0.0.1")
    async with OldFtp().serving() as server:
        with swallowing("127.0.0.2", server.port):
            await transfers.upload(bundle, server.url("", "files.test"), "x.zip")
    assert server.files == {"x.zip": CONTENT}


async def test_after_an_address_that_hangs_up_the_next_try_begins_with_the_other(
    transfers: Transfers, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Names(monkeypatch).known["files.test"] = ("127.0.0.2", "127.0.0.1")
    async with OldFtp().serving() as server, dull("127.0.0.2", server.port, hangs_up=True) as taken:
        with pytest.raises(TransferError):
            await transfers.upload(bundle, server.url("", "files.test"), "x.zip")
        for _ in range(2):
            await transfers.upload(bundle, server.url("", "files.test"), "x.zip")
    assert (server.files, len(taken)) == ({"x.zip": CONTENT}, 1)


@pytest.mark.parametrize("scheme", ["ftp", "ftps"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "0", "[::1]", "[::ffff:127.0.0.1]"])
async def test_a_location_on_this_machine_is_refused(bundle: Path, tmp_path: Path, scheme: str, host: str) -> None:
    transfers = Transfers(judge=only_elsewhere, limits=LIMITS)
    connected = asyncio.Event()

    async def note(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        writer.close()

    async with await asyncio.start_server(note, "127.0.0.1", 0) as server:
        location = f"{scheme}://{host}:{server.sockets[0].getsockname()[1]}/x"
        for attempt in (
            transfers.upload(bundle, location, "x.zip"),
            transfers.download(location, tmp_path / "f", bytes_max=9),
        ):
            with pytest.raises(TransferError, match="loopback"):
                await attempt
    assert not connected.is_set()


@pytest.mark.parametrize(
    ("answers", "fault"),
    [
        ({"pass": "530 who are you"}, TransferFault.PERMISSION),
        ({"pass": "553 Could not create file."}, TransferFault.PERMISSION),
        ({"pass": "550 logs: Permission denied"}, TransferFault.PERMISSION),
        ({"pass": "550 No such directory"}, TransferFault.OTHER),
        ({"pass": "502 not implemented"}, TransferFault.UNSUPPORTED),
        ({"pass": "501 what?"}, TransferFault.PROTOCOL),
        ({"pass": "452 no room"}, TransferFault.OTHER),
    ],
)
async def test_what_kind_of_refusal_it_is_follows_from_the_status(
    transfers: Transfers, bundle: Path, answers: dict[str, str], fault: TransferFault
) -> None:
    async with OldFtp(**answers).serving() as server:
        with pytest.raises(TransferError) as caught:
            await transfers.upload(bundle, server.url("logs"), "x.zip")
    assert caught.value.fault is fault

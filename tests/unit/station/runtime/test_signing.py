"""The statements that a station makes of its own log: when, of what, and what becomes of them."""

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from eventstore.catalogue.lifecycle import DiskSpaceObserved
from eventstore.segments import archives
from eventstore.statements import STATEMENTS_DIRECTORY, statement_files
from station.cli.main import main
from station.replay.opening.source import open_log
from station.replay.proof import statement
from station.replay.proof.verdict import Verdict
from station.replay.proof.verify import verify
from station.runtime.archivist import Keep
from station.runtime.signing import (
    DAILY,
    DAY_MS,
    SEGMENT,
    Signing,
    check_key,
    drop_statements,
)
from station.settings.loading import Settings, SettingsError, parse_settings
from tests.outage import Outage, living
from tests.tampering import rehash, tamper

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw().hex()
HOUR_MS = 3_600_000
ROOT = Path(__file__).resolve().parents[4]


def plain(key: Ed25519PrivateKey = KEY) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def settings(tmp_path: Path, *, with_key: bool = True) -> Settings:
    key = f'signing_key_file = "{tmp_path}/key.pem"' if with_key else ""
    text = (
        f'[station]\nidentity = "CB-0001"\n[csms]\nurl = "ws://h/ocpp"\n[storage]\ndirectory = "{tmp_path}/st"\n{key}\n'
    )
    return parse_settings(text, "chargebox.toml")


@asynccontextmanager
async def signing(tmp_path: Path, keep: Keep | None = None) -> AsyncIterator[tuple[Outage, Signing]]:
    """A station that has a key, and what signs its log."""
    (tmp_path / "key.pem").write_bytes(plain())
    async with living(tmp_path / "st", keep=keep) as outage:
        yield outage, Signing(outage.station, outage.log, outage.clock, settings(tmp_path))


def made(tmp_path: Path) -> list[tuple[int, int, str]]:
    """The statements that are there, each held by its key: from, to, and what the signer says."""
    found = [statement.read(each.path) for each in statement_files(tmp_path / "st")]
    for each in found:
        statement.check_signature(each, PUBLIC)
    return [(each.from_seq, each.to_seq, each.says) for each in found]


def verdict(tmp_path: Path, number: int = -1) -> Verdict:
    stated = statement.read(statement_files(tmp_path / "st")[number].path)
    with open_log(tmp_path / "st") as log:
        return verify(log, level="chain", outside=statement.anchors(stated))


@pytest.mark.asyncio
async def test_the_live_segment_is_signed_at_the_start_and_then_once_a_day(tmp_path: Path) -> None:
    async with signing(tmp_path) as (outage, signer):
        await signer.sign_what_is_due()
        first = outage.log.head.seq
        assert made(tmp_path) == [(1, first, DAILY)]
        await outage.read_meter()
        outage.clock.push(DAY_MS - HOUR_MS)
        await signer.sign_what_is_due()
        assert len(made(tmp_path)) == 1
        outage.clock.push(HOUR_MS)
        await signer.sign_what_is_due()
        assert made(tmp_path) == [(1, first, DAILY), (1, outage.log.head.seq, DAILY)]
    assert (verdict(tmp_path).proven, verdict(tmp_path).anchored_seq) == ("anchored", verdict(tmp_path).last_seq)


@pytest.mark.asyncio
async def test_what_runs_beside_the_station_wakes_for_a_closed_segment_and_for_a_new_day(tmp_path: Path) -> None:
    async with signing(tmp_path) as (outage, signer):
        outage.station.followers.append(signer.publish)
        running = asyncio.create_task(signer.run())
        async with asyncio.timeout(100):
            for says, passes_ms in ((DAILY, 0), (SEGMENT, 0), (DAILY, HOUR_MS)):
                count = len(made(tmp_path))
                while len(made(tmp_path)) == count:
                    outage.clock.push(passes_ms)
                    await asyncio.sleep(0.001)  # the threads that write want their turn
                assert made(tmp_path)[-1][2] == says
                if says == DAILY:
                    await outage.close_books()
                else:
                    await outage.read_meter()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.asyncio
async def test_a_start_within_a_day_of_the_last_statement_signs_nothing_anew(tmp_path: Path) -> None:
    async with signing(tmp_path) as (_, signer):
        await signer.sign_what_is_due()
    async with signing(tmp_path) as (outage, signer):
        await signer.sign_what_is_due()
        assert len(made(tmp_path)) == 1
        outage.clock.push(DAY_MS)
        await signer.sign_what_is_due()
        assert len(made(tmp_path)) == 2


@pytest.mark.asyncio
async def test_a_closed_segment_is_signed_from_its_first_event_to_its_last(tmp_path: Path) -> None:
    async with signing(tmp_path) as (outage, signer):
        await signer.sign_what_is_due()
        for _ in range(2):
            await outage.close_books()
            await signer.sign_what_is_due()
            await signer.sign_what_is_due()
        closed = [each for each in made(tmp_path) if each[2] == SEGMENT]
        assert [each[0] for each in closed] == [1, closed[0][1] + 1]
        assert closed[1][1] == outage.log.opening.head.seq
        assert (
            statement.read(statement_files(tmp_path / "st")[-1].path).to_digest == outage.log.opening.head.digest.hex()
        )
    assert all(verdict(tmp_path, number).proven == "anchored" for number in range(3))


@pytest.mark.asyncio
async def test_a_segment_that_was_closed_long_ago_does_not_stand_for_the_live_one(tmp_path: Path) -> None:
    async with living(tmp_path / "st") as outage:
        await outage.close_books()
        outage.clock.push(2 * DAY_MS)
        await outage.read_meter()
    async with signing(tmp_path) as (_, signer):
        await signer.sign_what_is_due()
        assert [each[2] for each in made(tmp_path)] == [SEGMENT, DAILY]


@pytest.mark.asyncio
async def test_of_a_log_to_which_nothing_was_added_nothing_new_is_stated(tmp_path: Path) -> None:
    async with signing(tmp_path) as (outage, signer):
        await signer.sign_what_is_due()
        (file,) = statement_files(tmp_path / "st")
        before = file.path.stat().st_mtime_ns
        outage.clock.push(2 * DAY_MS)
        await signer.sign_what_is_due()
        assert statement_files(tmp_path / "st") == [file]
        assert file.path.stat().st_mtime_ns == before


@pytest.mark.asyncio
async def test_a_segment_that_an_earlier_process_closed_is_signed_from_its_archive(tmp_path: Path) -> None:
    async with living(tmp_path / "st") as outage:
        await outage.close_books()
        await outage.close_books()
        await outage.archivist.tidy()
    async with signing(tmp_path) as (outage, signer):
        await signer.sign_what_is_due()
        newest = archives(tmp_path / "st")[-1]
        assert made(tmp_path)[0] == (newest.first_seq, newest.last_seq, SEGMENT)
        assert (tmp_path / "st" / STATEMENTS_DIRECTORY).stat().st_mode & 0o777 == 0o700
        assert statement_files(tmp_path / "st")[0].path.stat().st_mode & 0o777 == 0o600


@pytest.mark.asyncio
async def test_a_statement_is_the_one_that_replay_makes_by_hand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with signing(tmp_path) as (_, signer):
        await signer.sign_what_is_due()
    capsys.readouterr()
    words = ["replay", str(tmp_path / "st"), "sign", "--key", str(tmp_path / "key.pem"), "--says", DAILY]
    (file,) = statement_files(tmp_path / "st")
    assert main([*words, "--to", str(file.to_seq)]) == 0
    assert capsys.readouterr().out == file.path.read_text()


@pytest.mark.asyncio
async def test_replay_verify_takes_a_statement_as_it_lies_there(tmp_path: Path) -> None:
    async with signing(tmp_path) as (_, signer):
        await signer.sign_what_is_due()
    (file,) = statement_files(tmp_path / "st")
    words = ["replay", str(tmp_path / "st"), "verify", "--level", "chain", "--public-key", PUBLIC]
    assert main([*words, "--statement", str(file.path)]) == 0
    tamper(tmp_path / "st", "UPDATE event SET utc_ms = utc_ms + 1 WHERE seq = 2", also=lambda found: rehash(found, 2))
    assert main([*words, "--statement", str(file.path)]) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("also", "reason"),
    [
        (lambda _: None, "the digest of event 2 does not fit"),
        (lambda found: rehash(found, 2), "is not the one that was written"),
    ],
    ids=["edited", "hashed anew"],
)
async def test_what_is_not_the_log_that_was_written_is_not_signed(
    tmp_path: Path, also: Callable[[sqlite3.Connection], None], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with signing(tmp_path) as (_, signer):
        tamper(tmp_path / "st", "UPDATE event SET utc_ms = utc_ms + 1 WHERE seq = 2", also=also)
        for _ in range(2):
            await signer.sign_what_is_due()
    assert made(tmp_path) == []
    (told,) = [record.message for record in caplog.records]
    assert told.startswith("the log cannot be signed now: ")
    assert told.endswith(reason)


Spoil = Callable[[Path], object]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("spoil", "mend"),
    [
        (lambda path: (path / "key.pem").unlink(), lambda path: (path / "key.pem").write_bytes(plain())),
        (
            lambda path: (path / "st" / STATEMENTS_DIRECTORY).write_text("a file"),
            lambda path: (path / "st" / STATEMENTS_DIRECTORY).unlink(),
        ),
    ],
    ids=["no key", "no directory"],
)
async def test_what_cannot_be_signed_is_told_once_and_tried_again(
    tmp_path: Path, spoil: Spoil, mend: Spoil, caplog: pytest.LogCaptureFixture
) -> None:
    async with signing(tmp_path) as (outage, signer):
        spoil(tmp_path)
        for _ in range(2):
            await signer.sign_what_is_due()
        assert ["cannot be signed now" in record.message for record in caplog.records] == [True]
        assert outage.station.trouble() is None
        mend(tmp_path)
        await signer.sign_what_is_due()
        assert made(tmp_path) == [(1, outage.log.head.seq, DAILY)]


@pytest.mark.asyncio
async def test_a_disk_that_is_nearly_full_is_left_to_the_log(tmp_path: Path) -> None:
    async with signing(tmp_path) as (outage, signer):
        await outage.station.observe(DiskSpaceObserved(level="critical", free_bytes=1 << 20))
        await signer.sign_what_is_due()
        assert made(tmp_path) == []
        await outage.station.observe(DiskSpaceObserved(level="ok", free_bytes=1 << 40))
        await signer.sign_what_is_due()
        assert len(made(tmp_path)) == 1


@pytest.mark.asyncio
async def test_statements_go_with_the_events_that_they_speak_of(tmp_path: Path) -> None:
    async with signing(tmp_path, Keep(total_bytes=1)) as (outage, signer):
        await signer.sign_what_is_due()
        for _ in range(3):
            await outage.close_books()
            await signer.sign_what_is_due()
        assert len(made(tmp_path)) == 4
        await outage.archivist.tidy()
        (tmp_path / "st" / STATEMENTS_DIRECTORY / "left.json.tmp").write_text("half")
        await signer.sign_what_is_due()
        (kept,) = archives(tmp_path / "st")
        assert [each[0] for each in made(tmp_path)] == [kept.first_seq]
        assert len(list((tmp_path / "st" / STATEMENTS_DIRECTORY).iterdir())) == 1


@pytest.mark.asyncio
async def test_the_statement_of_events_that_vanished_is_kept(tmp_path: Path) -> None:
    """It is all that still proves what they were, should a copy turn up."""
    async with signing(tmp_path) as (outage, signer):
        await outage.close_books()
        await outage.archivist.tidy()
        await signer.sign_what_is_due()
        before = made(tmp_path)
        await outage.close_books()
        await outage.archivist.tidy()
        archives(tmp_path / "st")[0].path.unlink()
        for _ in range(2):
            await signer.sign_what_is_due()
        assert made(tmp_path)[: len(before)] == before


def test_strange_files_beside_the_statements_are_left_alone(tmp_path: Path) -> None:
    directory = tmp_path / STATEMENTS_DIRECTORY
    directory.mkdir()
    for name in ("notes.txt", "000000000001-000000000009.json", "000000000001-000000000010.json"):
        (directory / name).touch()
    drop_statements(tmp_path, 10)
    assert sorted(path.name for path in directory.iterdir()) == ["000000000001-000000000010.json", "notes.txt"]
    drop_statements(tmp_path / "none", 10)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory"),
        (b"nothing", "is no private key in PEM"),
        (KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")), "is encrypted"),
        (
            generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            "is no Ed25519 key",
        ),
    ],
    ids=["missing", "no key", "encrypted", "another kind"],
)
def test_a_key_that_cannot_be_used_is_named_with_its_line_and_what_is_wrong(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    if content is not None:
        (tmp_path / "key.pem").write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        check_key(settings(tmp_path))
    (problem,) = caught.value.problems
    assert problem.startswith(f"chargebox.toml:7: [storage] signing_key_file: {tmp_path}/key.pem")
    assert reason in problem


def test_a_key_that_can_be_used_and_none_are_both_in_order(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(plain())
    check_key(settings(tmp_path))
    check_key(settings(tmp_path, with_key=False))


def test_without_a_key_nothing_is_imported(tmp_path: Path) -> None:
    file = tmp_path / "chargebox.toml"
    file.write_text('[station]\nidentity = "CB-1"\n[csms]\nurl = "ws://h/ocpp"\n')
    code = (
        "import json, sys\nfrom station.daemon import process\nfrom station.runtime import signing\nfrom station.settings.loading import load_settings\n"
        f"signing.check_key(load_settings({str(file)!r}))\n"
        "print(json.dumps([m for m in ('cryptography', 'station.replay.proof.statement') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (json.loads(done.stdout), done.stderr) == ([], "")

"""Logs from elsewhere: archives, databases, diagnostics files and exports. Every question is answered, or told in one line why not."""

import argparse
import contextlib
import csv
import io
import zipfile
from hashlib import sha256
from pathlib import Path
from struct import Struct

import orjson

from eventstore.archive import MAGIC, ArchiveReader, pack, unpack
from eventstore.archive_writing import Cut, thin_archive
from eventstore.chain import EMPTY
from eventstore.database import DATABASE_NAME
from eventstore.errors import LogCorrupt, LogTooNew
from eventstore.zstandard import compressed
from station.cli import replay as cli
from station.replay.commands import answer
from station.replay.opening.errors import ReplayError
from station.replay.opening.importing import read_events
from tests.fuzz.engine import JSON, Target, both, fuzz

CORPORA = Path(__file__).resolve().parents[1] / "corpora"
RELEASED = CORPORA / "0.1.0" / "segmented"
ARCHIVE = next(RELEASED.glob("archive/*.cbz"))
DATABASE = RELEASED / DATABASE_NAME
EXPORT = (CORPORA / "replay" / "would-not-start.jsonl").read_bytes()
SHORT = b"".join(EXPORT.splitlines(keepends=True)[:60])
QUESTIONS = (
    "summary",
    "timeline --all",
    "transactions",
    "conversation",
    "state",
    "outbox",
    "transaction 1",
    "timeline --transaction 1",
    "billing",
    "billing --transaction 1",
    "diff 3 40",
    "compare --to 30 --other-from 31",
    "verify --level chain",
    "verify",
    "export",
)
_TRAILER = Struct(">8sQQ32s")
_DIGEST, _LENGTH = b"@" * 64, b'"length":@'


def asked(log: Path, question: str) -> None:
    """Asks it, past the net that the command line has for what nobody thought of."""
    parser = argparse.ArgumentParser()
    cli.add_arguments(parser)
    options = parser.parse_args([str(log), *question.split(), "--no-cache"])
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with contextlib.suppress(ReplayError), contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        answer(options)


def all_asked(log: Path, content: bytes) -> None:
    """One question of them all, so that each case is quick: which one follows from the input."""
    asked(log, QUESTIONS[sha256(content).digest()[0] % len(QUESTIONS)])


def archive_parts(content: bytes) -> list[bytes]:
    """Header, events and index, below checksums and compression; what follows from the events is left open."""
    with ArchiveReader(ARCHIVE) as reader:
        (frame,) = reader.index.frames
        digest, length = frame.digest.encode(), b'"length":%d' % frame.length
        columns = pack(reader.frame(0))
    _, offset, size, _ = _TRAILER.unpack(content[-_TRAILER.size :])
    end = content.index(b"\n", len(MAGIC))
    header, index = content[len(MAGIC) : end], content[offset : offset + size]
    return [header.replace(digest, _DIGEST), columns, index.replace(digest, _DIGEST).replace(length, _LENGTH)]


def archive_of(parts: list[bytes]) -> bytes:
    """The archive of such parts, with digests that fit wherever there are events to have some."""
    header, columns, index = parts
    digest = bytes(32).hex()
    with contextlib.suppress(ValueError, KeyError, TypeError, IndexError):
        digest = unpack(columns, EMPTY)[-1].digest.hex()
    frame = compressed(columns, 3)
    header = header.replace(_DIGEST, digest.encode())
    index = index.replace(_DIGEST, digest.encode()).replace(_LENGTH, b'"length":%d' % len(frame))
    start = MAGIC + header + b"\n" + frame
    return start + index + _TRAILER.pack(MAGIC, len(start), len(index), sha256(header + index).digest())


@both
def test_an_archive_whose_checksum_fits_is_read_or_told_damaged(tmp_path: Path, long: bool) -> None:
    file = tmp_path / "log.cbz"

    def check(content: bytes) -> None:
        file.write_bytes(content)
        with contextlib.suppress(LogCorrupt, LogTooNew), ArchiveReader(file) as reader:
            reader.verify()
            reader.rows(0, 10_000)
        all_asked(file, content)

    target = Target(
        name="archive", corpus=(ARCHIVE.read_bytes(),), check=check, cases=80, parts=archive_parts, joined=archive_of
    )
    fuzz(target, tmp_path, long=long)


def thinned() -> bytes:
    """The archive without most of its events."""
    content = io.BytesIO()
    with ArchiveReader(ARCHIVE) as reader:
        for _ in thin_archive(reader, content, lambda batch: batch[0].seq % 75 < 3, Cut()):
            pass
    return content.getvalue()


def ends_of(content: bytes) -> list[bytes]:
    """Header and index, below the checksum, and in between the frames, as they are."""
    _, offset, size, _ = _TRAILER.unpack(content[-_TRAILER.size :])
    end = content.index(b"\n", len(MAGIC))
    return [content[len(MAGIC) : end], content[offset : offset + size], content[end:offset]]


def with_ends(parts: list[bytes]) -> bytes:
    """The archive of such parts, with a checksum that fits."""
    header, index, frames = parts
    start = MAGIC + header + frames
    return start + index + _TRAILER.pack(MAGIC, len(start), len(index), sha256(header + index).digest())


@both
def test_a_thinned_archive_whose_checksum_fits_is_read_or_told_damaged(tmp_path: Path, long: bool) -> None:
    file, content = tmp_path / "log.cbz", thinned()
    file.write_bytes(with_ends(ends_of(content)))
    with ArchiveReader(file) as reader:
        assert len(reader.gaps()) > 1
        assert reader.verify() == ()

    def check(content: bytes) -> None:
        file.write_bytes(content)
        with contextlib.suppress(LogCorrupt, LogTooNew), ArchiveReader(file) as reader:
            reader.verify()
            reader.rows(0, 10_000)
        all_asked(file, content)

    target = Target(name="thinned", corpus=(content,), check=check, cases=80, parts=ends_of, joined=with_ends)
    fuzz(target, tmp_path, long=long)


@both
def test_any_bytes_for_an_archive_are_read_or_told_damaged(tmp_path: Path, long: bool) -> None:
    file = tmp_path / "log.cbz"

    def check(content: bytes) -> None:
        file.write_bytes(content)
        all_asked(file, content)

    fuzz(Target(name="file", corpus=(ARCHIVE.read_bytes(), b""), check=check, cases=60), tmp_path, long=long)


@both
def test_an_export_is_read_or_told_where_it_is_none(tmp_path: Path, long: bool) -> None:
    table = csv_of(tmp_path)

    def check(content: bytes) -> None:
        file = tmp_path / ("log.csv" if content[:8] == table[:8] else "log.jsonl")
        file.write_bytes(content)
        all_asked(file, content)
        with contextlib.suppress(ReplayError, OSError, UnicodeDecodeError, csv.Error):
            for told in read_events(file):
                assert told.row.seq > 0

    fuzz(Target(name="export", corpus=(SHORT, table), check=check, cases=80), tmp_path, long=long)


def csv_of(directory: Path) -> bytes:
    (directory / "short.jsonl").write_bytes(SHORT)
    asked(directory / "short.jsonl", f"export --output {directory}/short.csv")
    return (directory / "short.csv").read_bytes()


@both
def test_a_diagnostics_file_is_read_or_told_damaged(tmp_path: Path, long: bool) -> None:
    file = tmp_path / "log.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("log.jsonl", SHORT)
        made.writestr(
            "about.json", orjson.dumps({"first_seq": 1, "last_seq": 60, "log_head": {"seq": 60, "digest": "00"}})
        )
    whole = file.read_bytes()

    def check(content: bytes) -> None:
        file.write_bytes(content)
        all_asked(file, content)

    fuzz(Target(name="bundle", corpus=(whole,), check=check, cases=80), tmp_path, long=long)


@both
def test_a_database_is_read_salvaged_or_told_damaged(tmp_path: Path, long: bool) -> None:
    file = tmp_path / DATABASE_NAME

    def check(content: bytes) -> None:
        file.write_bytes(content)
        all_asked(tmp_path, content)

    fuzz(
        Target(name="database", corpus=(DATABASE.read_bytes(),), check=check, tokens=JSON, cases=60),
        tmp_path,
        long=long,
    )

"""Evidence files, laid back into a database: the events of a transaction, and of those in between the contents that their digests cover.

An event that is withheld stands as `Withheld` in its place, with the digest that follows; no version knows what is in it.
"""

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from eventstore.bounds import MIB, SEQ_MAX, SMALL_FILE_BYTES_MAX, load_json
from eventstore.chain import GENESIS_DIGEST, Head, Row, digest_after
from eventstore.statements import STATEMENTS_DIRECTORY, statement_name
from station.replay.opening.bundle import LOG_BYTES_MAX, BundleDamaged, is_bundle, open_bundle, open_member
from station.replay.opening.errors import LogUnreadable
from station.replay.opening.importing import Told, lay, lines_of, told_of
from station.replay.opening.origin import Anchor, Origin

EVIDENCE_VERSION = 1
ABOUT_NAME, EVENTS_NAME, STATEMENTS_PREFIX = "evidence.json", "events.jsonl", "statements/"
STATEMENTS_MAX = 64
WITHHELD = "Withheld"
"""Stands in place of the type of an event that is withheld as a whole."""


def is_evidence(path: Path) -> bool:
    """Is this file a zip archive with evidence in it? Raises OSError."""
    if not is_bundle(path):
        return False
    try:
        with open_bundle(path) as archive:
            return ABOUT_NAME in archive.namelist()
    except BundleDamaged:
        return False


def take_evidence(path: Path, scratch: Path) -> Origin:
    """The events of an evidence file. Raises LogUnreadable."""
    try:
        with open_bundle(path) as archive:
            about = _about(archive)
            before = _head(about, "first_seq", "before", less=1)
            end = _head(about, "last_seq", "digest")
            _lay_statements(archive, scratch)
            with open_member(archive, EVENTS_NAME) as stream:
                _, disclosed = lay(path, scratch, _events(lines_of(stream, LOG_BYTES_MAX), before))
    except BundleDamaged as error:
        raise LogUnreadable(f"{path} is damaged: {error}") from error
    return Origin(
        kind="evidence",
        excerpt=True,
        redacted=True,
        base=before,
        anchors=(Anchor(what="evidence", head=end),),
        disclosed=disclosed,
    )


def _about(archive: zipfile.ZipFile) -> Mapping[str, Any]:
    with open_member(archive, ABOUT_NAME) as stream:
        content = stream.read(MIB + 1)
    about = load_json(content) if len(content) <= MIB else None
    if not isinstance(about, dict) or about.get("chargebox_evidence") != EVIDENCE_VERSION:
        raise BundleDamaged(f"{ABOUT_NAME} is none, or of another version than {EVIDENCE_VERSION}")
    return about


def _head(about: Mapping[str, Any], seq_name: str, digest_name: str, less: int = 0) -> Head:
    seq, text = about.get(seq_name), about.get(digest_name)
    if type(seq) is not int or not 1 <= seq <= SEQ_MAX or not isinstance(text, str):
        raise BundleDamaged(f"{ABOUT_NAME} has no {seq_name} or {digest_name}")
    digest = bytes.fromhex(text)
    if len(digest) != len(GENESIS_DIGEST):
        raise BundleDamaged(f"{digest_name} in {ABOUT_NAME} is no digest")
    return Head(seq=seq - less, digest=digest)


def _lay_statements(archive: zipfile.ZipFile, scratch: Path) -> None:
    """Where those of a storage directory are found, each under the name that its content has."""
    names = [name for name in archive.namelist() if name.startswith(STATEMENTS_PREFIX)]
    if len(names) > STATEMENTS_MAX:
        raise BundleDamaged(f"it has {len(names)} statements, more than {STATEMENTS_MAX}")
    (scratch / STATEMENTS_DIRECTORY).mkdir(exist_ok=True)
    for name in names:
        with open_member(archive, name) as stream:
            content = stream.read(SMALL_FILE_BYTES_MAX + 1)
        try:
            plain = load_json(content)
            target = statement_name(int(plain["from_seq"]), int(plain["to_seq"]))
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise BundleDamaged(f"{name} is no statement") from error
        if len(target) < SMALL_FILE_BYTES_MAX.bit_length() * 4:
            (scratch / STATEMENTS_DIRECTORY / target).write_bytes(content)


def _events(lines: Iterator[bytes], before: Head) -> Iterator[Told]:
    digest, at_ms, utc_ms = before.digest, 0, 0
    for number, line in enumerate(lines, 1):
        try:
            values = load_json(line)
        except ValueError as error:
            raise LogUnreadable(f"line {number} is no JSON: {error}") from error
        if isinstance(values, dict) and "content" in values:
            seq, content = values.get("seq"), _content(values["content"], number)
            if type(seq) is not int or not 1 <= seq <= SEQ_MAX:
                raise LogUnreadable(f"line {number} is no event: {str(seq)[:40]} is no number of one")
            digest = digest_after(digest, content)
            row = Row(seq, seq, at_ms, utc_ms, WITHHELD, 1, None, "{}", digest)
            yield Told(row=row, disclosure=None, has_digest=True, content=content)
            continue
        told = told_of(values, number)
        digest, at_ms, utc_ms = told.row.digest, told.row.at_ms, told.row.utc_ms
        yield told


def _content(text: Any, number: int) -> bytes:
    try:
        content = bytes.fromhex(text)
    except (TypeError, ValueError):
        content = b""
    if len(content) != len(GENESIS_DIGEST):
        raise LogUnreadable(f"line {number} is no event: its content is none")
    return content

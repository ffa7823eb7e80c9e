"""Signed statements: who holds a key says that a range of a log ran from one digest to another (Ed25519, RFC 8032).

A statement is a JSON document. Its signature covers the document without the member `signature`, as canonical JSON: members sorted
by name, no white space, UTF-8. Because each event's digest covers the one before it, the two digests cover every event of the range
to the byte; docs/replay.md has the few lines by which a third party checks a statement against exported events.
"""

import binascii
from pathlib import Path
from typing import Any

import orjson

from eventstore.bounds import SEQ_MAX, read_small
from eventstore.catalogue.lifecycle import StationDescribed
from eventstore.chain import EMPTY, ChainBrokenError, Head
from eventstore.chain import verify as verify_chain
from eventstore.structure import decoder, to_plain
from eventstore.value import Value
from station import VERSION
from station.replay.opening.errors import BadQuestion, LibraryMissing, ReplayError
from station.replay.opening.origin import Anchor
from station.replay.opening.reader import LogReader
from station.replay.opening.times import Calendar
from station.wire.instants import format_utc_ms

STATEMENT_VERSION = 1
HOW_TO_MAKE_ONE = "openssl genpkey -algorithm ed25519 makes one"
_KEY_BYTES = 32


class StatementRefused(ReplayError):  # noqa: N818  # it says what is the case
    """The statement does not hold, or cannot be made; the message says why."""


class Statement(Value, frozen=True, kw_only=True):
    """What is stated. `from_digest` is that of the event before the range (zeros before event 1); digests, key and signature in hex.

    `key_id` is the public key itself. `says` is what the signer adds in words.
    """

    chargebox_statement: int
    identity: str
    from_seq: int
    to_seq: int
    from_digest: str
    to_digest: str
    from_utc: str
    to_utc: str
    software_version: str
    says: str
    public_key: str
    signature: str = ""


_read = decoder(Statement)


def canonical(statement: Statement) -> bytes:
    """What the signature covers."""
    plain: dict[str, Any] = to_plain(statement)
    plain.pop("signature")
    return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)


def range_heads(reader: LogReader, from_seq: int, to_seq: int) -> tuple[Head, Head]:
    """The heads before and at the end of a range whose chain is whole. Raises StatementRefused, BadQuestion."""
    if not reader.first_seq <= from_seq <= to_seq <= reader.head.seq:
        raise BadQuestion(f"the log has events {reader.first_seq} to {reader.head.seq}, not {from_seq} to {to_seq}")
    base = reader.origin.base or EMPTY
    if from_seq - 1 != base.seq:
        row = reader.row(from_seq - 1)
        if row is None:
            raise StatementRefused(f"event {from_seq - 1}, which the range continues, is not in this log")
        base = Head(seq=row.seq, digest=row.digest)
    head = base
    try:
        for rows in reader.rows(after=from_seq - 1, until=to_seq):
            head = verify_chain(head, rows, reader.content)
    except ChainBrokenError as error:
        raise StatementRefused(f"the chain is broken: {error}; nothing can be stated of this range") from error
    if head.seq != to_seq:
        raise StatementRefused(f"the log can be read up to event {head.seq} of {to_seq} only")
    return base, head


def make(
    reader: LogReader, calendar: Calendar, key_file: Path, *, from_seq: int, to_seq: int, says: str = ""
) -> Statement:
    """A signed statement on a range whose chain is whole.

    Raises StatementRefused, BadQuestion, LibraryMissing; the key is an Ed25519 private key in PEM without a passphrase.
    """
    base, head = range_heads(reader, from_seq, to_seq)
    first, last = reader.event(from_seq), reader.event(to_seq)
    assert first is not None, "the range was read through just now"
    assert last is not None, "the range was read through just now"
    between = (calendar.utc_ms(first), calendar.utc_ms(last))
    return sign(read_private_key(key_file), base, head, identity=_identity(reader), between=between, says=says)


def sign(key: Any, base: Head, head: Head, *, identity: str, between: tuple[int, int], says: str) -> Statement:
    """The statement that the events behind `base` run up to `head`; `between` is the UTC in ms of the first and the last."""
    statement = Statement(
        chargebox_statement=STATEMENT_VERSION,
        identity=identity,
        from_seq=base.seq + 1,
        to_seq=head.seq,
        from_digest=base.digest.hex(),
        to_digest=head.digest.hex(),
        from_utc=format_utc_ms(between[0]),
        to_utc=format_utc_ms(between[1]),
        software_version=VERSION,
        says=says,
        public_key=key.public_key().public_bytes_raw().hex(),
    )
    signature: bytes = key.sign(canonical(statement))
    return Statement(**{**to_plain(statement), "signature": signature.hex()})


def _identity(reader: LogReader) -> str:
    for recorded in reader.recorded(kinds=(StationDescribed,)):
        if isinstance(recorded.event, StationDescribed):
            return recorded.event.identity
    return reader.identity()


def read_private_key(file: Path) -> Any:
    """The Ed25519 private key in a PEM file without a passphrase. Raises BadQuestion, LibraryMissing."""
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError as error:
        raise LibraryMissing("signing", "cryptography") from error
    try:
        key = load_pem_private_key(_content(file), password=None)
    except TypeError as error:  # it asks for a passphrase
        raise BadQuestion(f"{file} is encrypted, and there is nobody to ask for its passphrase") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadQuestion(f"{file} is no private key in PEM without a passphrase: {HOW_TO_MAKE_ONE}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BadQuestion(f"{file} is no Ed25519 key: {HOW_TO_MAKE_ONE}")
    return key


def _content(file: Path) -> bytes:
    try:
        return read_small(file)
    except OSError as error:
        raise BadQuestion(f"{file}: {error.strerror or error}") from error


def read(file: Path) -> Statement:
    """A statement as it lies in a file, unchecked. Raises BadQuestion."""
    try:
        statement: Statement = _read(_content(file))
    except ValueError as error:
        raise BadQuestion(f"{file} is no statement: {error}") from error
    if statement.chargebox_statement != STATEMENT_VERSION:
        raise BadQuestion(
            f"{file} is a statement of version {statement.chargebox_statement}, known is {STATEMENT_VERSION}"
        )
    return statement


def _check_heads(statement: Statement) -> None:
    if not 0 < statement.from_seq <= statement.to_seq <= SEQ_MAX:
        raise ValueError(f"it states events {statement.from_seq} to {statement.to_seq}")
    for digest in (statement.from_digest, statement.to_digest):
        if len(bytes.fromhex(digest)) != len(EMPTY.digest):
            raise ValueError(f"{digest!r} is no digest")


def check_signature(statement: Statement, public_key: str) -> None:
    """Whether it was signed by the holder of this key (PEM, or the raw key in hex). Raises StatementRefused, BadQuestion."""
    raw = raw_public_key(public_key)
    if raw.hex() != statement.public_key:
        raise StatementRefused("the statement was made with another key than the one given")
    _verify(statement, raw)


def check_own_signature(statement: Statement) -> None:
    """Whether it was signed with the key that it names, whosever that is. Raises StatementRefused, LibraryMissing."""
    try:
        raw = bytes.fromhex(statement.public_key)
    except ValueError as error:
        raise StatementRefused("it names no key") from error
    if len(raw) != _KEY_BYTES or raw.hex() != statement.public_key:
        raise StatementRefused("it names no key")
    _verify(statement, raw)


def _verify(statement: Statement, raw: bytes) -> None:
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError as error:
        raise LibraryMissing("checking a signature", "cryptography") from error
    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(bytes.fromhex(statement.signature), canonical(statement))
    except (InvalidSignature, ValueError) as error:
        raise StatementRefused(
            "the signature does not fit the statement: it was altered, or not signed with this key"
        ) from error


def raw_public_key(text: str) -> bytes:
    """A public key as it is given: in hexadecimal, or the path of a PEM file. Raises BadQuestion."""
    try:
        raw = binascii.unhexlify(text.strip())
    except ValueError:  # binascii.Error, or a name that is not ASCII
        return _public_pem(Path(text))
    if len(raw) != _KEY_BYTES:
        raise BadQuestion(f"an Ed25519 public key has {_KEY_BYTES} bytes, {text!r} has {len(raw)}")
    return raw


def _public_pem(file: Path) -> bytes:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(_content(file))
    except (ValueError, UnsupportedAlgorithm) as error:
        hint = "openssl pkey -in PRIVATE -pubout writes it"
        raise BadQuestion(f"{file} is no public key, neither in hexadecimal nor a PEM file: {hint}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise BadQuestion(f"{file} is no Ed25519 public key")
    return key.public_bytes_raw()


def anchors(statement: Statement) -> tuple[Anchor, ...]:
    """What the statement vouches for: one anchor with two heads. Raises StatementRefused for what is the head of no log."""
    try:
        _check_heads(statement)
    except ValueError as error:
        raise StatementRefused(f"the statement speaks of no log: {error}") from error
    return (
        Anchor(
            what="statement",
            head=Head(seq=statement.to_seq, digest=bytes.fromhex(statement.to_digest)),
            before=Head(seq=statement.from_seq - 1, digest=bytes.fromhex(statement.from_digest)),
            identity=statement.identity,
        ),
    )

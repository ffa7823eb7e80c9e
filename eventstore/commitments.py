"""Commitments: what the digest of an event covers, so that what is personal in it can be withheld and the rest still be proven.

Each event has a salt of its own, and so has each of its personal members. The digest covers

    content(n) = SHA-256(salt + JSON [1, seq, cause, at_ms, utc_ms, type, version, connector_id, payload])

where in the payload the value of each personal member is replaced by its commitment, the hexadecimal digits of
SHA-256(salt of the member + name + ":" + the value as it is written). Who is given a commitment in place of a value can neither see nor
guess it, for a salt has 128 bits; and who is given the content of an event alone can check that it stands in the chain.

Salts are stored nowhere: they follow from a secret of the segment and the event's number (BLAKE2b with a key, RFC 7693). Which members
are personal goes by their names alone, and is part of the format: it stands for ever. Events before the first secret are in the
format of version 0.1.0: their digests cover the whole row.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b, sha256
from typing import Any

import orjson

from eventstore.structure import join_members, split_members
from eventstore.value import Value

FORMAT = 1
"""Of what a digest covers. Another set of personal names is another format."""
PERSONAL = frozenset(
    {
        # tags, and whose they are
        "id_tag",
        "parent_id_tag",
        "free_id_tags",
        "evccid",
        "held_for",
        "info",
        "entries",
        "started",
        "stopped",
        # the station
        "identity",
        "serial",
        "csms_url",
        "factory_values",
        "facts",
        "settings",
        "common_name",
        "organisation",
        "csr",
        # frames, and what others wrote
        "text",
        "head",
        "payload",
        "data",
        "vendor_id",
        "message_id",
        "description",
        "deviations",
        "reason",
        "value",
        "location",
        "file",
        "file_name",
        "detail",
        "problem",
        "failure",
        "tech_info",
        "peer",
        "vendor_error_code",
        "error",
        "finding",
        "findings",
        # digests of such things, from which they could be guessed
        "digest",
        "before",
        "state_digest",
        "old_head_digest",
        "seal",
    }
)
"""Members of events whose values have commitments of their own."""
SECRET_BYTES, SALT_BYTES = 32, 16
_PREFIXES = {name: name.encode() + b":" for name in PERSONAL}

Content = Callable[[Sequence[Any]], bytes]
"""What the digest of a row covers, beside the digest before it. Raises ValueError or TypeError for what is no row."""


def whole_row(row: Sequence[Any]) -> bytes:
    """The content of an event in the format of version 0.1.0: the canonical bytes of all but its digest."""
    return orjson.dumps(row[:8])


class Disclosure(Value, frozen=True, kw_only=True):
    """What proves a row, in hexadecimal: its salt, and for each personal member the member's salt, or its commitment if it is withheld."""

    salt: str
    salts: Mapping[str, str] = {}
    commitments: Mapping[str, str] = {}


class Commitments(Value, frozen=True, kw_only=True):
    """From which events on digests cover commitments, each with the secret that the salts follow from; in order."""

    secrets: tuple[tuple[int, bytes], ...] = ()

    def __repr__(self) -> str:
        """Without the secrets."""
        return f"Commitments(from {[first_seq for first_seq, _ in self.secrets]})"

    @property
    def first_seq(self) -> int | None:
        """The first event with commitments; None if there is none."""
        return self.secrets[0][0] if self.secrets else None

    def holds(self, seq: int) -> bool:
        """Is this event one with commitments?"""
        return bool(self.secrets) and self.secrets[0][0] <= seq

    def _secret_at(self, seq: int) -> bytes | None:
        secrets = self.secrets
        if not secrets or seq < secrets[0][0]:
            return None
        if seq >= secrets[-1][0]:
            return secrets[-1][1]
        return secrets[bisect_right(secrets, seq, key=_first_seq) - 1][1]

    def content(self, row: Sequence[Any]) -> bytes:
        """What the row's digest covers. Raises ValueError or TypeError for what is no row."""
        secret = self._secret_at(row[0])
        if secret is None:
            return orjson.dumps(row[:8])
        payload = row[7]
        members = split_members(payload)
        names = [name for name in members if name in _PREFIXES]
        salts = _salts(secret, row[0], len(names) + 1)
        if names:  # every event of a long log passes here: no call that can be spared
            _check_written(members, payload)
            at = SALT_BYTES
            for name in names:
                covered = salts[at : at + SALT_BYTES] + _PREFIXES[name] + bytes(members[name])
                members[name] = sha256(covered).hexdigest()
                at += SALT_BYTES
            payload = join_members(members).decode()
        return _covered(salts[:SALT_BYTES], row, payload)

    def disclosure(self, row: Sequence[Any]) -> Disclosure | None:
        """All that proves the row; None for one in the format of version 0.1.0. Raises ValueError or TypeError for what is no row."""
        secret = self._secret_at(row[0])
        if secret is None:
            return None
        names = personal_names(row[7])
        salts = _salts(secret, row[0], len(names) + 1)
        told = [salts[at : at + SALT_BYTES].hex() for at in range(0, (len(names) + 1) * SALT_BYTES, SALT_BYTES)]
        return Disclosure(salt=told[0], salts=dict(zip(names, told[1:], strict=True)))

    def joined(self, others: Iterable["Commitments"]) -> "Commitments":
        """All secrets of several segments; of two for the same event, the later one counts."""
        found = dict(self.secrets)
        for other in others:
            found.update(other.secrets)
        return Commitments(secrets=tuple(sorted(found.items())))

    def up_to(self, seq: int) -> "Commitments":
        """The secrets that events up to `seq` and the one behind it have salts from."""
        return Commitments(secrets=tuple(each for each in self.secrets if each[0] <= seq + 1))


NO_COMMITMENTS = Commitments()
"""Of a log of version 0.1.0."""


def _first_seq(secret: tuple[int, bytes]) -> int:
    return secret[0]


@lru_cache(maxsize=16)
def _keyed(secret: bytes) -> Any:
    """BLAKE2b with the key in it already: to copy it is half the work."""
    return blake2b(key=secret)


def _salts(secret: bytes, seq: int, count: int) -> bytes:
    """That of the event, then those of its personal members in their order, one after the other; at least so many."""
    keyed = _keyed(secret).copy()
    keyed.update(b"%d 0" % seq)
    made: bytes = keyed.digest()
    for block in range(1, -(-count * SALT_BYTES // len(made))):
        made += blake2b(b"%d %d" % (seq, block), key=secret).digest()
    return made


def personal_names(payload: str) -> list[str]:
    """The personal members of a payload, in order. Raises ValueError."""
    return [name for name in split_members(payload) if name in PERSONAL]


def commitment(salt: bytes, name: str, value: Any) -> str:
    """The commitment to a member's value, as bytes as it is written; hexadecimal."""
    return sha256(salt + name.encode() + b":" + bytes(value)).hexdigest()


def content_of(row: Sequence[Any], disclosure: Disclosure) -> bytes:
    """The content of a row by what proves it, whatever stands in place of what is withheld.

    Raises ValueError or TypeError for what is no row, or for a disclosure that does not belong to it.
    """
    payload = row[7]
    members = split_members(payload)
    names = [name for name in members if name in PERSONAL]
    if set(names) != {*disclosure.salts, *disclosure.commitments}:
        raise ValueError("it speaks of other members than the row has")
    if names:
        _check_written(members, payload)
    for name in names:
        told = disclosure.commitments.get(name)
        if told is None:
            told = commitment(_salt(disclosure.salts[name]), name, members[name])
        elif len(bytes.fromhex(told)) != sha256().digest_size or told != told.lower():
            raise ValueError(f"{told[:80]!r} is no commitment")
        members[name] = told
    return _covered(_salt(disclosure.salt), row, join_members(members).decode() if names else payload)


def withholding(row: Sequence[Any], disclosure: Disclosure, names: Iterable[str]) -> Disclosure:
    """The disclosure with commitments in place of the salts of these members, whose values `row` still has. Raises ValueError."""
    salts, commitments = dict(disclosure.salts), dict(disclosure.commitments)
    members = split_members(row[7])
    for name in names:
        if name in salts:
            commitments[name] = commitment(_salt(salts.pop(name)), name, members[name])
    return Disclosure(salt=disclosure.salt, salts=salts, commitments=commitments)


def _salt(text: str) -> bytes:
    salt = bytes.fromhex(text)
    if len(salt) != SALT_BYTES:
        raise ValueError(f"{text[:80]!r} is no salt")
    return salt


def _check_written(members: Mapping[str, Any], payload: str) -> None:
    """Commitments cover values as they are written; so nothing else may be written between them."""
    if join_members(members) != payload.encode():
        raise ValueError("its payload is not written as a station writes it")


def _covered(salt: bytes, row: Sequence[Any], payload: str) -> bytes:
    return sha256(salt + orjson.dumps((FORMAT, *row[:7], payload))).digest()

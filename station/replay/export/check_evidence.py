"""Checks an evidence file of chargebox without chargebox: Python 3.9 or later, and the package "cryptography", nothing else.

    python check_evidence.py EVIDENCE.zip PUBLIC_KEY

PUBLIC_KEY is the signer's Ed25519 key, in hexadecimal or as a PEM file. Take it from where it was made, never from the evidence. Without
it the statements are checked with the keys that they name themselves, which proves nothing of who signed.

Exit status: 0 proven, 1 something does not fit, 2 wrong call, 4 consistent, but nothing outside vouches for it. PROCEDURE.txt in the
evidence says in words what is done here, so that anyone can write it anew.
"""

from __future__ import annotations

import hashlib
import json
import sys
import zipfile
from typing import Any, Iterator  # noqa: UP035  # Python 3.9 reads it, too

NAMES = ("seq", "cause", "at_ms", "utc_ms", "type", "version", "connector_id")
PERSONAL = frozenset(
    "id_tag parent_id_tag free_id_tags evccid held_for info entries started stopped identity serial csms_url factory_values facts settings common_name organisation csr text head payload data vendor_id "
    "message_id description deviations reason value location file file_name detail problem failure tech_info peer vendor_error_code error finding findings "
    "digest before state_digest old_head_digest seal".split()
)
LINE_BYTES_MAX = 16 << 20
SMALL_BYTES_MAX = 1 << 20


class DoesNotFit(Exception):  # noqa: N818  # it says what is the case
    """Something does not fit; the message says what."""


def canonical(value: Any) -> bytes:
    """JSON without white space, members sorted by name, as UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest_in(text: Any, size: int = 32) -> bytes:
    """The bytes of so many hexadecimal digits."""
    try:
        found = bytes.fromhex(text)
    except (TypeError, ValueError):
        found = b""
    if len(found) != size:
        raise DoesNotFit(f"{str(text)[:80]!r} is not {size} bytes in hexadecimal")
    return found


def content(event: Any) -> bytes:
    """What the digest of an event covers: a salted hash of the whole event. Of a withheld event that is all there is."""
    if "content" in event:
        return digest_in(event["content"])
    members, proof = dict(event["payload"]), event["proof"]
    salts, commitments = proof["salts"], proof["commitments"]
    if {*salts, *commitments} != PERSONAL & members.keys() or salts.keys() & commitments.keys():
        raise DoesNotFit(f"the proof of event {event['seq']} does not belong to its members")
    for name, salt in salts.items():
        covered = digest_in(salt, 16) + name.encode() + b":" + canonical(members[name])
        members[name] = hashlib.sha256(covered).hexdigest()
    for name, commitment in commitments.items():
        members[name] = digest_in(commitment).hex()
    row = [1, *(event[name] for name in NAMES), canonical(members).decode()]
    return hashlib.sha256(digest_in(proof["salt"], 16) + canonical(row)).digest()


def member(archive: zipfile.ZipFile, name: str) -> bytes:
    """A small member of the zip archive."""
    with archive.open(name) as stream:
        found = stream.read(SMALL_BYTES_MAX + 1)
    if len(found) > SMALL_BYTES_MAX:
        raise DoesNotFit(f"{name} is too large")
    return found


def public_key(text: str) -> bytes:
    """The raw key, from hexadecimal or a PEM file."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        raw = bytes.fromhex(text)
    except ValueError:
        with open(text, "rb") as file:  # noqa: PTH123  # readable without knowing pathlib
            key = load_pem_public_key(file.read(SMALL_BYTES_MAX))
        if not isinstance(key, Ed25519PublicKey):
            raise DoesNotFit(f"{text} is no Ed25519 public key") from None
        return key.public_bytes_raw()
    Ed25519PublicKey.from_public_bytes(raw)
    return raw


def statements(archive: zipfile.ZipFile, trusted: bytes | None) -> Iterator[tuple[str, Any, bool]]:
    """The statements: (name, statement, whether the trusted key signed it). Each must be signed by the key that it names."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    for name in sorted(archive.namelist()):
        if not name.startswith("statements/"):
            continue
        stated = json.loads(member(archive, name))
        signature = bytes.fromhex(stated["signature"])
        signed = {key: value for key, value in stated.items() if key != "signature"}
        try:
            Ed25519PublicKey.from_public_bytes(digest_in(stated["public_key"])).verify(signature, canonical(signed))
        except InvalidSignature:
            raise DoesNotFit(f"{name}: the signature does not fit; it was altered") from None
        yield name, stated, trusted is not None and stated["public_key"] == trusted.hex()


def events(archive: zipfile.ZipFile) -> Iterator[Any]:
    """The lines of events.jsonl."""
    with archive.open("events.jsonl") as stream:
        while line := stream.readline(LINE_BYTES_MAX + 1):
            if len(line) > LINE_BYTES_MAX:
                raise DoesNotFit("events.jsonl has a line that is too long for an event")
            yield json.loads(line)


def check(path: str, trusted: bytes | None) -> int:
    """Checks the file and prints what is proven; returns the exit status."""
    with zipfile.ZipFile(path) as archive:
        about = json.loads(member(archive, "evidence.json"))
        stated = list(statements(archive, trusted))
        digest, seq = digest_in(about["before"]), about["first_seq"] - 1
        ends = {at for _, one, _ in stated for at in (one["from_seq"] - 1, one["to_seq"])}
        signed: dict[int, bytes | None] = {at: digest if at == seq else None for at in ends}
        told: list[Any] = []
        withheld = 0
        for event in events(archive):
            if event["seq"] != seq + 1:
                raise DoesNotFit(f"event {seq + 1} is missing")
            seq += 1
            digest = hashlib.sha256(digest + content(event)).digest()
            if seq in signed:
                signed[seq] = digest
            if "content" in event:
                withheld += 1
            elif event["type"] in ("StationDescribed", "TransactionStarted", "TransactionStopped"):
                told.append(event)
    if (seq, digest) != (about["last_seq"], digest_in(about["digest"])):
        raise DoesNotFit("the events do not end where evidence.json says: something in them was changed")
    print(f"chain: events {about['first_seq']} to {seq}, {withheld} of them withheld, each continues the one before")
    return tell(about, told, vouched(stated, signed))


def vouched(stated: list[tuple[str, Any, bool]], digests: dict[int, bytes | None]) -> int:
    """The last event that a statement with the trusted key vouches for; 0 if none does."""
    proven = 0
    for name, one, is_trusted in stated:
        for seq, text in ((one["to_seq"], one["to_digest"]), (one["from_seq"] - 1, one["from_digest"])):
            found = digests[seq]
            if found is not None and found != digest_in(text):
                raise DoesNotFit(f"{name} was signed over other events: event {seq}, or one before it, was replaced")
        if digests[one["to_seq"]] is None:
            print(f"{name}: of events that are not in this file")
            continue
        whose = "with the key that you gave" if is_trusted else "with a key of which nothing is known"
        print(f"{name}: event {one['to_seq']} was signed {whose} as of station {one['identity']!r}, {one['to_utc']}")
        proven = max(proven, one["to_seq"] if is_trusted else 0)
    return proven


def tell(about: Any, told: list[Any], proven: int) -> int:
    """Prints what the events say of the transaction."""
    number, is_covered = about["transaction"], True
    for event in told:
        payload, kind = event["payload"], event["type"]
        if kind == "StationDescribed":
            print(
                f"event {event['seq']}: the station is {payload['identity']!r}, {payload['vendor']} {payload['model']}"
            )
        elif payload["number"] == number:
            is_covered = is_covered and event["seq"] <= proven
            key = "meter_start_wh" if kind == "TransactionStarted" else "meter_stop_wh"
            why = f"tag {payload['id_tag']!r}" + (f", {payload['reason']}" if kind == "TransactionStopped" else "")
            utc = payload["started" if kind == "TransactionStarted" else "stopped"]["utc_ms"]
            at = "at a time that nobody had confirmed" if utc is None else f"at {utc} ms UTC"
            print(f"event {event['seq']}: {kind} {number}, register {payload[key]} Wh, {why}, {at}")
    if not any(event["type"] == "TransactionStarted" and event["payload"]["number"] == number for event in told):
        raise DoesNotFit(f"the start of transaction {number} is not in this file")
    if proven and is_covered:
        print(f"PROVEN: the signer vouches for every event up to {proven}, to the byte")
        return 0
    print("CONSISTENT ONLY: no statement that was signed with a key that you gave vouches for the transaction")
    return 4


def main(arguments: list[str]) -> int:
    """Returns the exit status."""
    if len(arguments) not in (1, 2):
        print(__doc__)
        return 2
    try:
        return check(arguments[0], public_key(arguments[1]) if len(arguments) == 2 else None)
    except DoesNotFit as error:
        print(f"DOES NOT FIT: {error}")
    except (zipfile.BadZipFile, OSError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        print(f"DOES NOT FIT: this is no evidence file, or a damaged one: {error!r}")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Exported events, redacted files and diagnostics files, changed there."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import orjson

from eventstore.chain import Row, digest_after
from eventstore.commitments import commitment
from eventstore.structure import to_plain
from station.cli.main import main
from station.replay.export import check_evidence
from station.wire.instants import format_utc_ms
from tests.forgeries.honest import (
    TAG,
    Honest,
)
from tests.forgeries.rows import Forge, first_of


def line(honest: Honest, row: Row, payload: object = None) -> dict[str, object]:
    """A row as exports and diagnostics files have it."""
    plain: dict[str, object] = dict(zip(Row._fields[:8], row[:8], strict=True))
    plain["utc"] = format_utc_ms(row.utc_ms)
    plain["payload"] = orjson.loads(row.payload) if payload is None else payload
    plain["digest"] = row.digest.hex()
    plain["proof"] = to_plain(honest.commitments.disclosure(row))
    return plain


def exported(change: Callable[[list[dict[str, object]]], None], *, begins: str = "") -> Forge:
    """The events in a file, from the second one of a type on, changed there."""

    def forge(directory: Path, honest: Honest) -> Path:
        first = first_of(honest, begins, 1).seq if begins else 1
        lines = [line(honest, row) for row in honest.rows if row.seq >= first]
        change(lines)
        target = directory.with_name("events.jsonl")
        target.write_bytes(b"".join(orjson.dumps(each) + b"\n" for each in lines))
        return target

    return forge


def bundled(change: Callable[[list[dict[str, object]], dict[str, object]], None], *, first: int = 1) -> Forge:
    """The events in a diagnostics file, changed there."""

    def forge(directory: Path, honest: Honest) -> Path:
        lines = [line(honest, row) for row in honest.rows if row.seq >= first]
        about: dict[str, object] = {
            "first_seq": first,
            "last_seq": honest.head.seq,
            "log_head": {"seq": honest.head.seq, "digest": honest.head.digest.hex()},
        }
        change(lines, about)
        target = directory.with_name("diagnostics.zip")
        with zipfile.ZipFile(target, "w") as bundle:
            bundle.writestr("log.jsonl", b"".join(orjson.dumps(each) + b"\n" for each in lines))
            bundle.writestr("about.json", orjson.dumps(about))
        return target

    return forge


_BESIDE = ("proof", "digest")


def bill(lines: list[dict[str, object]], *, withheld: str = "", **changes: object) -> None:
    """Another register in the last stop of a file; of the `changes` some may be of what lies beside the payload."""
    found = [each for each in lines if each.get("type") == "TransactionStopped"][-1]
    assert isinstance(found["payload"], dict)
    if withheld:
        withhold(found, withheld)
    found["payload"] |= {"meter_stop_wh": 99_000}
    for name, value in changes.items():
        if name in _BESIDE:
            found[name] = value
        else:
            found["payload"][name] = value


def withhold(found: dict[str, object], name: str) -> None:
    """As an honest redaction withholds a member."""
    proof, payload = found["proof"], found["payload"]
    assert isinstance(proof, dict)
    assert isinstance(payload, dict)
    salt = bytes.fromhex(proof["salts"].pop(name))
    proof["commitments"][name] = commitment(salt, name, orjson.dumps(payload[name]))
    payload[name] = "tag-1"


def own_commitment(lines: list[dict[str, object]]) -> None:
    """A member is withheld behind the commitment to another value."""
    found = [each for each in lines if each["type"] == "TransactionStopped"][-1]
    assert isinstance(found["payload"], dict)
    found["payload"]["id_tag"] = "0BADCAFE"
    withhold(found, "id_tag")


def withheld_reading(lines: list[dict[str, object]]) -> None:
    """Only personal members have commitments: a reading cannot be hidden behind one."""
    found = [each for each in lines if each["type"] == "TransactionStopped"][-1]
    proof, payload = found["proof"], found["payload"]
    assert isinstance(proof, dict)
    assert isinstance(payload, dict)
    proof["commitments"]["meter_stop_wh"] = "0" * 64
    payload["meter_stop_wh"] = 99_000


def mark_elsewhere(lines: list[dict[str, object]]) -> None:
    """A bill is changed, and another event made to look redacted, so that the file counts as redacted."""
    bill(lines, id_tag=TAG)
    tag = next(each for each in lines if each["type"] == "IdTagPresented")
    assert isinstance(tag["payload"], dict)
    tag["payload"]["id_tag"] = "tag-1"


def first_of_excerpt(lines: list[dict[str, object]]) -> None:
    assert isinstance(lines[0]["payload"], dict)
    lines[0]["payload"] |= {"energy_wh": 99_000}


def last_off(lines: list[dict[str, object]], about: dict[str, object]) -> None:
    del lines[-20:]
    while lines[-1]["type"] != "MeterObserved":  # nothing followed from that
        del lines[-1]
    about["last_seq"] = lines[-1]["seq"]


def last_off_in_silence(lines: list[dict[str, object]], about: dict[str, object]) -> None:
    last_off(lines, about)
    about |= {"log_head": {"seq": lines[-1]["seq"], "digest": lines[-1]["digest"]}}


def unlined(lines: list[dict[str, object]]) -> None:
    del lines[150:153]


# ---- evidence --------------------------------------------------------------------------------------------------------

Lines = list[dict[str, object]]


def evidenced(change: Callable[[Lines], None], *, anew: bool = False) -> Forge:
    """The evidence of the third session, its events changed; `anew`: with digests that fit, and without statements."""

    def forge(directory: Path, honest: Honest) -> Path:
        target = directory.with_name("evidence.zip")
        words = ["replay", str(directory), "evidence", "--transaction", "3", "--out", str(target)]
        assert main(words) == 0
        with zipfile.ZipFile(target) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        lines: Lines = [orjson.loads(line) for line in members["events.jsonl"].splitlines()]
        change(lines)
        if anew:
            members = {name: content for name, content in members.items() if not name.startswith("statements/")}
            about = orjson.loads(members["evidence.json"])
            digest = bytes.fromhex(about["before"])
            for each in lines:
                digest = digest_after(digest, check_evidence.content(each))
                if "digest" in each:
                    each["digest"] = digest.hex()
            members["evidence.json"] = orjson.dumps(about | {"digest": digest.hex()})
        members["events.jsonl"] = b"".join(orjson.dumps(each) + b"\n" for each in lines)
        with zipfile.ZipFile(target, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return target

    return forge


def concealed_reading(lines: Lines) -> None:
    """A reading is passed off as an event of others."""
    found = next(each for each in lines if each.get("type") == "MeterSampled")
    seq = found["seq"]
    found.clear()
    found |= {"seq": seq, "content": "5a" * 32}


def shown_in_place_of_withheld(lines: Lines) -> None:
    """An event that was withheld is shown, and is another one."""
    place = next(place for place, each in enumerate(lines) if "content" in each)
    found = next(each for each in lines if each.get("type") == "MeterSampled")
    lines[place] = found | {"seq": lines[place]["seq"]}


def left_out(lines: Lines) -> None:
    """An event of others is left out, and those behind it take its number."""
    place = next(place for place, each in enumerate(lines) if "content" in each)
    del lines[place]
    for each in lines[place:]:
        seq = each["seq"]
        assert isinstance(seq, int)
        each["seq"] = seq - 1

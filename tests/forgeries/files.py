"""What lies before the live segment and beside it: archives, closed segments, witness, identity, snapshots, statements."""

import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from zlib import crc32

import orjson

from eventstore.archive import MAGIC, TRAILER, ArchiveReader
from eventstore.catalogue.lifecycle import ArchiveDropped
from eventstore.chain import GENESIS_DIGEST, Head
from eventstore.database import DATABASE_NAME
from eventstore.directory import StorageDirectory
from eventstore.segments import ARCHIVE_DIRECTORY, archives, closed_segments
from eventstore.snapshots import Snapshot, headers, write_snapshot
from eventstore.statements import statement_files
from eventstore.structure import to_plain
from eventstore.zstandard import compressed, decompressed
from station.replay.pages.page import json_text
from station.replay.proof import statement
from tests.forgeries.history import retold, stop
from tests.forgeries.honest import (
    KEY,
    OTHER_KEY,
    Honest,
    chained,
    edited,
    inserted,
    member,
    record_of,
    retell,
    sign_all,
)
from tests.forgeries.rows import Forge, sql


def archive(directory: Path, place: int = 0) -> Path:
    return archives(directory)[place].path


def gone(place: int) -> Forge:
    return lambda directory, honest: archive(directory, place).unlink()


def swapped(directory: Path, honest: Honest) -> None:
    one, other = archive(directory, 0), archive(directory, 1)
    held = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(held)


def shortened(directory: Path, honest: Honest) -> None:
    file = archive(directory)
    file.write_bytes(file.read_bytes()[:-40])


def repacked(
    edit: Callable[[dict[str, object]], None] | None = None, state: Callable[[bytes], bytes] | None = None
) -> Forge:
    """The first archive with another header or state, its index and trailer made anew."""

    def forge(directory: Path, honest: Honest) -> None:
        file = archive(directory)
        with ArchiveReader(file) as reader:
            header, index, content = to_plain(reader.header), to_plain(reader.index), reader.opening().state
        raw = file.read_bytes()
        if edit is not None:
            edit(header)
        body_at, body_end = index["frames"][0]["offset"], index["state_offset"]
        packed = raw[body_end : body_end + index["state_length"]]
        if state is not None:
            changed = state(content)
            assert changed != content
            packed = compressed(changed, 3)
            header["state_sha256"] = sha256(changed).hexdigest()
        line = orjson.dumps(header, option=orjson.OPT_SORT_KEYS)
        shift = len(MAGIC) + len(line) + 1 - body_at
        for frame in index["frames"]:
            frame["offset"] += shift
        index |= {"state_offset": body_end + shift, "state_length": len(packed)}
        told = orjson.dumps(index, option=orjson.OPT_SORT_KEYS)
        body = MAGIC + line + b"\n" + raw[body_at:body_end] + packed
        file.write_bytes(body + told + TRAILER.pack(MAGIC, len(body), len(told), sha256(line + told).digest()))

    return forge


def frame(directory: Path, honest: Honest) -> None:
    """Another register in a frame, packed anew; the index keeps its digest."""
    file = archive(directory)
    with ArchiveReader(file) as reader:
        header, index = to_plain(reader.header), to_plain(reader.index)
    raw = file.read_bytes()
    (frame,) = index["frames"]
    content = decompressed(raw[frame["offset"] : frame["offset"] + frame["length"]], 1 << 30)
    packed = compressed(content.replace(b'meter_stop_wh\\":', b'meter_stop_wh\\":1'), 3)
    state = raw[index["state_offset"] : index["state_offset"] + index["state_length"]]
    line = orjson.dumps(header, option=orjson.OPT_SORT_KEYS)
    body = MAGIC + line + b"\n" + packed + state
    frame["length"] = len(packed)
    index["state_offset"] = frame["offset"] + len(packed)
    told = orjson.dumps(index, option=orjson.OPT_SORT_KEYS)
    file.write_bytes(body + told + TRAILER.pack(MAGIC, len(body), len(told), sha256(line + told).digest()))


def rebuilt(directory: Path, honest: Honest) -> None:
    """The first archive out of a history in which the first session cost more; all else as it was."""
    other = directory.with_name("other")
    shutil.copytree(directory, other)
    stops = {row.seq for row in honest.rows[: honest.ends[0]] if row.type == "TransactionStopped"}
    rows = [member(row, meter_stop_wh=99_000) if row.seq in stops else row for row in honest.rows]
    retell(other, rows, honest.ends)
    shutil.copyfile(archive(other), archive(directory))
    shutil.rmtree(other)


def set_back(directory: Path, honest: Honest) -> None:
    """The live segment is the one that was closed last, as a backup had it: archives know more."""
    (segment,) = closed_segments(directory)
    segment.path.replace(directory / DATABASE_NAME)
    retold_archive = directory.with_name("other")
    shutil.copytree(honest.directory, retold_archive)
    retell(retold_archive, honest.rows, [*honest.ends, honest.rows[-1].seq])
    source = archives(retold_archive)[2].path
    shutil.copyfile(source, directory / ARCHIVE_DIRECTORY / source.name)
    shutil.rmtree(retold_archive)


def named_again(directory: Path, honest: Honest) -> None:
    """A second archive of the same events, under a name that sorts behind and counts."""
    file = archive(directory)
    shutil.copyfile(file, file.with_name(f"{int(file.name[:12])}-{honest.ends[0]}.cbz"))


def overlapping(directory: Path, honest: Honest) -> None:
    other = directory.with_name("other")
    shutil.copytree(directory, other)
    retell(other, honest.rows, [honest.ends[0] - 9, *honest.ends[1:]])
    source = archives(other)[1].path
    shutil.copyfile(source, directory / ARCHIVE_DIRECTORY / source.name)
    shutil.rmtree(other)


def dropped_by_a_lie(directory: Path, honest: Honest) -> None:
    """The archive with a session in it is gone, and a record that it was dropped was put into the log, all made anew."""
    end = honest.ends[0]
    model = honest.rows[-3]
    lie = ArchiveDropped(
        first_seq=1, last_seq=end, before=GENESIS_DIGEST.hex(), digest=honest.rows[end - 1].digest.hex(), reason="size"
    )
    fresh = record_of(lie, model)
    retell(directory, inserted(honest.rows, model.seq + 1, fresh), honest.ends)
    archive(directory).unlink()


def dropped_of_the_future(directory: Path, honest: Honest) -> None:
    model = honest.rows[-3]
    event = ArchiveDropped(first_seq=model.seq + 50, last_seq=model.seq + 90, before="", digest="", reason="age")
    retell(directory, inserted(honest.rows, model.seq + 1, record_of(event, model)), honest.ends)


def closed_gone(directory: Path, honest: Honest) -> None:
    closed_segments(directory)[0].path.unlink()


def all_but_live(directory: Path, honest: Honest) -> None:
    shutil.rmtree(directory / ARCHIVE_DIRECTORY)
    closed_gone(directory, honest)


def other_witness(directory: Path, honest: Honest) -> None:
    line = f"{honest.head.seq} {'ab' * 32}"
    slot = f"{line} {crc32(line.encode()):08x}\n".encode().ljust(4096, b"\0")
    (directory / "witness").write_bytes(slot * 2)


def no_witness(directory: Path, honest: Honest) -> None:
    (directory / "witness").unlink()


def no_witness_no_end(directory: Path, honest: Honest) -> None:
    sql("DELETE FROM event WHERE seq > {n}")(directory, honest)
    no_witness(directory, honest)
    for file in directory.glob("snapshot-*"):
        file.unlink()
    statement_files(directory)[-1].path.unlink()


def identity(text: str) -> Forge:
    """The file that says whose log it is says this."""

    def forge(directory: Path, honest: Honest) -> None:
        (directory / "identity").write_text(text)

    return forge


def snapshot(directory: Path, honest: Honest) -> None:
    """Another register in the snapshot, sealed anew."""
    ((header, file),) = headers(directory)
    state = file.read_bytes().partition(b"\n")[2]
    forged = state.replace(b'"given_up":0', b'"given_up":1')
    assert forged != state
    write_snapshot(
        StorageDirectory(directory),
        Snapshot(seq=header.seq, fingerprint=header.fingerprint, state=forged, digest=bytes.fromhex(header.digest)),
    )


def illegible_snapshot(directory: Path, honest: Honest) -> None:
    (file,) = directory.glob("snapshot-*")
    file.write_bytes(file.read_bytes()[:-3])


def in_statement(change: Callable[[dict[str, object]], None]) -> Forge:
    """The newest statement, altered."""

    def forge(directory: Path, honest: Honest) -> None:
        file = statement_files(directory)[-1].path
        plain = json.loads(file.read_text())
        change(plain)
        file.write_text(json.dumps(plain))

    return forge


def renamed_statement(directory: Path, honest: Honest) -> None:
    file = statement_files(directory)[-1].path
    file.rename(file.with_name("000000000001-000000000361.json"))


def signed_by_another(directory: Path, honest: Honest) -> None:
    """A history of the forger's, signed with a key of the forger's."""
    retold(stop(meter_stop_wh=99_000))(directory, honest)
    rows = chained(edited(honest.rows, stop(meter_stop_wh=99_000)), honest.commitments)
    sign_all(directory, rows, honest.ends, OTHER_KEY)


def of_another_station(directory: Path, honest: Honest) -> None:
    """A statement on events that are none of this log lies among its own, signed with the same key."""
    stated = honest.statements[-1]
    other = statement.sign(
        KEY,
        Head(seq=stated.from_seq - 1, digest=bytes(32)),
        Head(seq=stated.to_seq, digest=bytes(31) + b"\1"),
        identity="CB-9999",
        between=(0, 1),
        says="",
    )
    statement_files(directory)[-1].path.write_text(json_text(other))


def no_identity(directory: Path, honest: Honest) -> None:
    """What says whose log it is stands in the log as well: nothing of it is in doubt, and the verdict says that the file is gone."""
    (directory / "identity").unlink()

"""What lies beside the log, held against it: witness, identity, snapshots; and what should lie there and does not."""

from collections.abc import Iterator

from eventstore.beside import WITNESSED
from eventstore.catalogue.lifecycle import LogSalvaged, StationDescribed
from eventstore.chain import Head
from eventstore.directory import CONDEMNED_NAME, IDENTITY_NAME, StorageDirectory
from eventstore.snapshots import headers, is_legible, snapshot_files
from eventstore.witness import WITNESS_NAME, Testimony, read_testimony
from station.replay.opening.origin import Anchor
from station.replay.proof.findings import DAMAGED, REPLACED
from station.replay.proof.work import Work

WITNESS, SNAPSHOT = "witness", "snapshot"


def check_beside(work: Work) -> None:
    """What is missing, illegible, or another station's."""
    _check_identity(work)
    _check_witness(work)
    for file in snapshot_files(work.reader.scratch):
        if not is_legible(file):
            seq = min(int(file.name.rpartition("-")[2]), work.reader.head.seq)
            work.add(DAMAGED, seq, f"{file.name} is illegible: the station would not use it")
    directory = StorageDirectory(work.reader.scratch)
    if directory.exists(CONDEMNED_NAME):
        work.note(f"the station itself found its log damaged: {'; '.join(directory.condemned())[:500]}")


def heads_beside(work: Work) -> Iterator[Anchor]:
    """The heads that the witness and the snapshots remember."""
    testimony = _testimony(work)
    if testimony is not None:
        yield Anchor(what=WITNESS, head=testimony.head)
    for header, _ in headers(work.reader.scratch):
        yield Anchor(what=SNAPSHOT, head=Head(seq=header.seq, digest=bytes.fromhex(header.digest)))


def was_in_use(work: Work) -> bool:
    """Whether the witness, when it wrote last, knew of events that may stand in a WAL alone."""
    testimony = _testimony(work)
    return testimony is not None and testimony.wal_bytes > 0


def _testimony(work: Work) -> Testimony | None:
    return read_testimony(work.reader.scratch)


def _check_identity(work: Work) -> None:
    reader = work.reader
    if reader.origin.redacted:
        return
    named = reader.identity()
    described = {each.event.identity for each in work.milestones if isinstance(each.event, StationDescribed)}
    is_salvaged = any(isinstance(each.event, LogSalvaged) for each in work.milestones)
    is_complete = reader.is_complete and not is_salvaged and reader.origin.damage is None
    if named and described and named not in described and is_complete:
        work.whole_log(REPLACED, f"the log was begun by {named[:60]!r}, its events are those of {_some(described)}")
    if reader.origin.directory is None or reader.origin.damage is not None or not named:
        return
    told = StorageDirectory(reader.scratch).identity()
    if not told:
        work.note(f"the file {IDENTITY_NAME} is not there, or empty: the station writes it anew")
    elif told != named:
        says = f"the file {IDENTITY_NAME} says {told[:60]!r}, the log was begun by {named[:60]!r}"
        work.whole_log(REPLACED, says)


def _some(names: set[str]) -> str:
    return ", ".join(repr(name[:60]) for name in sorted(names)[:3])


def _check_witness(work: Work) -> None:
    origin = work.reader.origin
    for lost in origin.lost_wal:
        work.skip(f"the end of the log: {lost}")
    if origin.directory is None or origin.damage is not None or _testimony(work) is not None:
        return
    if WITNESSED in work.reader.meta_names():
        state = "is illegible" if (work.reader.scratch / WITNESS_NAME).exists() else "is not there"
        work.skip(f"whether its end was cut off: the {WITNESS_NAME} that the station kept beside it {state}")
    else:
        work.note(f"no {WITNESS_NAME} lies beside it, and nothing says that one was kept")

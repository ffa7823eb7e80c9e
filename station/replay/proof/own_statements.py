"""The statements that lie beside the log: the station's own, found by themselves.

A statement that its own key does not sign was altered. One that was signed with a key that somebody trusts proves as much as one
from elsewhere; any other can contradict the log only.
"""

from collections.abc import Iterator, Sequence

from eventstore.statements import StatementFile, statement_files, statement_name
from station.replay.opening.errors import ReplayError
from station.replay.opening.origin import Anchor
from station.replay.proof import statement
from station.replay.proof.findings import FOREIGN
from station.replay.proof.work import Work

SHOWN = "statement"


def check_statements(work: Work, keys: Sequence[str]) -> Iterator[tuple[Anchor, bool, str]]:
    """Each statement beside the log that holds, whether one of the `keys` (raw, in hex) signed it, and what there is to say of that."""
    try:
        files = statement_files(work.reader.scratch)
    except OSError:
        files = []
    for file in files:
        stated = _read(work, file)
        if stated is None:
            continue
        (anchor,) = statement.anchors(stated)
        is_trusted = stated.public_key in keys
        why = (
            ""
            if is_trusted
            else "signed with another key than those given"
            if keys
            else "no public key was given for it"
        )
        yield (
            Anchor(what=f"{SHOWN} {file.path.name}", head=anchor.head, before=anchor.before, identity=anchor.identity),
            is_trusted,
            why,
        )


def _read(work: Work, file: StatementFile) -> statement.Statement | None:
    """The statement, if it is one; a finding if it is not what its name says, or was altered."""
    try:
        stated = statement.read(file.path)
        statement.check_own_signature(stated)
        statement.anchors(stated)
        if file.path.name != statement_name(stated.from_seq, stated.to_seq):
            raise statement.StatementRefused(
                f"it speaks of events {stated.from_seq} to {stated.to_seq}, not of those of its name"
            )
    except ReplayError as error:
        says = f"{file.path.name} among the station's statements is none: {str(error).removeprefix(str(file.path)).lstrip(': ')}"
        work.add(FOREIGN, file.from_seq, says, file.to_seq)
        return None
    return stated

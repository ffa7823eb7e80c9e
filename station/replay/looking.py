"""`chargebox replay LOG page`: the page of a log, on loopback or as one file."""

import sys
from collections.abc import Callable
from pathlib import Path

from eventstore.catalogue.connectors import ConnectorStatusChanged
from eventstore.value import Value
from station.replay.answers.transactions import whole_transaction
from station.replay.export.redacted import LogRedaction
from station.replay.export.redaction import RedactionRules
from station.replay.opening.errors import BadQuestion, ReplayError
from station.replay.opening.progress import silent
from station.replay.opening.workers import cores
from station.replay.pages.page import Page, Paragraph
from station.replay.proof.verdict import Verdict
from station.replay.proof.verify import verify
from station.replay.question import DONE, Question, give, redaction_key
from station.replay.viewing.keeping import EVENTS_MAX, Keeping, KeptRange
from station.replay.viewing.moments import LogMoments
from station.replay.viewing.one_file import document
from station.replay.viewing.server import PageServer
from station.replay.viewing.sessions import LEAD

_PREPARING = "Preparing"


class PageWritten(Value, frozen=True, kw_only=True):
    """What was written: events `first_seq` to `last_seq` of the log, in so many `bytes`."""

    file: str
    first_seq: int
    last_seq: int
    bytes: int


def show_in_browser(asked: Question) -> int:
    """The page of the log, on loopback, until Ctrl-C; with --out as one file."""
    options = asked.options
    if options.out is None and (options.transaction is not None or options.from_place or options.to_place):
        raise BadQuestion("--transaction, --from and --to name what a file holds: add --out FILE.html")
    verdict = _verified(asked)
    if options.redact:
        asked.reader.redaction = LogRedaction(
            asked.reader, RedactionRules(tags=True, identity=True, key=redaction_key(options.redact_key))
        )
    return _serve(asked, verdict) if options.out is None else _write(asked, verdict, options.out)


def _verified(asked: Question) -> Verdict | None:
    if asked.options.verify is None:
        return None
    asked.reader.progress = silent  # verify reports its own progress
    return verify(asked.reader, level=asked.options.verify, progress=asked.bar, workers=cores())


def _serve(asked: Question, verdict: Verdict | None) -> int:
    reader, options = asked.reader, asked.options
    place = asked.place(options.at)
    moments = LogMoments(reader, asked.calendar, asked.checkpoints, verdict)
    moments.at(place)
    reader.progress = silent
    server = PageServer(options.port)
    with server.listening():
        told = (f"{server.url} shows {options.log} after event {place.seq}; Ctrl-C ends it",)
        give(asked, {"url": server.url, "seq": place.seq}, lambda: Page().add("", Paragraph(lines=told)))
        sys.stdout.flush()
        server.answer_all(lambda path, query: moments.answer(place, path, query))
    return DONE


def _write(asked: Question, verdict: Verdict | None, file: Path) -> int:
    kept = _range(asked)
    content = document(Keeping(asked.reader, asked.calendar, kept, verdict, asked.checkpoints).kept())
    try:
        _replace(file, lambda fresh: fresh.write_bytes(content))
    except OSError as error:
        raise ReplayError(f"{file} cannot be written: {error.strerror or error}") from error
    made = PageWritten(file=str(file), first_seq=kept.first_seq, last_seq=kept.last_seq, bytes=len(content))
    told = f"events {made.first_seq} to {made.last_seq} of {asked.options.log} are shown by {file} ({len(content) // 1000} kB)"
    give(asked, made, lambda: Page().add("", Paragraph(lines=(told,))))
    return DONE


def _range(asked: Question) -> KeptRange:
    """The events that the file holds, and the one after which it opens."""
    options, reader = asked.options, asked.reader
    after_seq, to_seq = asked.range()
    first, last = after_seq + 1, min(to_seq, reader.head.seq)
    if options.transaction is not None:
        if options.from_place or options.to_place:
            raise BadQuestion("--transaction names the range itself: leave out --from and --to")
        first, last = _of_transaction(asked)
    first = max(first, LogMoments(reader, asked.calendar, None, None).begin_seq)
    seqs = [row.seq for rows in reader.rows(first - 1, min(last, first + EVENTS_MAX)) for row in rows]
    if not seqs or last < first:
        raise BadQuestion(
            f"no event that a page could show lies in this range: the log has {reader.first_seq} to {reader.head.seq}"
        )
    if last - first + 1 > EVENTS_MAX:
        raise BadQuestion(
            f"events {first} to {last} are more than the {EVENTS_MAX} that one file holds: "
            "name a shorter range with --from and --to"
        )
    begin = seqs[-1] if options.at is None else asked.place(options.at).seq
    if not seqs[0] <= begin <= seqs[-1]:
        raise BadQuestion(f"--at names event {begin}, and the file holds {seqs[0]} to {seqs[-1]}")
    return KeptRange(first_seq=seqs[0], last_seq=seqs[-1], begin_seq=begin)


def _of_transaction(asked: Question) -> tuple[int, int]:
    """From what led to it to the last that concerns it."""
    found = whole_transaction(
        asked.reader, asked.calendar, asked.options.transaction, by_id=asked.options.id, zone=asked.zone
    )
    row = found.row
    told = [entry.seq for entry in found.story if row.settled_seq is None or entry.seq <= row.settled_seq]
    last = row.settled_seq or max([row.stop_seq or asked.reader.head.seq, *told])
    preparing = [
        recorded.cause
        for recorded in asked.reader.recorded(max(0, row.first_seq - LEAD), row.first_seq, (ConnectorStatusChanged,))
        if isinstance(event := recorded.event, ConnectorStatusChanged)
        and (event.connector_id, event.status) == (row.connector_id, _PREPARING)
    ]
    return min([row.first_seq, *told, *preparing[-1:]]), last


def _replace(file: Path, write: Callable[[Path], object]) -> None:
    """The file appears once it is whole; one of its name gives way."""
    fresh = file.with_name(f"{file.name}.tmp")
    try:
        write(fresh)
        fresh.replace(file)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise

"""The commands of `chargebox replay LOG COMMAND`: each asks the log and prints the answer; returns the exit status.

Those that hold things against each other stand in `comparing`.
"""

import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from pathlib import Path

import orjson

from eventstore.structure import to_plain
from station.replay import comparing, looking
from station.replay.answers import conversation, dimmings, outbox, security, summary, timeline, transactions, whatif
from station.replay.export import evidence, scenario, writing
from station.replay.export.redaction import RedactionRules
from station.replay.opening.errors import BadQuestion, ReplayError
from station.replay.opening.origin import Anchor
from station.replay.opening.progress import QUIET_STEPS, bar, silent
from station.replay.opening.source import open_log
from station.replay.opening.times import Zone, calendar_of
from station.replay.opening.workers import cores
from station.replay.pages import plots, station_page, transaction_page, verdict_page
from station.replay.pages.dimmings_page import dimmings_page
from station.replay.pages.outbox_page import outbox_page
from station.replay.pages.page import Page, Paragraph, json_text, show
from station.replay.pages.security_page import security_page
from station.replay.pages.summary_page import summary_page
from station.replay.proof import statement
from station.replay.proof.verdict import STATUSES
from station.replay.proof.verify import anchor_from, verify
from station.replay.question import DONE, Question, give, redaction_key, stream, tell_if_none
from station.telling.amounts import plural
from station.telling.wording import DETAIL, HEADLINE, NOISE


def show_summary(asked: Question) -> int:
    """A log at a glance."""
    found = summary.summarize(asked.reader, asked.calendar)
    give(asked, found, lambda: summary_page(found, asked.zone))
    return DONE


def show_timeline(asked: Question) -> int:
    """The story in plain words."""
    options = asked.options
    after_seq, to_seq = asked.range()
    wanted = timeline.Filter(
        after_seq=after_seq,
        to_seq=to_seq,
        connector_id=options.connector,
        number=options.transaction,
        id_tag=options.tag,
        kinds=timeline.event_kinds(options.type),
        loudest=NOISE if options.all else DETAIL if options.detail else HEADLINE,
    )
    story = timeline.Timeline(
        asked.reader, asked.calendar, after_seq, to_seq, number=options.transaction, zone=asked.zone
    )
    count = stream(asked, story.entries(wanted), lambda entry: timeline.line(entry, asked.zone, with_seq=options.seq))
    tell_if_none(count)
    return DONE


def show_transactions(asked: Question) -> int:
    """All transactions."""
    after_seq, to_seq = asked.range()
    rows = [
        row
        for row in transactions.transaction_rows(asked.reader, asked.calendar)
        if row.first_seq <= to_seq and (row.stop_seq is None or row.stop_seq > after_seq)
    ]
    is_part = asked.options.from_place is not None or asked.options.to_place is not None
    give(asked, rows, lambda: transaction_page.list_page(rows, asked.zone, is_part=is_part))
    return DONE


def show_transaction(asked: Question) -> int:
    """Everything about one transaction."""
    options = asked.options
    found = transactions.whole_transaction(
        asked.reader, asked.calendar, options.number, by_id=options.id, zone=asked.zone
    )
    if options.plot is not None:
        try:
            plots.draw(found, asked.zone, options.plot)
        except OSError as error:
            raise ReplayError(f"{options.plot} cannot be written: {error.strerror or error}") from error
    give(
        asked,
        found,
        lambda: transaction_page.page(
            found, asked.zone, plots.terminal(found, asked.zone, options.width or plots.fitting())
        ),
    )
    return DONE


def show_conversation(asked: Question) -> int:
    """The OCPP-J exchange."""
    options = asked.options
    after_seq, to_seq = asked.range()
    wanted = conversation.ExchangeFilter(
        after_seq=after_seq,
        to_seq=to_seq,
        action=options.action,
        transaction=options.transaction,
        outcomes=frozenset(options.outcome),
        message_id=options.message_id,
    )
    found = conversation.exchanges(asked.reader, asked.calendar, wanted)
    tell_if_none(stream(asked, found, lambda exchange: conversation.ladder(exchange, asked.zone, raw=options.raw)))
    return DONE


def show_state(asked: Question) -> int:
    """The station as it was."""
    place = asked.place(asked.options.at)
    folded = asked.folded(place)
    plain = {"seq": place.seq, "left_out": folded.left_out, "state": to_plain(folded.state)} if asked.as_json else None
    give(asked, plain, lambda: station_page.state_page(folded, place, asked.zone))
    return DONE


def show_outbox(asked: Question) -> int:
    """What waited in the outbox."""
    place = asked.place(asked.options.at)
    state = asked.folded(place).state
    found = list(outbox.owed_entries(asked.reader, asked.calendar, state, place))
    give(asked, found, lambda: outbox_page(found, state, place, asked.zone))
    return DONE


def show_security(asked: Question) -> int:
    """The security log."""
    found = security.security_entries(asked.reader, asked.calendar, *asked.range(), asked.options.type)
    give(asked, found, lambda: security_page(found, asked.zone))
    return DONE


def show_limits(asked: Question) -> int:
    """The limits from outside."""
    found = dimmings.dimmings(asked.reader, asked.calendar, *asked.range())
    give(asked, found, lambda: dimmings_page(found, asked.zone))
    return DONE


def show_verdict(asked: Question) -> int:
    """Whether the log is as it was recorded; status 1 if it is not, 4 if something could not be checked."""
    options = asked.options
    outside: list[Anchor] = [anchor_from(text) for text in options.anchor]
    for file in options.statement:
        stated = statement.read(file)
        if options.public_key is None:
            raise BadQuestion("a statement proves something only against the signer's public key: add --public-key")
        statement.check_signature(stated, options.public_key)
        outside += statement.anchors(stated)
    keys = () if options.public_key is None else (statement.raw_public_key(options.public_key).hex(),)
    asked.reader.progress = silent  # verify reports its own progress
    found = verify(asked.reader, level=options.level, outside=outside, keys=keys, progress=asked.bar, workers=cores())
    give(asked, found, lambda: verdict_page.page(found))
    return STATUSES[found.verdict]


def make_statement(asked: Question) -> int:
    """A signed statement on a range of the log."""
    options = asked.options
    after_seq, to_seq = asked.range()
    from_seq = max(after_seq + 1, asked.reader.first_seq)
    if options.closed:
        closed = [seq for seq in asked.reader.segment_ends() if from_seq <= seq <= to_seq]
        if not closed:
            raise BadQuestion("no segment is closed in this range: without --closed, the live one is signed as well")
        to_seq = max(closed)
    stated = statement.make(
        asked.reader, asked.calendar, options.key, from_seq=from_seq, to_seq=to_seq, says=options.says
    )
    _write(options.output, json_text(stated).encode())
    if options.output is not None:
        told = f"events {stated.from_seq} to {stated.to_seq} of {stated.identity} are signed in {options.output}"
        print(f"chargebox: {told}", file=sys.stderr)
    return DONE


def show_whatif(asked: Question) -> int:
    """Where the station would have acted differently."""
    options = asked.options
    if options.python is not None:
        return whatif.elsewhere(options.python, _elsewhere(options))
    after_seq, to_seq = asked.range()
    changes = whatif.parse_changes(options.set)
    found = (each for each in whatif.otherwise(asked.reader, asked.calendar, changes) if after_seq < each.seq <= to_seq)
    count = stream(asked, islice(found, options.limit), lambda each: _otherwise(each, asked.zone))
    if not asked.as_json:
        told = "nothing would have been different" if not count else f"{plural(count, 'difference')} found"
        show(Page().add("", Paragraph(lines=(told,))))
    return DONE


def _elsewhere(options: Namespace) -> list[str]:
    arguments = [str(options.log.absolute()), "whatif", "--limit", str(options.limit)]
    arguments += ["--json"] if options.json else ["--tz", options.tz] if options.tz else []
    return arguments + [part for text in options.set for part in ("--set", text)]


def _otherwise(each: whatif.Otherwise, zone: Zone) -> Iterable[str]:
    yield f"{each.seq:>8}  {zone.text(each.utc_ms)}  {each.on}"
    yield from (f"          did    {text}" for text in each.did or ("nothing",))
    yield from (f"          would  {text}" for text in each.would or ("nothing",))


def make_scenario(asked: Question) -> int:
    """A slice of the log as a test scenario."""
    options = asked.options
    after_seq, to_seq = asked.range()
    rules = RedactionRules(tags=not options.keep, identity=not options.keep, key=redaction_key(options.redact_key))
    document = scenario.extract(
        asked.reader, from_seq=after_seq + 1, to_seq=to_seq, rules=rules, says=options.says, given=options.given
    )
    _write(options.output, orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    return DONE


def make_export(asked: Question) -> int:
    """The log as tables."""
    options = asked.options
    after_seq, to_seq = asked.range()
    output: Path | None = options.output
    form = options.format or ("jsonl" if output is None else output.suffix.removeprefix("."))
    named = "" if output is None else output.suffix.removeprefix(".")
    single = output is None or named in writing.FORMATS
    if named in writing.FORMATS and form != named:
        raise BadQuestion(f"{output} is to be {form} by --format, and {named} by its name")
    tables = writing.check_request(options.table or (["events"] if single else ["all"]), form or "parquet")
    if single and len(tables) > 1:
        raise BadQuestion("one file holds one table: name one with --table, or a directory with --output")
    request = writing.ExportRequest(
        tables=tables,
        form=form or "parquet",
        rules=RedactionRules(tags=options.redact, identity=options.redact, key=redaction_key(options.redact_key)),
        after_seq=after_seq,
        to_seq=to_seq,
    )
    try:
        if single:
            done = writing.export_file(asked.reader, asked.calendar, request, output)
        else:
            assert output is not None, "without an output it is a single file"
            done = writing.export_directory(asked.reader, asked.calendar, request, output)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ReplayError(f"{output} cannot be written: {error.strerror or error}") from error
    if output is not None:
        rows = ", ".join(f"{plural(count, 'row')} of {table}" for table, count in done.rows.items())
        told = f"{rows} in {plural(len(done.files), 'file')} under {output}"
        give(asked, done, lambda: Page().add("", Paragraph(lines=(told,))))
    return DONE


def show_evidence(asked: Question) -> int:
    """One transaction as a file for a court or a customer."""
    options = asked.options
    found = transactions.whole_transaction(
        asked.reader, asked.calendar, options.transaction, by_id=options.id, zone=asked.zone
    )
    file = options.out or Path(f"transaction-{found.row.number}.zip")
    try:
        made = evidence.make_evidence(asked.reader, asked.calendar, found, asked.zone, file, also=options.statement)
    except OSError as error:
        raise ReplayError(f"{file} cannot be written: {error.strerror or error}") from error
    vouched = (
        f"vouched for by {plural(len(made.statements), 'statement')}"
        if made.statements
        else "no statement vouches for it"
    )
    told = f"transaction {made.transaction}: {made.disclosed} events in full, {made.withheld} withheld, {vouched}: {made.file}"
    give(asked, made, lambda: Page().add("", Paragraph(lines=(told,))))
    return DONE


def _write(file: Path | None, content: bytes) -> None:
    if file is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        file.write_bytes(content)
    except OSError as error:
        raise BadQuestion(f"{file} cannot be written: {error.strerror or error}") from error


STREAMS = ("timeline", "conversation", "whatif")
ANSWERS: Mapping[str, Callable[[Question], int]] = {
    "summary": show_summary,
    "timeline": show_timeline,
    "transactions": show_transactions,
    "transaction": show_transaction,
    "billing": comparing.show_billing,
    "conversation": show_conversation,
    "state": show_state,
    "diff": comparing.show_diff,
    "compare": comparing.show_comparison,
    "outbox": show_outbox,
    "security": show_security,
    "limits": show_limits,
    "verify": show_verdict,
    "sign": make_statement,
    "whatif": show_whatif,
    "extract": make_scenario,
    "export": make_export,
    "evidence": show_evidence,
    "page": looking.show_in_browser,
}


def answer(options: Namespace) -> int:
    """Opens the log and answers. Raises ReplayError."""
    zone = Zone(options.tz)
    # Lines that are printed while the log is read tell themselves how far things are.
    wanted = options.question not in STREAMS or not sys.stdout.isatty()
    with bar(options.question, wanted=wanted, quiet_steps=QUIET_STEPS) as shown, open_log(options.log) as reader:
        reader.progress = shown
        calendar = calendar_of(reader)
        asked = Question(reader=reader, calendar=calendar, zone=zone, as_json=options.json, options=options, bar=shown)
        return ANSWERS[options.question](asked)

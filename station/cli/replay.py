"""`chargebox replay LOG COMMAND`: reads a log, and never writes to it (docs/replay.md)."""

import argparse
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import current_thread, main_thread

EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument(
        "log", type=Path, metavar="LOG", help="a storage directory, database, archive, diagnostics file or export"
    )
    questions = parser.add_subparsers(dest="question", metavar="COMMAND", required=True)
    for name, (summary, add) in QUESTIONS.items():
        question = questions.add_parser(name, help=summary, description=summary)
        question.add_argument(
            "--tz", default="", metavar="ZONE", help="time zone of all times, e.g. Europe/Berlin, UTC"
        )
        question.add_argument(
            "--json", action="store_true", help="JSON instead of text (a document a line for streams)"
        )
        question.add_argument("--no-cache", action="store_true", help="keep no folded states in the user's cache")
        add(question)


Parser = argparse.ArgumentParser
WIDTH_MIN = 10


def positive(text: str) -> int:
    """A whole number from 1 on; argparse reports anything else as an error."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"not a whole number from 1 on: {text!r}")
    return int(text)


def width(text: str) -> int:
    """The columns of a drawing."""
    if positive(text) < WIDTH_MIN:
        raise argparse.ArgumentTypeError(f"nothing can be drawn in {text} columns")
    return int(text)


PORT_MAX = 65_535


def port(text: str) -> int:
    """The number of a port."""
    if positive(text) > PORT_MAX:
        raise argparse.ArgumentTypeError(f"ports end at {PORT_MAX}: {text}")
    return int(text)


def _none(parser: Parser) -> None:
    return


def _range(parser: Parser) -> None:
    place = "TIME|SEQ"
    parser.add_argument("--from", dest="from_place", metavar=place, help="from here on (a time, or a sequence number)")
    parser.add_argument("--to", dest="to_place", metavar=place, help="up to here")


def _timeline(parser: Parser) -> None:
    _range(parser)
    parser.add_argument("--connector", type=int, metavar="N", help="what happened on this connector (0: the station)")
    parser.add_argument("--transaction", type=int, metavar="N", help="what belongs to this transaction")
    parser.add_argument("--tag", metavar="TAG", help="what was done with this tag")
    parser.add_argument("--type", action="append", default=[], metavar="EVENT", help="events of this type (repeatable)")
    parser.add_argument("--detail", action="store_true", help="the steps between the headlines as well")
    parser.add_argument("--all", action="store_true", help="every event")
    parser.add_argument("--seq", action="store_true", help="with sequence numbers")


def _transaction(parser: Parser) -> None:
    parser.add_argument("number", type=int, metavar="N", help="the station's number of the transaction")
    parser.add_argument("--id", action="store_true", help="N is the CSMS's transactionId")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw power, energy and limit as .svg or .png")
    parser.add_argument(
        "--width",
        type=width,
        metavar="COLUMNS",
        help="width of the drawing in the terminal (default: 72, if it has them)",
    )


def _billing(parser: Parser) -> None:
    _range(parser)
    parser.add_argument("--transaction", type=int, metavar="N", help="the bill of this transaction")


def _conversation(parser: Parser) -> None:
    _range(parser)
    parser.add_argument("--action", metavar="ACTION", help="calls of this action")
    parser.add_argument("--transaction", type=int, metavar="N", help="calls that belong to this transaction")
    parser.add_argument(
        "--outcome",
        action="append",
        default=[],
        choices=(
            "result",
            "error",
            "timeout",
            "late",
            "given_up",
            "lost",
            "ignored",
            "open",
            "opened",
            "closed",
            "refused",
        ),
        help="calls that ended so (repeatable)",
    )
    parser.add_argument("--message-id", metavar="ID", help="the call with this message id")
    parser.add_argument("--raw", action="store_true", help="the frames as they were")


def _at(parser: Parser) -> None:
    parser.add_argument("--at", metavar="TIME|SEQ", help="the moment (default: the end of the log)")


def _diff(parser: Parser) -> None:
    parser.add_argument("first", metavar="A", help="a time or a sequence number")
    parser.add_argument("second", metavar="B", help="another one")


def _compare(parser: Parser) -> None:
    parser.add_argument("other", nargs="?", type=Path, metavar="OTHER", help="another log (default: the same one)")
    _range(parser)
    place = "TIME|SEQ"
    parser.add_argument("--other-from", metavar=place, help="of OTHER from here on")
    parser.add_argument("--other-to", metavar=place, help="of OTHER up to here")


def _security(parser: Parser) -> None:
    _range(parser)
    parser.add_argument("--type", action="append", default=[], metavar="TYPE", help="events of this type (repeatable)")


def _verify(parser: Parser) -> None:
    parser.add_argument("--level", choices=("chain", "fold", "decide"), default="decide", help="how far to check")
    parser.add_argument(
        "--anchor", action="append", default=[], metavar="SEQ:DIGEST", help="a head seen elsewhere (repeatable)"
    )
    parser.add_argument(
        "--statement", action="append", default=[], type=Path, metavar="FILE", help="a signed statement (repeatable)"
    )
    parser.add_argument("--public-key", metavar="KEY", help="the signer's key: hexadecimal, or a PEM file")


def _sign(parser: Parser) -> None:
    _range(parser)
    parser.add_argument("--key", type=Path, required=True, metavar="FILE", help="Ed25519 private key (PEM)")
    parser.add_argument("--says", default="", metavar="TEXT", help="what the signer adds")
    parser.add_argument("--closed", action="store_true", help="closed segments only: up to the end of the last one")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to (default: the standard output)")


def _whatif(parser: Parser) -> None:
    _range(parser)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a changed key (repeatable)")
    parser.add_argument("--limit", type=positive, default=1000, metavar="N", help="report at most so many differences")
    parser.add_argument("--python", type=Path, metavar="FILE", help="the interpreter of another installed version")


def _redact_key(parser: Parser) -> None:
    parser.add_argument(
        "--redact-key", type=Path, metavar="FILE", help="a secret; names are the same in every log redacted with it"
    )


def _extract(parser: Parser) -> None:
    _range(parser)
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to (default: the standard output)")
    parser.add_argument("--says", default="", metavar="TEXT", help="what the scenario shows")
    parser.add_argument("--keep", action="store_true", help="keep tags and identity as they are")
    parser.add_argument("--given", choices=("auto", "events", "state"), default="auto", help="what comes before")
    _redact_key(parser)


def _export(parser: Parser) -> None:
    _range(parser)
    parser.add_argument(
        "--output", type=Path, metavar="PATH", help="a .jsonl, .csv or .parquet file, or a directory for partitions"
    )
    parser.add_argument("--format", choices=("jsonl", "csv", "parquet"), help="default: by the file, else Parquet")
    parser.add_argument(
        "--table",
        action="append",
        default=[],
        choices=("events", "transactions", "samples", "frames", "all"),
        help="which table (repeatable)",
    )
    parser.add_argument("--redact", action="store_true", help="replace tags and identity")
    _redact_key(parser)


def _evidence(parser: Parser) -> None:
    parser.add_argument(
        "--transaction", type=int, required=True, metavar="N", help="the station's number of the transaction"
    )
    parser.add_argument("--id", action="store_true", help="N is the CSMS's transactionId")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to (default: transaction-N.zip)")
    parser.add_argument(
        "--statement",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="a statement from elsewhere (repeatable)",
    )


def _page(parser: Parser) -> None:
    _at(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="write one HTML file that shows a range by itself")
    _range(parser)
    parser.add_argument("--transaction", type=int, metavar="N", help="the file shows this transaction")
    parser.add_argument("--id", action="store_true", help="N is the CSMS's transactionId")
    parser.add_argument("--redact", action="store_true", help="replace tags and identity")
    _redact_key(parser)
    parser.add_argument("--port", type=port, default=0, metavar="N", help="the port on loopback (default: a free one)")
    parser.add_argument(
        "--verify",
        choices=("chain", "fold", "decide"),
        help="check the log so far first; the page says what that proves",
    )


QUESTIONS: dict[str, tuple[str, Callable[[Parser], None]]] = {
    "summary": ("the log at a glance", _none),
    "timeline": ("the story in plain words", _timeline),
    "transactions": ("all transactions in a line each", _range),
    "transaction": ("everything about one transaction", _transaction),
    "billing": ("money explained: register, samples, frames and what the CSMS has, side by side", _billing),
    "conversation": ("the exchange with the CSMS, call by call", _conversation),
    "state": ("the station as it was at one moment", _at),
    "diff": ("what changed between two moments", _diff),
    "compare": ("two stations, or two weeks of one, side by side", _compare),
    "outbox": ("what waited to be sent to the CSMS, and why", _at),
    "security": ("the security log: what happened, when, and whether the CSMS has heard of it", _security),
    "limits": ("were you dimmed: when, by whom, to what, and obeyed within how long", _range),
    "verify": ("whether anything was altered, lost, moved or put in", _verify),
    "sign": ("make a signed statement on a range of the log", _sign),
    "whatif": ("where the station would have acted differently", _whatif),
    "extract": ("turn a slice of the log into a test scenario", _extract),
    "export": ("the log as JSON Lines, CSV or Parquet", _export),
    "evidence": ("one transaction as a file that anyone can check", _evidence),
    "page": ("look at any moment of the log in a browser", _page),
}


def end(number: int, frame: object) -> None:
    """At SIGTERM and SIGHUP, as at Ctrl-C: by way of whoever has a copy of a log to remove."""
    sys.exit(128 + number)


@contextmanager
def ending_in_order() -> Iterator[None]:
    """Signals that would end the process at once let it clean up first."""
    if current_thread() is not main_thread():
        yield
        return
    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run(arguments: argparse.Namespace) -> int:
    """Answers; the exit status."""
    from station.replay.commands import answer

    return answered(answer, arguments)


def _say(text: str) -> None:
    """One line for whoever asked; a log may have put anything into it."""
    from station.replay.pages.fitting import visible

    print(f"chargebox: {visible(text)}", file=sys.stderr)


def answered(answer: Callable[[argparse.Namespace], int], arguments: argparse.Namespace) -> int:
    """Has the question answered; what goes wrong is one line. The exit status."""
    from station.cli.memory import BadLimit, bounded
    from station.replay.opening.errors import TOO_LARGE, ReplayError

    try:
        with ending_in_order(), bounded():
            status = answer(arguments)
            sys.stdout.flush()
        return status
    except ReplayError as error:
        _say(str(error))
        return error.status
    except BadLimit as error:
        _say(str(error))
        return EXIT_USAGE
    except MemoryError:
        print(f"chargebox: {TOO_LARGE}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # who read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)
        _say(what)
        return EXIT_FAILED
    except sqlite3.Error as error:
        _say(f"the log cannot be read further: {error}")
        return EXIT_FAILED
    except Exception as error:  # noqa: BLE001  # what a log from anywhere does to us is one line, like all else that is wrong with it
        _say(f"the log cannot be read further: {type(error).__name__}: {error}")
        return EXIT_FAILED

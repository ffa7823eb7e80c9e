"""`chargebox fleet DIR|GLOB COMMAND`: many logs at once (docs/replay.md)."""

import argparse
from pathlib import Path

from station.cli.replay import answered, positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument("logs", metavar="DIR|GLOB", help="a directory with logs in it, or a quoted pattern of logs")
    questions = parser.add_subparsers(dest="question", metavar="COMMAND", required=True)
    _question(questions.add_parser("summary", help="a row for each log"))
    verify = _question(questions.add_parser("verify", help="whether each log is whole"))
    verify.add_argument("--level", choices=("chain", "fold", "decide"), default="decide", help="how far to check")
    verify.add_argument(
        "--public-key", metavar="FILE|DIR", help="the stations' key, or a directory of IDENTITY.pem for each station"
    )
    export = _question(questions.add_parser("export", help="all logs as one partitioned data set"))
    export.add_argument("--output", type=Path, required=True, metavar="DIR", help="where to")
    export.add_argument("--format", choices=("jsonl", "csv", "parquet"), default="parquet", help="default: Parquet")
    export.add_argument(
        "--table",
        action="append",
        default=[],
        choices=("events", "transactions", "samples", "frames", "all"),
        help="which table (repeatable; default: all)",
    )
    export.add_argument("--redact", action="store_true", help="replace tags and identities")
    export.add_argument("--redact-key", type=Path, metavar="FILE", help="a secret, so that names agree between logs")


def _question(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument(
        "--workers", type=positive, metavar="N", help="worker processes (default: all cores, if it pays; 1: none)"
    )
    parser.add_argument("--scheduler", metavar="ADDRESS", help="a Dask scheduler, e.g. tcp://10.0.0.5:8786")
    parser.add_argument("--report", type=Path, metavar="FILE", help="keep the rows there, and go on where they end")
    parser.add_argument("--again", action="store_true", help="do what the report has as done once more")
    parser.add_argument("--json", action="store_true", help="rows as JSON Lines")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Answers; the exit status."""
    from station.fleet.commands import answer

    return answered(answer, arguments)

"""`chargebox swarm`: many durable stations, and a verdict on the CSMS (docs/swarm.md)."""

import argparse
import re
from pathlib import Path

from station.cli.replay import answered, positive

_UNITS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}


def seconds(text: str) -> float:
    """A duration: "90", "90s", "15m", "1h", "2d"."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(s|m|min|h|d)?", text.strip())
    if found is None or not 0 < float(found[1]) * _UNITS[found[2] or ""] <= 366 * 86_400:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration such as 90s, 15m, 1h")
    return float(found[1]) * _UNITS[found[2] or ""]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument("--csms", required=True, metavar="URL", help="the endpoint; each identity is appended to it")
    parser.add_argument("--stations", type=positive, default=100, metavar="N", help="how many (default: 100)")
    parser.add_argument(
        "--scenario",
        default="office-car-park",
        metavar="FILE|NAME",
        help="what they go through (default: office-car-park)",
    )
    parser.add_argument(
        "--duration", type=seconds, metavar="TIME", help="for how long, e.g. 90s, 1h (default: the scenario's)"
    )
    parser.add_argument("--workers", type=positive, metavar="N", help="processes (default: one for each core)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="a Dask scheduler, e.g. tcp://10.0.0.5:8786")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("swarm"),
        metavar="DIR",
        help="logs and report; an ended run there goes on (default: swarm)",
    )
    parser.add_argument(
        "--identities",
        metavar="PATTERN|FILE.csv",
        help='names, e.g. "CB-{number:05}", or a table of them with keys and certificates',
    )
    parser.add_argument(
        "--security-profile", type=int, choices=range(4), default=0, metavar="N", help="0 to 3 (default: 0)"
    )
    parser.add_argument("--ca-file", type=Path, metavar="FILE", help="roots that the CSMS is verified by")
    parser.add_argument(
        "--authorization-key-file", type=Path, metavar="FILE", help="the Basic password of all stations"
    )
    parser.add_argument(
        "--books", metavar="FILE|!COMMAND", help="the CSMS's own transactions as CSV, or what prints them at the end"
    )
    parser.add_argument(
        "--statuses", metavar="FILE|!COMMAND", help="the statuses that the CSMS shows at the end, as CSV"
    )
    parser.add_argument(
        "--late", type=seconds, default=10.0, metavar="TIME", help="an answer that takes longer is late (default: 10s)"
    )
    parser.add_argument("--metrics", metavar="HOST:PORT", help="serve figures for Prometheus there")
    parser.add_argument("--json", action="store_true", help="the report as JSON on standard output")


def run(arguments: argparse.Namespace) -> int:
    """Runs it; the exit status."""
    from station.swarm.command import answer

    return answered(answer, arguments)

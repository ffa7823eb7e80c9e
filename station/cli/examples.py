"""What people type: a few command lines for each command, shown by its --help and in the manual page."""

from collections.abc import Mapping

SETTINGS = "--settings /etc/chargebox/chargebox.toml"
STORAGE = "/var/lib/chargebox"

EXAMPLES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "run": ((f"chargebox run {SETTINGS}", "the daemon; Ctrl-C ends it in order"),),
    "doctor": (
        ("chargebox doctor", "is the installation sound?"),
        (f"chargebox doctor {SETTINGS}", "and the settings, the board, the disk, the log, the way to the CSMS?"),
    ),
    "replay": (
        (f"chargebox replay {STORAGE} summary", "the log of a running station at a glance"),
        (f"chargebox replay {STORAGE} timeline --from 2026-11-28T10:00 --connector 1", "what happened since then"),
        (f"chargebox replay {STORAGE} transaction 42", "one session, from the tag to the last answer"),
        ("chargebox replay diagnostics.zip verify", "was anything altered, lost or put in?"),
    ),
    "fleet": (
        ("chargebox fleet logs/ summary", "a row for each log"),
        ("chargebox fleet 'logs/*.zip' verify", "which of them are not whole?"),
    ),
    "swarm": (
        ("chargebox swarm --csms ws://dev.example/ocpp --stations 1000", "an office car park of a thousand stations"),
        (
            "chargebox swarm --csms ws://dev.example/ocpp --scenario reconnect-storm --books '!psql -f sessions.sql'",
            "all come back at once, and the CSMS's own books are compared",
        ),
    ),
    "salvage": ((f"chargebox salvage {STORAGE}", "while no daemon runs: is the log whole, and what can be saved?"),),
    "secrets": (
        (f"chargebox secrets {SETTINGS}", "which AuthorizationKey is in use, by fingerprint"),
        (f"chargebox secrets {SETTINGS} forget", "go back to the key of the settings"),
    ),
    "certificates": (
        (f"chargebox certificates {SETTINGS}", "which there are, and how long they last"),
        (f"chargebox certificates export 3f2a {SETTINGS}", "one of them in PEM, by the beginning of its fingerprint"),
        (
            f"chargebox certificates request --organisation 'Power Inc' {SETTINGS}",
            "a new key pair on the station; prints the request (CSR) for the maker's authority",
        ),
        (
            f"chargebox certificates import signed.pem --use station {SETTINGS}",
            "what came back; the next start takes it",
        ),
    ),
    "wiring": (
        (f"chargebox wiring {SETTINGS}", "which pin does what"),
        (f"chargebox wiring {SETTINGS} --svg plan.svg", "the same as a picture"),
    ),
    "certify": (
        (f"chargebox certify {SETTINGS} --pics", "what the station supports, and all its keys"),
        (
            f"chargebox certify {SETTINGS} --out run",
            "every certification case that applies; run/report.json has the results",
        ),
        (f"chargebox certify {SETTINGS} --out run --resume", "go on with a run that was ended"),
        (f"chargebox certify {SETTINGS} --case TC_012_CS", "one case, which explains itself if it fails"),
    ),
    "demo": (
        ("chargebox demo", "a session with a network cut and a power cut, in half a minute"),
        ("chargebox demo --keep", "the same, and stay up to play with"),
        (
            "chargebox demo --settings /etc/chargebox/chargebox.toml",
            "a session on the station that was just installed, with a simulated board",
        ),
    ),
}


def epilog(command: str) -> str:
    """The examples of a command as the end of its help; "" if it has none."""
    lines = [f"  {line}\n      {meaning}" for line, meaning in EXAMPLES.get(command, ())]
    return "\n".join(("examples:", *lines)) if lines else ""

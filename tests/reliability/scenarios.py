"""What is done to the disk, as plug-ins of the crash-state engine: each is one run of a real process.

Some run the whole daemon against a CSMS, so that everything that leaves it obliges; others a process that only writes
a log, where what matters is one step of the store.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from eventstore.boot import Opener
from eventstore.chain import Row, digest_after
from eventstore.codec import encode
from eventstore.commitments import whole_row
from eventstore.database import DATABASE_NAME
from eventstore.directory import StorageDirectory
from migrations import MIGRATIONS
from tests.csms.faulty import FaultyCsms
from tests.daemon import ROOT, Daemon
from tests.integration.stations import delivered, free_connector, settings_for, start_transaction, until
from tests.reliability.engine import Scenario
from tests.reliability.interposer import Action, Control, build, environment
from tests.reliability.log_child import history
from tests.reliability.oracle import IDENTITY

Story = Callable[[Daemon, FaultyCsms], Awaitable[None]]
SESSION = {"MeterValueSampleInterval": 30, "AllowOfflineTxForUnknownId": True}
FIRST_ARCHIVE = "000000000001-"
FIRST_KEY, SECOND_KEY = bytes(range(1, 17)), bytes(range(101, 121))


# ---- the daemon ---------------------------------------------------------------------------------------------------


def _telling(story: Story, **tables: Any) -> Callable[[Path, dict[str, str]], None]:
    async def run(root: Path, environment: dict[str, str]) -> None:
        async with FaultyCsms() as csms:
            settings = settings_for(csms.url, config=SESSION, **tables)
            async with Daemon(root.parent, settings, environment) as daemon:
                await until(daemon, delivered, "registration")
                await story(daemon, csms)

    return lambda root, environment: asyncio.run(run(root, environment))


async def _session(daemon: Daemon, csms: FaultyCsms, id_tag: str, seconds: int = 65) -> None:
    await start_transaction(daemon, id_tag)
    await daemon.api.clock(advance_s=seconds)
    await daemon.api.swipe(id_tag, 1)
    await free_connector(daemon)


async def commission(daemon: Daemon, csms: FaultyCsms) -> None:
    """A station's first minute: everything is made; then it is told to end."""
    assert await daemon.stop() == 0


async def charge(daemon: Daemon, csms: FaultyCsms) -> None:
    """Sessions with the CSMS at hand, one of them remote, and commands that must be remembered; told to end while charging."""
    await _session(daemon, csms, "A")
    await until(daemon, delivered, "the session")
    await csms.request("ChangeConfiguration", key="MeterValueSampleInterval", value="20")
    await daemon.api.plug(1)
    await csms.request("RemoteStartTransaction", id_tag="B", connector_id=1)
    state = await until(daemon, lambda state: any(one["transaction_id"] for one in state["transactions"]), "an id")
    await daemon.api.clock(advance_s=45)
    await csms.request("RemoteStopTransaction", transaction_id=state["transactions"][0]["transaction_id"])
    await free_connector(daemon)
    await start_transaction(daemon, "C")
    await until(daemon, lambda state: state["transactions"][0]["start_confirmed"], "the start")
    assert await daemon.stop() == 0


async def be_set_up(daemon: Daemon, csms: FaultyCsms) -> None:
    """Keys, a local list, charging profiles and reservations come, change and go, the security profile goes up; then the process is
    gone."""

    async def accepted(action: str, **members: Any) -> None:
        answer = await csms.request(action, **members)
        assert answer.payload["status"] == "Accepted", f"{action} {members}: {answer.payload}"

    def entry(id_tag: str) -> dict[str, Any]:
        return {"idTag": id_tag, "idTagInfo": {"status": "Accepted", "parentIdTag": "FAMILY"}}

    await accepted("ChangeConfiguration", key="AuthorizationKey", value=FIRST_KEY.hex())
    full = [entry(f"TAG{number}") for number in range(12)]
    await accepted("SendLocalList", list_version=1, update_type="Full", local_authorization_list=full)
    changes = [entry("NEW"), {"idTag": "TAG3"}]
    await accepted("SendLocalList", list_version=2, update_type="Differential", local_authorization_list=changes)
    for number, purpose in ((1, "ChargePointMaxProfile"), (2, "TxDefaultProfile")):
        schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10.0 + number}]}
        profile = {
            "chargingProfileId": number,
            "stackLevel": 1,
            "chargingProfilePurpose": purpose,
            "chargingProfileKind": "Relative" if purpose == "TxDefaultProfile" else "Absolute",
            "chargingSchedule": {**schedule, **({} if number == 2 else {"startSchedule": "2026-01-01T00:00:00Z"})},
        }
        await accepted("SetChargingProfile", connector_id=0, cs_charging_profiles=profile)
    await accepted("ClearChargingProfile", id=1)
    for number, id_tag in ((1, "TAG1"), (2, "TAG2")):
        expiry = {"expiry_date": "2099-01-01T00:00:00Z", "id_tag": id_tag}
        await accepted("ReserveNow", connector_id=1, reservation_id=number, **expiry)
        if number == 1:
            await accepted("CancelReservation", reservation_id=1)
    await accepted("ChangeConfiguration", key="AuthorizationKey", value=SECOND_KEY.hex())
    await accepted("ChangeConfiguration", key="SecurityProfile", value="1")
    await until(daemon, lambda state: state["security"]["profile"] == 1 and state["link"]["up"], "security profile 1")
    state = await daemon.api.state()
    assert [one["reservation_id"] for one in state["reservations"]] == [2], state["reservations"]
    await daemon.kill()


async def endure_an_outage(daemon: Daemon, csms: FaultyCsms) -> None:
    """Sessions without the CSMS, delivered afterwards; then the process is gone."""
    await daemon.api.network(False)
    for id_tag in ("A", "B"):
        await _session(daemon, csms, id_tag)
    await daemon.api.network(True)
    await until(daemon, delivered, "what was owed")
    await _session(daemon, csms, "C", seconds=5)
    await daemon.kill()


async def fill_segments(daemon: Daemon, csms: FaultyCsms) -> None:
    """The log's file is closed and compressed, and a new one begun, more than once."""
    archive = daemon.directory / "storage" / "archive"
    for number in range(40):
        await _session(daemon, csms, f"TAG{number}", seconds=95)
        if len(list(archive.glob("*.cbz")) if archive.is_dir() else ()) >= 2:
            break
    else:
        raise AssertionError("no segment was ever compressed")
    await until(daemon, delivered, "what was owed")
    assert await daemon.stop() == 0


async def drop_archives(daemon: Daemon, csms: FaultyCsms) -> None:
    """More archives than may be kept: chatter goes first, then the oldest, as their turn comes while running and at the next start."""
    archive = daemon.directory / "storage" / "archive"
    for number in range(60):
        for _ in range(30):
            await csms.request("GetLocalListVersion")
        await _session(daemon, csms, f"TAG{number}", seconds=185)
        await until(daemon, delivered, "what was owed")
        kept = sorted(path.name for path in archive.glob("*.cbz")) if archive.is_dir() else []
        if kept and not kept[0].startswith(FIRST_ARCHIVE):
            break
    else:
        raise AssertionError("no archive was ever dropped")
    # A thinned archive may be dropped a moment later.
    assert any("do not belong to transactions" in line for line in daemon.stderr), "no chatter went before that"
    assert await daemon.stop() == 0
    await daemon.start()
    await _session(daemon, csms, "LAST")
    await until(daemon, delivered, "what was owed")
    assert await daemon.stop() == 0


# ---- processes that only write ------------------------------------------------------------------------------------


def _child(what: str, *, status: int = 0, inside: str = "") -> Callable[[Path, dict[str, str]], None]:
    def run(root: Path, environment: dict[str, str]) -> None:
        command = [sys.executable, "-m", "tests.reliability.log_child", what, str(root / inside)]
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert done.returncode == status, f"{what} ended with {done.returncode}:\n{done.stderr}"

    return run


def _made(root: Path, what: str = "create", *, status: int = 0) -> None:
    _child(what, status=status)(root, dict(os.environ))


def _left_by_a_kill(root: Path) -> None:
    """A log whose writer was killed: its last commits stand in the WAL only."""
    _made(root, "die", status=-signal.SIGKILL)


def _damaged(root: Path) -> None:
    """A page in the middle of the log is zero."""
    _made(root)
    path = root / DATABASE_NAME
    content = bytearray(path.read_bytes())
    page = len(content) // 4096 * 2 // 3
    content[page * 4096 : (page + 1) * 4096] = bytes(4096)
    path.write_bytes(content)
    for snapshot in root.glob("snapshot-*"):
        snapshot.unlink()


def _recovery_cut_at(share_permille: int) -> Callable[[Path], None]:
    """A damaged log whose recovery was cut off itself, after this share of what it does to the disk."""

    def prepare(root: Path) -> None:
        library, spare = build(), root.parent / "spare"
        with Control(root.parent / "control") as control:
            spare.mkdir()
            _damaged(spare)
            control.count()
            _child("go_on")(spare, environment(library, spare, control=control.path))
            control.arm(control.get("counted") * share_permille // 1000, Action.KILL)
            _damaged(root)
            _child("go_on", status=-signal.SIGKILL)(root, environment(library, root, control=control.path))

    return prepare


def of_an_older_version(root: Path) -> None:
    """A log that has not gone through the last migration."""
    boot = Opener(StorageDirectory(root), identity=IDENTITY, migrations=MIGRATIONS[:-1])
    with closing(boot.open()) as connection:
        connection.execute("BEGIN")
        digest = bytes(32)
        for recorded in history().log:
            event, payload = recorded.event, encode(recorded.event)
            values = (recorded.seq, recorded.cause, recorded.at_ms, recorded.utc_ms, event.NAME, event.VERSION)
            connector_id = getattr(event, "connector_id", None)
            digest = digest_after(digest, whole_row((*values, connector_id, payload)))
            connection.execute(
                "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", Row(*values, connector_id, payload, digest)
            )
        connection.execute("COMMIT")
    boot._directory.close()


def _commissioned(root: Path) -> None:
    _telling(commission)(root, dict(os.environ))
    shutil.rmtree(root / "firmware", ignore_errors=True)


SCENARIOS: tuple[Scenario, ...] = (
    Scenario(name="first creation and shutdown of the daemon", run=_telling(commission)),
    Scenario(name="charging", run=_telling(charge), prepare=_commissioned),
    Scenario(name="an outage", run=_telling(endure_an_outage), prepare=_commissioned),
    Scenario(name="keys, a list, profiles and reservations", run=_telling(be_set_up), prepare=_commissioned),
    Scenario(name="closing and compressing segments", run=_telling(fill_segments, storage={"segment_bytes": 65_536})),
    Scenario(
        name="dropping archives",
        run=_telling(drop_archives, storage={"segment_bytes": 65_536, "keep_bytes": 20_000}),
    ),
    Scenario(name="first creation and growth of a log", run=_child("create")),
    Scenario(name="growth over many checkpoints", run=_child("grow"), prepare=_made, variant=True),
    Scenario(name="a directory that must be made", run=_child("create", inside="var/lib"), inside="var/lib"),
    Scenario(name="snapshots", run=_child("keep_snapshots"), witnesses=False),
    Scenario(name="migration", run=_child("go_on"), prepare=of_an_older_version),
    Scenario(name="reopening what a kill left", run=_child("go_on"), prepare=_left_by_a_kill),
    Scenario(name="recovery of a damaged log", run=_child("go_on"), prepare=_damaged, recovers=True),
    *(
        Scenario(
            name=f"recovery that was cut {when} and begins again",
            run=_child("go_on"),
            prepare=_recovery_cut_at(share_permille),
            recovers=True,
            variant=when != "halfway",
        )
        for when, share_permille in (("early", 200), ("halfway", 450), ("late", 700))
    ),
)

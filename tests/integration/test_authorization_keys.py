"""AuthorizationKeys of the real daemon: on trial, refused, proven, lost, damaged, of another length, open to others."""

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from station.runtime.secrets import fingerprint
from tests.csms.independent import Csms
from tests.daemon import Daemon, Settings
from tests.integration.stations import delivered, settings_for, until
from tests.integration.test_security_profiles import NEW_KEY, OLD_KEY, QUICKLY, key_file

NEWER_KEY = bytes(range(20))


def secured(csms: Csms, directory: Path, profile: int = 1, **more: Any) -> Settings:
    """Settings with Basic authentication and a key file, unless told otherwise."""
    return settings_for(
        csms.url, csms={"security_profile": profile, "authorization_key_file": key_file(directory), **QUICKLY, **more}
    )


async def set_key(csms: Csms, key: bytes) -> None:
    """The CSMS sets a key, which is accepted."""
    answer = await csms.request("ChangeConfiguration", key="AuthorizationKey", value=key.hex())
    assert answer == {"status": "Accepted"}


async def story(daemon: Daemon) -> list[tuple[str, str]]:
    """What the log tells of keys: the kind of each event, and which key."""
    names = {fingerprint(key): name for key, name in ((OLD_KEY, "old"), (NEW_KEY, "new"), (NEWER_KEY, "newer"))}
    told = []
    for event in await daemon.api.events():
        if event["type"].startswith("AuthorizationKey"):
            key = event["payload"].get("key", event["payload"].get("settings"))
            told.append((event["type"].removeprefix("AuthorizationKey"), names.get(key, key)))
    return told


async def told(daemon: Daemon, *last: tuple[str, str]) -> None:
    """Waits until the story ends with these."""
    async with asyncio.timeout(20):
        while (await story(daemon))[-len(last) :] != list(last):  # noqa: ASYNC110  # the daemon knows nothing of its test
            await asyncio.sleep(0.05)


def stored(directory: Path) -> set[bytes]:
    """The keys in the storage directory."""
    return {path.read_bytes() for path in (directory / "storage" / "secrets").glob("*.key")}


async def eventually(condition: Any, what: str) -> None:
    """Waits for what the daemon does beside its log."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  # files tell nobody
            await asyncio.sleep(0.05)
    assert condition(), what


def statuses(csms: Csms, since: int = 0) -> list[int]:
    """What the handshakes came to."""
    return [handshake.status for handshake in csms.gate.handshakes[since:]]


@asynccontextmanager
async def online(directory: Path, **more: Any) -> AsyncIterator[tuple[Csms, Daemon]]:
    """A station that is connected with the key of its settings."""
    async with Csms(password=OLD_KEY) as csms, Daemon(directory, secured(csms, directory, **more)) as daemon:
        await csms.expect("BootNotification")
        yield csms, daemon


@pytest.mark.asyncio
async def test_a_new_key_that_the_csms_then_refuses_does_not_lock_the_station_out(tmp_path: Path) -> None:
    async with online(tmp_path) as (csms, daemon):
        await set_key(csms, NEW_KEY)  # and goes on expecting the old one
        await csms.connected(after=1)
        assert statuses(csms) == [101, 401, 101]
        await told(daemon, ("sFound", "old"), ("Proven", "old"), ("Refused", "new"), ("Proven", "old"))
        await daemon.restart()
        await csms.connected(after=2)
        assert statuses(csms).count(401) == 1, "the key that was taken last is used first"
        csms.gate.password = NEW_KEY  # the CSMS comes round to it after all
        before, links = len(csms.gate.handshakes), len(csms.links)
        await csms.hang_up()
        await csms.connected(after=links)
        assert statuses(csms, before) == [401, 101]
        await until(daemon, delivered, "everything to be delivered")
        await told(daemon, ("Proven", "new"))
        assert "WARNING chargebox: The CSMS REFUSED the AuthorizationKey" in daemon.stderr_text()


@pytest.mark.asyncio
async def test_a_key_on_trial_outlives_a_network_failure_and_a_restart(tmp_path: Path) -> None:
    async with online(tmp_path) as (csms, daemon):
        await set_key(csms, NEWER_KEY)
        csms.gate.password = NEWER_KEY
        await csms.connected(after=1)
        await set_key(csms, NEW_KEY)
        csms.gate.password = NEW_KEY
        await csms.go_down()
        await asyncio.sleep(0.5)
        assert stored(tmp_path) == {NEWER_KEY, NEW_KEY}, "the key before it is kept"
        await daemon.restart()
        assert stored(tmp_path) == {NEWER_KEY, NEW_KEY}
        before = len(csms.gate.handshakes)
        await csms.come_up()
        await csms.connected(after=2)
        assert statuses(csms, before) == [101], "nothing but a refusal falls back"
        await until(daemon, delivered, "everything to be delivered")
        await eventually(lambda: stored(tmp_path) == {NEW_KEY}, "the key before it is gone")


@pytest.mark.asyncio
async def test_keys_that_are_all_refused_take_turns_until_one_is_taken(tmp_path: Path) -> None:
    async with online(tmp_path) as (csms, daemon):
        csms.gate.password = NEWER_KEY
        await set_key(csms, NEW_KEY)
        await csms.until(lambda: len(csms.gate.handshakes) >= 6, "five refusals")
        used = [handshake.authorization for handshake in csms.gate.handshakes[1:6]]
        assert used[0] == used[2] == used[4] != used[1] == used[3]
        csms.gate.refuse_with = 403
        await csms.until(lambda: statuses(csms)[-2:] == [403, 403], "two refusals by 403")
        csms.gate.refuse_with = None
        csms.gate.password = NEW_KEY
        await csms.connected(after=1)
        await until(daemon, delivered, "everything to be delivered")


@pytest.mark.asyncio
async def test_of_two_keys_at_once_the_last_that_was_accepted_is_used(tmp_path: Path) -> None:
    """The link closes after the first answer: whether the second is heard, and its answer leaves, is a matter of luck."""
    async with online(tmp_path) as (csms, daemon):
        keys = {"k0": NEW_KEY, "k1": NEWER_KEY}
        for message_id, key in keys.items():
            frame = [2, message_id, "ChangeConfiguration", {"key": "AuthorizationKey", "value": key.hex()}]
            assert csms.link is not None
            await csms.link.socket.send(json.dumps(frame))
        await csms.disconnected()
        answered = [frame.message_id for frame in csms.frames if frame.message_id in keys and not frame.outbound]
        csms.gate.password = keys[max(answered)]
        await csms.connected(after=1)
        await until(daemon, delivered, "everything to be delivered")
        used = "new" if csms.gate.password == NEW_KEY else "newer"
        await told(daemon, ("Proven", used))
        assert csms.gate.password in stored(tmp_path)


@pytest.mark.asyncio
async def test_a_request_that_is_refused_leaves_no_file_behind(tmp_path: Path) -> None:
    async with online(tmp_path) as (csms, daemon):
        assert csms.link is not None
        for frame in (
            [2, "a", "ChangeConfiguration", {"key": "AuthorizationKey", "value": NEW_KEY.hex(), "more": 1}],
            [2, "a" * 37, "ChangeConfiguration", {"key": "AuthorizationKey", "value": NEW_KEY.hex()}],
        ):
            await csms.link.socket.send(json.dumps(frame))
        await eventually(
            lambda: sum(frame.kind == "error" for frame in csms.frames if not frame.outbound) == 2, "both refusals"
        )
        await eventually(lambda: stored(tmp_path) == set(), "no file")
        assert len(csms.links) == 1
        assert await daemon.api.healthy()


@pytest.mark.parametrize("content", [None, b"", NEW_KEY[:-1], bytes([NEW_KEY[0] ^ 1]) + NEW_KEY[1:]])
@pytest.mark.asyncio
async def test_a_stored_key_that_is_lost_or_damaged_is_named_and_another_one_used(
    tmp_path: Path, content: bytes | None
) -> None:
    async with online(tmp_path) as (csms, daemon):
        csms.gate.password = NEW_KEY
        await set_key(csms, NEW_KEY)
        await csms.connected(after=1)
        await eventually(lambda: stored(tmp_path) == {NEW_KEY}, "the trial to be over")
        await until(daemon, delivered, "everything to be delivered")
        await daemon.stop()
        (file,) = (tmp_path / "storage" / "secrets").glob("*.key")
        file.unlink() if content is None else file.write_bytes(content)
        csms.gate.password = OLD_KEY
        before = len(csms.gate.handshakes)
        await daemon.start()
        await csms.connected(after=2)
        assert statuses(csms, before) == [101], "what is damaged is never shown to the CSMS"
        await until(daemon, delivered, "everything to be delivered")
        found = [event["payload"] for event in await daemon.api.events() if event["type"] == "AuthorizationKeysFound"]
        assert found[-1]["missing" if content is None else "damaged"] == [fingerprint(NEW_KEY)]
        assert fingerprint(NEW_KEY) in daemon.stderr_text()


@pytest.mark.asyncio
async def test_a_station_that_has_no_key_left_works_offline_and_takes_one_when_it_comes(tmp_path: Path) -> None:
    async with online(tmp_path) as (csms, daemon):
        csms.gate.password = NEW_KEY
        await set_key(csms, NEW_KEY)
        await csms.connected(after=1)
        await eventually(lambda: stored(tmp_path) == {NEW_KEY}, "the trial to be over")
        await daemon.stop()
        for file in (tmp_path / "storage" / "secrets").glob("*.key"):
            file.unlink()
        (tmp_path / "authorization-key").rename(tmp_path / "gone")
        before = len(csms.gate.handshakes)
        await daemon.start()
        await daemon.api.plug(1)
        await daemon.api.swipe("A")
        reasons = [
            event["payload"]["reason"] for event in await daemon.api.events() if event["type"] == "ConnectFailed"
        ]
        async with asyncio.timeout(20):
            while not reasons:
                await asyncio.sleep(0.05)
                reasons = [
                    event["payload"]["reason"]
                    for event in await daemon.api.events()
                    if event["type"] == "ConnectFailed"
                ]
        assert "no AuthorizationKey is left" in reasons[-1]
        assert len(csms.gate.handshakes) == before, "without a key it does not even knock"
        csms.gate.password = OLD_KEY
        (tmp_path / "gone").rename(tmp_path / "authorization-key")
        await csms.connected(after=2)
        await until(daemon, lambda state: state["link"]["up"], "the link")


@pytest.mark.asyncio
async def test_a_key_of_the_settings_that_changes_goes_before_that_of_the_csms(tmp_path: Path) -> None:
    async with online(tmp_path) as (csms, daemon):
        csms.gate.password = NEW_KEY
        await set_key(csms, NEW_KEY)
        await csms.connected(after=1)
        await until(daemon, delivered, "everything to be delivered")
        key_file(tmp_path, NEWER_KEY)
        before = len(csms.gate.handshakes)
        await csms.hang_up()
        await csms.connected(after=2)
        assert statuses(csms, before) == [401, 101], "tried, and fallen back from"
        csms.gate.password = NEWER_KEY
        await csms.hang_up()
        await csms.connected(after=3)
        await until(daemon, delivered, "everything to be delivered")
        await told(daemon, ("Proven", "newer"))


@pytest.mark.asyncio
async def test_without_basic_authentication_a_key_waits_for_its_trial(tmp_path: Path) -> None:
    async with Csms() as csms, Daemon(tmp_path, secured(csms, tmp_path, 0)) as daemon:
        await csms.expect("BootNotification")
        await set_key(csms, NEW_KEY)
        await daemon.restart()
        await csms.connected(after=1)
        assert {handshake.authorization for handshake in csms.gate.handshakes[1:]} == {""}
        assert stored(tmp_path) == {NEW_KEY}
        await daemon.stop()
        daemon.settings["csms"]["security_profile"] = 1
        csms.gate.password = OLD_KEY
        before = len(csms.gate.handshakes)
        await daemon.start()
        await csms.connected(after=2)
        assert statuses(csms, before) == [401, 101]


# ---- what a start refuses -----------------------------------------------------------------------------------------


def written(directory: Path, content: bytes, mode: int) -> str:
    """A key file with this content and mode."""
    file = directory / "authorization-key"
    file.write_bytes(content)
    file.chmod(mode)
    return str(file)


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        (OLD_KEY, 0o644, "others may read it"),
        (OLD_KEY, 0o640, "others may read it"),
        (b"short", 0o600, "16 to 20 bytes, not 5"),
        (b"x" * 21, 0o600, "16 to 20 bytes, not 21"),
        (b"hex:0011", 0o600, "16 to 20 bytes, not 2"),
    ],
)
@pytest.mark.asyncio
async def test_a_key_file_that_cannot_be_used_is_refused_with_status_2(
    tmp_path: Path, content: bytes, mode: int, said: str
) -> None:
    csms = {"security_profile": 1, "authorization_key_file": written(tmp_path, content, mode)}
    daemon = Daemon(tmp_path, settings_for("ws://127.0.0.1:9/ocpp", csms=csms))
    await daemon.spawn()
    assert await daemon.exited() == 2
    await daemon.api.close()
    assert said in daemon.stderr_text()


@pytest.mark.asyncio
async def test_keys_of_any_length_are_taken_where_the_settings_say_so(tmp_path: Path) -> None:
    key_file(tmp_path, b"1234")
    settings = {"security_profile": 1, "authorization_key_file": str(tmp_path / "authorization-key"), **QUICKLY}
    async with Csms(password=b"1234") as csms:
        tables = settings_for(csms.url, csms={**settings, "authorization_key_any_length": True})
        async with Daemon(tmp_path, tables) as daemon:
            await csms.expect("BootNotification")
            csms.gate.password = b"a passphrase of more than 20 bytes"
            await set_key(csms, csms.gate.password)
            await csms.connected(after=1)
            await until(daemon, delivered, "everything to be delivered")


# ---- files --------------------------------------------------------------------------------------------------------


@pytest.fixture
def open_to_all() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_to_all")
@pytest.mark.asyncio
async def test_everything_that_the_station_keeps_is_for_its_user_alone_whatever_the_umask(tmp_path: Path) -> None:
    storage = tmp_path / "storage"
    (storage / "secrets").mkdir(parents=True, mode=0o777)
    async with online(tmp_path) as (csms, daemon):
        csms.gate.password = NEW_KEY
        await set_key(csms, NEW_KEY)
        await csms.connected(after=1)
        await until(daemon, delivered, "everything to be delivered")
        modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (storage, *storage.rglob("*"))}
    assert len(modes) > 5
    assert {path: oct(mode) for path, mode in modes.items() if mode != (0o700 if path.is_dir() else 0o600)} == {}

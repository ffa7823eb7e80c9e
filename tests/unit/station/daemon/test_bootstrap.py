"""The composition root: what the settings and the board make of the station, and what is refused."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from devices.bench.board import BenchBoard
from eventstore.catalogue.configuration import AuthorizationKeysFound
from eventstore.catalogue.lifecycle import DiskSpaceObserved, LogSalvaged, StationBooted, StationDescribed
from eventstore.log import EventLog
from eventstore.value import replace
from station.core.kernel import step
from station.daemon.bootstrap import Parts, build, describe, factory_values, make_registry, profiles_off
from station.features import registry_for
from station.runtime.clock import SystemClock
from station.runtime.recovery import fold_log
from station.runtime.secrets import Secrets, fingerprint
from station.settings.loading import Settings, SettingsError, parse_settings
from tests.given import station
from tests.replay_logs import write_log

HEAD = """
[station]
identity = "CB-0001"
connectors = 2
[csms]
url = "ws://127.0.0.1:9000/ocpp"
"""


def settings(text: str = "", directory: Path | None = None, csms: str = "") -> Settings:
    storage = "" if directory is None else f'[storage]\ndirectory = "{directory}"\n'
    return parse_settings(f"{HEAD}{csms}{storage}{text}", "chargebox.toml")


# ---- factory values ----------------------------------------------------------------------------------------------


def test_factory_values_are_canonical_texts_by_the_standards_names_in_order() -> None:
    found = settings("[config]\nmetervaluesampleinterval = 60\nAllowOfflineTxForUnknownId = true\nBlinkRepeat = '007'")
    assert factory_values(found, registry_for()) == (
        ("AllowOfflineTxForUnknownId", "true"),
        ("BlinkRepeat", "7"),
        ("MeterValueSampleInterval", "60"),
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("HeartbeatIntervall = 60", "is no configuration key of this station"),
        ("SupportedFeatureProfiles = 'Core'", "cannot be set in the factory"),
        ("NumberOfConnectors = 7", "cannot be set in the factory"),
        ("GetConfigurationMaxKeys = 101", "not within 1 to 100"),
        ("AuthorizationKey = '00112233445566778899AABBCCDDEEFF'", "cannot be set in the factory"),
        ("HeartbeatInterval = 'often'", "HeartbeatInterval"),
        ("HeartbeatInterval = -1", "HeartbeatInterval"),
        ("LocalAuthorizeOffline = 'maybe'", "LocalAuthorizeOffline"),
        ("SendLocalListMaxLength = 100000", "SendLocalListMaxLength"),
    ],
)
def test_a_factory_value_that_no_key_takes_is_refused_with_its_line_and_key(line: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        make_registry(settings(f"[config]\n{line}"))
    (problem,) = refused.value.problems
    assert problem.startswith(f"chargebox.toml:8: [config] {line.partition(' =')[0]}: ")
    assert said in problem


def test_the_value_of_a_key_whose_profile_is_off_waits_for_it() -> None:
    text = "[features]\nsmart_charging = false\n[config]\nChargeProfileMaxStackLevel = 3"
    registry = make_registry(settings(text))
    assert "ChargeProfileMaxStackLevel" not in registry.config_keys
    assert factory_values(settings(text), registry) == ()


def test_each_profile_can_be_switched_off_by_its_name() -> None:
    off = {
        "local_auth_list": "LocalAuthListManagement",
        "reservation": "Reservation",
        "smart_charging": "SmartCharging",
        "firmware_management": "FirmwareManagement",
        "remote_trigger": "RemoteTrigger",
    }
    assert profiles_off(settings()) == ()
    for name, profile in off.items():
        found = settings(f"[features]\n{name} = false")
        assert profiles_off(found) == (profile,)
        assert profile in registry_for().profiles
        assert profile not in make_registry(found).profiles


# ---- description -------------------------------------------------------------------------------------------------


def board_of(found: Settings, directory: Path) -> BenchBoard:
    board = found.board
    return BenchBoard(
        directory,
        found.station.connectors,
        board.fixed_cable,
        board.phases,
        board.voltage_v,
        board.max_current_a,
        lambda: 0,
    )


@pytest.mark.parametrize("required", ["false", "true"])
def test_the_description_says_whether_firmware_must_be_signed(tmp_path: Path, required: str) -> None:
    found = settings(f"[security]\nrequire_signed_firmware = {required}")
    described = describe(found, board_of(found, tmp_path), make_registry(found))
    assert described.requires_signed_firmware == (required == "true")


def test_the_station_is_described_by_its_settings_and_its_board(tmp_path: Path) -> None:
    found = settings(
        "[board]\nfixed_cable = true\nphases = 1\nmax_current_a = 16\nbackup_power_s = 30\n"
        '[features]\nreservation = false\n[config]\nHeartbeatInterval = 60\n[daemon]\npower_loss_policy = "resume"\n',
        csms="call_timeout_s = 12\nreconnect_min_s = 0.5\n",
    )
    described = describe(found, board_of(found, tmp_path), make_registry(found))
    assert (described.identity, described.serial, described.connectors) == ("CB-0001", "CB-0001", 2)
    assert (described.fixed_cable, described.has_lock) == (True, False)
    assert (described.phases, described.voltage_v, described.max_current_ma) == (1, 230, 16_000)
    assert (described.backup_power_s, described.power_loss_policy) == (30, "resume")
    assert (described.call_timeout_s, described.reconnect_min_ms, described.reconnect_max_ms) == (12, 500, 300_000)
    assert described.profiles_off == ("Reservation",)
    assert described.factory_values == (("HeartbeatInterval", "60"),)
    assert described.measurands == (
        "Energy.Active.Import.Register",
        "Power.Active.Import",
        "Current.Import",
        "Voltage",
    )
    assert described.phase_rotations == ()


@pytest.mark.parametrize(
    ("line", "tags"),
    [
        ("", ()),
        ("free_id_tag = 'HOME'", ("HOME", "HOME")),
        ("free_id_tag = ['', 'SECOND']", ("", "SECOND")),
        ("free_id_tag = ['', '']", ()),
    ],
)
def test_the_description_says_what_a_plug_counts_as(tmp_path: Path, line: str, tags: tuple[str, ...]) -> None:
    found = settings(f"[authorization]\n{line}\nautocharge_prefix = 'VID:'")
    described = describe(found, board_of(found, tmp_path), make_registry(found))
    assert (described.free_id_tags, described.autocharge_prefix) == (tags, "VID:")


@pytest.mark.parametrize(
    ("tables", "sends"),
    [
        ("", "by profile"),
        ('[security]\nsend_events = "always"\n', "always"),
        ('[security]\nsend_events = "never"\n', "never"),
    ],
)
def test_security_events_are_sent_by_profile_unless_the_settings_say_otherwise(
    tmp_path: Path, tables: str, sends: str
) -> None:
    found = settings(tables)
    assert describe(found, board_of(found, tmp_path), make_registry(found)).security_events == sends


# ---- building ----------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture
async def log(tmp_path: Path) -> AsyncIterator[EventLog]:
    opened = await EventLog.open(tmp_path, identity="CB-0001")
    yield opened
    await opened.close()


async def built(found: Settings, log: EventLog) -> Parts:
    return await build(found, SystemClock(), make_registry(found), log)


@pytest.mark.asyncio
async def test_a_station_that_is_built_has_its_boot_on_record(tmp_path: Path, log: EventLog) -> None:
    parts = await built(settings(directory=tmp_path), log)
    first = [type(recorded.event) for recorded in await log.read(0)]
    assert first[0] is StationBooted
    assert StationDescribed in first
    assert DiskSpaceObserved in first
    assert parts.station.state == (await fold_log(log))[0]
    assert parts.station.state.clock.boot == 1
    assert not parts.station.state.clock.trusted, "the calendar clock of a bench is a simulated one"
    assert parts.bench is parts.board


@pytest.mark.asyncio
async def test_the_second_process_counts_on_and_keeps_the_name_of_the_installation(tmp_path: Path) -> None:
    booted = []
    for _ in range(2):
        log = await EventLog.open(tmp_path, identity="CB-0001")
        await built(settings(directory=tmp_path), log)
        booted += [item.event for item in await log.read(0) if isinstance(item.event, StationBooted)]
        await log.close()
    _, first, second = booted
    assert (first.boot, second.boot) == (1, 2)
    assert first.installation == second.installation
    assert not second.orderly, "nobody has stopped the first one"


@pytest.mark.parametrize("profile", [1, 2])
@pytest.mark.asyncio
async def test_basic_authentication_without_a_key_is_refused_and_leaves_no_boot(
    tmp_path: Path, log: EventLog, profile: int
) -> None:
    scheme = "ws" if profile == 1 else "wss"
    text = HEAD.replace("ws:", f"{scheme}:") + f'security_profile = {profile}\n[storage]\ndirectory = "{tmp_path}"\n'
    with pytest.raises(SettingsError, match="authorization_key_file"):
        await built(parse_settings(text, "chargebox.toml"), log)
    assert log.head.seq == 0


@pytest.mark.asyncio
async def test_keys_that_no_longer_hold_are_forgotten_at_boot(tmp_path: Path, log: EventLog) -> None:
    secrets = Secrets(tmp_path)
    name = secrets.keep(b"0123456789abcdef")
    await built(settings(directory=tmp_path), log)
    assert secrets.find(name) is None


@pytest.mark.asyncio
async def test_a_network_cut_that_persists_is_found_cut(tmp_path: Path, log: EventLog) -> None:
    found = settings(directory=tmp_path)
    board = board_of(found, tmp_path)
    board.open(lambda reading: None)
    board.network(up=False, persist=True)
    parts = await built(found, log)
    assert parts.bench is not None
    assert not parts.bench.network_now.up


# ---- AuthorizationKeys -------------------------------------------------------------------------------------------


OLD, NEW = b"0123456789abcdef", b"fedcba9876543210"
PROFILE_1 = "security_profile = 1\n"


@asynccontextmanager
async def with_key_set(directory: Path, name: str) -> AsyncIterator[EventLog]:
    """The log of a station whose CSMS has set this key, opened again."""
    found = station().online()
    found.ask("ChangeConfiguration", {"key": "AuthorizationKey", "value": name})
    await asyncio.to_thread(write_log, found, directory)
    log = await EventLog.open(directory, identity=found.description.identity)
    yield log
    await log.close()


async def keys_found(log: EventLog) -> list[AuthorizationKeysFound]:
    events = [recorded.event for recorded in await log.read(0)]
    return [event for event in events if isinstance(event, AuthorizationKeysFound)]


@pytest.mark.asyncio
async def test_a_stored_key_that_is_lost_is_no_reason_not_to_start_and_is_told_once(tmp_path: Path) -> None:
    async with with_key_set(tmp_path, fingerprint(NEW)) as log:
        for _ in range(2):
            await built(settings(directory=tmp_path, csms=PROFILE_1), log)
        (found,) = await keys_found(log)
    assert (found.missing, found.damaged) == ((fingerprint(NEW),), ())


@pytest.mark.asyncio
async def test_a_stored_key_that_is_damaged_is_no_reason_either_and_its_file_stays(tmp_path: Path) -> None:
    async with with_key_set(tmp_path, fingerprint(NEW)) as log:
        Secrets(tmp_path).keep(NEW)
        file = tmp_path / "secrets" / f"{fingerprint(NEW)[3:]}.key"
        file.write_bytes(OLD)  # nothing else runs
        parts = await built(settings(directory=tmp_path, csms=PROFILE_1), log)
        (found,) = await keys_found(log)
        assert found.damaged == (fingerprint(NEW),)
        assert parts.secrets.damaged() == found.damaged


@pytest.mark.asyncio
async def test_a_key_whose_request_was_never_recorded_is_removed_and_the_one_before_holds(tmp_path: Path) -> None:
    """Power was cut between the file and the record: the CSMS got no answer."""
    async with with_key_set(tmp_path, fingerprint(OLD)) as log:
        secrets = Secrets(tmp_path)
        secrets.keep(OLD)
        secrets.keep(NEW)
        parts = await built(settings(directory=tmp_path, csms=PROFILE_1), log)
        assert parts.secrets.stored() == (fingerprint(OLD),)
        assert parts.station.state.credentials.stored == (fingerprint(OLD),)


@pytest.mark.asyncio
async def test_a_salvaged_log_takes_back_the_key_that_it_does_not_name_any_more(tmp_path: Path, log: EventLog) -> None:
    await built(settings(directory=tmp_path), log)
    state, _ = await fold_log(log)
    salvaged = LogSalvaged(old_head_seq=9, old_head_digest="", kept_seq=state.seq, quarantine="", findings=())
    await log.append(step(state, salvaged, state.at_ms, registry_for())[1])
    Secrets(tmp_path).keep(NEW)
    parts = await built(settings(directory=tmp_path, csms=PROFILE_1), log)
    assert parts.secrets.stored() == (fingerprint(NEW),)
    credentials = parts.station.state.credentials
    assert (credentials.spares, credentials.salvaged) == ((fingerprint(NEW),), False)


@pytest.mark.parametrize(("mode", "said"), [(0o644, "others may read it"), (0o600, "")])
@pytest.mark.asyncio
async def test_a_key_file_that_others_may_read_is_refused_unless_the_csms_has_set_a_key(
    tmp_path: Path, log: EventLog, mode: int, said: str
) -> None:
    file = tmp_path / "key"
    file.write_bytes(OLD)  # nothing else runs
    file.chmod(mode)
    found = settings(directory=tmp_path, csms=f'{PROFILE_1}authorization_key_file = "{file}"\n')
    if said:
        with pytest.raises(SettingsError, match=said):
            await built(found, log)
        assert log.head.seq == 0
    else:
        await built(found, log)
    async with with_key_set(tmp_path / "other", fingerprint(NEW)) as other:
        Secrets(tmp_path / "other").keep(NEW)
        await built(replace(found, storage=replace(found.storage, directory=tmp_path / "other")), other)

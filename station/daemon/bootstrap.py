"""The composition root: from settings to the objects of a running station. Nothing else builds objects."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, cast

from devices.protocols import Equipped, Planned, StationBoard
from eventstore.catalogue.lifecycle import DiskSpaceObserved, StationDescribed
from eventstore.log import EventLog
from eventstore.value import Value
from projections.station import StationState
from station import VERSION
from station.boards import module_of
from station.core.config_keys import ConfigKey
from station.core.feature import Registry
from station.daemon.news import keys_to_record, news
from station.daemon.temperatures import describe_temperatures, sensors_beside, tops_dc
from station.daemon.vendors import load_vendors
from station.features import registry_for
from station.rules.measurands import factory_measurands
from station.runtime import entropy, recovery
from station.runtime.archivist import Archivist, Keep
from station.runtime.books import Books
from station.runtime.clock import SystemClock
from station.runtime.disk import disk_level
from station.runtime.gateway import Gateway
from station.runtime.limit_reflex import LimitReflex
from station.runtime.link import CsmsLink
from station.runtime.maker_roots import MakerRoots
from station.runtime.secrets import Secrets, named_secrets
from station.runtime.signing import Signing
from station.runtime.start_delays import StartDelays
from station.runtime.station import Station
from station.runtime.trust import Trust
from station.runtime.upkeep import Upkeep
from station.runtime.voice import Voice
from station.settings.loading import Settings

if TYPE_CHECKING:
    from devices.bench.board import BenchBoard
    from station.mqtt.bridge import MqttBridge
    from station.runtime.diagnostics import DiagnosticsSource
    from station.runtime.installer import Installer
    from station.runtime.jobs import JobRunner
    from station.runtime.site_meter import SiteMeter
    from station.runtime.transfer import Transfers

LOGGER = logging.getLogger(__name__)

BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")

_PROFILE_OF = {
    "local_auth_list": "LocalAuthListManagement",
    "reservation": "Reservation",
    "smart_charging": "SmartCharging",
    "firmware_management": "FirmwareManagement",
    "remote_trigger": "RemoteTrigger",
    "security": "Security",
}


class Parts(Value, frozen=True, kw_only=True):
    """A station, wired up and recorded as booted; nothing runs yet."""

    settings: Settings
    log: EventLog
    clock: SystemClock
    station: Station
    board: StationBoard
    gateway: Gateway
    link: CsmsLink
    secrets: Secrets
    upkeep: Upkeep
    archivist: Archivist
    signing: Signing | None
    jobs: "JobRunner"
    diagnostics: "DiagnosticsSource"
    mqtt: "MqttBridge | None" = None
    site_meter: "SiteMeter | None" = None

    @property
    def bench(self) -> "BenchBoard | None":
        """The board, if it is a bench: what the bench controls work on."""
        return None if not self.settings.board_kind.simulated else cast("BenchBoard", self.board)


def profiles_off(settings: Settings) -> tuple[str, ...]:
    """The OCPP feature profiles that the settings switch off."""
    return tuple(profile for name, profile in _PROFILE_OF.items() if not getattr(settings.features, name))


def make_registry(settings: Settings) -> Registry:
    """The features that are on; raises SettingsError for factory values that no key takes."""
    registry = registry_for(profiles_off(settings), load_vendors())
    factory_values(settings, registry)
    return registry


def factory_values(settings: Settings, registry: Registry) -> tuple[tuple[str, str], ...]:
    """The `[config]` table as canonical texts by the standard's names; raises SettingsError naming the key."""
    keys: dict[str, ConfigKey[object]] = {name.casefold(): key for name, key in registry.config_keys.items()}
    known_off = {key.name.casefold() for feature in registry.off for key in feature.config_keys}
    values: dict[str, str] = {}
    for name, text in settings.config.items():
        key = keys.get(name.casefold())
        if key is None and name.casefold() in known_off:
            continue  # its profile is switched off; the value waits for it
        if key is None:
            raise settings.error("config", name, "is no configuration key of this station")
        if not key.settable_in_factory:
            raise settings.error("config", name, "cannot be set in the factory")
        try:
            values[key.name] = key.kind.canonical(key.kind.parse(text))
        except ValueError as error:
            raise settings.error("config", name, str(error)) from error
    return tuple(sorted(values.items()))


def describe(settings: Settings, board: Planned, registry: Registry) -> StationDescribed:
    """What the settings and the board say the station is."""
    equipped = board if isinstance(board, Equipped) else None
    rotations = {} if equipped is None or settings.board.phases == 1 else equipped.phase_rotations()
    return StationDescribed(
        identity=settings.station.identity,
        vendor=settings.station.vendor,
        model=settings.station.model,
        serial=settings.station.serial,
        connectors=len(board.connector_ids),
        fixed_cable=settings.board.fixed_cable,
        has_lock=board.has_lock,
        backup_power_s=int(settings.board.backup_power_s),
        phases=settings.board.phases,
        voltage_v=settings.board.voltage_v,
        max_current_ma=settings.board.max_current_a * 1000,
        board=settings.board.kind,
        keeps_power=settings.board_kind.keeps_power,
        csms_url=settings.shown_url,
        security_profile=settings.csms.security_profile,
        profiles_off=profiles_off(settings),
        factory_values=factory_values(settings, registry),
        call_timeout_s=settings.csms.call_timeout_s,
        reconnect_min_ms=int(settings.csms.reconnect_min_s * 1000),
        reconnect_max_ms=int(settings.csms.reconnect_max_s * 1000),
        power_loss_policy=settings.daemon.power_loss_policy,
        tx_default_after_tx_profile=settings.smart_charging.tx_default_after_tx_profile,
        max_firmware_bytes=settings.firmware.max_bytes,
        supply_current_ma=settings.board.supply_current_a * 1000,
        measurands=factory_measurands(_measured(settings, equipped)),
        requires_signed_firmware=settings.security.require_signed_firmware,
        security_events=settings.security.send_events,
        security_profile_fixed=settings.csms.security_profile_fixed,
        free_id_tags=settings.authorization.free_id_tags(len(board.connector_ids)),
        autocharge_prefix=settings.authorization.autocharge_prefix,
        phase_rotations=tuple(f"{number}.{rotation}" for number, rotation in sorted(rotations.items())),
    )


def _measured(settings: Settings, equipped: Equipped | None) -> frozenset[str]:
    """The members of a reading that board and sensors give."""
    by_board = frozenset[str]() if equipped is None else equipped.measured()
    temperature = settings.temperature
    return by_board | ({"temperature_dc"} if temperature.sensors or temperature.derating else frozenset())


def _boot_id() -> str:
    try:
        return BOOT_ID_FILE.read_text().strip()
    except OSError:
        return ""


async def build(
    settings: Settings, clock: SystemClock, registry: Registry, log: EventLog, *, tells: bool = True
) -> Parts:
    """Folds the log, records the boot durably, and wires everything up. Raises StorageError, OSError, SettingsError.

    `tells`: what becomes durable is logged in the journal. Where many stations share a process, nobody could read it.
    """
    state, snapshot_seq = await recovery.fold_log(log)
    secrets = Secrets(settings.storage.directory, any_length=settings.csms.authorization_key_any_length)
    system_utc_ms = clock.system_utc_ms()
    is_lost = recovery.is_lost(state)
    salvaged = is_lost or log.boot_report.recovery is not None or state.credentials.salvaged
    keys = keys_to_record(settings, secrets, state, salvaged=salvaged)
    trusted = settings.board_kind.trusts_clock and clock.is_synchronised()
    found = await recovery.find_recovered(log, state)
    clock.begin(max(found.at_ms, recovery.boot_base_ms(state, system_utc_ms, trusted=trusted)))
    board = module_of(settings).make(settings, clock.at_ms)
    installer = _installer(settings)
    booted = recovery.boot_event(
        state,
        at_ms=clock.at_ms(),
        system_utc_ms=system_utc_ms,
        trusted=trusted,
        installation=entropy.installation(),
        versions=(VERSION, installer.firmware_version(VERSION)),
        boot_id=_boot_id(),
        found=found,
    )
    described = describe(settings, board, registry)
    free_bytes = log.free_bytes()
    level = disk_level(free_bytes, log.disk_bytes(), state.boot.disk) if log.boot_report.has_reserve else "critical"
    disk = DiskSpaceObserved(level=level, free_bytes=free_bytes)
    more = news(settings, state, len(board.connector_ids), keys, salvaged=salvaged)
    voice = Voice(ended=state.boot.ended, full_tags=settings.logging.id_tags == "full")
    state = await recovery.begin(
        log,
        state,
        registry,
        clock.at_ms(),
        booted,
        described,
        disk,
        found,
        *more,
        tell=voice.publish if tells else None,
    )
    secrets.prune(*named_secrets(state))
    if is_lost:  # the log alone will never tell this state again
        await recovery.save_snapshot(log, state)
    parts = _wire(settings, clock, registry, log, state, board, secrets, installer, snapshot_seq)
    if tells:
        parts.station.followers.append(voice.publish)  # the last: acting comes before logging
    return parts


def _installer(settings: Settings) -> "Installer":
    from station.runtime.installer import make_installer

    return make_installer(
        settings.firmware.installer, directory=settings.storage.directory, model=settings.station.model
    )


def _transfers(settings: Settings) -> "Transfers":
    """Not to the station itself, unless nothing here is real or the settings say so."""
    from station.runtime.dialing import anywhere, only_elsewhere
    from station.runtime.transfer import Transfers

    judge = anywhere if settings.may_loop_back else only_elsewhere
    return Transfers(ca_file=settings.csms.ca_file, judge=judge)


def _diagnostics(settings: Settings, log: EventLog) -> "DiagnosticsSource":
    from station.runtime.diagnostics import DiagnosticsSource

    return DiagnosticsSource(log=log, settings=settings)


def _jobs(
    settings: Settings, station: Station, secrets: Secrets, installer: "Installer", diagnostics: "DiagnosticsSource"
) -> "JobRunner":
    from station.runtime.certificate_work import CertificateWork, KeyWork
    from station.runtime.firmware_signing import FirmwareSigning
    from station.runtime.jobs import JobRunner
    from station.runtime.signing_certificate_work import SigningCertificateWork

    trust, signing = Trust(settings), FirmwareSigning(settings.security.firmware_revocation_file)
    roots = MakerRoots(settings.security.manufacturer_root_file, trust.files)
    return JobRunner(
        directory=settings.storage.directory,
        firmware_bytes_max=settings.firmware.max_bytes,
        installer=installer,
        signing=signing,
        transfers=_transfers(settings),
        diagnostics=diagnostics,
        submit=station.submit,
        reveal=secrets.reveal,
        more=(
            CertificateWork(trust),
            KeyWork(trust, settings.security.certificate_key),
            SigningCertificateWork(signing, roots),
        ),
    )


def _mqtt(settings: Settings, clock: SystemClock, station: Station, board: StationBoard) -> "MqttBridge | None":
    """The way to the broker of the settings. Without its library the station works without: that is no reason not to charge."""
    if settings.mqtt.broker is None:
        return None
    from station.mqtt.bridge import MqttBridge, available
    from station.runtime.live_meters import LiveMeters
    from station.service.commands import COMMANDS

    if not available():
        LOGGER.error("[mqtt] url: aiomqtt is not installed, nothing is published: pip install 'chargebox[mqtt]'")
        return None
    live = LiveMeters(board, station.registry).shown
    commands = COMMANDS if settings.mqtt.allow_commands else {}
    return MqttBridge(settings, clock, lambda: station.state, live, station.submit, commands=commands)


def _site_meter(settings: Settings, station: Station, board: StationBoard, clock: SystemClock) -> "SiteMeter | None":
    if not settings.limits.site_meter.fuse_a:
        return None
    from station.daemon.site_meter import make_site_meter

    return make_site_meter(settings, board, clock.at_ms, station.submit)


def _wire(
    settings: Settings,
    clock: SystemClock,
    registry: Registry,
    log: EventLog,
    state: StationState,
    board: StationBoard,
    secrets: Secrets,
    installer: "Installer",
    snapshot_seq: int,
) -> Parts:
    station = Station(log, registry, clock, state)
    tops = tops_dc(describe_temperatures(settings, len(board.connector_ids)))
    gateway = Gateway(board, station.submit, tops, sensors_beside(settings))
    link = CsmsLink(settings, clock, secrets, station.submit, station.has_room)
    station.books = Books(log, settings.storage.segment_bytes)
    upkeep = Upkeep(station, log, clock, snapshot_seq)
    keep = Keep(days=settings.storage.keep_days, total_bytes=settings.storage.keep_bytes)
    archivist = Archivist(station, log, clock, keep)
    signing = None if settings.storage.signing_key_file is None else Signing(station, log, clock, settings)
    diagnostics = _diagnostics(settings, log)
    jobs = _jobs(settings, station, secrets, installer, diagnostics)
    station.read_before = gateway.read_before
    station.foresee = (reflex := LimitReflex(state, registry, clock.at_ms, gateway.cap)).foresee
    station.followers += [
        reflex.publish,  # before the board is commanded
        gateway.publish,
        StartDelays(station.submit).publish,
        link.publish,
        secrets.publish,
        upkeep.publish,
        archivist.publish,
        lambda state, batch: jobs.publish(state),
    ]
    site_meter = _site_meter(settings, station, board, clock)
    if signing is not None:
        station.followers.append(signing.publish)
    mqtt = _mqtt(settings, clock, station, board)
    if mqtt is not None:
        station.followers.append(mqtt.publish)
    if settings.board_kind.simulated:
        network = cast("BenchBoard", board).network_now
        link.network(up=network.up, silent=network.silent)
    return Parts(
        settings=settings,
        log=log,
        clock=clock,
        station=station,
        board=board,
        gateway=gateway,
        link=link,
        secrets=secrets,
        upkeep=upkeep,
        archivist=archivist,
        signing=signing,
        jobs=jobs,
        diagnostics=diagnostics,
        mqtt=mqtt,
        site_meter=site_meter,
    )

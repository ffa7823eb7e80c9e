"""A station under test with its CSMS: provisioned, started, brought to the start state, and ended.

On a bench the station has a storage directory of its own in the run's directory. On a real board it is the station's own, and gets
back what it had.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

from eventstore.value import Value
from station.certify.bench import BenchHands
from station.certify.csms import LaboratoryCsms
from station.certify.files import serve_files
from station.certify.kept import Kept
from station.certify.person import Person
from station.certify.pki import Pki
from station.certify.ports import FileProtocol, Files, HandsPort
from station.certify.process import CHARGEBOX, Daemon, laid_over, to_toml
from station.certify.results import ConfiguredKey, LogHead
from station.certify.rig import Build, Rig, Tags
from station.certify.start_state import StartState, installed_roots, writable_keys
from station.demo.bench_service import BenchService
from station.demo.bench_station import free_port
from station.settings.loading import Settings

PERSON_AWAY_S = 20
CSMS_KEYS = ("call_timeout_s",)
"""Of [csms] only what says how the station speaks is the station's; how it reaches a CSMS is the laboratory's."""
RECONNECT = {"reconnect_min_s": 1, "reconnect_max_s": 60}


class Site(Value, frozen=True, kw_only=True):
    """Where a run takes place: the settings and their tables, the directory of the run, where the CSMS listens.

    `person` is None on a bench. `launch` is the command that has `run --settings FILE`.
    """

    settings: Settings
    tables: Mapping[str, Mapping[str, Any]]
    directory: Path
    host: str = "127.0.0.1"
    port: int = 0
    person: Person | None = None
    launch: tuple[str, ...] = CHARGEBOX


def provisioned(
    site: Site, *, url: str, service_port: int, storage: Path | None, csms: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """The settings that the station is started with: those given, but for how it reaches its CSMS and its files.

    Nothing of the run is published on a broker.
    """
    given = site.tables
    kept = {key: value for key, value in given.get("csms", {}).items() if key in CSMS_KEYS}
    events = given.get("security", {}).get("send_events", "by profile")
    tables = laid_over(
        {name: table for name, table in given.items() if name not in ("csms", "service", "mqtt")},
        {
            "csms": {**kept, **RECONNECT, "url": url, **csms},
            "service": {"listen": f"127.0.0.1:{service_port}"},
            "daemon": {"on_reset": "exec"},
            "transfers": {"allow_loopback": True},
            "firmware": {"installer": "bench"},
            "security": {"send_events": "always" if events == "by profile" else events},
        },
    )
    return tables if storage is None else laid_over(tables, {"storage": {"directory": str(storage)}})


class StationSession:
    """One start of the station to its end. `rig` is what cases are played on."""

    def __init__(self, rig: Rig, csms: LaboratoryCsms, daemon: Daemon, service: BenchService, log: Path) -> None:
        self.rig = rig
        self.csms = csms
        self.log = log
        self.began: LogHead = LogHead(seq=0, digest="")
        self.configuration: tuple[ConfiguredKey, ...] = ()
        self._daemon = daemon
        self._service = service
        self._start_state: StartState | None = None

    async def begin(self, kept: Kept | None) -> None:
        """Waits for the boot and looks at what the station has; with `kept` that is what it had before the run."""
        await self.rig.until_state(
            lambda state: state["registration"]["status"] == "Accepted" and self.csms.is_linked, "the station to boot"
        )
        await self.rig.settled()
        self.began = await self.head()
        answer = await self.csms.request("GetConfiguration")
        self.configuration = tuple(
            ConfiguredKey(key=each["key"], readonly=each["readonly"], value=each.get("value"))
            for each in answer["configurationKey"]
        )
        self._start_state = StartState(
            self.rig,
            configuration=kept.configuration if kept else await writable_keys(self.rig),
            roots=await installed_roots(self.rig),
            firmware=kept.firmware_version if kept else (await self.rig.state())["station"]["firmware_version"],
        )

    async def reset(self) -> None:
        """Brings the station to the start state. Raises CaseFailed if it does not come."""
        assert self._start_state is not None, "it has begun"
        self.csms.forget_answers()
        if not self._daemon.running:
            await self._daemon.start()
        if not (await self.rig.state())["link"]["up"]:
            await self.rig.hands.network(True)
        await self._start_state.reach()

    @property
    def running(self) -> bool:
        """Whether the station's program runs."""
        return self._daemon.running

    async def head(self) -> LogHead:
        """The last event of the log."""
        log = (await self.rig.state())["log"]
        return LogHead(seq=log["last_seq"], digest=log["head_digest"])

    async def end(self) -> None:
        """Ends the station in order."""
        await self._daemon.stop()
        await self._service.close()


@asynccontextmanager
async def session(
    site: Site, name: str, *, storage: Path | None, security_profile: int, tags: Tags | None = None
) -> AsyncIterator[StationSession]:
    """A started station, its files under `name` in the run's directory. Raises RunEnded, or OSError for an address that is taken."""
    directory = site.directory / name
    directory.mkdir(parents=True, exist_ok=True)
    make_pki = cache(partial(Pki, directory / "pki", serial=site.settings.station.serial, hosts=_hosts(site.host)))
    csms = LaboratoryCsms(site.settings.station.identity, site.host, site.port)
    if security_profile:
        csms.secure(make_pki().context(security_profile), make_pki().password(security_profile))
    async with csms:
        port = free_port()
        how = make_pki().csms_settings(security_profile) if security_profile else {}
        tables = provisioned(site, url=csms.url(), service_port=port, storage=storage, csms=how)
        file = directory / "station.toml"
        file.touch(mode=0o600)
        file.write_text(to_toml(tables), encoding="utf-8")
        daemon, service = Daemon(file, site.launch), BenchService(f"http://127.0.0.1:{port}")
        hands: HandsPort = BenchHands(service, daemon, csms)
        if site.person is not None:
            site.person.at(service, daemon, csms)
            hands = site.person
        rig = _rig(site, csms, hands, daemon, service, make_pki, directory, tags)
        opened = StationSession(rig, csms, daemon, service, storage or site.settings.storage.directory)
        try:
            await daemon.start()
            yield opened
        finally:
            await opened.end()


def _rig(
    site: Site,
    csms: LaboratoryCsms,
    hands: HandsPort,
    daemon: Daemon,
    service: BenchService,
    make_pki: Callable[[], Pki],
    directory: Path,
    tags: Tags | None,
) -> Rig:
    build = build_of(site.settings)
    if site.person is not None:
        build = build_of(site.settings, pace=1, away_s=PERSON_AWAY_S)
    return Rig(
        build=build,
        csms=csms,
        hands=hands,
        process=daemon,
        reading=service,
        serve_files=partial(_served, directory / "files"),
        make_pki=make_pki,
        tags=tags,
    )


def _served(directory: Path, protocol: FileProtocol) -> AbstractAsyncContextManager[Files]:
    return serve_files(protocol, directory)


def build_of(settings: Settings, *, pace: int = 10, away_s: float = 600) -> Build:
    """The station as its settings describe it."""
    features = settings.features
    switches = {
        "FirmwareManagement": features.firmware_management,
        "LocalAuthListManagement": features.local_auth_list,
        "Reservation": features.reservation,
        "SmartCharging": features.smart_charging,
        "RemoteTrigger": features.remote_trigger,
    }
    return Build(
        connectors=settings.station.connectors,
        fixed_cable=settings.board.fixed_cable,
        identity=settings.station.identity,
        model=settings.station.model,
        serial=settings.station.serial,
        ocpp_profiles=("Core", *(name for name, is_on in switches.items() if is_on)),
        phases=settings.board.phases,
        voltage_v=settings.board.voltage_v,
        pace=pace,
        away_s=away_s,
    )


def _hosts(host: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(("localhost", "127.0.0.1", host)))

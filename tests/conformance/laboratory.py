"""The suite's laboratory: the real daemon on a bench, and the independent CSMS behind the port of the cases."""

import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

from station.certify.bench import BenchHands
from station.certify.pki import Pki
from station.certify.ports import CallRefused, Files
from station.certify.registry import Case
from station.certify.rig import Build, Rig
from station.demo.bench_service import BenchService
from station.settings.loading import parse_settings
from tests.csms.frames import Payload
from tests.csms.independent import CallError, Csms
from tests.daemon import Daemon, Settings, merged, to_toml
from tests.file_servers import Protocol, serve_files

ALL_PROFILES = (
    "Core",
    "FirmwareManagement",
    "LocalAuthListManagement",
    "Reservation",
    "SmartCharging",
    "RemoteTrigger",
)

# The start state of every case: nothing runs by itself, so that whatever comes was caused by the case.
QUIET: Settings = {
    "station": {"identity": "CB-0001", "connectors": 2},
    "csms": {"reconnect_min_s": 1, "reconnect_max_s": 60, "call_timeout_s": 300},
    "board": {"kind": "bench"},
    "config": {
        "HeartbeatInterval": 86_400,
        "MeterValueSampleInterval": 0,
        "ClockAlignedDataInterval": 0,
        "MinimumStatusDuration": 0,
        "WebSocketPingInterval": 0,
        "ConnectionTimeOut": 120,
    },
}


class PortCsms(Csms):
    """The independent CSMS as the cases know one."""

    @property
    def is_linked(self) -> bool:
        return self.link is not None

    @property
    def link_count(self) -> int:
        return len(self.links)

    @property
    def authorizations(self) -> list[str]:
        return [handshake.authorization for handshake in self.gate.handshakes]

    @property
    def paths(self) -> list[str]:
        return [handshake.path for handshake in self.gate.handshakes]

    def tls(self) -> Any:
        return self.links[-1].socket.transport.get_extra_info("ssl_object")

    def secure(self, context: ssl.SSLContext | None, password: bytes | None) -> None:
        self.gate.tls, self.gate.password = context, password

    async def request(self, action: str, **members: Any) -> Payload:
        try:
            return await super().request(action, **members)
        except CallError as error:
            raise CallRefused(error.code, error.description) from error


def settings_of(case: Case, make_pki: Callable[[], Pki]) -> Settings:
    """A bench station that meets every need of a case."""
    secured = [need.security_profile for need in case.needs if need.security_profile is not None]
    security: list[Mapping[str, Mapping[str, Any]]] = [
        {"csms": make_pki().csms_settings(profile)} for profile in secured
    ]
    return merged(QUIET, *(need.settings for need in case.needs), *security)


@asynccontextmanager
async def laboratory(case: Case, directory: Path) -> AsyncIterator[Rig]:
    """A booted station that meets the needs of a case; afterwards every frame must have kept to the published schemas."""
    make_pki = cache(partial(Pki, directory / "pki", serial="CB-0001"))
    settings = settings_of(case, make_pki)
    profile = int(settings["csms"].get("security_profile", 0))
    tls, password = (make_pki().context(profile), make_pki().password(profile)) if profile else (None, None)
    opened = PortCsms(heartbeat_interval_s=86_400, tls=tls, password=password)
    async with opened as csms:
        settings["csms"]["url"] = csms.url
        async with Daemon(directory, settings) as daemon:
            rig = rig_of(daemon, csms, make_pki)
            await rig.expect_boot()
            await rig.settled()
            try:
                yield rig
            finally:
                print(csms.tail(200))
                await rig.service.close()
            csms.assert_conforming()


class BenchRig(Rig):
    """A rig that knows its service, to close it."""

    service: BenchService


def rig_of(daemon: Daemon, csms: PortCsms, make_pki: Callable[[], Pki]) -> BenchRig:
    """The rig of a daemon on the bench and its CSMS."""
    station = parse_settings(to_toml(merged({"csms": {"url": csms.url}}, daemon.settings)), "settings")
    features = station.features
    off = {"LocalAuthListManagement": features.local_auth_list, "Reservation": features.reservation}
    service = BenchService(f"http://127.0.0.1:{daemon.service_port}")
    rig = BenchRig(
        build=Build(
            connectors=station.station.connectors,
            fixed_cable=station.board.fixed_cable,
            identity=station.station.identity,
            model=station.station.model,
            serial=station.station.serial,
            ocpp_profiles=tuple(profile for profile in ALL_PROFILES if off.get(profile, True)),
        ),
        csms=csms,
        hands=BenchHands(service, daemon, csms),
        process=daemon,
        reading=service,
        serve_files=partial(_served, daemon.directory / "files"),
        make_pki=make_pki,
    )
    rig.service = service
    return rig


def _served(directory: Path, protocol: Protocol) -> AbstractAsyncContextManager[Files]:
    return serve_files(protocol, directory)

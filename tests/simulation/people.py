"""Who acts in a simulation: drivers and cars, hands that break things, the network, the CSMS's operators. All by chance."""

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any

from devices.bench.board import BenchBoard
from station.wire.instants import format_utc_ms
from tests.simulation.store import Cut
from tests.simulation.virtual_time import virtual_loop
from tests.simulation.world import CLOCK_ERRORS_MS, World, known_tags

CONFIGURATION: dict[str, Sequence[str]] = {
    "MeterValueSampleInterval": ("0", "10", "60"),
    "ClockAlignedDataInterval": ("0", "60", "900"),
    "StopTxnSampledData": ("", "Energy.Active.Import.Register"),
    "MinimumStatusDuration": ("0", "5"),
    "ConnectionTimeOut": ("0", "20", "60"),
    "TransactionMessageAttempts": ("1", "3"),
    "TransactionMessageRetryInterval": ("0", "5", "60"),
    "WebSocketPingInterval": ("0", "30"),
    "LocalPreAuthorize": ("true", "false"),
    "LocalAuthorizeOffline": ("true", "false"),
    "AllowOfflineTxForUnknownId": ("true", "false"),
    "AuthorizeRemoteTxRequests": ("true", "false"),
    "StopTransactionOnInvalidId": ("true", "false"),
    "MaxEnergyOnInvalidId": ("0", "50"),
    "StopTransactionOnEVSideDisconnect": ("true", "false"),
    "UnlockConnectorOnEVSideDisconnect": ("true", "false"),
    "HeartbeatInterval": ("0", "30", "300"),
    "MessageTimeout": ("5", "30"),
    "LocalAuthListEnabled": ("true", "false"),
    "AuthorizationCacheEnabled": ("true", "false"),
}
FAULTS = (
    "GroundFailure",
    "HighTemperature",
    "OverCurrentFailure",
    "OtherError",
    "EVCommunicationError",
    "WeakSignal",
    "PowerSwitchFailure",
)
DRIVERS = ("GOOD1", "GOOD1", "good1", "GOOD2", "GOOD3")
GARBAGE = ("", "[]", "[2]", '[2,"x"]', "nonsense", '[3,"x",{}]', '[5,"x",{}]', '[2,"id","NoSuchAction",{}]', '{"a":1}')


Hand = Callable[[BenchBoard], None]


def _nothing(board: BenchBoard) -> None:
    """What was done stays."""


class People:
    """Acts on a world until cancelled; `pace_s` is how long the longest pause between two acts is."""

    def __init__(self, world: World, pace_s: int = 60) -> None:
        self.world = world
        self.pace_s = pace_s
        self.acts: list[str] = []

    async def run(self) -> None:
        """Everybody at once."""
        await asyncio.gather(
            self._act("driver", self._driver),
            self._act("hands", self._hands, slower=6),
            self._act("network", self._network, slower=5),
            self._act("operator", self._operator, slower=2),
            self._act("mood", self._mood, slower=15),
            self._act("power", self._power, slower=15),
        )

    async def _act(self, who: str, act: Callable[[random.Random], str | None], slower: int = 1) -> None:
        chance = random.Random(f"{self.world.seed}/{who}")
        while True:
            await asyncio.sleep(chance.randrange(200, self.pace_s * 1000 * slower) / 1000)
            done = act(chance)
            if done is not None:
                self.acts.append(f"{virtual_loop().now_ms} {done}")

    # ---- people -------------------------------------------------------------------------------------------------

    def _connector(self, chance: random.Random) -> int:
        return chance.randrange(1, self.world.description.connectors + 1)

    def _driver(self, chance: random.Random) -> str | None:
        """What a driver would do next, mostly: plug in, swipe, wait, swipe, leave."""
        world, connector_id = self.world, self._connector(chance)
        connector = world.board._copper.connector(connector_id)
        plugged = connector.ev_plugged and connector.station_plugged
        what = chance.choices(["plug", "swipe", "unplug", "car"], [1, 5, 2, 2] if plugged else [8, 2, 1, 1])[0]
        id_tag = chance.choice(DRIVERS if chance.random() < 0.85 else known_tags())
        if what == "plug":
            world.plug(connector_id, seated=chance.random() < 0.95)
        elif what == "swipe":
            if world.process is None:
                return None
            world.swipe(id_tag, chance.choice([None, connector_id]))
        elif what == "unplug":
            world.unplug(connector_id)
        else:
            ready = chance.random() < 0.7
            world.touch(lambda board: board.vehicle(connector_id, ready=ready))
        return f"{what} {connector_id} {id_tag}"

    def _hands(self, chance: random.Random) -> str | None:
        """Something breaks, and is mended after a while."""
        n, code = self._connector(chance), chance.choice(FAULTS)
        where = chance.choice([0, n])
        damages: dict[str, tuple[Hand, Hand]] = {
            "fault": (lambda board: board.fault(where, code), lambda board: board.clear_fault(where)),
            "jam": (lambda board: board.lock(n, jammed=True), lambda board: board.lock(n, jammed=False)),
            "meter": (lambda board: board.meter(n, fail=True), lambda board: board.meter(n, fail=False)),
            "register": (lambda board: board.meter(n, energy_wh=chance.randrange(500)), _nothing),
            "emergency stop": (lambda board: board.emergency_stop(True), lambda board: board.emergency_stop(False)),
            "welded": (lambda board: board.contactor(n, "welded"), lambda board: board.contactor(n, "")),
            "stuck": (lambda board: board.contactor(n, "stuck"), lambda board: board.contactor(n, "")),
        }
        what = chance.choices(list(damages), [6, 3, 3, 3, 1, 1, 1])[0]
        breaks, mends = damages[what]
        self.world.touch(breaks)
        virtual_loop().call_later(chance.choice([1, 10, 60, 300]), self.world.touch, mends)
        return f"{what} {n} {code}"

    def _network(self, chance: random.Random) -> str | None:
        network = self.world.network
        what = chance.choices(["up", "down", "silent", "cut"], [8, 2, 1, 2])[0]
        if what == "cut":
            if network.wire is not None:
                network.wire.cut()
        elif what == "silent":
            network.go_silent()
        else:
            network.go(up=what == "up")
        return f"network {what}"

    def _power(self, chance: random.Random) -> str | None:
        what = chance.choices(["cut", "SIGTERM"], [2, 1])[0]
        if what == "cut":
            self.world.cut_power()
        else:
            self.world.terminate()
        return what

    def _mood(self, chance: random.Random) -> str | None:
        """How often the CSMS gives trouble, until the next change of mood."""
        self.world.csms.trouble = chance.choice([0.0, 0.02, 0.1, 0.4])
        return f"trouble {self.world.csms.trouble}"

    # ---- the CSMS's operators -----------------------------------------------------------------------------------

    def _operator(self, chance: random.Random) -> str | None:
        csms = self.world.csms
        if csms.wire is None:
            return None
        if chance.random() < 0.1:
            csms.say(chance.choice(GARBAGE))
            return "garbage"
        action, payload = self._request(chance)
        repeated = chance.choice(list(csms.asked)) if csms.asked and chance.random() < 0.03 else ""
        csms.ask(action, payload, repeated)
        return f"{action} {payload}"

    def _request(self, chance: random.Random) -> tuple[str, dict[str, Any]]:
        n = self._connector(chance)
        key = chance.choice(list(CONFIGURATION))
        expiry = format_utc_ms(self.world.true_utc_ms() + chance.randrange(10_000, 1_800_000))
        requests: list[tuple[str, dict[str, Any]]] = [
            ("RemoteStartTransaction", {"connectorId": n, "idTag": "GOOD1"}),
            ("RemoteStartTransaction", {"idTag": chance.choice(known_tags())}),
            ("RemoteStopTransaction", {"transactionId": self._some_transaction_id(chance)}),
            ("UnlockConnector", {"connectorId": n}),
            ("ChangeAvailability", {"connectorId": chance.choice([0, n]), "type": "Inoperative"}),
            ("ChangeAvailability", {"connectorId": chance.choice([0, n]), "type": "Operative"}),
            ("ChangeAvailability", {"connectorId": chance.choice([0, n]), "type": "Operative"}),
            ("ChangeConfiguration", {"key": key, "value": chance.choice(CONFIGURATION[key])}),
            ("ChangeConfiguration", {"key": key, "value": chance.choice(CONFIGURATION[key])}),
            ("GetConfiguration", {}),
            ("ClearCache", {}),
            ("Reset", {"type": chance.choice(["Soft", "Hard"])}),
            ("TriggerMessage", {"requestedMessage": chance.choice(TRIGGERED)}),
            ("ReserveNow", {"connectorId": n, "idTag": "GOOD1", "reservationId": 7, "expiryDate": expiry}),
            ("ReserveNow", {"connectorId": 0, "idTag": "GOOD2", "reservationId": 8, "expiryDate": expiry}),
            ("CancelReservation", {"reservationId": chance.choice([7, 8])}),
            ("SetChargingProfile", {"connectorId": n, "csChargingProfiles": _profile(chance)}),
            ("ClearChargingProfile", {}),
            ("GetCompositeSchedule", {"connectorId": n, "duration": 600}),
            ("SendLocalList", _local_list(chance)),
            ("GetLocalListVersion", {}),
            ("DataTransfer", {"vendorId": "org.example"}),
            ("RemoteStartTransaction", {"connectorId": "one"}),
        ]
        return chance.choice(requests)

    def _some_transaction_id(self, chance: random.Random) -> int:
        given = [item.transaction_id for item in self.world.invariants.shadow.transactions.running()]
        return chance.choice([9001, *(item for item in given if item is not None)])


TRIGGERED = ("BootNotification", "Heartbeat", "StatusNotification", "MeterValues", "FirmwareStatusNotification")


def _profile(chance: random.Random) -> dict[str, Any]:
    return {
        "chargingProfileId": chance.randrange(1, 4),
        "stackLevel": chance.randrange(0, 3),
        "chargingProfilePurpose": chance.choice(["TxDefaultProfile", "TxProfile"]),
        "chargingProfileKind": "Relative",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [
                {"startPeriod": 0, "limit": chance.choice([0, 6, 10, 32])},
                {"startPeriod": 300, "limit": 16},
            ],
        },
    }


def _local_list(chance: random.Random) -> dict[str, Any]:
    status = chance.choice(["Accepted", "Blocked"])
    return {
        "listVersion": chance.randrange(0, 9),
        "updateType": chance.choice(["Full", "Differential"]),
        "localAuthorizationList": [{"idTag": "GOOD1", "idTagInfo": {"status": status}}],
    }


class Disk:
    """A disk that is slow by chance, and at which the power goes or that fails at some of its commits."""

    def __init__(self, seed: str, *, cut_every: int = 150) -> None:
        self._chance = random.Random(f"{seed}/disk")
        self._cut_every = cut_every

    def plan(self, number: int) -> tuple[int, Cut | None]:
        """How long the n-th append takes (ms), and whether it is cut."""
        delay_ms = self._chance.choice([0, 1, 2, 5, 20, 300]) if self._chance.random() < 0.97 else 4_000
        if self._chance.randrange(self._cut_every):
            return delay_ms, None
        cuts: tuple[Cut, ...] = ("before", "after", "failed")
        return delay_ms, self._chance.choice(cuts)

    def off_for_ms(self) -> int:
        """How long it is dark."""
        return self._chance.choice([100, 2_000, 30_000, 600_000])

    def clock_error_ms(self) -> int:
        """How far the calendar clock is off at the next boot."""
        return self._chance.choice(CLOCK_ERRORS_MS)

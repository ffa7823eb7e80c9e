"""The tables of `[board.wiring]` of a board of charging controllers: what a maker can say of it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

from msgspec import Struct

from devices.gpio.sections import (
    FACTORIES,
    ROTATIONS,
    UNKNOWN_ROTATION,
    BusSection,
    FaultSection,
    ReaderSection,
)
from devices.gpio.values import Input, InputLine, Output, OutputLine
from devices.kinds import NamedTables, OneOf, SubTable, TableArray, TableKey, Text, Whole

OPEN_EVSE = "openevse"


class MeterPlaceSection(Struct, frozen=True, kw_only=True):
    """A meter of ours beside the controller, on a Modbus bus."""

    bus: Annotated[str, TableKey(Text(shortest=1, longest=255), "the name of the bus")]
    unit: Annotated[int, TableKey(Whole(minimum=1, maximum=247), "the meter's address")] = 1
    map: Annotated[str, TableKey(Text(shortest=1, longest=255), "its register map, by name or as the path of a file")]
    stale_ms: Annotated[int, TableKey(Whole(minimum=500, maximum=60_000), "a reading older than this is none")] = 5_000


class ControllerSection(Struct, frozen=True, kw_only=True):
    """One connector: its controller, its meter, and what else is wired to it."""

    controller: Annotated[
        str,
        TableKey(
            Text(shortest=1, longest=255), '"openevse", the name of a controller map, or the path of a file with one'
        ),
    ]
    bus: Annotated[str, TableKey(Text(shortest=1, longest=255), "the name of its bus; not for openevse")] = ""
    unit: Annotated[
        int | None, TableKey(Whole(minimum=1, maximum=255), "its address on the bus; default: the map's")
    ] = None
    number: Annotated[
        int, TableKey(Whole(minimum=1, maximum=48), "which of several controllers behind one address it is (CHARX)")
    ] = 1
    device: Annotated[
        str, TableKey(Text(shortest=1, longest=255), "openevse: its serial device, best under /dev/serial/by-id")
    ] = ""
    baudrate: Annotated[int, TableKey(Whole(minimum=1_200, maximum=230_400), "openevse")] = 115_200
    silent_ms: Annotated[
        int, TableKey(Whole(minimum=1_000, maximum=60_000), "a controller that says nothing for so long is Faulted")
    ] = 3_000
    failsafe_s: Annotated[
        int,
        TableKey(
            Whole(minimum=2, maximum=600),
            "after how long without hearing anything the controller falls to failsafe_a by itself",
        ),
    ] = 10
    failsafe_a: Annotated[
        int, TableKey(Whole(minimum=0, maximum=80), "0: nothing (an OpenEVSE takes 6 for it); else 6 or more")
    ] = 0
    meter: Annotated[
        MeterPlaceSection | None,
        TableKey(SubTable(section=MeterPlaceSection), "a meter of ours; without, the controller's own"),
    ] = None
    enable: Annotated[
        OutputLine | None, TableKey(Output(), "a pin in the controller's enable line: active while it may charge")
    ] = None
    mirror: Annotated[
        InputLine | None,
        TableKey(Input(active="low"), "the contactor's mirror contact: active while all main poles are open"),
    ] = None
    phase_rotation: Annotated[
        str, TableKey(OneOf(words=ROTATIONS), "how its phases are wired to its meter, for ConnectorPhaseRotation")
    ] = UNKNOWN_ROTATION


class EvseSection(Struct, frozen=True, kw_only=True):
    """`[board.wiring]` of a board of controllers."""

    pins: Annotated[str, TableKey(OneOf(words=FACTORIES), "who drives the pins, if there are any")] = "gpiod"
    reread_ms: Annotated[
        int, TableKey(Whole(minimum=10, maximum=10_000), "how often a contact is read again, against lost edges")
    ] = 250
    bus: Annotated[Mapping[str, BusSection], TableKey(NamedTables(section=BusSection), "the buses, by name")] = (
        MappingProxyType({})
    )
    connector: Annotated[
        Mapping[str, ControllerSection], TableKey(NamedTables(section=ControllerSection), "the connectors, by number")
    ] = MappingProxyType({})
    faults: Annotated[
        tuple[FaultSection, ...], TableKey(TableArray(section=FaultSection, longest=32), "contacts that trip")
    ] = ()
    readers: Annotated[
        tuple[ReaderSection, ...], TableKey(TableArray(section=ReaderSection, longest=16), "readers of id tags")
    ] = ()
    emergency_stop: Annotated[
        InputLine | None, TableKey(Input(active="high"), "active while pressed; suits a contact to ground that opens")
    ] = None
    mains: Annotated[InputLine | None, TableKey(Input(active="low", hold_ms=100), "active while mains is there")] = None
    tamper: Annotated[
        InputLine | None, TableKey(Input(active="high", hold_ms=100), "active while the enclosure is open")
    ] = None
    limit_contact: Annotated[
        InputLine | None,
        TableKey(
            Input(active="low", hold_ms=100),
            "active while the grid operator's contact is closed; without it, the input of a controller whose map has one",
        ),
    ] = None

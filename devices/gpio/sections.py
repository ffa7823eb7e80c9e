"""The tables of `[board.wiring]`: what a maker can say of the wiring, with what it means and what is taken if it is not said."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

from msgspec import Struct

from devices.gpio.values import Input, InputLine, Output, OutputLine, Pin
from devices.kinds import Flag, NamedTables, OneOf, Several, SubTable, TableArray, TableKey, Text, Whole

FACTORIES = ("gpiod", "lgpio")
_NO_PIGPIO = '"pigpio" is no longer offered (it never ran on a Pi 5, and Debian 13 has none): write pins = "gpiod"'
_NO_SOFTWARE_PWM = '"gpiozero" is no longer offered (only pigpio made its PWM in hardware): write output = "sysfs"'
CHIPS = ("MCP3004", "MCP3008", "MCP3204", "MCP3208")
ERROR_CODES = (
    "GroundFailure",
    "HighTemperature",
    "InternalError",
    "OtherError",
    "OverCurrentFailure",
    "OverVoltage",
    "PowerSwitchFailure",
    "UnderVoltage",
    "WeakSignal",
)
"""ChargePointErrorCode (7.6) that a contact can stand for; what other drivers report themselves is left out."""

UNKNOWN_ROTATION = "Unknown"
ROTATIONS = (UNKNOWN_ROTATION, "RST", "RTS", "SRT", "STR", "TRS", "TSR")
"""How the phases of a connector are wired to its meter (9.1.7)."""

_CHANNEL = Whole(minimum=0, maximum=7)


class AdcSection(Struct, frozen=True, kw_only=True):
    """An analogue to digital converter on SPI."""

    chip: Annotated[str, TableKey(OneOf(words=CHIPS), "its type; 30xx have 10 bits, 32xx have 12")] = "MCP3208"
    clock: Annotated[str, TableKey(Pin(), "SPI clock")] = "GPIO11"
    mosi: Annotated[str, TableKey(Pin(), "SPI data to the chip")] = "GPIO10"
    miso: Annotated[str, TableKey(Pin(), "SPI data from the chip")] = "GPIO9"
    select: Annotated[str, TableKey(Pin(), "SPI chip select; with these four pins the kernel's SPI is used")] = "GPIO8"
    reference_mv: Annotated[
        int, TableKey(Whole(minimum=1_000, maximum=5_500), "voltage at which it reads full scale")
    ] = 3_300


class BusSection(Struct, frozen=True, kw_only=True):
    """A bus with Modbus meters: a serial line or a TCP gateway."""

    kind: Annotated[str, TableKey(OneOf(words=("rtu", "tcp")), "RS-485 through a serial device, or TCP")]
    device: Annotated[
        str, TableKey(Text(shortest=1, longest=255), "rtu: the serial device, best under /dev/serial/by-id")
    ] = ""
    baudrate: Annotated[int, TableKey(Whole(minimum=1_200, maximum=230_400), "rtu")] = 9_600
    parity: Annotated[str, TableKey(OneOf(words=("N", "E", "O")), "rtu: none, even, odd")] = "N"
    stop_bits: Annotated[int, TableKey(Whole(minimum=1, maximum=2), "rtu")] = 1
    host: Annotated[str, TableKey(Text(shortest=1, longest=255), "tcp: name or address")] = ""
    port: Annotated[int, TableKey(Whole(minimum=1, maximum=65_535), "tcp")] = 502
    timeout_ms: Annotated[
        int, TableKey(Whole(minimum=20, maximum=10_000), "how long a request waits for its answer")
    ] = 500
    period_ms: Annotated[int, TableKey(Whole(minimum=100, maximum=60_000), "how often each meter is read")] = 1_000


class WatchdogSection(Struct, frozen=True, kw_only=True):
    """What cuts the outputs when the daemon hangs."""

    pin: Annotated[
        OutputLine | None, TableKey(Output(), "toggled at each feed; a retriggerable circuit holds the coil supply")
    ] = None
    device: Annotated[
        str, TableKey(Text(longest=255), "the kernel's watchdog, such as /dev/watchdog, which resets the board")
    ] = ""
    timeout_s: Annotated[
        int, TableKey(Whole(minimum=1, maximum=120), "the kernel's watchdog: reset after so long without a feed")
    ] = 15
    period_ms: Annotated[int, TableKey(Whole(minimum=50, maximum=30_000), "how often it is fed")] = 250


class FaultSection(Struct, frozen=True, kw_only=True):
    """A contact that trips: residual current device, door, temperature."""

    input: Annotated[
        InputLine, TableKey(Input(active="high"), "active: tripped; the default suits a contact to ground that opens")
    ]
    error_code: Annotated[str, TableKey(OneOf(words=ERROR_CODES), "ChargePointErrorCode (7.6) that it stands for")]
    connector: Annotated[
        int, TableKey(Whole(minimum=0, maximum=64), "the connector that it concerns; 0: the station")
    ] = 0
    info: Annotated[str, TableKey(Text(longest=50), "info of StatusNotification")] = ""
    vendor_error_code: Annotated[str, TableKey(Text(longest=50), "vendorErrorCode of StatusNotification")] = ""


class ReaderSection(Struct, frozen=True, kw_only=True):
    """A reader of id tags. What it reports are the bytes of the UID in hexadecimal, first byte first."""

    kind: Annotated[str, TableKey(OneOf(words=("wiegand", "serial", "keyboard", "pn532")), "how it is attached")]
    connector: Annotated[
        int, TableKey(Whole(minimum=0, maximum=64), "the connector that it serves; 0: the station")
    ] = 0
    data0: Annotated[InputLine | None, TableKey(Input(active="low", hold_ms=0), "wiegand: line D0")] = None
    data1: Annotated[InputLine | None, TableKey(Input(active="low", hold_ms=0), "wiegand: line D1")] = None
    device: Annotated[str, TableKey(Text(shortest=1, longest=255), "all but wiegand: the device, best by its id")] = ""
    baudrate: Annotated[
        int | None,
        TableKey(Whole(minimum=1_200, maximum=230_400), "serial, pn532; without it 9600 for serial, 115200 for pn532"),
    ] = None
    format: Annotated[
        str,
        TableKey(
            OneOf(words=("hex", "decimal", "rdm6300")),
            "serial, keyboard: hexadecimal or decimal text; rdm6300: its frames with a checksum",
        ),
    ] = "hex"
    uid_bytes: Annotated[
        int, TableKey(Whole(minimum=3, maximum=10), "decimal: how many bytes the number stands for")
    ] = 4
    reversed: Annotated[bool, TableKey(Flag(), "true if the reader sends the last byte first")] = False
    repeat_ms: Annotated[
        int, TableKey(Whole(minimum=0, maximum=60_000), "reads of one card less than this apart are one presentation")
    ] = 1_500


class PilotSection(Struct, frozen=True, kw_only=True):
    """The control pilot of a connector (IEC 61851-1, annex A): a driver to +-12 V, and a way to read its level."""

    output: Annotated[
        str,
        TableKey(
            OneOf(words=("sysfs",), retired={"gpiozero": _NO_SOFTWARE_PWM}),
            "who makes the PWM: the kernel's hardware channel",
        ),
    ] = "sysfs"
    pin: Annotated[str, TableKey(Pin(), "the pin that carries the PWM")]
    chip: Annotated[int, TableKey(Whole(minimum=0, maximum=31), "the n of /sys/class/pwm/pwmchipn")] = 0
    pwm_channel: Annotated[int, TableKey(Whole(minimum=0, maximum=31), "its channel")] = 0
    active: Annotated[str, TableKey(OneOf(words=("high", "low")), "the level of the pin that drives +12 V")] = "high"
    sense: Annotated[
        str,
        TableKey(
            OneOf(words=("peak", "extremes", "comparators")),
            "how the level is read: by ADC behind a peak-hold, by the extremes of fast conversions, or by comparator lines",
        ),
    ] = "peak"
    adc: Annotated[str, TableKey(Text(shortest=1, longest=255), "peak, extremes: the name of the ADC")] = ""
    channel: Annotated[int, TableKey(_CHANNEL, "peak, extremes: channel of the (positive) level")] = 0
    low_channel: Annotated[
        int | None, TableKey(_CHANNEL, "peak: channel of the negative peak, for the diode check")
    ] = None
    zero_mv: Annotated[
        int, TableKey(Whole(minimum=-50_000, maximum=50_000), "the pilot's level when the ADC reads 0")
    ] = -15_000
    full_mv: Annotated[
        int, TableKey(Whole(minimum=-50_000, maximum=50_000), "the pilot's level when the ADC reads full scale")
    ] = 15_000
    above_10500_mv: Annotated[
        InputLine | None, TableKey(Input(active="high", pull="none"), "comparators: level above 10.5 V")
    ] = None
    above_7500_mv: Annotated[
        InputLine | None, TableKey(Input(active="high", pull="none"), "comparators: level above 7.5 V")
    ] = None
    above_4500_mv: Annotated[
        InputLine | None, TableKey(Input(active="high", pull="none"), "comparators: level above 4.5 V")
    ] = None
    above_1500_mv: Annotated[
        InputLine | None, TableKey(Input(active="high", pull="none"), "comparators: level above 1.5 V")
    ] = None
    below_minus_10500_mv: Annotated[
        InputLine | None,
        TableKey(Input(active="high", pull="none"), "comparators: negative level below -10.5 V, for the diode check"),
    ] = None
    period_ms: Annotated[
        int, TableKey(Whole(minimum=5, maximum=1_000), "how often the level is read while a current is offered")
    ] = 25
    idle_period_ms: Annotated[int, TableKey(Whole(minimum=5, maximum=400), "how often it is read otherwise")] = 250
    hold_ms: Annotated[
        int, TableKey(Whole(minimum=0, maximum=1_000), "how long a new state must last before it counts")
    ] = 20


class ProximitySection(Struct, frozen=True, kw_only=True):
    """The proximity contact of a socket (IEC 61851-1, annex B)."""

    kind: Annotated[
        str, TableKey(OneOf(words=("adc", "contact")), "the resistor through an ADC, or a contact that a plug closes")
    ] = "adc"
    adc: Annotated[str, TableKey(Text(shortest=1, longest=255), "adc: the name of the ADC")] = ""
    channel: Annotated[int, TableKey(_CHANNEL, "adc: its channel")] = 1
    pull_up_ohm: Annotated[
        int, TableKey(Whole(minimum=100, maximum=100_000), "adc: from the contact to the ADC's reference")
    ] = 1_000
    contact: Annotated[InputLine | None, TableKey(Input(active="low"), "contact: active when a plug is in")] = None
    cable_rating_a: Annotated[
        int, TableKey(Whole(minimum=6, maximum=80), "contact: the rating that every cable is taken to have")
    ] = 13
    period_ms: Annotated[int, TableKey(Whole(minimum=5, maximum=2_000), "adc: how often it is read")] = 250
    hold_ms: Annotated[
        int, TableKey(Whole(minimum=0, maximum=2_000), "how long a new value must last before it counts")
    ] = 50


class ContactorSection(Struct, frozen=True, kw_only=True):
    """The contactor of a connector."""

    coil: Annotated[OutputLine, TableKey(Output(), "energizes the coil")]
    mirror: Annotated[
        InputLine | None,
        TableKey(Input(active="low"), "the mirror contact (normally closed): active while all main poles are open"),
    ] = None
    phase_enables: Annotated[
        tuple[OutputLine, ...],
        TableKey(
            Several(kind=Output(), longest=3),
            "where phases are switched: three for L1, L2, L3; two for L2 and L3; one for L2 and L3 together",
        ),
    ] = ()
    close_ms: Annotated[int, TableKey(Whole(minimum=10, maximum=2_000), "longest time from the command to closed")] = (
        150
    )
    open_ms: Annotated[int, TableKey(Whole(minimum=10, maximum=2_000), "longest time from the command to open")] = 150
    phase_pause_ms: Annotated[
        int, TableKey(Whole(minimum=0, maximum=60_000), "open so long before other phases are enabled")
    ] = 1_000


class LockSection(Struct, frozen=True, kw_only=True):
    """The lock of a socket: a motor with two directions."""

    lock: Annotated[OutputLine, TableKey(Output(), "drives towards locked")]
    unlock: Annotated[OutputLine, TableKey(Output(), "drives towards unlocked")]
    locked: Annotated[InputLine | None, TableKey(Input(active="low"), "feedback: active while locked")] = None
    drive_ms: Annotated[int, TableKey(Whole(minimum=50, maximum=5_000), "how long the motor is driven at most")] = 600
    attempts: Annotated[int, TableKey(Whole(minimum=1, maximum=10), "drives before it counts as jammed")] = 3
    pause_ms: Annotated[int, TableKey(Whole(minimum=0, maximum=5_000), "between two attempts")] = 400


class IndicatorSection(Struct, frozen=True, kw_only=True):
    """The lamp of a connector: red, green and blue."""

    red: Annotated[OutputLine, TableKey(Output(), "")]
    green: Annotated[OutputLine, TableKey(Output(), "")]
    blue: Annotated[OutputLine, TableKey(Output(), "")]
    dimmable: Annotated[
        bool, TableKey(Flag(), "true: by PWM, for LightIntensity and mixed colours; false: on and off")
    ] = True


class MeterSection(Struct, frozen=True, kw_only=True):
    """The energy meter of a connector."""

    kind: Annotated[str, TableKey(OneOf(words=("modbus", "s0")), "registers on a bus, or pulses")]
    bus: Annotated[str, TableKey(Text(shortest=1, longest=255), "modbus: the name of the bus")] = ""
    unit: Annotated[int, TableKey(Whole(minimum=1, maximum=247), "modbus: the meter's address")] = 1
    map: Annotated[
        str,
        TableKey(Text(shortest=1, longest=255), "modbus: the name of a register map, or the path of a file with one"),
    ] = ""
    stale_ms: Annotated[
        int, TableKey(Whole(minimum=500, maximum=60_000), "modbus: a reading older than this is none")
    ] = 5_000
    pulse: Annotated[InputLine | None, TableKey(Input(active="low", hold_ms=0), "s0: active during a pulse")] = None
    pulses_per_kwh: Annotated[int, TableKey(Whole(minimum=1, maximum=100_000), "s0: the meter's constant")] = 1_000
    pulse_ms: Annotated[
        int, TableKey(Whole(minimum=0, maximum=1_000), "s0: pulses that follow sooner than this are one")
    ] = 30


class TemperatureSection(Struct, frozen=True, kw_only=True):
    """A thermistor (NTC) at the connector, between a channel of an ADC and ground."""

    adc: Annotated[str, TableKey(Text(shortest=1, longest=255), "the name of the ADC")]
    channel: Annotated[int, TableKey(_CHANNEL, "its channel")]
    pull_up_ohm: Annotated[
        int, TableKey(Whole(minimum=100, maximum=1_000_000), "from the channel to the ADC's reference")
    ] = 10_000
    ohm_at_25: Annotated[
        int, TableKey(Whole(minimum=100, maximum=1_000_000), "its resistance at 25 degrees Celsius")
    ] = 10_000
    beta: Annotated[int, TableKey(Whole(minimum=1_000, maximum=10_000), "its constant B, in kelvin")] = 3_950
    period_ms: Annotated[int, TableKey(Whole(minimum=100, maximum=10_000), "how often it is read")] = 1_000


class ResidualMonitorSection(Struct, frozen=True, kw_only=True):
    """A residual current monitor that can be tested: tried before each session."""

    test: Annotated[OutputLine, TableKey(Output(), "its test input: active makes it trip")]
    trip: Annotated[
        InputLine,
        TableKey(Input(active="high"), "its contact: active while tripped; the default suits one to ground that opens"),
    ]
    trip_ms: Annotated[int, TableKey(Whole(minimum=20, maximum=10_000), "how soon it must trip in a test")] = 1_000
    clear_ms: Annotated[int, TableKey(Whole(minimum=20, maximum=30_000), "how soon it must clear behind a test")] = (
        3_000
    )


class ConnectorSection(Struct, frozen=True, kw_only=True):
    """What one connector is made of."""

    pilot: Annotated[PilotSection, TableKey(SubTable(section=PilotSection), "control pilot")]
    contactor: Annotated[ContactorSection, TableKey(SubTable(section=ContactorSection), "contactor")]
    meter: Annotated[MeterSection, TableKey(SubTable(section=MeterSection), "energy meter")]
    proximity: Annotated[
        ProximitySection | None, TableKey(SubTable(section=ProximitySection), "a socket's proximity contact")
    ] = None
    lock: Annotated[LockSection | None, TableKey(SubTable(section=LockSection), "a socket's lock")] = None
    indicator: Annotated[IndicatorSection | None, TableKey(SubTable(section=IndicatorSection), "lamp")] = None
    temperature: Annotated[
        TemperatureSection | None, TableKey(SubTable(section=TemperatureSection), "a thermistor")
    ] = None
    residual_monitor: Annotated[
        ResidualMonitorSection | None,
        TableKey(SubTable(section=ResidualMonitorSection), "a residual current monitor with a test input"),
    ] = None
    phase_rotation: Annotated[
        str, TableKey(OneOf(words=ROTATIONS), "how its phases are wired to its meter, for ConnectorPhaseRotation")
    ] = UNKNOWN_ROTATION


class WiringSection(Struct, frozen=True, kw_only=True):
    """`[board.wiring]` itself."""

    pins: Annotated[
        str,
        TableKey(
            OneOf(words=FACTORIES, retired={"pigpio": _NO_PIGPIO}),
            "who drives the pins: the kernel's own interface, or lgpio where it can be installed",
        ),
    ] = "gpiod"
    reread_ms: Annotated[
        int,
        TableKey(
            Whole(minimum=10, maximum=10_000),
            "how often an input is read again while nothing happens, against lost edges",
        ),
    ] = 250
    adc: Annotated[Mapping[str, AdcSection], TableKey(NamedTables(section=AdcSection), "the ADCs, by name")] = (
        MappingProxyType({})
    )
    bus: Annotated[Mapping[str, BusSection], TableKey(NamedTables(section=BusSection), "the meter buses, by name")] = (
        MappingProxyType({})
    )
    connector: Annotated[
        Mapping[str, ConnectorSection], TableKey(NamedTables(section=ConnectorSection), "the connectors, by number")
    ] = MappingProxyType({})
    faults: Annotated[
        tuple[FaultSection, ...], TableKey(TableArray(section=FaultSection, longest=32), "contacts that trip")
    ] = ()
    readers: Annotated[
        tuple[ReaderSection, ...], TableKey(TableArray(section=ReaderSection, longest=16), "readers of id tags")
    ] = ()
    emergency_stop: Annotated[
        InputLine | None,
        TableKey(Input(active="high"), "active while pressed; the default suits a contact to ground that opens"),
    ] = None
    mains: Annotated[InputLine | None, TableKey(Input(active="low", hold_ms=100), "active while mains is there")] = None
    tamper: Annotated[
        InputLine | None,
        TableKey(
            Input(active="high", hold_ms=100),
            "active while the enclosure is open; the default suits a contact to ground",
        ),
    ] = None
    limit_contact: Annotated[
        InputLine | None,
        TableKey(
            Input(active="low", hold_ms=100),
            "active while the grid operator's contact is closed; the default suits a contact to ground. `[limits.contact]` says which "
            "position limits",
        ),
    ] = None
    watchdog: Annotated[
        WatchdogSection | None,
        TableKey(SubTable(section=WatchdogSection), "what cuts the outputs when the daemon hangs"),
    ] = None

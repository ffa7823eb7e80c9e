"""The kinds of board: the one table of what differs between them. Nobody else compares a kind's name.

What a kind does with the settings (making the board, judging it, showing its wiring) stands in the module that its entry names,
which `station.boards.module_of` imports: a station imports that of its own kind and no other.
"""

from eventstore.value import Value


class BoardKind(Value, frozen=True, kw_only=True):
    """One kind of board. `name` is the word of `[board] kind`, `doc` what it is in words, `module` the module of `station.boards`.

    `simulated`: nothing about it is real, so the bench controls may move it and files may come from this machine itself.
    `trusts_clock`: a synchronised system clock is the board's clock. `keeps_power`: a process that ends while the kernel runs on
    has not lost the connectors' power.
    """

    name: str
    doc: str
    module: str
    simulated: bool
    trusts_clock: bool
    keeps_power: bool


BENCH = BoardKind(
    name="bench",
    doc="a simulated board and vehicles",
    module="bench",
    simulated=True,
    trusts_clock=False,  # a bench's calendar clock is a simulated one: a bench control says what it is
    keeps_power=False,  # a bench that is killed has lost its power
)
GPIO = BoardKind(name="gpio", doc="real pins", module="gpio", simulated=False, trusts_clock=True, keeps_power=True)
EVSE = BoardKind(
    name="evse",
    doc="charging controllers on Modbus or a serial line",
    module="evse",
    simulated=False,
    trusts_clock=True,
    keeps_power=True,
)

KINDS = (BENCH, GPIO, EVSE)


def kind_named(name: str) -> BoardKind:
    """The kind of that name. Raises KeyError for none; the settings take only names that are here."""
    return {kind.name: kind for kind in KINDS}[name]

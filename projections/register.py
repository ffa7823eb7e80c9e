"""What is believed of the register of one energy meter. Pure: the same readings give the same belief.

The one place that judges registers, whatever the meter is and however it is read; drivers only refuse what no meter of the wiring
can say. A register may rise by what the wiring can carry in the time, by a quarter more, and by what it carries in 30 s more (a
quarter of an hour at the first reading of a process), and by one step of the meter's resolution. That allowance is one bucket that
refills with time: many small jumps are no better than a large one.

What rises by more, or falls, is in doubt. A doubt ends in one of three ways:

    the register goes on from where it was believed      nothing happened
    it rises on, reading by reading, from where it is    the meter was reset or exchanged: an offset (`MeterResetFound`)
    it goes on from where an offset was made             the offset is taken back (`MeterRegisterReturned`)

Until then the believed register stands, and nothing that was not proven is counted. Two falls are none: one that undoes the rise
before it, and a small one of a register that keeps what it had; there the believed register waits until it is reached again. A
register that was never reported, with nobody charging, is taken as it is. All energy is in Wh, all times are station time.
"""

from eventstore.value import Value, replace

MARGIN_PERCENT = 125
"""More than is rated may flow: a generous grid, a coarse fuse."""
SLACK_MS = 30_000
BOOT_SLACK_MS = 900_000
"""Over a restart so much time may have passed that the log knows nothing of."""
CONFIRMATIONS = 3
"""So many rises in a row make a register that fell or jumped believed."""
JITTER_WH = 100
STEPS_WH = (1_000, 100, 10, 1)
FORMER_MS = 86_400_000
STILL_WH = 1_000
MICROJOULE_PER_WH = 3_600_000_000
_MILLIWATT_MS_PER_WATT_MS = 1_000


class Doubt(Value, frozen=True, kw_only=True):
    """A register that does not go on from where it was: the first and last reading of it as the meter gave them, since
    when, and how often it rose. `returned`: it goes on from where the last offset was made."""

    first_wh: int
    last_wh: int
    since_ms: int
    last_ms: int
    rises: int = 0
    returned: bool = False


class Former(Value, frozen=True, kw_only=True):
    """The register before the last offset: its own offset, where it was believed to be, and when."""

    offset_wh: int
    believed_wh: int
    at_ms: int


class Register(Value, frozen=True, kw_only=True):
    """`believed_wh` is what is reported: the meter's own register and `offset_wh`, as of `at_ms`; None before the first
    reading.

    `raw_wh` is the last reading as the meter gave it. `before_wh` is what was believed before the last rise. `spent_uj` is what of the
    allowance is used, in microjoules. `step_wh` is the meter's resolution as far as it is known. `still_uj` is the energy that by the
    meter's own power flowed since the register rose. `unread` holds until this process has read the meter, `told` once the register
    stood in a message to the CSMS. `noted_ms` is when a doubt was last put on record; `stuck`, that standing still was.
    """

    raw_wh: int | None = None
    believed_wh: int | None = None
    offset_wh: int = 0
    at_ms: int = 0
    before_wh: int | None = None
    spent_uj: int = 0
    step_wh: int = STEPS_WH[0]
    still_uj: int = 0
    unread: bool = False
    told: bool = False
    doubt: Doubt | None = None
    former: Former | None = None
    noted_ms: int | None = None
    stuck: bool = False


def _allowance_uj(max_power_mw: int, duration_ms: int) -> int:
    return max_power_mw * MARGIN_PERCENT * duration_ms // 100


def _step_wh(known_wh: int, *readings_wh: int) -> int:
    """The coarsest step that the one known so far and these readings are multiples of."""
    if known_wh == 1:
        return 1
    steps = (step for step in STEPS_WH if step <= known_wh and all(wh % step == 0 for wh in readings_wh))
    return next(steps, 1)


def read(
    register: Register, raw_wh: int, at_ms: int, *, max_power_mw: int, power_w: int | None = None, idle: bool = False
) -> Register:
    """The register after a reading of `raw_wh`. `max_power_mw` is what the wiring is rated for.

    `power_w` is what the meter said of the power at the reading before; `idle`: no transaction runs on the connector.
    """
    step_wh = _step_wh(register.step_wh, raw_wh)
    register = replace(register, raw_wh=raw_wh, step_wh=step_wh)
    told_wh = raw_wh + register.offset_wh
    if register.believed_wh is None or (idle and not register.told):
        return replace(register, believed_wh=told_wh, at_ms=at_ms, unread=False, doubt=None)
    rise_wh = told_wh - register.believed_wh
    if rise_wh >= 0:
        return _risen(register, rise_wh, at_ms, max_power_mw, power_w) or _doubted(register, at_ms, max_power_mw)
    elapsed_ms = max(0, at_ms - register.at_ms)
    doubt = register.doubt
    if doubt is not None and _follows(doubt, raw_wh, at_ms, max_power_mw, step_wh):
        return _doubted(register, at_ms, max_power_mw)
    if is_step_back(register, -rise_wh, _allowance_uj(max_power_mw, elapsed_ms)):
        spent_uj = max(0, register.spent_uj - _allowance_uj(max_power_mw, elapsed_ms))
        return replace(register, at_ms=at_ms, spent_uj=spent_uj, unread=False, doubt=None)
    return _doubted(register, at_ms, max_power_mw)


def _risen(register: Register, rise_wh: int, at_ms: int, max_power_mw: int, power_w: int | None) -> Register | None:
    """The register that has risen, or stands; None if it rose by more than can be."""
    assert register.believed_wh is not None, "asked of a register that was read"
    elapsed_ms = max(0, at_ms - register.at_ms)
    spent_uj = register.spent_uj + rise_wh * MICROJOULE_PER_WH - _allowance_uj(max_power_mw, elapsed_ms)
    slack_uj = _allowance_uj(max_power_mw, BOOT_SLACK_MS if register.unread else SLACK_MS)
    if rise_wh and spent_uj > slack_uj + register.step_wh * MICROJOULE_PER_WH:
        return None
    spent_uj = 0 if register.unread else max(0, spent_uj)
    if rise_wh == 0:
        still_uj = _still_uj(register, at_ms, power_w)
        return replace(register, at_ms=at_ms, spent_uj=spent_uj, unread=False, doubt=None, still_uj=still_uj)
    return replace(
        register,
        believed_wh=register.believed_wh + rise_wh,
        at_ms=at_ms,
        before_wh=register.believed_wh,
        spent_uj=spent_uj,
        still_uj=0,
        unread=False,
        doubt=None,
        stuck=False,
    )


def is_step_back(register: Register, fall_wh: int, allowance_uj: int) -> bool:
    """Whether a fall undoes the last rise, or is that of a meter that is not exact: none of a register that began anew.

    `allowance_uj` is what may have been counted since the last reading: a register that shows no more may have begun anew.
    """
    assert register.raw_wh is not None, "asked of a register that was read"
    assert register.believed_wh is not None, "asked of a register that was read"
    if register.raw_wh * MICROJOULE_PER_WH <= allowance_uj:
        return False
    if fall_wh <= max(JITTER_WH, register.step_wh):
        return True
    return register.before_wh is not None and register.believed_wh - fall_wh >= register.before_wh


def _doubted(register: Register, at_ms: int, max_power_mw: int) -> Register:
    raw_wh = register.raw_wh
    assert raw_wh is not None, "asked of a register that was read"
    fresh = Doubt(first_wh=raw_wh, last_wh=raw_wh, since_ms=at_ms, last_ms=at_ms)
    if _is_back(register, raw_wh, at_ms, max_power_mw):
        return replace(register, unread=False, doubt=replace(fresh, returned=True))
    doubt = register.doubt
    if doubt is None or not _follows(doubt, raw_wh, at_ms, max_power_mw, register.step_wh):
        return replace(register, unread=False, doubt=fresh)
    rises = doubt.rises + (raw_wh > doubt.last_wh)
    return replace(register, unread=False, doubt=replace(doubt, last_wh=raw_wh, last_ms=at_ms, rises=rises))


def _follows(doubt: Doubt, raw_wh: int, at_ms: int, max_power_mw: int, step_wh: int) -> bool:
    rise_uj = (raw_wh - doubt.first_wh) * MICROJOULE_PER_WH
    allowance_uj = _allowance_uj(max_power_mw, max(0, at_ms - doubt.since_ms) + SLACK_MS)
    return not doubt.returned and raw_wh >= doubt.last_wh and rise_uj <= allowance_uj + step_wh * MICROJOULE_PER_WH


def _is_back(register: Register, raw_wh: int, at_ms: int, max_power_mw: int) -> bool:
    former = register.former
    if former is None or at_ms - former.at_ms > FORMER_MS:
        return False
    rise_wh = raw_wh + former.offset_wh - former.believed_wh
    allowance_uj = _allowance_uj(max_power_mw, max(0, at_ms - former.at_ms) + SLACK_MS)
    return 0 <= rise_wh * MICROJOULE_PER_WH <= allowance_uj + register.step_wh * MICROJOULE_PER_WH


def _still_uj(register: Register, at_ms: int, power_w: int | None) -> int:
    flowed_uj = max(0, power_w or 0) * _MILLIWATT_MS_PER_WATT_MS * max(0, at_ms - register.at_ms)
    return register.still_uj + flowed_uj


def confirmed_offset_wh(register: Register) -> int | None:
    """The offset of a meter that has proven to be reset or exchanged: the believed register goes on from its first reading."""
    doubt = register.doubt
    if doubt is None or register.believed_wh is None or doubt.rises < CONFIRMATIONS:
        return None
    return register.believed_wh - doubt.first_wh


def stands_still(register: Register) -> bool:
    """Whether the meter tells of power while its register does not rise: one kWh and two steps of it are missing."""
    return register.still_uj >= (STILL_WH + 2 * register.step_wh) * MICROJOULE_PER_WH


def moved(register: Register, offset_wh: int, *, max_power_mw: int) -> Register:
    """The register with another offset, from its last reading on: the meter was reset or exchanged."""
    if register.raw_wh is None or register.believed_wh is None:
        return replace(register, offset_wh=offset_wh)
    doubt, former, first_wh = register.doubt, None, register.raw_wh
    if doubt is not None:
        former = Former(offset_wh=register.offset_wh, believed_wh=register.believed_wh, at_ms=register.at_ms)
        first_wh = doubt.first_wh
    at_ms = register.at_ms if doubt is None else doubt.last_ms
    counted_uj = max(0, register.raw_wh + offset_wh - register.believed_wh) * MICROJOULE_PER_WH
    return replace(
        register,
        believed_wh=register.raw_wh + offset_wh,
        offset_wh=offset_wh,
        at_ms=at_ms,
        before_wh=None,
        spent_uj=max(0, register.spent_uj + counted_uj - _allowance_uj(max_power_mw, at_ms - register.at_ms)),
        step_wh=_step_wh(STEPS_WH[0], first_wh, register.raw_wh),
        still_uj=0,
        stuck=False,
        doubt=None,
        former=former,
    )


def taken_back(register: Register, offset_wh: int, *, max_power_mw: int) -> Register:
    """The register with the offset that it had: the old one came back. What was reported meanwhile never falls."""
    before_wh = register.believed_wh
    back = replace(moved(register, offset_wh, max_power_mw=max_power_mw), former=None)
    if before_wh is None or back.believed_wh is None:
        return back
    return replace(back, believed_wh=max(before_wh, back.believed_wh))


def begun(register: Register) -> Register:
    """The register as a new process finds it: it was not read, and may be another meter's."""
    return replace(register, unread=True, spent_uj=0)


def still_so(register: Register, at_ms: int, power_w: int | None = None) -> Register:
    """The register after a look at the meter that found it unchanged, which is not on record as a reading."""
    if register.believed_wh is None or register.doubt is not None or at_ms < register.at_ms:
        return register
    return replace(register, at_ms=at_ms, unread=False, still_uj=_still_uj(register, at_ms, power_w))


def told(register: Register, register_wh: int) -> Register:
    """The register after it was reported: a larger one that was, by a version that believed more, is what it is."""
    if register.told and (register.believed_wh is None or register_wh <= register.believed_wh):
        return register
    if register.believed_wh is None or register_wh <= register.believed_wh:
        return replace(register, told=True)
    return replace(register, told=True, believed_wh=register_wh, doubt=None)


def at_an_end(register: Register) -> Register:
    """The register where a transaction ends: what is in doubt by then was not proven, and is not the next one's."""
    doubt = register.doubt
    return register if doubt is None else replace(register, doubt=replace(doubt, first_wh=doubt.last_wh))


def at_a_start(register: Register, at_ms: int) -> Register:
    """The register where a transaction starts: what may have flowed until then is none of its energy."""
    former = register.former
    if former is not None:
        former = replace(former, at_ms=max(former.at_ms, at_ms))
    return replace(at_an_end(register), at_ms=max(register.at_ms, at_ms), former=former)

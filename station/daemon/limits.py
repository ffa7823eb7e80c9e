"""What the settings say of limits from outside, as the log has it."""

from eventstore.catalogue.limits import LimitsDescribed
from station.settings.loading import Settings


def describe_limits(settings: Settings) -> LimitsDescribed:
    """The `[limits]` tables in integers; a percentage is one of what all connectors may draw together per phase."""
    limits, board = settings.limits, settings.board
    contact = limits.contact
    supply_ma = 1000 * (board.supply_current_a or board.max_current_a * settings.station.connectors)
    by_percent = contact.max_percent > 0
    return LimitsDescribed(
        api_failsafe_current_ma=_ma(limits.api.failsafe_current_a),
        contact_dims_when=contact.dims_when,
        contact_max_current_ma=supply_ma * contact.max_percent // 100 if by_percent and contact.dims_when else None,
        contact_max_power_w=None if by_percent or not contact.dims_when else contact.max_power_w,
        silence_after_ms=limits.csms_silence.after_s * 1000,
        silence_current_ma=_ma(limits.csms_silence.current_a),
        silence_suspends_tx_profiles=limits.csms_silence.tx_profiles == "suspend",
        min_pause_ms=int(limits.min_pause_s * 1000),
        random_delay_max_ms=int(limits.random_delay_max_s * 1000),
        site_fuse_ma=_ma(limits.site_meter.fuse_a),
        site_margin_ma=_ma(limits.site_meter.margin_a),
        site_failsafe_current_ma=_ma(limits.site_meter.failsafe_current_a),
        site_phases=limits.site_meter.phases[: board.phases],
    )


def _ma(current_a: float) -> int:
    """Fractions of a milliampere are cut off: a limit is never rounded up."""
    return int(current_a * 1000)

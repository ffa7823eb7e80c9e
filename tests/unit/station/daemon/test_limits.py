"""The `[limits]` tables as the log has them."""

from eventstore.catalogue.limits import LimitsDescribed
from station.daemon.limits import describe_limits
from station.settings.loading import parse_settings

REQUIRED = '[station]\nidentity = "CB-0001"\nconnectors = 2\n[csms]\nurl = "ws://127.0.0.1:9000/ocpp"\n'


def described(text: str = "") -> LimitsDescribed:
    return describe_limits(parse_settings(REQUIRED + text, "test.toml"))


def test_the_defaults_are_those_of_a_log_that_says_nothing() -> None:
    assert described() == LimitsDescribed()


def test_amperes_become_milliamperes_and_seconds_milliseconds_cut_off() -> None:
    found = described(
        "[limits]\nmin_pause_s = 1.5\n[limits.api]\nfailsafe_current_a = 6.0009\n"
        '[limits.csms_silence]\nafter_s = 30\ncurrent_a = 10\ntx_profiles = "suspend"\n'
    )
    assert (found.min_pause_ms, found.api_failsafe_current_ma) == (1_500, 6_000)
    assert (found.silence_after_ms, found.silence_current_ma, found.silence_suspends_tx_profiles) == (
        30_000,
        10_000,
        True,
    )


def test_a_contact_limits_to_watts_or_to_a_part_of_the_most() -> None:
    watts = described('[limits.contact]\ndims_when = "open"\n')
    assert (watts.contact_max_power_w, watts.contact_max_current_ma) == (4_200, None)
    percent = described('[limits.contact]\ndims_when = "open"\nmax_percent = 30\n')
    assert (percent.contact_max_power_w, percent.contact_max_current_ma) == (None, 19_200)
    supplied = described('[board]\nsupply_current_a = 40\n[limits.contact]\ndims_when = "open"\nmax_percent = 30\n')
    assert supplied.contact_max_current_ma == 12_000

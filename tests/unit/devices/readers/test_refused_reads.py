"""What a reader gives that is no card: the count, and the folded lines."""

import pytest

from devices.readers.refused_reads import TELL_MS, RefusedReads


def test_noise_fills_no_log_and_nothing_of_it_goes_uncounted(caplog: pytest.LogCaptureFixture) -> None:
    now = [0]
    refused = RefusedReads("x", lambda: now[0])
    for at_ms in (0, 1, TELL_MS - 1, TELL_MS, TELL_MS + 1, 2 * TELL_MS):
        now[0] = at_ms
        refused.refuse("noise")
    assert refused.count == 6
    assert caplog.messages == [
        "reader x: no card: noise",
        "reader x: no card: noise (2 more since this was said last)",
        "reader x: no card: noise (1 more since this was said last)",
    ]

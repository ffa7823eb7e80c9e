"""The kinds of values of a settings file."""

import pytest

from station.settings.kinds import check_origin


@pytest.mark.parametrize(
    "text",
    ["*", "null", "localhost:3000", "http://", "http://localhost/", "http://localhost:0", "http://localhost:99999"]
    + [
        "HTTP://localhost",
        "http://u@localhost",
        "http://localhost?x",
        "ws://localhost",
        "http://lo calhost",
        "http://[",
    ],
)
def test_what_no_browser_sends_as_origin_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="must be an origin"):
        check_origin(text)

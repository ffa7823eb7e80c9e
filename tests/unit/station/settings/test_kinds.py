"""The kinds of values of a settings file."""

import pytest

from station.settings.kinds import Text, Texts, check_origin


def test_an_array_of_texts_is_read_entry_by_entry() -> None:
    kind = Texts(each=Text(shortest=1, longest=30, check=check_origin), most=2)
    assert kind.read([]) == ()
    assert kind.read(["http://localhost:3000", "https://ops.example"]) == (
        "http://localhost:3000",
        "https://ops.example",
    )
    assert kind.describe() == "array of texts"
    for value, problem in (
        ("http://localhost:3000", "must be an array of texts, not the text"),
        (["http://a", "http://b", "http://c"], "must have at most 2 entries, not 3"),
        (["http://a", 7], "entry 2 must be text, not the number 7"),
    ):
        with pytest.raises(ValueError, match=problem):
            kind.read(value)


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

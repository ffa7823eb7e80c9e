"""The page of a person at a station: what is said there, and what is pressed."""

import asyncio
import json
import socket
import urllib.error
import urllib.request
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from station.certify.prompt_page import PAGE, SHOWN_MAX, PromptPage


@pytest_asyncio.fixture
async def page() -> AsyncIterator[PromptPage]:
    opened = PromptPage("127.0.0.1", 0)
    opened.begin()
    yield opened
    opened.end()


def fetched(url: str, body: bytes | None = None) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, data=body, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


async def ask(page: PromptPage, path: str = "", body: bytes | None = None) -> tuple[int, str]:
    return await asyncio.to_thread(fetched, page.url + path, body)


@pytest.mark.asyncio
async def test_what_is_said_is_shown_and_the_last_instruction_stands_out(page: PromptPage) -> None:
    assert await ask(page) == (200, PAGE)
    page.say("\a>>> Plug the cable in  (120 s)")
    page.say("    the station does not see it yet")
    first = json.loads((await ask(page, "told?after=0"))[1])
    assert first == {
        "told": [">>> Plug the cable in  (120 s)", "    the station does not see it yet"],
        "last": 2,
        "now": "Plug the cable in",
    }
    page.say(">>> Take it out")
    assert json.loads((await ask(page, "told?after=2"))[1]) == {
        "told": [">>> Take it out"],
        "last": 3,
        "now": "Take it out",
    }


@pytest.mark.asyncio
async def test_a_button_is_a_line_that_was_typed(page: PromptPage) -> None:
    assert await page.line(0) is None
    assert await ask(page, "typed", b"n") == (204, "")
    assert await page.line(60) == "n"
    assert await ask(page, "typed", b"") == (204, "")
    assert await page.line(60) == ""


@pytest.mark.asyncio
async def test_what_was_pressed_before_is_no_answer_to_what_is_said_next(page: PromptPage) -> None:
    await ask(page, "typed", b"n")
    await ask(page)  # the loop has taken the line
    page.forget()
    assert await page.line(0) is None


@pytest.mark.asyncio
async def test_nothing_is_there_without_the_address_and_nothing_else_can_be_typed(page: PromptPage) -> None:
    root = page.url.rpartition("/")[0].rpartition("/")[0]
    for url in (f"{root}/", f"{root}/guess/", f"{root}/guess/told", f"{page.url}other"):
        assert (await asyncio.to_thread(fetched, url))[0] == 404
    assert (await asyncio.to_thread(fetched, f"{root}/guess/typed", b"n"))[0] == 404
    assert (await ask(page, "typed", b"rm -rf"))[0] == 404
    assert (await ask(page, "typed", b"n" * 5_000))[0] == 404
    assert await page.line(0) is None


@pytest.mark.asyncio
async def test_much_that_was_said_is_kept_up_to_a_bound(page: PromptPage) -> None:
    for number in range(SHOWN_MAX + 10):
        page.say(str(number))
    found = json.loads((await ask(page, "told?after=nonsense"))[1])
    assert (len(found["told"]), found["told"][-1], found["last"]) == (SHOWN_MAX, str(SHOWN_MAX + 9), SHOWN_MAX + 10)


@pytest.mark.asyncio
async def test_an_address_that_is_taken_is_an_error_and_one_that_was_given_up_is_free(page: PromptPage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        PromptPage("127.0.0.1", taken.getsockname()[1])
    other = PromptPage("127.0.0.1", 0)
    other.end()  # it never began

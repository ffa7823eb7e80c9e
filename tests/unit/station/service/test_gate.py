"""The gate: who is refused hears it in JSON, many refusals are one line, and guessing is slow."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from station.service import attempts
from station.service.access import Tokens
from station.service.attempts import FREE, HELD_MAX
from station.service.gate import Gate

TOKEN = b"s3cret"
RIGHT, WRONG = {"authorization": "Bearer s3cret"}, {"authorization": "Bearer guess"}


async def inside(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("inside")(scope, receive, send)


def client(gate: ASGIApp, host: str = "192.0.2.7") -> httpx2.AsyncClient:
    """Somebody at this address."""
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(gate, client=(host, 1)), base_url="http://127.0.0.1:8887")


@pytest_asyncio.fixture
async def held(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[asyncio.Event]:
    """Answers are held back until the test lets them go."""
    let_go = asyncio.Event()

    async def hold(seconds: float) -> None:
        assert seconds == attempts.HELD_S
        await let_go.wait()

    monkeypatch.setattr(asyncio, "sleep", hold)
    yield let_go
    let_go.set()


async def turns() -> None:
    """Whatever can go on goes on."""
    done = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.02, done.set_result, None)
    await done


@pytest.mark.asyncio
async def test_wrong_tokens_are_one_line_that_does_not_repeat_them(caplog: pytest.LogCaptureFixture) -> None:
    async with client(Gate(inside, Tokens(acting=TOKEN))) as http:
        for _ in range(FREE):
            response = await http.get("/", headers=WRONG)
            assert (response.status_code, response.json()) == (401, {"error": "wrong or no token"})
            assert response.headers["www-authenticate"] == "Bearer"
        assert (await http.get("/")).status_code == 401
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "192.0.2.7" in record.getMessage()
    assert "guess" not in record.getMessage()


@pytest.mark.asyncio
async def test_who_guesses_waits_and_nobody_else_does(held: asyncio.Event) -> None:
    gate = Gate(inside, Tokens(acting=TOKEN))
    async with client(gate) as guesser, client(gate, "198.51.100.1") as owner:
        for _ in range(FREE):
            await guesser.get("/", headers=WRONG)
        guesses = [asyncio.create_task(guesser.get("/", headers=WRONG)) for _ in range(HELD_MAX)]
        await turns()
        assert not any(guess.done() for guess in guesses)
        for headers in (WRONG, RIGHT):  # not even looked at: whoever does not wait learns nothing
            response = await guesser.get("/", headers=headers)
            assert (response.status_code, response.headers["retry-after"]) == (429, "1")
            assert "error" in response.json()
        assert (await owner.get("/", headers=RIGHT)).text == "inside"
        held.set()
        assert [guess.status_code for guess in await asyncio.gather(*guesses)] == [401] * HELD_MAX
        assert (await guesser.get("/", headers=RIGHT)).text == "inside"


@pytest.mark.asyncio
async def test_a_proxy_on_this_machine_lets_the_right_token_through_while_others_guess(held: asyncio.Event) -> None:
    async with client(Gate(inside, Tokens(acting=TOKEN)), "127.0.0.1") as http:
        for _ in range(FREE):
            await http.get("/", headers=WRONG)
        guesses = [asyncio.create_task(http.get("/", headers=WRONG)) for _ in range(HELD_MAX)]
        await turns()
        assert (await http.get("/", headers=WRONG)).status_code == 429
        assert (await http.get("/", headers=RIGHT)).text == "inside"
        held.set()
        await asyncio.gather(*guesses)


@pytest.mark.asyncio
@pytest.mark.parametrize("token", [None, TOKEN])
async def test_a_page_of_an_allowed_origin_may_ask_and_read_and_any_other_may_not(token: bytes | None) -> None:
    gate = Gate(inside, Tokens(acting=token), ("http://localhost:3000",))
    allowed, other = {"origin": "http://localhost:3000"}, {"origin": "http://localhost:3001"}
    bears: dict[str, Any] = RIGHT if token else {}
    async with client(gate, "127.0.0.1") as http:
        response = await http.post("/", headers={**allowed, **bears})
        assert (response.status_code, response.text) == (200, "inside")
        assert response.headers["access-control-allow-origin"] == "http://localhost:3000"
        asks = {"access-control-request-method": "DELETE"}
        leave = await http.options("/", headers={**allowed, **asks})
        assert leave.status_code == 204
        assert "DELETE" in leave.headers["access-control-allow-methods"]
        assert leave.headers["access-control-allow-origin"] == "http://localhost:3000"
        for response in (await http.post("/", headers=other), await http.options("/", headers={**other, **asks})):
            assert response.status_code == (403 if token is None else 401)
            assert "access-control-allow-origin" not in response.headers


@pytest.mark.asyncio
async def test_a_bug_is_an_answer_in_json_too(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise ZeroDivisionError

    async with client(Gate(broken), "127.0.0.1") as http:
        response = await http.get("/")
    assert response.status_code == 500
    assert set(response.json()) == {"error"}
    assert "a bug of the service" in caplog.text


@pytest.mark.asyncio
async def test_a_peer_that_is_refused_is_reported_once_and_who_may_ask_is_not() -> None:
    reported: list[tuple[str, str]] = []
    gate = Gate(inside, Tokens(acting=TOKEN), (), lambda peer, reason: reported.append((peer, reason)))
    for host, headers in (("192.0.2.7", RIGHT), ("192.0.2.7", WRONG), ("192.0.2.7", {}), ("192.0.2.8", {})):
        async with client(gate, host) as http:
            await http.get("/", headers=headers)
    assert reported == [("192.0.2.7", "wrong or no token"), ("192.0.2.8", "wrong or no token")]

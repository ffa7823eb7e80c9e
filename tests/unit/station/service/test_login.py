"""A browser logs in: with the token once, then with its session."""

from http.cookies import SimpleCookie
from pathlib import Path

import pytest

from station.service.sessions import COOKIE
from tests.unit.station.service.stations import Served, served

TOKEN = b"s3cret"


async def login(station: Served, *, act: bool = True, token: str = "s3cret") -> tuple[dict[str, str], str]:
    """The cookie of a new session as a header, and its CSRF token."""
    bearer = {"authorization": f"Bearer {token}"}
    response = await station.http.post("/api/session", json={"may_act": act}, headers=bearer)
    assert response.status_code == 200, response.text
    cookie = SimpleCookie(response.headers["set-cookie"])[COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/")
    station.http.cookies.clear()
    return {"cookie": f"{COOKIE}={cookie.value}"}, response.json()["csrf"]


@pytest.mark.asyncio
async def test_without_a_session_a_browser_gets_the_page_and_nothing_else(tmp_path: Path) -> None:
    async with served(tmp_path, token=TOKEN) as station:
        for path in ("/", "/page/app.js"):
            assert (await station.http.get(path)).status_code == 200
        assert (await station.http.get("/api/session")).json() == {"login": True, "may_act": False, "csrf": None}
        for path in ("/api/state", "/api/view/now", "/api/stream", "/healthz", "/pages", "/page"):
            assert (await station.http.get(path)).status_code == 401, path
        assert (await station.http.post("/", json={})).status_code == 401
        assert (await station.http.post("/api/session", json={})).status_code == 401
        wrong = await station.http.post("/api/session", json={}, headers={"authorization": "Bearer guess"})
        assert (wrong.status_code, "set-cookie" in wrong.headers) == (401, False)


@pytest.mark.asyncio
async def test_a_session_reads_and_acts_with_its_second_secret_only(tmp_path: Path) -> None:
    async with served(tmp_path, token=TOKEN) as station:
        cookie, csrf = await login(station)
        assert (await station.http.get("/api/view/now", headers=cookie)).status_code == 200
        assert (await station.http.get("/api/session", headers=cookie)).json() == {
            "login": False,
            "may_act": True,
            "csrf": csrf,
        }
        plug = "/bench/connectors/1/plug"
        refused = await station.http.post(plug, json={}, headers=cookie)
        assert (refused.status_code, "may not act" in refused.json()["error"]) == (403, True)
        guessed = await station.http.post(plug, json={}, headers={**cookie, "x-csrf-token": "guess"})
        assert guessed.status_code == 403
        done = await station.http.post(plug, json={}, headers={**cookie, "x-csrf-token": csrf})
        assert done.status_code == 200


@pytest.mark.asyncio
async def test_a_session_for_reading_never_acts(tmp_path: Path) -> None:
    async with served(tmp_path, token=TOKEN) as station:
        cookie, csrf = await login(station, act=False)
        assert csrf == ""
        assert (await station.http.get("/api/state", headers=cookie)).status_code == 200
        response = await station.http.post("/bench/swipe", json={"id_tag": "X"}, headers={**cookie, "x-csrf-token": ""})
        assert response.status_code == 403


@pytest.mark.asyncio
async def test_who_logs_out_is_asked_again(tmp_path: Path) -> None:
    async with served(tmp_path, token=TOKEN) as station:
        cookie, csrf = await login(station)
        response = await station.http.delete("/api/session", headers={**cookie, "x-csrf-token": csrf})
        assert (response.status_code, "Max-Age=0" in response.headers["set-cookie"]) == (200, True)
        assert (await station.http.get("/api/state", headers=cookie)).status_code == 401


@pytest.mark.asyncio
async def test_a_cookie_does_not_help_a_wrong_token(tmp_path: Path) -> None:
    async with served(tmp_path, token=TOKEN) as station:
        cookie, _ = await login(station)
        response = await station.http.get("/api/state", headers={**cookie, "authorization": "Bearer guess"})
        assert response.status_code == 401


@pytest.mark.asyncio
async def test_without_a_token_nobody_need_log_in(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        assert (await station.http.get("/api/session")).json() == {"login": False, "may_act": True, "csrf": None}
        opened = await station.http.post("/api/session", json={})
        assert (opened.json(), "set-cookie" in opened.headers) == (
            {"login": False, "may_act": True, "csrf": None},
            False,
        )
        assert (await station.http.delete("/api/session")).status_code == 200


@pytest.mark.asyncio
async def test_a_token_that_may_only_read_opens_sessions_that_only_read(tmp_path: Path) -> None:
    async with served(tmp_path, token=TOKEN, read_token=b"l00k") as station:
        cookie, csrf = await login(station, token="l00k")
        assert csrf == ""
        shown = (await station.http.get("/api/session", headers=cookie)).json()
        assert shown == {"login": False, "may_act": False, "csrf": ""}
        for headers in (cookie, {"authorization": "Bearer l00k"}):
            for path in ("/api/state", "/api/view/now", "/healthz", "/metrics", "/api/events"):
                assert (await station.http.get(path, headers=headers)).status_code == 200, path
            assert (await station.http.head("/api/stream", headers=headers)).status_code == 200
            for path in ("/bench/swipe", "/api/data-transfer"):
                assert (await station.http.post(path, json={}, headers=headers)).status_code == 403, path
        again, csrf = (await login(station, token="l00k", act=True))[0], ""
        response = await station.http.post("/api/session", json={"may_act": True}, headers=again)
        assert response.json()["may_act"] is False, "no session makes one with more rights than its own"
        station.http.cookies.clear()
        assert (await station.http.delete("/api/session", headers=cookie)).status_code == 200
        assert (await station.http.get("/api/state", headers=cookie)).status_code == 401
        acting, csrf = await login(station)
        assert csrf != ""
        assert (await station.http.get("/api/view/now", headers=acting)).status_code == 200

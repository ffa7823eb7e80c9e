"""PUT /api/limit: what a program may say, what is refused, and that it is obeyed when it is answered."""

from pathlib import Path
from typing import Any

import pytest

from projections.outside_limits import OutsideLimits, SourceReport
from station.rules.outside_limits import SOURCES_MAX
from station.service.bodies import InvalidBodyError
from station.service.limits import reported
from tests.unit.station.service.stations import served


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"source": "ems", "max_current_a": 10.0, "valid_s": 60}, ("ems", 10_000, None, 60_000)),
        ({"max_current_a": 9.9999, "valid_s": 1.5}, ("api", 9_999, None, 1_500)),
        ({"source": "ems", "max_power_w": 4200.7, "valid_s": 60}, ("ems", None, 4_200, 60_000)),
        ({"max_current_a": 0, "max_power_w": 0, "valid_s": 86_400}, ("api", 0, 0, 86_400_000)),
        ({"max_current_a": None, "max_power_w": 100, "valid_s": 60}, ("api", None, 100, 60_000)),
        ({"source": "ems", "max_current_a": None}, ("ems", None, None, 0)),
        ({"max_power_w": None, "valid_s": 60}, ("api", None, None, 60_000)),
    ],
)
def test_what_a_program_may_say(document: Any, says: tuple[object, ...]) -> None:
    found = reported(document, OutsideLimits())
    assert (found.source, found.max_current_ma, found.max_power_w, found.valid_ms) == says


@pytest.mark.parametrize(
    ("document", "member"),
    [
        ({"max_current_a": -1, "valid_s": 60}, "max_current_a: must be 0 to 1000"),
        ({"max_current_a": float("nan"), "valid_s": 60}, "max_current_a: must be a number of amperes"),
        ({"max_current_a": 10**9, "valid_s": 60}, "max_current_a: must be 0 to 1000"),
        ({"max_power_w": 10**9, "valid_s": 60}, "max_power_w: must be 0 to 1000000"),
        ({"max_current_a": "10", "valid_s": 60}, "max_current_a: must be a number"),
        ({"max_current_a": True, "valid_s": 60}, "max_current_a: must be a number"),
        ({"max_current_a": 10}, "valid_s: is required"),
        ({"max_current_a": 10, "valid_s": None}, "valid_s: is required"),
        ({"max_current_a": 10, "valid_s": 0}, "valid_s: must be 1 to 86400"),
        ({"max_current_a": 10, "valid_s": 86_401}, "valid_s: must be 1 to 86400"),
        ({"valid_s": 60}, "max_current_a or max_power_w is required"),
        ({"limit": 10, "valid_s": 60}, "limit: is no member here"),
        ({"max_current_a": 10, "valid_s": 60, "source": ""}, "source: must have 1 to 32"),
        ({"max_current_a": 10, "valid_s": 60, "source": "x" * 33}, "source: must have 1 to 32"),
        ({"max_current_a": 10, "valid_s": 60, "source": "a\nb"}, "source: must not hold control characters"),
        ({"max_current_a": 10, "valid_s": 60, "source": " ems"}, "source: must not begin or end"),
        ({"max_current_a": 10, "valid_s": 60, "source": None}, "source: must not be null"),
        (None, "the body must be an object, not null"),
        ([10], "the body must be an object"),
    ],
)
def test_what_is_refused_says_which_member_and_why(document: Any, member: str) -> None:
    with pytest.raises(InvalidBodyError) as refused:
        reported(document, OutsideLimits())
    assert member in str(refused.value)


def test_one_source_too_many_is_refused_and_told_which_there_are() -> None:
    reports = tuple(
        SourceReport(source=f"s{number}", max_current_ma=1, max_power_w=None, until_ms=1)
        for number in range(SOURCES_MAX)
    )
    full = OutsideLimits(reports=reports)
    with pytest.raises(InvalidBodyError, match="s0, s1"):
        reported({"source": "new", "max_current_a": 10, "valid_s": 60}, full)
    reported({"source": "s3", "max_current_a": 10, "valid_s": 60}, full)
    reported({"source": "new", "max_current_a": None}, full)


@pytest.mark.asyncio
async def test_a_limit_is_in_force_when_it_is_answered_and_lifted_by_null(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        said = {"source": "ems", "max_current_a": 10.0, "valid_s": 60}
        response = await station.http.put("/api/limit", json=said)
        assert response.status_code == 200
        assert set(response.json()) == {"seq"}
        state = await station.state()
        assert state["log"]["last_seq"] >= response.json()["seq"]
        (held,) = state["limits"]
        assert held.pop("since") is not None
        assert held == {"kind": "api", "source": "ems", "silent": False, "max_current_a": 10.0, "max_power_w": None}
        await station.http.put("/api/limit", json={"source": "ems", "max_current_a": None})
        assert (await station.state())["limits"] == []


@pytest.mark.asyncio
async def test_what_is_no_json_or_no_put_is_refused(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        assert (await station.http.put("/api/limit", content=b"{")).status_code == 400
        assert (
            await station.http.put("/api/limit", content=b'{"max_current_a": NaN, "valid_s": 1}')
        ).status_code == 400
        assert (await station.http.put("/api/limit", content=b"null")).status_code == 422
        assert (await station.http.put("/api/limit", content=b"")).status_code == 422
        assert (await station.http.post("/api/limit", json={})).status_code == 405
        assert (await station.state())["limits"] == []


@pytest.mark.asyncio
async def test_with_a_token_nobody_limits_the_station_without_it(tmp_path: Path) -> None:
    async with served(tmp_path, token=b"secret") as station:
        said = {"max_current_a": 10.0, "valid_s": 60}
        assert (await station.http.put("/api/limit", json=said)).status_code == 401
        allowed = await station.http.put("/api/limit", json=said, headers={"authorization": "Bearer secret"})
        assert allowed.status_code == 200

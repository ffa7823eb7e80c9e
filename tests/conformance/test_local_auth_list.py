"""Local Auth List Management (7.16)."""

from typing import Any

import pytest

from tests.conformance.cases import case
from tests.conformance.conftest import Boot
from tests.conformance.rig import Rig, call, status
from tests.conformance.states import VALID, VALID_2, VALID_3, configure, id_tag_listed, started

OFF = {"features": {"local_auth_list": False}}


def entry(id_tag: str, answer: str = "Accepted") -> dict[str, Any]:
    """One AuthorizationData."""
    return {"idTag": id_tag, "idTagInfo": {"status": answer}}


async def list_version(rig: Rig) -> int:
    """GetLocalListVersion."""
    return int((await rig.request("GetLocalListVersion"))["listVersion"])


@case("TC_042_1_CS")
@pytest.mark.asyncio
async def test_tc_042_1_local_list_version_profile_not_supported(boot: Boot) -> None:
    """Without the feature profile the version is -1."""
    rig = await boot(OFF)
    assert await list_version(rig) == -1
    await rig.quiet()


@case("TC_042_1_CS")
@pytest.mark.asyncio
async def test_tc_042_1_local_list_version_disabled(rig: Rig) -> None:
    """With LocalAuthListEnabled false the version is -1."""
    await configure(rig, LocalAuthListEnabled=False)
    assert await list_version(rig) == -1
    await rig.quiet()


@case("TC_042_2_CS")
@pytest.mark.asyncio
async def test_tc_042_2_local_list_version_of_an_empty_list(rig: Rig) -> None:
    """An empty list has version 0, whatever version was sent with it."""
    await configure(rig, LocalAuthListEnabled=True)
    answer = await rig.request("SendLocalList", list_version=1, update_type="Full")
    assert answer == {"status": "Accepted"}
    assert await list_version(rig) == 0
    await rig.quiet()


@case("TC_043_CS")
@pytest.mark.asyncio
async def test_tc_043_send_local_list(rig: Rig) -> None:
    """Full, then Differential: both Accepted, and the tags of both start without Authorize."""
    await configure(rig, LocalAuthListEnabled=True, LocalPreAuthorize=True)
    for version, kind, id_tag in ((1, "Full", VALID), (2, "Differential", VALID_2)):
        answer = await rig.request(
            "SendLocalList", list_version=version, update_type=kind, local_authorization_list=[entry(id_tag)]
        )
        assert answer == {"status": "Accepted"}
        assert await list_version(rig) == version
    for connector_id, id_tag in ((1, VALID), (2, VALID_2)):
        await rig.api.swipe(id_tag, connector_id)
        await rig.expect(status(connector_id, "Preparing"))
        await rig.api.plug(connector_id)
        await started(rig, connector_id=connector_id, id_tag=id_tag)
    await rig.quiet()


@case("TC_043_1_CS")
@pytest.mark.asyncio
async def test_tc_043_1_send_local_list_not_supported(boot: Boot) -> None:
    """Without the feature profile: NotSupported."""
    rig = await boot(OFF)
    refusal = await rig.refused(
        "SendLocalList", list_version=1, update_type="Full", local_authorization_list=[entry(VALID)]
    )
    assert refusal == "NotSupported"
    await rig.quiet()


@case("TC_043_3_CS")
@pytest.mark.parametrize("reason", ["storing fails", "too long"])
@pytest.mark.asyncio
async def test_tc_043_3_send_local_list_failed(boot: Boot, reason: str) -> None:
    """A list that cannot be stored: Failed, and the old one stays."""
    rig = await boot({"config": {"LocalAuthListMaxLength": 1}} if reason == "too long" else {})
    await configure(rig, LocalPreAuthorize=True)
    await id_tag_listed(rig, VALID)
    if reason == "storing fails":
        await rig.api.fail_local_list()
    answer = await rig.request(
        "SendLocalList",
        list_version=2,
        update_type="Full",
        local_authorization_list=[entry(VALID_2), entry(VALID_3)],
    )
    assert answer == {"status": "Failed"}
    assert await list_version(rig) == 1
    await rig.api.swipe(VALID_2, 1)
    await rig.expect_any_order(call("Authorize", id_tag=VALID_2), status(1, "Preparing"))
    await rig.quiet()


@case("TC_008_1_CS")
@pytest.mark.asyncio
async def test_tc_008_1_local_start_with_listed_id(rig: Rig) -> None:
    """A tag on the list starts without Authorize."""
    await configure(rig, LocalPreAuthorize=True, AuthorizationCacheEnabled=False, LocalAuthListEnabled=True)
    await list_version(rig)
    await id_tag_listed(rig)
    await rig.api.swipe(VALID, 1)
    await rig.expect(status(1, "Preparing"))
    await rig.api.plug(1)
    await started(rig)
    await rig.quiet()

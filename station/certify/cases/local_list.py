"""Local Auth List Management."""

from typing import Any

from station.certify.failing import equal
from station.certify.functionalities import LOCAL_LIST
from station.certify.needs import READER, FactoryKey, KeyAtLeast, OcppProfileOff
from station.certify.registry import case, variant
from station.certify.rig import Rig, call, status
from station.certify.states import configure, id_tag_listed, started, stop_locally

OFF = OcppProfileOff("LocalAuthListManagement")


def entry(id_tag: str) -> dict[str, Any]:
    """One AuthorizationData, Accepted."""
    return {"idTag": id_tag, "idTagInfo": {"status": "Accepted"}}


async def version_is(rig: Rig, wanted: int) -> None:
    """GetLocalListVersion gives this one."""
    equal("the version of the list", (await rig.request("GetLocalListVersion"))["listVersion"], wanted)


@case(
    "TC_042_1_CS",
    "Local list version – not supported",
    LOCAL_LIST,
    clause="5.10",
    variants=(variant("profile off", OFF), variant("LocalAuthListEnabled false", disables=True)),
)
async def local_list_version_not_supported(rig: Rig, disables: bool = False) -> None:
    """Without the feature profile, or with LocalAuthListEnabled false, the version is -1."""
    if disables:
        await configure(rig, LocalAuthListEnabled=False)
    await version_is(rig, -1)
    await rig.quiet()


@case("TC_042_2_CS", "Local list version – empty", LOCAL_LIST, clause="5.10")
async def local_list_version_of_an_empty_list(rig: Rig) -> None:
    """An empty list has version 0, whatever version was sent with it."""
    await configure(rig, LocalAuthListEnabled=True)
    await rig.accepted("SendLocalList", list_version=1, update_type="Full")
    await version_is(rig, 0)
    await rig.quiet()


@case(
    "TC_043_CS",
    "Send local list",
    LOCAL_LIST,
    READER,
    KeyAtLeast("LocalAuthListMaxLength", 2, "the list of the station takes fewer tags than the case has"),
    clause="5.15",
)
async def send_local_list(rig: Rig) -> None:
    """Full, then Differential: both Accepted, and the tags of both start without Authorize."""
    await configure(rig, LocalAuthListEnabled=True, LocalPreAuthorize=True)
    tags = (rig.tags.valid, rig.tags.second)
    for version, kind, id_tag in ((1, "Full", tags[0]), (2, "Differential", tags[1])):
        await rig.accepted(
            "SendLocalList", list_version=version, update_type=kind, local_authorization_list=[entry(id_tag)]
        )
        await version_is(rig, version)
    for connector_id, id_tag in zip((1, min(2, rig.build.connectors)), tags, strict=True):
        await rig.hands.swipe(id_tag, connector_id)
        await rig.expect(status(connector_id, "Preparing"))
        await rig.hands.plug(connector_id)
        start = await started(rig, connector_id=connector_id, id_tag=id_tag)
        if rig.build.connectors == 1 and id_tag == rig.tags.valid:
            await stop_locally(rig, start)
            await rig.unplug()
            await rig.expect(status(1, "Available"))
    await rig.quiet()


@case("TC_043_1_CS", "Send local list – NotSupported", LOCAL_LIST, OFF, clause="5.15")
async def send_local_list_not_supported(rig: Rig) -> None:
    """Without the feature profile: NotSupported."""
    refusal = await rig.refused(
        "SendLocalList", list_version=1, update_type="Full", local_authorization_list=[entry(rig.tags.valid)]
    )
    equal("the refusal", refusal, "NotSupported")
    await rig.quiet()


@case(
    "TC_043_3_CS",
    "Send local list – Failed",
    LOCAL_LIST,
    READER,
    clause="5.15",
    variants=(
        variant("storing fails", storing_fails=True),
        variant(
            "too long",
            FactoryKey("LocalAuthListMaxLength", 1, "the list of the station takes more than the case has tags"),
            storing_fails=False,
        ),
    ),
)
async def send_local_list_failed(rig: Rig, storing_fails: bool) -> None:
    """A list that cannot be stored: Failed, and the old one stays."""
    await configure(rig, LocalPreAuthorize=True)
    await id_tag_listed(rig)
    if storing_fails:
        await rig.hands.fail_local_list()
    await rig.answers(
        "Failed",
        "SendLocalList",
        list_version=2,
        update_type="Full",
        local_authorization_list=[entry(rig.tags.second), entry(rig.tags.third)],
    )
    await version_is(rig, 1)
    await rig.hands.swipe(rig.tags.second, 1)
    await rig.expect_any_order(call("Authorize", id_tag=rig.tags.second), status(1, "Preparing"))
    await rig.quiet()


@case("TC_008_1_CS", "Local start – id in local list", LOCAL_LIST, READER, clause="3.5.2")
async def local_start_with_listed_id(rig: Rig) -> None:
    """A tag on the list starts without Authorize."""
    await configure(rig, LocalPreAuthorize=True, AuthorizationCacheEnabled=False, LocalAuthListEnabled=True)
    await rig.request("GetLocalListVersion")
    await id_tag_listed(rig)
    await rig.hands.swipe(rig.tags.valid, 1)
    await rig.expect(status(1, "Preparing"))
    await rig.hands.plug(1)
    await started(rig)
    await rig.quiet()

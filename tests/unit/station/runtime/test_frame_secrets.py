"""Frames without their secrets, however badly they are formed."""

import json
from typing import Any

import pytest

from station.runtime.frame_secrets import UNREADABLE, may_hold_secret, names_in, redact

KEY = bytes.fromhex("4F43415F4F4354545F61646D696E5F74657374")
HEX = KEY.hex()
NAME = "fp:0123456789abcdef"


def plain(text: str) -> tuple[str, list[str]]:
    kept: list[str] = []

    def keep(secret: str) -> str:
        kept.append(secret)
        return NAME

    return redact(text, keep, keep), kept


def call(action: str, payload: Any, *more: Any) -> str:
    return json.dumps([2, "m-1", action, payload, *more])


def change(**members: Any) -> str:
    return call("ChangeConfiguration", members)


BENT = {
    "a blank behind the name": change(key="AuthorizationKey ", value=HEX),
    "a blank before it": change(key=" AuthorizationKey", value=HEX),
    "a blank within": change(key="Authorization Key", value=HEX),
    "other letters": change(key="AUTHORIZATION_KEY", value=HEX),
    "a no-break space": change(key="AuthorizationKey\u00a0", value=HEX),
    "Value": change(key="AuthorizationKey", Value=HEX),
    "Key": change(Key="AuthorizationKey", value=HEX),
    "a list": change(key="AuthorizationKey", value=[HEX]),
    "an object": change(key="AuthorizationKey", value={"hex": HEX}),
    "an object by the secret's name": change(key="AuthorizationKey", value={HEX: 1}),
    "a number": change(key="AuthorizationKey", value=12345678901234567890),
    "an extra member": change(key="AuthorizationKey", value=HEX, comment=HEX),
    "the key's own name as a member": change(AuthorizationKey=HEX),
    "the name in a list": change(key=["AuthorizationKey"], value=HEX),
    "members in a list": call("ChangeConfiguration", ["AuthorizationKey", HEX]),
    "a payload too many": call("ChangeConfiguration", {"key": "AuthorizationKey"}, {"value": HEX}),
    "a payload as text": call("ChangeConfiguration", json.dumps({"key": "AuthorizationKey", "value": HEX})),
    "another action": call("SetConfiguration", {"key": "AuthorizationKey", "value": HEX}),
    "an action that holds it": json.dumps([2, "m-1", f"AuthorizationKey {HEX}", {}]),
    "no action": json.dumps([2, "m-1", {"key": "AuthorizationKey", "value": HEX}]),
    "DataTransfer": call(
        "DataTransfer", {"vendorId": "x", "data": json.dumps({"key": "AuthorizationKey", "value": HEX})}
    ),
    "DataTransfer in words": call("DataTransfer", {"vendorId": "x", "data": f"AuthorizationKey={HEX}"}),
    "DataTransfer with the name as message id": call(
        "DataTransfer", {"vendorId": "x", "messageId": "AuthorizationKey", "data": HEX}
    ),
    "GetConfiguration": call("GetConfiguration", {"key": ["AuthorizationKey", HEX]}),
    "GetConfiguration with a value": call("GetConfiguration", {"key": ["AuthorizationKey"], "value": HEX}),
    "twice the value": f'[2,"m-1","ChangeConfiguration",{{"key":"AuthorizationKey","value":"{HEX}","value":"00"}}]',
    "twice the key": f'[2,"m-1","ChangeConfiguration",{{"key":"AuthorizationKey","value":"{HEX}","key":"BlinkRepeat"}}]',
    "twice the key, the last one right": (
        f'[2,"m-1","ChangeConfiguration",{{"key":"BlinkRepeat","value":"{HEX}","key":"AuthorizationKey"}}]'
    ),
    "escaped letters and twice the key": (
        f'[2,"m-1","ChangeConfiguration",{{"key":"\\u0041uthorizationKey","value":"{HEX}","key":"BlinkRepeat"}}]'
    ),
    "escaped letters and a blank": change(key="AuthorizationKey ", value=HEX).replace("Auth", "\\u0041uth"),
    "cut short": change(key="AuthorizationKey", value=HEX)[:-3],
    "cut short in escaped letters": change(key="AuthorizationKey", value=HEX)[:-3].replace("Auth", "\\u0041uth"),
    "no JSON": f"ChangeConfiguration AuthorizationKey={HEX}",
    "an object alone": json.dumps({"key": "AuthorizationKey", "value": HEX}),
    "a CALLRESULT": json.dumps([3, "m-1", {"status": "Accepted", "data": {"key": "AuthorizationKey", "value": HEX}}]),
    "a CALLRESULT with the name as a member": json.dumps([3, "m-1", {"status": "Accepted", "authorizationKey": HEX}]),
    "a CALLRESULT in words": json.dumps([3, "m-1", {"status": "Rejected", "data": f"AuthorizationKey {HEX} is known"}]),
    "a CALLERROR": json.dumps([4, "m-1", "InternalError", f"AuthorizationKey {HEX} is bad", {"value": HEX}]),
    "a CALLERROR that names it in its details": json.dumps(
        [4, "m-1", "InternalError", f"{HEX} is bad", {"key": "AuthorizationKey"}]
    ),
    "an unknown type": json.dumps([7, "m-1", {"key": "AuthorizationKey", "value": HEX}]),
}


@pytest.mark.parametrize("frame", BENT.values(), ids=BENT)
def test_a_bent_frame_gives_no_key_away_and_none_is_kept(frame: str) -> None:
    redacted, kept = plain(frame)
    assert HEX not in redacted.casefold()
    assert "12345678901234567890" not in redacted
    assert kept == []


@pytest.mark.parametrize("frame", BENT.values(), ids=BENT)
def test_what_a_bent_frame_is_can_still_be_told(frame: str) -> None:
    """Its message id, its action and its shape stay, so that it is refused for what is wrong with it."""
    redacted, _ = plain(frame)
    try:
        before = json.loads(frame)
    except ValueError:
        assert redacted == UNREADABLE
        return
    after = json.loads(redacted)
    assert type(after) is type(before)
    if isinstance(before, list):
        assert after[:2] == before[:2]
        assert [type(item) for item in after] == [type(item) for item in before]


@pytest.mark.parametrize("key", ["AuthorizationKey", "authorizationkey", "\\u0041uthorizationKey"])
def test_a_right_frame_keeps_the_key_and_names_it(key: str) -> None:
    redacted, kept = plain(f'[2,"m-1","ChangeConfiguration",{{"key":"{key}","value":"{HEX}"}}]')
    assert kept == [HEX]
    assert json.loads(redacted)[3]["value"] == NAME
    assert names_in(redacted) == [NAME]


@pytest.mark.parametrize(
    "frame",
    [
        call("GetConfiguration", {"key": ["AuthorizationKey", "ConnectorSwitch3to1PhaseSupported", "x.Vendor-Key_1"]}),
        '[3, "m-1", {"currentTime": "2026-11-28T10:00:00Z", "interval": 300, "status": "Accepted", "data": "\\u00e4"}]',
        '[3, "m-1", {"status":"Accepted","data":"AuthorizationKey"}]',
        call("RemoteStartTransaction", {"idTag": "driver@example.org"}),
        call("UpdateFirmware", {"location": "https://files.example/a@b/c?mail=d@e", "retrieveDate": "x"}),
        call("DataTransfer", {"vendorId": "x", "data": "ftp://u:p@h/"}),
        '[2,"m-1","Broken',
    ],
)
def test_a_frame_without_a_secret_stays_to_the_byte(frame: str) -> None:
    assert plain(frame) == (frame, [])


def test_an_answer_that_names_the_key_still_says_what_is_waited_for() -> None:
    answer = {"currentTime": "2026-11-28T10:00:00Z", "interval": 300, "status": "Accepted", "AuthorizationKey": HEX}
    redacted, _ = plain(json.dumps([3, "m-1", answer]))
    assert json.loads(redacted)[2] == answer | {"AuthorizationKey": "(withheld)"}


@pytest.mark.parametrize(
    ("location", "masked", "userinfo"),
    [
        ("ftp://user:p%40ss@host:21/dir", f"ftp://{NAME}@host:21/dir", "user:p%40ss"),
        ("https://token@host/image.bin?x=1", f"https://{NAME}@host/image.bin?x=1", "token"),
        ("ftp://user:p@ss@host/", f"ftp://{NAME}@host/", "user:p@ss"),
        (f"ftp://{NAME}@host/", f"ftp://{NAME}@host/", NAME),
        ("ftp://user:pa/ss@host/dir", "withheld@host/dir", None),
        ("user:pass@host/dir", "withheld@host/dir", None),
        ("ftp:\\\\user:pass@host", "withheld@host", None),
        ("ftp://us\ner:pass@host/", "withheld@host/", None),
    ],
)
@pytest.mark.parametrize("action", ["UpdateFirmware", "GetDiagnostics"])
def test_user_and_password_of_a_location_are_kept_by_name(
    action: str, location: str, masked: str, userinfo: str | None
) -> None:
    redacted, kept = plain(call(action, {"location": location}))
    assert json.loads(redacted)[3]["location"] == masked
    assert kept == ([] if userinfo is None else [userinfo])


@pytest.mark.parametrize(
    "frame",
    [
        call("UpdateFirmware", {"Location": "ftp://user:hunter2@host/"}),
        call("UpdateFirmware", {"firmware": {"location": "ftp://user:hunter2@host/"}}),
        call("UpdateFirmware", {"retrieveDate": "ftp://user:hunter2@host/"}),
        call("UpdateFirmware", ["ftp://user:hunter2@host/"]),
        call("UpdateFirmware", {"location": "ftp://user:hunter2@host/"})[:-3],
        '[2,"1","GetDiagnostics",{"location":"ftp:\\/\\/user:hunter2@host\\/"}]',
        '[2,"1","GetDiagnostics",{"location":"ftp:\\/\\/user:hunter2@host',
        '[2,"1","GetDiagnostics",{"location":"ftp:\\u002f/user:hunter2@host',
        '[2,"1","GetDiagnostics",{"location":"ftp://user:hunter2@host/","location":"ftp://host/"}]',
    ],
)
def test_a_password_leaves_in_no_bent_request(frame: str) -> None:
    assert "hunter2" not in plain(frame)[0]


def test_frames_are_looked_at_only_if_they_may_hold_a_secret() -> None:
    assert not may_hold_secret(call("Reset", {"type": "Soft"}))


PRIVATE = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIH4\n-----END EC PRIVATE KEY-----\n"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    "frame",
    [
        call("InstallCertificate", {"certificateType": "CentralSystemRootCertificate", "certificate": PRIVATE}),
        call("InstallCertificate", {"certificate": CERTIFICATE + PRIVATE}),
        call("CertificateSigned", {"certificateChain": PRIVATE}),
        call("CertificateSigned", {"certificateChain": [PRIVATE]}),
        call("InstallCertificate", {"certificate": "MHcCAQEEIH4"}),
        call("InstallCertificate", {PRIVATE: 1}),
        call("DataTransfer", {"vendorId": "x", "data": PRIVATE}),
        call("DataTransfer", {"vendorId": "x", "data": json.dumps({"key": PRIVATE})}),
        json.dumps([3, "m-1", {"data": PRIVATE}]),
        json.dumps([4, "m-1", "GenericError", PRIVATE, {}]),
        call("InstallCertificate", {"certificate": PRIVATE})[:-4],
        '[2,"m-1","InstallCertificate",{"certificate":"MHcCAQEEIH4","certificate":""}]',
    ],
)
def test_a_private_key_that_was_sent_by_mistake_is_recorded_nowhere(frame: str) -> None:
    assert may_hold_secret(frame)
    text, kept = plain(frame)
    assert "MHcCAQEEIH4" not in text
    assert kept == []


def test_a_certificate_is_left_as_it_is() -> None:
    frame = call("InstallCertificate", {"certificateType": "CentralSystemRootCertificate", "certificate": CERTIFICATE})
    assert plain(frame) == (frame, [])

"""What leaves the station in a diagnostics file: no passwords, and no id tags if so wished."""

import json
from typing import Any

import pytest

from station.runtime.redaction import Redactor
from station.settings.loading import WITHHELD


def redact(value: Any, *, id_tags: bool = False, known: tuple[str, ...] = ()) -> Any:
    return Redactor(id_tags=id_tags, known=known).redacted(value)


def test_without_secrets_nothing_changes() -> None:
    value = {"a": [1, True, None, "text", {"id_tag": "DEADBEEF"}], "payload": '[2,"1","Heartbeat",{}]'}
    assert redact(value) == value


@pytest.mark.parametrize("text", ['[3, "1", {"status": "Accepted",\t"a": 1e2}]', '{"b":1, "a":"\\u00e9"}', "[ ]"])
def test_a_text_in_which_nothing_is_redacted_stays_to_the_byte(text: str) -> None:
    assert redact({"text": text}, id_tags=True) == {"text": text}


def test_what_a_repeated_member_hides_never_leaves() -> None:
    text = '{"idTag": "DEADBEEF", "idTag": 5, "AuthorizationKey": "0011", "AuthorizationKey": null, "key":"x"}'
    redacted = redact({"text": text}, id_tags=True)["text"]
    assert "DEADBEEF" not in redacted
    assert "0011" not in redacted


@pytest.mark.parametrize("id_tags", [False, True])
def test_credentials_in_a_location_never_leave(id_tags: bool) -> None:
    text = '[2,"1","GetDiagnostics",{"location":"ftp://user:pass@host/x@y"}]'
    value = {"location": "ftp://user:pass@host/x@y", "text": text, "broken": "[2 ftp://user:pass@host"}
    redacted = redact(value, id_tags=id_tags)
    assert "pass" not in json.dumps(redacted)
    assert redacted["location"] == "ftp://host/x@y"


def test_an_authorization_key_never_leaves() -> None:
    frame = '[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":"0011"}]'
    value = {"text": frame, "AuthorizationKey": "0011", "key": "authorizationkey", "value": "0011"}
    redacted = redact(value)
    assert "0011" not in json.dumps(redacted)
    assert redacted["AuthorizationKey"] == redacted["value"] == WITHHELD
    assert redact({"key": "HeartbeatInterval", "value": "300"}) == {"key": "HeartbeatInterval", "value": "300"}


def test_tags_are_named_by_numbers_that_keep_them_apart_wherever_they_stand() -> None:
    value = [
        {"id_tag": "DEADBEEF", "parent_id_tag": None},
        {"text": '[2,"1","StartTransaction",{"idTag":"deadbeef"}]'},
        {"stop_id_tag": "CAFE", "idTagInfo": {"parentIdTag": "GROUP", "status": "Accepted"}},
        {"cache": {"deadbeef": {}, "list": {}}, "other": "cafe", "note": "a cafe"},
    ]
    assert redact(value, id_tags=True) == [
        {"id_tag": "tag-1", "parent_id_tag": None},
        {"text": '[2,"1","StartTransaction",{"idTag":"tag-1"}]'},
        {"stop_id_tag": "tag-2", "idTagInfo": {"parentIdTag": "tag-3", "status": "Accepted"}},
        {"cache": {"tag-1": {}, "list": {}}, "other": "tag-2", "note": "a cafe"},
    ]


def test_known_tags_are_found_as_names_of_members() -> None:
    assert redact({"local_list": {"b": 1, "a": 2}}, id_tags=True, known=("a", "b")) == {
        "local_list": {"tag-2": 1, "tag-1": 2}
    }


def test_a_broken_frame_is_withheld_when_tags_are() -> None:
    assert redact({"text": '[2,"1","Authorize",{"idTag":"DEAD'}, id_tags=True) == {"text": WITHHELD}

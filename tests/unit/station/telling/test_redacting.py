"""What leaves the station in a diagnostics file: no passwords, and no id tags if so wished."""

import json
from typing import Any

import pytest

from station.telling.redacting import WITHHELD, Redacting


def redact(value: Any, *, id_tags: bool = False, known: tuple[str, ...] = ()) -> Any:
    redacting = Redacting(tags=id_tags, known=known)
    redacting.learn(value)
    return redacting.value(value)


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
        {"cache": {"tag-1": {}, "list": {}}, "other": "tag-2", "note": "a tag-2"},
    ]


def test_known_tags_are_found_as_names_of_members() -> None:
    assert redact({"local_list": {"b": 1, "a": 2}}, id_tags=True, known=("a", "b")) == {
        "local_list": {"tag-2": 1, "tag-1": 2}
    }


def test_a_broken_frame_is_withheld_when_tags_are() -> None:
    assert redact({"text": '[2,"1","Authorize",{"idTag":"DEAD'}, id_tags=True) == {"text": WITHHELD}


def test_a_tag_within_a_longer_text_and_in_another_case_gets_its_name() -> None:
    value = [{"id_tag": "04A2B3C4"}, {"reason": "unknown: 04a2b3c4!", "info": "x04A2b3c4y", "other": "04A2B3C"}]
    assert redact(value, id_tags=True)[1] == {"reason": "unknown: tag-1!", "info": "xtag-1y", "other": "04A2B3C"}


def test_a_tag_is_found_where_it_stands_before_it_is_named_as_one() -> None:
    value = [{"reason": "CAFE0001 is unknown"}, {"text": '[2,"1","Authorize",{"idTag":"cafe0001"}]'}]
    assert redact(value, id_tags=True)[0] == {"reason": "tag-1 is unknown"}


def test_tags_that_look_like_names_get_names() -> None:
    value = [{"id_tag": "tag-7"}, {"id_tag": "tag-1"}, {"note": "tag-7 and tag-1"}]
    assert redact(value, id_tags=True) == [{"id_tag": "tag-1"}, {"id_tag": "tag-2"}, {"note": "tag-1 and tag-2"}] or (
        redact(value, id_tags=True)[2] == {"note": WITHHELD}
    )
    assert "tag-7" not in json.dumps(redact(value, id_tags=True))


@pytest.mark.parametrize("tag", ["A B", "ü-1", "a.c", "(x)", "\\1", "0"])
def test_tags_of_any_letters_are_found_within_texts(tag: str) -> None:
    value = [{"id_tag": tag}, {"note": f"the tag {tag} is here"}, {"note": f"the tag {tag.upper()} is here"}]
    assert redact(value, id_tags=True)[1:] == [{"note": "the tag tag-1 is here"}] * 2


def test_a_short_tag_does_not_fill_other_words_with_its_name() -> None:
    assert redact([{"id_tag": "12"}, {"note": "1234 12 a12"}], id_tags=True)[1] == {"note": "1234 tag-1 a12"}


@pytest.mark.parametrize("content", [1234567, [1234567], {"idTag": 1234567}, ["1234567"]])
def test_a_tag_of_another_type_is_one_all_the_same(content: Any) -> None:
    value = {"text": json.dumps([2, "1", "Authorize", {"idTag": content}]), "note": "the tag 1234567"}
    assert "1234567" not in json.dumps(redact(value, id_tags=True))


def test_what_a_maker_sends_is_withheld() -> None:
    frame = '[2,"1","DataTransfer",{"vendorId":"v","data":"anything"}]'
    value = {"data": "anything", "text": frame, "samples": {"data": [1]}}
    redacted = redact(value, id_tags=True)
    assert "anything" not in json.dumps(redacted)
    assert redacted["samples"] == {"data": [1]}
    assert redact(value) == value


def test_digests_of_what_has_tags_in_it_are_withheld() -> None:
    redacting = Redacting(tags=True)
    assert redacting.members("BooksClosed", {"state_digest": "00", "layout": 1}) == {
        "state_digest": WITHHELD,
        "layout": 1,
    }
    assert redacting.members("FrameCondensed", {"digest": "00"}) == {"digest": WITHHELD}
    assert redacting.members("ArchiveDropped", {"digest": "00"}) == {"digest": "00"}
    assert Redacting(tags=False).members("BooksClosed", {"state_digest": "00"}) == {"state_digest": "00"}


def test_texts_of_ones_own_are_replaced_in_any_case() -> None:
    redacting = Redacting(tags=False, own=[("CB-0417", "station-1")])
    assert redacting.value({"url": "ws://host/cb-0417", "CB-0417": 1}) == {"url": "ws://host/station-1", "station-1": 1}


def test_a_certificate_names_its_station_and_is_withheld_with_the_name() -> None:
    pem = "-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n"
    value = {"csr": pem, "text": json.dumps([2, "1", "SignCertificate", {"csr": pem}])}
    redacted = Redacting(tags=False, own=[("CB-0417", "station-1")]).value(value)
    assert "MIIB" not in json.dumps(redacted)
    assert Redacting(tags=True).value(value) == value

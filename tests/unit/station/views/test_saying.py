from station.views.saying import say


def test_a_sentence_is_its_key_and_its_values() -> None:
    assert say("why.free") == {"say": "why.free"}
    assert say("limit.profile", id=12) == {"say": "limit.profile", "id": 12}

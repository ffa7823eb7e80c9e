"""What a state consists of, held to its lock (tests/corpora/state_lock.py says how to change it)."""

import copy
from pathlib import Path

import pytest

from projections.digest import STATE_LAYOUT
from tests.corpora import state_lock
from tests.corpora.state_lock import advice, changed, locked, present

RELEASED, UNRELEASED = "0.1.0", "9.9.9"


def test_the_state_is_as_locked() -> None:
    assert advice(locked(), STATE_LAYOUT, present()) == ""


def test_a_change_is_named_by_its_way_however_deep_it_is() -> None:
    before = present()
    now = copy.deepcopy(before)
    now["boot?"]["new?"] = "int"
    del now["clock?"]
    now["seq?"] = "str"
    deep = now["description?"]["Union"][0]
    deep["phases"] = "bool"
    assert list(changed(before, now)) == [
        "boot?.new? is new",
        "clock? is gone",
        "description?.Union.0.phases is another type",
        "seq? is another type",
    ]


@pytest.mark.parametrize(
    ("since", "says"),
    [(RELEASED, "Raise STATE_LAYOUT"), (UNRELEASED, "See that the step to it makes this of an old state")],
)
def test_what_to_do_depends_on_whether_anybody_has_such_states(since: str, says: str) -> None:
    now = present()
    before = copy.deepcopy(now)
    del before["outbox?"]
    told = advice({"7": {"since": since, "state": before}}, 7, now)
    assert "outbox? is new" in told
    assert says in told
    assert advice({"7": {"since": since, "state": now}}, 7, now) == ""
    assert "not locked yet" in advice({}, 7, now)


def test_a_released_layout_is_not_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = tmp_path / "state.lock.json"
    monkeypatch.setattr(state_lock, "LOCK", lock)
    assert state_lock.main() == 0
    assert advice(locked(), STATE_LAYOUT, present()) == ""
    text = (
        lock.read_text()
        .replace('"seq?"', '"sequence?"')
        .replace('"since": "', '"since": "0.1.0')
        .replace("0.1.00.2.0", "0.1.0")
    )
    lock.write_text(text)
    assert state_lock.main() == 1
    assert lock.read_text() == text
    assert "sequence? is gone" in capsys.readouterr().err

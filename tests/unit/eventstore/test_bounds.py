"""How much of a log from elsewhere is taken at once."""

import os
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.archive import FRAME_ROWS
from eventstore.bounds import (
    FRAME_BYTES_MAX,
    FRAME_ROWS_MAX,
    MIB,
    PAYLOAD_CHARS_MAX,
    SLICE_CHARS_MAX,
    _check_outside,
    load_json,
    open_regular,
    read_small,
)
from station.replay.opening.bundle import LOG_BYTES_MAX
from station.runtime import diagnostics
from station.wire.frames import MAX_FRAME_BYTES

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text('"\\x,[]{} é', max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('"\\:', max_size=3), inner, max_size=4),
    max_leaves=12,
)


def test_every_bound_is_four_times_what_a_station_writes() -> None:
    assert PAYLOAD_CHARS_MAX >= 4 * MAX_FRAME_BYTES
    assert FRAME_BYTES_MAX >= 4 * (SLICE_CHARS_MAX + MAX_FRAME_BYTES)
    assert FRAME_ROWS_MAX >= 4 * FRAME_ROWS
    assert LOG_BYTES_MAX >= 4 * diagnostics.LOG_BYTES_MAX


@given(JSON)
def test_what_stands_outside_of_texts_is_counted_whatever_the_texts_hold(value: object) -> None:
    def outside(part: object) -> int:
        if isinstance(part, str):
            return 2
        if isinstance(part, list):
            return 2 + sum(map(outside, part)) + max(0, len(part) - 1)
        if isinstance(part, dict):
            return 2 + sum(3 + outside(each) for each in part.values()) + max(0, len(part) - 1)
        return len(orjson.dumps(part))

    content = orjson.dumps(value)
    _check_outside(content, outside(value))
    with pytest.raises(ValueError, match="outside of its texts"):
        _check_outside(content, outside(value) - 1)


def test_a_long_text_is_no_structure_and_many_brackets_are() -> None:
    assert load_json(b'["' + b"[" * (9 * MIB) + b'"]') == ["[" * (9 * MIB)]
    with pytest.raises(ValueError, match="more than 8 MiB outside of its texts"):
        load_json(b"[" + b"[]," * (3 * MIB) + b"1]")


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert read_small(tmp_path / "file", 5) == b"12345"
    with pytest.raises(OSError, match="is larger than 0 KiB"):
        read_small(tmp_path / "file", 4)


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(OSError, match="is no regular file"):
            open_regular(path)

"""The id that a vehicle tells of itself."""

import pytest

from devices.evccid import read_evccid


@pytest.mark.parametrize("text", ["0a1b2c3d4e5f", "0A:1B:2C:3D:4E:5F", "0a-1b-2c-3d-4e-5f"])
def test_it_is_one_text_however_it_is_written(text: str) -> None:
    assert read_evccid(text) == "0A1B2C3D4E5F"


def test_eight_bytes_are_as_good_as_six() -> None:
    assert read_evccid("0a1b2c3d4e5f6071") == "0A1B2C3D4E5F6071"


@pytest.mark.parametrize(
    "text", ["", "0A1B2C3D4E5", "0A1B2C3D4E5F60", "0A1B2C3D4E5G", "000000000000", "ffffffffffffffff", " 0A1B2C3D4E5F"]
)
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="EVCCID"):
        read_evccid(text)

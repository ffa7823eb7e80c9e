"""How full the disk counts as, on small disks and large ones."""

import pytest

from station.runtime.disk import DISK_CRITICAL_BYTES, DISK_CRITICAL_MIN_BYTES, DISK_LOW_BYTES, disk_level, watermarks

MIB, GIB = 1 << 20, 1 << 30


@pytest.mark.parametrize(
    ("disk_bytes", "low", "critical"),
    [
        (32 * GIB, DISK_LOW_BYTES, DISK_CRITICAL_BYTES),
        (1 * GIB, 64 * MIB, 16 * MIB),
        (512 * MIB, 32 * MIB, 8 * MIB),
        (64 * MIB, 16 * MIB, DISK_CRITICAL_MIN_BYTES),
        (0, 16 * MIB, DISK_CRITICAL_MIN_BYTES),
    ],
)
def test_the_watermarks_follow_the_size_of_the_disk(disk_bytes: int, low: int, critical: int) -> None:
    assert watermarks(disk_bytes) == (low, critical)


def test_below_each_watermark_the_level_is_worse() -> None:
    levels = [disk_level(free, 32 * GIB) for free in (64 * MIB, 64 * MIB - 1, 16 * MIB, 16 * MIB - 1, 0)]
    assert levels == ["ok", "low", "low", "critical", "critical"]


def test_the_level_gets_better_only_with_some_room_to_spare() -> None:
    assert disk_level(17 * MIB, 32 * GIB, "critical") == "critical"
    assert disk_level(20 * MIB, 32 * GIB, "critical") == "low"
    assert disk_level(70 * MIB, 32 * GIB, "low") == "low"
    assert disk_level(70 * MIB, 32 * GIB, "critical") == "low"
    assert disk_level(80 * MIB, 32 * GIB, "low") == "ok"

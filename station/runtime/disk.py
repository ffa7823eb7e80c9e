"""Which level of disk space holds: ok, low or critical.

Two watermarks follow the size of the file system: below "low" samples are thinned, below "critical" no new transaction
starts, and the rest of the space is for the running ones, so that they end in order. They are larger than the reserve, which
is for what must be written even when somebody else has filled the disk to the last block.
"""

DISK_LOW_BYTES = 64 << 20
DISK_CRITICAL_BYTES = 16 << 20
DISK_CRITICAL_MIN_BYTES = 4 << 20
_CRITICAL_SHARE = 64
_RECOVERED_PERCENT = 125
"""So much more must be free before the level is better again: it must not change with every event."""


def watermarks(disk_bytes: int) -> tuple[int, int]:
    """Below which free bytes the disk is "low" and "critical"; `disk_bytes` is its size."""
    critical = min(DISK_CRITICAL_BYTES, max(DISK_CRITICAL_MIN_BYTES, disk_bytes // _CRITICAL_SHARE))
    return critical * (DISK_LOW_BYTES // DISK_CRITICAL_BYTES), critical


def disk_level(free_bytes: int, disk_bytes: int, present: str = "ok") -> str:
    """ "ok", "low" or "critical"; `present` is the level that was reported last."""
    low, critical = watermarks(disk_bytes)
    if present == "critical":
        critical = critical * _RECOVERED_PERCENT // 100
    if present in ("low", "critical"):
        low = low * _RECOVERED_PERCENT // 100
    if free_bytes < critical:
        return "critical"
    return "low" if free_bytes < low else "ok"

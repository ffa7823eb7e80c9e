"""The health of the machine: memory, load, disk and temperature, from the kernel. Nothing here fails; what is unknown is left out."""

import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

Health = dict[str, int | str]

_PROC = Path("/proc")
_THERMAL = Path("/sys/class/thermal")


def system_health(directory: Path, *, proc: Path = _PROC, thermal: Path = _THERMAL) -> Health:
    """Name to value, units last in the names; `directory` is the storage directory, whose disk counts."""
    health: Health = {
        "python": platform.python_version(),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processors": os.cpu_count() or 0,
    }
    health.update(_libraries())
    health.update(_load())
    health.update(_disk(directory))
    health.update(_kilobytes(proc / "meminfo", {"MemTotal": "memory_bytes", "MemAvailable": "memory_available_bytes"}))
    health.update(_kilobytes(proc / "self" / "status", {"VmRSS": "process_memory_bytes"}))
    health.update(_uptime(proc / "uptime"))
    health.update(_temperatures(thermal))
    return health


def _libraries() -> Iterator[tuple[str, str]]:
    from importlib import metadata  # here: a start needs none

    for name in ("chargebox", "websockets", "httpx2", "aioftp", "aiosqlite"):
        try:
            yield f"{name}_version", metadata.version(name)
        except metadata.PackageNotFoundError:
            continue


def _load() -> Iterator[tuple[str, int]]:
    try:
        averages = os.getloadavg()
    except OSError:
        return
    for minutes, average in zip((1, 5, 15), averages, strict=True):
        yield f"load_{minutes}min_permille", round(average * 1000)


def _disk(directory: Path) -> Iterator[tuple[str, int]]:
    try:
        usage = shutil.disk_usage(directory)
    except OSError:
        return
    yield "disk_bytes", usage.total
    yield "disk_free_bytes", usage.free


def _kilobytes(file: Path, names: dict[str, str]) -> Iterator[tuple[str, int]]:
    for line in _lines(file):
        name, _, rest = line.partition(":")
        words = rest.split()
        if name in names and words and words[0].isdigit():
            yield names[name], int(words[0]) * 1024


def _uptime(file: Path) -> Iterator[tuple[str, int]]:
    for line in _lines(file)[:1]:
        seconds = line.partition(".")[0]
        if seconds.isdigit():
            yield "uptime_s", int(seconds)


def _temperatures(directory: Path) -> Iterator[tuple[str, int]]:
    for number, zone in enumerate(sorted(directory.glob("thermal_zone*"))):
        for line in _lines(zone / "temp")[:1]:
            if line.strip().lstrip("-").isdigit():
                yield f"temperature_{number}_mc", int(line)


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(errors="replace").splitlines()
    except OSError:
        return []

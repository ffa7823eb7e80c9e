"""How the machine is."""

from pathlib import Path

from station.runtime.health import system_health


def test_the_machine_tells_memory_disk_load_and_temperature(tmp_path: Path) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "meminfo").write_text("MemTotal:        1000 kB\nMemFree: 5 kB\nMemAvailable:     600 kB\n")
    (tmp_path / "self" / "status").write_text("Name:\tpython\nVmRSS:\t   50 kB\n")
    (tmp_path / "uptime").write_text("4711.25 9000.00\n")
    zone = tmp_path / "thermal_zone0"
    zone.mkdir()
    (zone / "temp").write_text("-1500\n")
    health = system_health(tmp_path, proc=tmp_path, thermal=tmp_path)
    assert (health["memory_bytes"], health["memory_available_bytes"]) == (1_024_000, 614_400)
    assert (health["process_memory_bytes"], health["uptime_s"], health["temperature_0_mc"]) == (51_200, 4711, -1500)
    assert {"disk_bytes", "disk_free_bytes", "kernel", "python", "aioftp_version"} <= set(health)


def test_what_is_unknown_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: many\n\x00\n")
    (tmp_path / "uptime").write_text("")
    health = system_health(tmp_path / "missing", proc=tmp_path, thermal=tmp_path)
    assert not {"memory_bytes", "uptime_s", "disk_bytes", "temperature_0_mc"} & set(health)

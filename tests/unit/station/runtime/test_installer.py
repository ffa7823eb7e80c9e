"""Installers: the bench's manifest, and commands of the maker's (5.19)."""

import asyncio
import os
import shlex
import sys
from pathlib import Path

import pytest

from station.runtime.installer import (
    BenchInstaller,
    CommandInstaller,
    Installation,
    InstallationError,
    make_installer,
)
from tests.file_servers import bench_image

pytestmark = pytest.mark.asyncio


def bench(tmp_path: Path) -> BenchInstaller:
    return BenchInstaller(tmp_path, model="Bench")


def image(tmp_path: Path, content: bytes) -> Path:
    file = tmp_path / "1-image.fwi"
    file.write_bytes(content)
    return file


def command(tmp_path: Path, code: str, **limits: float) -> CommandInstaller:
    """An installer that runs Python code, in which sys.argv[1] is the image."""
    script = tmp_path / "install.py"
    script.write_text(f"import os, sys, time, signal\n{code}\n")
    release = tmp_path / "os-release"
    return CommandInstaller(
        f"{shlex.quote(sys.executable)} {shlex.quote(str(script))} {{file}}", os_release=release, **limits
    )


# The bench


async def test_a_bench_image_is_installed_activated_and_remembered(tmp_path: Path) -> None:
    installer = bench(tmp_path)
    assert installer.firmware_version("0.1.0") == "0.1.0"
    installed = await installer.install(image(tmp_path, bench_image(model="Bench", version="9.9.9")))
    assert installed == Installation(version="9.9.9")
    assert installer.firmware_version("0.1.0") == "0.1.0"
    await installer.activate(installed.version)
    assert bench(tmp_path).firmware_version("0.1.0") == "9.9.9"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "manifest"),
        (b"\x7fELF\x00\n", "manifest"),
        (b"[1]\n", "manifest"),
        (b'{"chargebox_firmware": 2, "model": "Bench", "version": "1", "sha256": ""}\n', "manifest"),
        (b'{"chargebox_firmware": 1, "model": "Bench", "version": "1"}\n', "lacks"),
        (b'{"chargebox_firmware": 1, "model": "Bench", "version": 1, "sha256": ""}\n', "lacks"),
        (b'{"chargebox_firmware": 1, "model": "Bench", "version": "a\\nb", "sha256": ""}\n', "lacks"),
        (b" " * 10_000, "manifest"),
        (bench_image(model="Other", version="1"), "is for 'Other', not for 'Bench'"),
        (bench_image(model="Bench", version="1", digest="00"), "checksum"),
        (bench_image(model="Bench", version="1")[:-1], "checksum"),
        (bench_image(model="Bench", version=""), "1 to 50"),
        (bench_image(model="Bench", version="x" * 51), "1 to 50"),
    ],
)
async def test_anything_but_a_sound_image_for_this_model_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    with pytest.raises(InstallationError, match=why):
        await bench(tmp_path).install(image(tmp_path, content))


async def test_an_image_that_is_gone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InstallationError, match="cannot be read"):
        await bench(tmp_path).install(tmp_path / "none")


async def test_a_version_that_cannot_be_recorded_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(InstallationError, match="cannot be recorded"):
        await BenchInstaller(tmp_path / "missing", model="Bench").activate("1")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"version": 1}', "\x00"])
async def test_a_damaged_record_leaves_the_daemons_own_version(tmp_path: Path, content: str) -> None:
    (tmp_path / "firmware.json").write_text(content)
    assert bench(tmp_path).firmware_version("0.1.0") == "0.1.0"


# Commands


async def test_a_command_gets_the_image_and_may_name_the_version(tmp_path: Path) -> None:
    code = "print(open(sys.argv[1]).read()); print('chargebox-firmware-version: 2.0 (blue)')"
    installed = await command(tmp_path, code).install(image(tmp_path, b"content"))
    assert installed == Installation(version="2.0 (blue)")


async def test_a_command_that_names_no_version_is_believed(tmp_path: Path) -> None:
    assert await command(tmp_path, "").install(image(tmp_path, b"")) == Installation()
    assert await command(tmp_path, "").activate("") is None  # type: ignore[func-returns-value]  # nothing is left to do


async def test_status_100_announces_a_reboot_of_the_machine(tmp_path: Path) -> None:
    installed = await command(tmp_path, "sys.exit(100)").install(image(tmp_path, b""))
    assert installed == Installation(reboots=True)


async def test_a_command_that_fails_says_why_in_a_line(tmp_path: Path) -> None:
    code = "print('noise ' * 5000, flush=True); print('signature\\n wrong', file=sys.stderr); sys.exit(3)"
    with pytest.raises(InstallationError, match=r"ended with status 3: .*noise signature wrong") as caught:
        await command(tmp_path, code).install(image(tmp_path, b""))
    assert len(str(caught.value)) <= 500
    assert "\n" not in str(caught.value)


async def test_the_image_is_one_word_and_no_shell_sees_it(tmp_path: Path) -> None:
    file = tmp_path / "a b; touch c"
    file.write_bytes(b"")
    installed = await command(tmp_path, "print('chargebox-firmware-version:', len(sys.argv))").install(file)
    assert installed.version == "2"
    assert "c" not in os.listdir(tmp_path)  # noqa: PTH208


async def test_a_command_that_does_not_exist_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(InstallationError, match="cannot be run"):
        await CommandInstaller("/nonexistent/installer {file}").install(image(tmp_path, b""))


async def test_a_command_that_takes_too_long_is_ended_with_all_it_started(tmp_path: Path) -> None:
    file = image(tmp_path, b"")
    script = tmp_path / "install.sh"
    script.write_text('sleep 60 & echo $! > "$1.child"; echo $$ > "$1"; wait\n')
    with pytest.raises(InstallationError, match="longer than 1 s"):
        await CommandInstaller(f"sh {script} {{file}}", install_max_s=1).install(file)
    for number in (file, file.with_name(f"{file.name}.child")):
        await gone(int(number.read_text()))


async def test_a_cancelled_command_is_ended(tmp_path: Path) -> None:
    file = tmp_path / "pipe"
    os.mkfifo(file)
    code = "open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(60)"
    task = asyncio.create_task(command(tmp_path, code).install(file))
    number = int(await asyncio.to_thread(file.read_text))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gone(number)


async def gone(number: int) -> None:
    """Wait for a process that was killed: a grandchild of ours dies when the machine comes to it."""
    async with asyncio.timeout(30):
        while is_running(number):  # noqa: ASYNC110  # no event tells of it
            await asyncio.sleep(0.01)


def is_running(number: int) -> bool:
    """Whether there is such a process that is more than the memory of one."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


async def test_a_command_stations_version_is_that_of_its_image(tmp_path: Path) -> None:
    installer = command(tmp_path, "")
    assert installer.firmware_version("0.1.0") == "0.1.0"
    (tmp_path / "os-release").write_text('ID=poky\nIMAGE_VERSION="2026.03"\n')
    assert installer.firmware_version("0.1.0") == "2026.03"


async def test_the_setting_chooses_the_installer(tmp_path: Path) -> None:
    assert isinstance(make_installer("bench", directory=tmp_path, model="Bench"), BenchInstaller)
    assert isinstance(make_installer("rauc install {file}", directory=tmp_path, model="Bench"), CommandInstaller)

"""Installers: what turns a downloaded image into the firmware in service.

The bench installs nothing; it checks an image's manifest and remembers the version it names. A command is any program of the
maker's, such as RAUC's or SWUpdate's client; it judges the image, signature included, and puts it in place so that it is never
half in service. docs/firmware.md says what is asked of it.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import re
import shlex
import signal
from pathlib import Path
from typing import Any, Protocol

from eventstore.directory import StorageDirectory
from eventstore.value import Value
from station.settings.kinds import BENCH_INSTALLER

VERSION_LENGTH_MAX = 50  # firmwareVersion, 6.3: CiString50
MANIFEST_BYTES_MAX = 4096
OUTPUT_BYTES_KEPT = 2000
INSTALL_MAX_S = 3600
TERMINATE_WAIT_S = 10
REBOOTS = 100
"""The exit status of a command that installed the image and has the machine rebooted."""

RECORD_NAME = "firmware.json"
OS_RELEASE = Path("/etc/os-release")
_VERSION_LINE = re.compile(rb"^chargebox-firmware-version:[ \t]*(\S[^\r\n]*?)[ \t]*\r?$", re.MULTILINE)
UMASK = 0o022
"""What the installer puts in place is for the whole system, unlike the station's own files."""


class InstallationError(Exception):
    """The image cannot be installed; the text says why. The firmware in service is the one that was."""


class Installation(Value, frozen=True, kw_only=True):
    """An image in place: the version it calls itself ("" if unknown), and whether the machine is about to reboot."""

    version: str = ""
    reboots: bool = False


class Installer(Protocol):
    """What the job runner needs of an installer; each step may be repeated after a power cut."""

    async def install(self, image: Path) -> Installation:
        """Check the image and put it in place. Raises InstallationError."""

    async def activate(self, version: str) -> None:
        """Have the next start of the daemon be that of the new firmware. Raises InstallationError."""

    def firmware_version(self, software_version: str) -> str:
        """What BootNotification reports, given the daemon's own version."""


class BenchInstaller:
    """The installer of a bench station: an image is a manifest of one line and bytes that it vouches for."""

    def __init__(self, directory: Path, *, model: str) -> None:
        self._directory = StorageDirectory(directory)
        self._model = model

    async def install(self, image: Path) -> Installation:
        """Raises InstallationError for anything but an image for this model whose checksum holds."""
        return Installation(version=await asyncio.to_thread(self._verified_version, image))

    def _verified_version(self, image: Path) -> str:
        try:
            with image.open("rb") as file:
                manifest = _manifest(file.readline(MANIFEST_BYTES_MAX))
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise InstallationError(f"the image cannot be read: {error}") from error
        if manifest["model"] != self._model:
            raise InstallationError(f"the image is for {manifest['model'][:50]!r}, not for {self._model!r}")
        if manifest["sha256"].lower() != digest:
            raise InstallationError("the image's checksum is wrong")
        return manifest["version"]

    async def activate(self, version: str) -> None:
        """Records the version; it outlives the process."""
        try:
            content = json.dumps({"version": version}).encode()
            await asyncio.to_thread(self._directory.write_file, RECORD_NAME, content)
        except OSError as error:
            raise InstallationError(f"the version cannot be recorded: {error}") from error

    def firmware_version(self, software_version: str) -> str:
        """The version of the image activated last; the daemon's own where there was none."""
        try:
            version: Any = json.loads((self._directory.path / RECORD_NAME).read_bytes())["version"]
        except (OSError, ValueError, KeyError, TypeError):
            return software_version
        return version if isinstance(version, str) else software_version


def _manifest(line: bytes) -> dict[str, str]:
    try:
        manifest: Any = json.loads(line)
    except ValueError as error:
        raise InstallationError("the image does not begin with a manifest") from error
    if not isinstance(manifest, dict) or manifest.get("chargebox_firmware") != 1:
        raise InstallationError("the image does not begin with a manifest")
    members = {name: manifest.get(name) for name in ("model", "version", "sha256")}
    if not all(isinstance(member, str) and member.isprintable() for member in members.values()):
        raise InstallationError("the manifest lacks model, version or sha256")
    if not 1 <= len(manifest["version"]) <= VERSION_LENGTH_MAX:
        raise InstallationError(f"the manifest's version must have 1 to {VERSION_LENGTH_MAX} characters")
    return {name: str(member) for name, member in members.items()}


class CommandInstaller:
    """An installer that is a command of the maker's, run without a shell; {file} in it stands for the image's path."""

    def __init__(self, command: str, *, os_release: Path = OS_RELEASE, install_max_s: float = INSTALL_MAX_S) -> None:
        self._words = shlex.split(command)
        self._os_release = os_release
        self._install_max_s = install_max_s

    async def install(self, image: Path) -> Installation:
        """Exit status 0: in place; 100: in place, and the machine reboots; anything else: InstallationError.

        Raises InstallationError too if the command cannot be run or takes too long. A cancelled one is ended.
        """
        words = [word.replace("{file}", str(image)) for word in self._words]
        try:
            process = await asyncio.create_subprocess_exec(
                *words,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,  # so that all of it can be ended
                umask=UMASK,
            )
        except (OSError, ValueError) as error:
            raise InstallationError(f"the installer cannot be run: {error}") from error
        try:
            async with asyncio.timeout(self._install_max_s):
                output = await _tail(process)
                status = await process.wait()
        except TimeoutError as error:
            raise InstallationError(f"the installer took longer than {self._install_max_s:g} s") from error
        finally:
            await _end(process)
        if status not in (0, REBOOTS):
            said = " ".join(output.decode(errors="replace").split())
            raise InstallationError(f"the installer ended with status {status}: {said[-400:]}".removesuffix(": "))
        named = _VERSION_LINE.findall(output)
        version = named[-1].decode(errors="replace")[:VERSION_LENGTH_MAX] if named else ""
        return Installation(version=version, reboots=status == REBOOTS)

    async def activate(self, version: str) -> None:
        """Nothing is left to do: the command has put the image in place."""

    def firmware_version(self, software_version: str) -> str:
        """IMAGE_VERSION of the running system's os-release, else the daemon's own version."""
        try:
            lines = self._os_release.read_text(errors="replace").splitlines()
        except OSError:
            return software_version
        values = [line.partition("=")[2].strip().strip("\"'") for line in lines if line.startswith("IMAGE_VERSION=")]
        return (values[-1] if values else "")[:VERSION_LENGTH_MAX] or software_version


async def _tail(process: asyncio.subprocess.Process) -> bytes:
    """The end of what the process says, until it says no more."""
    assert process.stdout is not None, "it was asked for"
    tail = b""
    while chunk := await process.stdout.read(65536):
        tail = (tail + chunk)[-OUTPUT_BYTES_KEPT:]
    return tail


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the rest of the command: SIGTERM first, then SIGKILL."""
    if process.returncode is not None:
        return
    for number, wait_s in ((signal.SIGTERM, TERMINATE_WAIT_S), (signal.SIGKILL, None)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await process.wait()
                return


def make_installer(setting: str, *, directory: Path, model: str) -> Installer:
    """The installer that `[firmware] installer` names; `directory` is the storage directory."""
    return BenchInstaller(directory, model=model) if setting == BENCH_INSTALLER else CommandInstaller(setting)

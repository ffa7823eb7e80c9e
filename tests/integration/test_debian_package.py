"""The Debian package in minimal roots of Debian 12 and 13: installed without a network, upgraded, refused, removed, and booted.

It needs root, debootstrap, PyPI and a mirror of Debian; what is missing is said, and the test left out.
"""

import fcntl
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.debian import build
from deploy.debian.libraries import MACHINES
from deploy.debian.staging import debian_version
from tests.daemon import ROOT

RELEASES = ("bookworm", "trixie")
MIRROR = "http://deb.debian.org/debian"
PATH = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"
SETTINGS = "/etc/chargebox/chargebox.toml"
STEP_S, BOOT_S = 900, 120
EARLIER = "0.1.9"
PORTS = (8887, 9000)
"""Where the station that comes with the package serves, and looks for its CSMS."""
LOOPBACK_UP = """
import fcntl, socket, struct, sys, os
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14s", b"lo", 1, b""))  # SIOCSIFFLAGS, IFF_UP
os.execvp(sys.argv[1], sys.argv[1:])
"""
ENTER = 'mount -t proc proc "$0/proc" && mount --bind /dev "$0/dev" && exec chroot "$0" env -i LANG=C.UTF-8 "$@"'
SESSION = f"""
set -e
runuser -u chargebox -- chargebox run --settings {SETTINGS} 2>/tmp/journal &
until grep -q '^chargebox: ready' /tmp/journal; do sleep 0.2; done
chargebox demo --settings {SETTINGS} --pace 0.1
kill -TERM $(cat /var/lib/chargebox/lock)
wait
"""
NEWER_LOG = """
import sqlite3
with sqlite3.connect("/var/lib/chargebox/chargebox.db") as log:
    log.execute("INSERT INTO migration VALUES (99, 'later', 'abc', 99)")
"""

pytestmark = [pytest.mark.long, pytest.mark.timeout(7200)]


def missing() -> str:
    """What these tests cannot do without; "" if everything is here."""
    programs = [name for name in ("debootstrap", "dpkg-deb", "unshare", "chroot") if shutil.which(name) is None]
    if os.geteuid() != 0:
        return "they make a root of their own: run them as root"
    return f"apt-get install debootstrap ({', '.join(programs)} is missing)" if programs else ""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The package for this machine."""
    if reason := missing():
        pytest.skip(reason)
    done = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True)
    architecture = done.stdout.strip()
    if architecture not in MACHINES:
        pytest.skip(f"no package is promised for {architecture}")
    assert build.main(["--architecture", architecture, "--into", str(tmp_path)]) == 0
    return tmp_path / f"chargebox_{debian_version()}_{architecture}.deb"


def minimal_root(directory: Path, release: str, *packages: str) -> Path:
    """A Debian with nothing in it but these packages."""
    wanted = [f"--include={','.join(packages)}"] if packages else []
    command = ["debootstrap", "--variant=minbase", *wanted, release, str(directory), MIRROR]
    done = subprocess.run(command, capture_output=True, text=True, timeout=STEP_S)
    if done.returncode != 0:
        pytest.skip(f"debootstrap {release}: {(done.stdout + done.stderr).strip().splitlines()[-1]}")
    shutil.copy("/etc/resolv.conf", directory / "etc" / "resolv.conf")
    return directory


def inside(root: Path, *command: str, network: bool = True) -> subprocess.CompletedProcess[str]:
    """Runs a command in a root, with processes of its own, none of which outlives it; without `network`, with a loopback of its own."""
    apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
    if not network:
        apart += ["--net", sys.executable, "-c", LOOPBACK_UP]
    words = [*apart, "sh", "-c", ENTER, str(root), PATH, "DEBIAN_FRONTEND=noninteractive", *command]
    done = subprocess.run(words, capture_output=True, text=True, timeout=STEP_S, stdin=subprocess.DEVNULL)
    print(f"$ {' '.join(command)}\n{done.stdout}{done.stderr}")
    return done


def owner_and_mode(root: Path, path: str) -> str:
    return inside(root, "stat", "-c", "%U:%G %a", path).stdout.strip()


def not_compiled(root: Path) -> list[str]:
    """Our modules whose bytecode is not there, or not for the Python of this Debian: each start would compile them."""
    look = "import importlib.util, sys; print(sys.implementation.cache_tag, importlib.util.MAGIC_NUMBER.hex())"
    tag, magic = inside(root, "python3", "-c", look).stdout.split()
    site = root / "opt/chargebox/venv/lib/site-packages"
    modules = [module for name in ("eventstore", "station") for module in (site / name).rglob("*.py")]
    assert modules
    compiled = {module: module.parent / "__pycache__" / f"{module.stem}.{tag}.pyc" for module in modules}
    return [str(module) for module, file in compiled.items() if file.read_bytes()[:4].hex() != magic]


def as_version(package: Path, version: str) -> Path:
    """The same package under an earlier version: what dpkg has to upgrade."""
    unpacked = package.parent / f"unpacked-{version}"
    subprocess.run(["dpkg-deb", "--raw-extract", package, unpacked], check=True)
    for file in (unpacked / "DEBIAN").iterdir():
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace(f"Version: {debian_version()}\n", f"Version: {version}\n"), encoding="utf-8")
    earlier = package.with_name(package.name.replace(debian_version(), version))
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", unpacked, earlier], check=True, capture_output=True)
    return earlier


@pytest.mark.parametrize("release", RELEASES)
def test_a_minimal_debian_gets_a_station_without_a_network_and_keeps_its_log(
    package: Path, tmp_path: Path, release: str
) -> None:
    root = minimal_root(tmp_path / "root", release, "python3", "adduser")
    earlier = as_version(package, EARLIER)
    for each in (package, earlier):
        shutil.copy(each, root / "root")
    file = f"/root/{package.name}"

    (root / "opt/chargebox/venv").mkdir(parents=True)
    by_hand = inside(root, "dpkg", "-i", file, network=False)
    assert by_hand.returncode != 0
    assert "/opt/chargebox/venv was made by hand" in by_hand.stderr
    (root / "opt/chargebox/venv").rmdir()

    assert inside(root, "dpkg", "-i", f"/root/{earlier.name}", network=False).returncode == 0
    assert owner_and_mode(root, "/etc/chargebox") == "root:chargebox 750"
    assert owner_and_mode(root, SETTINGS) == "root:chargebox 640"
    assert owner_and_mode(root, "/var/lib/chargebox") == "chargebox:chargebox 700"
    doctor = inside(root, "runuser", "-u", "chargebox", "--", "chargebox", "doctor")
    assert doctor.returncode == 0
    assert "packages ours and unchanged" in doctor.stdout
    assert not_compiled(root) == []

    session = inside(root, "sh", "-c", SESSION, network=False)
    assert session.returncode == 0, "the session, and the daemon's orderly end"
    assert "They agree: 1 transactions" in session.stdout

    with (root / SETTINGS.removeprefix("/")).open("a") as settings:
        settings.write("# of the operator\n")
    newer = inside(root, "dpkg", "-i", file, network=False)
    assert newer.returncode == 0
    assert f"is copied to /var/backups/chargebox/{EARLIER}" in newer.stdout
    kept = root / "var/backups/chargebox" / EARLIER / "chargebox.db"
    assert kept.stat().st_mode & 0o077 == 0
    assert (
        f"chargebox:{debian_version()}"
        in inside(root, "dpkg-query", "-W", "-f", "${Package}:${Version}", "chargebox").stdout
    )
    assert "of the operator" in inside(root, "cat", SETTINGS).stdout
    verified = inside(root, "chargebox", "replay", "/var/lib/chargebox", "verify")
    assert "WHOLE" in verified.stdout
    second = inside(root, "sh", "-c", SESSION, network=False)
    assert second.returncode == 0, "a session on the log of the version before"
    assert not_compiled(root) == []

    assert inside(root, "python3", "-c", NEWER_LOG).returncode == 0
    refused = inside(root, "dpkg", "-i", file, network=False)
    assert refused.returncode != 0
    assert "its migration 99 needs a version that knows migration 99" in refused.stderr
    assert inside(root, "chargebox", "--version").returncode == 0, "what was there is there"

    assert inside(root, "dpkg", "--remove", "chargebox").returncode == 0
    assert (root / "var/lib/chargebox/chargebox.db").is_file()
    assert not (root / "opt/chargebox").exists(), "nothing is left of the program"
    assert inside(root, "dpkg", "--purge", "chargebox").returncode == 0
    for gone in ("var/lib/chargebox", "var/backups/chargebox", "etc/chargebox"):
        assert not (root / gone).exists(), gone


def test_lintian_finds_no_error(package: Path) -> None:
    if shutil.which("lintian") is None:
        pytest.skip("apt-get install lintian")
    command = ["lintian", "--fail-on", "error", "--display-level", ">=error", str(package)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("release", RELEASES)
def test_three_commands_lead_from_a_clean_debian_to_a_session_under_systemd(
    package: Path, tmp_path: Path, release: str
) -> None:
    if shutil.which("systemd-nspawn") is None:
        pytest.skip("apt-get install systemd-container")
    root = minimal_root(tmp_path / "root", release, "systemd", "systemd-sysv", "dbus")
    shutil.copy(package, root / "root")
    with alone(), booted(root) as leader:
        enter = ["nsenter", "--target", str(leader), "--all", "--root", "--wd", "env", "-i", PATH, "LANG=C.UTF-8"]

        def command(*words: str) -> subprocess.CompletedProcess[str]:
            done = subprocess.run([*enter, *words], capture_output=True, text=True, timeout=STEP_S)
            print(f"$ {' '.join(words)}\n{done.stdout}{done.stderr}")
            return done

        began = time.monotonic()
        assert command("apt-get", "update").returncode == 0
        assert command("apt-get", "install", "-y", f"/root/{package.name}").returncode == 0
        session = command("chargebox", "demo", "--settings", SETTINGS)
        print(f"{release}: {time.monotonic() - began:.0f} s from a clean Debian to the end of a session")
        assert "They agree: 1 transactions" in session.stdout
        assert command("systemctl", "is-active", "chargebox").stdout == "active\n"
        assert command("systemctl", "restart", "chargebox").returncode == 0
        assert command("systemctl", "show", "-p", "NRestarts", "--value", "chargebox").stdout == "0\n"
        assert command("apt-get", "purge", "-y", "chargebox").returncode == 0
        assert command("systemctl", "is-active", "chargebox").stdout.strip() in {"inactive", "unknown"}


@contextmanager
def alone() -> Iterator[None]:
    """Nobody else has the ports of this machine, which a root that needs the network shares."""
    with (Path(tempfile.gettempdir()) / "chargebox-test-ports").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for port in PORTS:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    pytest.skip(f"port {port} is taken on this machine, and the booted one shares it")
        yield


@contextmanager
def booted(root: Path) -> Iterator[int]:
    """A root with its own systemd as process 1; the number that process has here."""
    words = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--console=pipe", "--resolv-conf=off"]
    # Newer versions of systemd boot on the unified hierarchy of control groups alone.
    environment = {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
    machine = subprocess.Popen(
        [*words, "-D", str(root), "--boot"],
        env=environment,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        leader = first_child(machine)
        bus = root_of(leader) / "run/dbus/system_bus_socket"
        until = time.monotonic() + BOOT_S
        while not bus.is_socket():
            if machine.poll() is not None or time.monotonic() > until:
                machine.kill()
                pytest.skip(f"systemd does not boot here: {machine.communicate()[0][-300:]}")
            time.sleep(0.2)
        yield leader
    finally:
        if machine.poll() is None:
            machine.terminate()  # an orderly power-off
            try:
                machine.wait(timeout=BOOT_S)
            except subprocess.TimeoutExpired:
                machine.kill()
                machine.wait()


def root_of(process: int) -> Path:
    return Path(f"/proc/{process}/root")


def first_child(machine: subprocess.Popen[str]) -> int:
    """Process 1 of the machine, as numbered here."""
    children = Path(f"/proc/{machine.pid}/task/{machine.pid}/children")
    until = time.monotonic() + BOOT_S
    while machine.poll() is None and time.monotonic() < until:
        if numbers := children.read_text().split():
            return int(numbers[0])
        time.sleep(0.1)
    pytest.skip(f"systemd-nspawn does not start here: {machine.communicate()[0][-300:]}")

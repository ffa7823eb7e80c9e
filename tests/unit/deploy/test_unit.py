"""The systemd unit: what it leaves open, judged by systemd itself."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.daemon import ROOT

UNIT = ROOT / "deploy" / "chargebox.service"
EXPOSURE_MAX = 1.5


def offline_analysis() -> str | None:
    """What systemd-analyze says of the file alone; None where it is missing or older than version 250."""
    program = shutil.which("systemd-analyze")
    if program is None:
        return None
    command = [program, "security", "--offline=true", "--no-pager", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True, env={"LANG": "C.UTF-8"})
    return done.stdout if done.returncode == 0 else None


def test_the_exposure_is_small() -> None:
    analysis = offline_analysis()
    if analysis is None:
        pytest.skip("systemd-analyze 250 or newer is not here: apt-get install systemd")
    level = re.search(r"Overall exposure level for chargebox.service: ([\d.]+)", analysis)
    assert level is not None, analysis
    assert float(level[1]) <= EXPOSURE_MAX, analysis


def test_the_drop_in_takes_back_what_keeps_devices_away() -> None:
    unit, drop_in = (settings(ROOT / "deploy" / name) for name in ("chargebox.service", "chargebox-gpio.conf"))
    for name in ("PrivateDevices", "PrivateUsers", "ProtectKernelTunables"):
        assert (unit[name], drop_in[name]) == ("yes", "no"), name


def settings(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^(\w+)=(.*)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE))

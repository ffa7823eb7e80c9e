"""The container of a bench station runs what the package installs, and its unit what the container has."""

import configparser
import re

import pytest

from deploy.debian.libraries import MACHINES
from deploy.debian.staging import CONFFILE
from tests.daemon import ROOT

CONTAINERFILE = (ROOT / "deploy" / "Containerfile").read_text(encoding="utf-8")
README = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def quadlet() -> configparser.ConfigParser:
    """Keys that stand twice (Volume) are none of the tests' business."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[method-assign,assignment]  # the documented way to keep capitals
    parser.read(ROOT / "deploy" / "chargebox.container")
    return parser


def words(instruction: str) -> list[str]:
    found = re.search(rf"^{instruction} \[(.*)\]$", CONTAINERFILE, flags=re.MULTILINE)
    assert found is not None, instruction
    return re.findall(r'"([^"]*)"', found[1])


def test_it_runs_the_command_and_the_settings_of_the_package() -> None:
    assert [*words("ENTRYPOINT"), *words("CMD")] == ["/usr/bin/chargebox", "run", "--settings", f"/{CONFFILE}"]


def test_it_takes_the_package_of_its_architecture_by_the_name_that_debian_has_for_it() -> None:
    assert "COPY chargebox_*_${TARGETARCH}.deb" in CONTAINERFILE
    assert set(MACHINES) == {"amd64", "arm64"}, "as podman and docker call them"


def test_the_log_outlives_the_container(quadlet: configparser.ConfigParser) -> None:
    assert "VOLUME /var/lib/chargebox" in CONTAINERFILE
    assert quadlet["Container"]["Volume"].endswith(":/var/lib/chargebox")
    assert "-v chargebox-log:/var/lib/chargebox" in README


def test_it_runs_without_root_and_may_nothing(quadlet: configparser.ConfigParser) -> None:
    assert re.findall(r"^USER (.*)$", CONTAINERFILE, flags=re.MULTILINE) == ["chargebox"]
    unit = quadlet["Container"]
    assert (unit["DropCapability"], unit["NoNewPrivileges"], unit["ReadOnly"]) == ("all", "true", "true")


def test_it_is_supervised_like_the_station_without_a_container(quadlet: configparser.ConfigParser) -> None:
    plain = dict(re.findall(r"^(\w+)=(.*)$", (ROOT / "deploy" / "chargebox.service").read_text(), flags=re.MULTILINE))
    for key in ("Restart", "RestartPreventExitStatus", "RestartSec", "TimeoutStopSec"):
        assert quadlet["Service"][key] == plain[key], key


def test_the_health_command_does_not_end_with_a_quote(quadlet: configparser.ConfigParser) -> None:
    """Quadlet of podman 5.4 takes one away there, and the shell finds an open one."""
    command = quadlet["Container"]["HealthCmd"]
    assert command.startswith("/opt/chargebox/venv/bin/python3 -c ")
    assert not command.endswith(('"', "'"))

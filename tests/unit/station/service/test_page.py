"""The page's files: how they are served, how large they are, and that the libraries among them are those of the registry."""

import gzip
import hashlib
import json
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from station.page_files import FILES, POLICY, page_files, page_version
from tests.unit.station.service.stations import served

ROOT = Path(__file__).resolve().parents[4]
VENDORED = (FILES / "vendor", ROOT / "tests" / "browser" / "axe")
"""Folders of parts of others, each with its manifest."""
WHOLE_PAGE_MAX = 80_000
REGISTRY_S = 30
UNREACHED = "needs the npm registry: it cannot be reached from here, or does not answer in time"


def manifest(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "manifest.json").read_text())
    return found


@pytest.mark.asyncio
async def test_the_page_is_served_under_a_policy_that_lets_nothing_else_run(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        response = await station.http.get("/")
        assert (response.status_code, response.headers["content-type"]) == (200, "text/html; charset=utf-8")
        policy = response.headers["content-security-policy"]
        assert policy == POLICY
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert response.headers["x-content-type-options"] == "nosniff"


def test_the_page_has_no_inline_script_style_or_handler() -> None:
    text = (FILES / "index.html").read_text()
    assert re.findall(r"<script(?![^>]*\bsrc=)", text) == []
    assert re.findall(r"<style|\bstyle=|\bon\w+=", text) == []
    scripts = "".join(path.read_text() for path in FILES.glob("*.js"))
    assert re.findall(r"innerHTML|dangerouslySetInnerHTML|\beval\(|new Function|document\.write", scripts) == []


def test_everything_that_the_page_loads_is_there_and_nothing_comes_from_elsewhere() -> None:
    text = (FILES / "index.html").read_text()
    named = set(re.findall(r'(?:src|href)="/page/([^"]+)"', text))
    for path in FILES.glob("*.js"):
        for target in re.findall(r'from "([^"]+)"', path.read_text()):
            named.add((path.parent / target).resolve().relative_to(FILES).as_posix())
    assert named <= set(page_files())
    assert set(page_files()) - named == {"index.html", "texts.json", "kept.js"}
    ours = [path for path in FILES.iterdir() if path.is_file() and path.suffix != ".svg"]
    assert [
        path.name for path in ours if "//" in re.sub(r"^\s*//.*$|[^:]//.*$", "", path.read_text(), flags=re.MULTILINE)
    ] == []


def test_the_whole_page_is_small() -> None:
    assert sum(len(file.packed) for file in page_files().values()) <= WHOLE_PAGE_MAX


@pytest.mark.asyncio
async def test_a_file_is_compressed_for_whom_can_read_it_and_not_sent_again(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        response = await station.http.get("/page/style.css", headers={"accept-encoding": "gzip"})
        assert response.headers["content-encoding"] == "gzip"
        plain = await station.http.get("/page/style.css", headers={"accept-encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert response.content == plain.content == (FILES / "style.css").read_bytes()
        etag = response.headers["etag"]
        for known in (etag, f"W/{etag}", f'"x", {etag}', "*"):
            again = await station.http.get("/page/style.css", headers={"if-none-match": known})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        other = await station.http.get("/page/style.css", headers={"if-none-match": '"other"'})
        assert other.status_code == 200
        head = await station.http.head("/page/style.css")
        assert (head.status_code, head.content) == (200, b"")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "name", ["nothing.js", "../app.py", "%2e%2e/page.py", "vendor/manifest.json", "vendor/LICENSE.htm", ""]
)
async def test_nothing_but_the_page_is_served(tmp_path: Path, name: str) -> None:
    async with served(tmp_path) as station:
        response = await station.http.get(f"/page/{name}")
        assert response.status_code == 404
        assert set(response.json()) == {"error"}


def test_the_version_follows_from_the_files() -> None:
    assert re.fullmatch(r"[0-9a-f]{16}", page_version())
    assert all(gzip.decompress(file.packed) == (FILES / name).read_bytes() for name, file in page_files().items())


@pytest.mark.parametrize("folder", VENDORED, ids=lambda folder: folder.name)
def test_the_parts_of_others_are_those_of_their_manifest(folder: Path) -> None:
    files = {entry["file"]: entry["sha256"] for part in manifest(folder) for entry in part["files"]}
    assert {path.name for path in folder.iterdir()} == {*files, "manifest.json"}
    assert {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files} == files
    for part in manifest(folder):
        assert any(entry["in_package"] == "LICENSE" for entry in part["files"]), part["package"]


def test_the_parts_of_others_are_those_of_the_registry(tmp_path: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("needs npm: as root, apt-get install npm")
    parts = {f"{part['package']}@{part['version']}": (folder, part) for folder in VENDORED for part in manifest(folder)}
    command = [npm, "pack", "--silent", "--fetch-retries=0", f"--fetch-timeout={REGISTRY_S}000", *parts]
    try:
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=2 * REGISTRY_S)
    except subprocess.TimeoutExpired:
        pytest.skip(UNREACHED)
    if done.returncode != 0:
        pytest.skip(UNREACHED)
    packed = list(tmp_path.glob("*.tgz"))
    assert len(packed) == len(parts)
    found = {}
    for file in packed:
        with tarfile.open(file) as archive:
            inside = {name: archive.extractfile(name) for name in archive.getnames()}
            described = inside["package/package.json"]
            assert described is not None
            about = json.loads(described.read())
            folder, part = parts[f"{about['name']}@{about['version']}"]
            assert about["license"] == part["licence"]
            for entry in part["files"]:
                content = inside[f"package/{entry['in_package']}"]
                assert content is not None
                found[entry["file"]] = (content.read(), (folder / entry["file"]).read_bytes())
    assert [name for name, (theirs, ours) in found.items() if theirs != ours] == []

"""The files of the page, for whoever serves it: the station, or `chargebox replay LOG page`.

They lie in `service/page_files`, as they are served: ES modules, a style sheet, the texts, and in `vendor` the libraries with their
manifest. They are read when somebody first asks; their digest is the validator, so a browser asks again and is mostly answered 304.
"""

import gzip
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

FILES = Path(__file__).resolve().parent / "service" / "page_files"
INDEX = "index.html"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Content-Security-Policy: no inline script, no eval, no frame, no markup made of texts."""
MEDIA = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
"""What is served, by the end of its name; licence texts are not."""
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
    "vary": "accept-encoding",
}


class PageFile(NamedTuple):
    """One file: its validator, its media type, its bytes as gzip has them."""

    etag: str
    media_type: str
    packed: bytes


class FileAnswer(NamedTuple):
    """How a file is answered over HTTP."""

    status: int
    headers: dict[str, str]
    content: bytes


@cache
def page_files() -> dict[str, PageFile]:
    """Every file of the page by its path below `FILES`."""
    found = {}
    for path in sorted(FILES.rglob("*")):
        media_type = MEDIA.get(path.suffix)
        if media_type is None or path.name == "manifest.json":
            continue
        content = path.read_bytes()
        name = path.relative_to(FILES).as_posix()
        found[name] = PageFile(f'"{sha256(content).hexdigest()[:32]}"', media_type, gzip.compress(content, 9, mtime=0))
    return found


@cache
def page_version() -> str:
    """What the whole page is: another one where any of its files is another one."""
    return sha256("".join(file.etag for file in page_files().values()).encode()).hexdigest()[:16]


def file_answer(name: str, known: str, encodings: str) -> FileAnswer | None:
    """The answer for a file, by the request's If-None-Match (`known`) and Accept-Encoding; None if the page has no such file."""
    file = page_files().get(name)
    if file is None:
        return None
    headers = {**HEADERS, "etag": file.etag}
    if _is_known(known, file.etag):
        return FileAnswer(304, headers, b"")
    headers["content-type"] = file.media_type
    if "gzip" in encodings:
        return FileAnswer(200, {**headers, "content-encoding": "gzip"}, file.packed)
    return FileAnswer(200, headers, gzip.decompress(file.packed))


def _is_known(asked: str, etag: str) -> bool:
    """If-None-Match compares weakly (RFC 9110, 13.1.2)."""
    return any(known.strip().removeprefix("W/") in (etag, "*") for known in asked.split(","))

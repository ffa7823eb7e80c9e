"""HTTP and HTTPS transfers.

A download that was cut continues with Range and If-Range (RFC 9110, 13.1.5 and 14.2). An upload is a PUT: it names the file
that comes to be and may be repeated, which POST may not. The location is a directory (6.25), so the file name is appended,
unless the URL has a query, as pre-signed ones have, which are good for exactly what they name. A server that refuses the PUT
gets a POST to the location itself, with the file name in Content-Disposition: applications that know only their one route say
so in many ways (400, 404, 405, 415, 501 and others). 401, 403 and 413 mean the file or the sender, and stand.

If a server asks for a pause (Retry-After), the failure carries it.
"""

import re
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import httpx2

from station.runtime.dialing import Dialer
from station.runtime.http_network import FAILURES, PROTOCOL_FAILURES, DiallingTransport
from station.runtime.location import FileLocation, TransferError, TransferFault, TransferLimits
from station.runtime.partial_file import FileRefusedError, PartialFile, ResumePoint, read_chunks, size_of
from station.runtime.retry_after import retry_after_s

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEEPS_METHOD = frozenset({301, 302, 307, 308})
_STANDING_REFUSALS = frozenset({401, 403, 413})
_FAULTS: Mapping[int, TransferFault] = {
    400: TransferFault.PROTOCOL,
    **dict.fromkeys((401, 403, 407), TransferFault.PERMISSION),
    **dict.fromkeys((405, 415, 501, 505), TransferFault.UNSUPPORTED),
}
_CONTENT_TYPES: Mapping[str, str] = {".zip": "application/zip", ".jsonl": "application/jsonl"}
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")

MakeContent = Callable[[], AsyncIterator[bytes]]


@asynccontextmanager
async def _client(
    location: FileLocation, limits: TransferLimits, tls: ssl.SSLContext, dialer: Dialer
) -> AsyncIterator[httpx2.AsyncClient]:
    timeout = httpx2.Timeout(limits.stall_s, connect=limits.connect_s)
    transport = DiallingTransport(dialer, tls)
    try:
        async with httpx2.AsyncClient(
            transport=transport, timeout=timeout, trust_env=False, follow_redirects=False
        ) as client:
            yield client
    except FAILURES as error:
        transport.doubt()
        fault = TransferFault.PROTOCOL if isinstance(error, PROTOCOL_FAILURES) else TransferFault.OTHER
        raise TransferError(f"{location}: {str(error) or type(error).__name__}", fault=fault) from error
    except httpx2.InvalidURL as error:
        raise TransferError(f"{location}: {error}") from error


async def download(
    source: FileLocation, partial: PartialFile, *, limits: TransferLimits, tls: ssl.SSLContext, dialer: Dialer
) -> None:
    """Fetch the file into `partial`. Raises TransferError, OSError."""
    async with _client(source, limits, tls, dialer) as client:
        point = partial.resume_point(source.bare)
        if not await _fetch(client, source, partial, point, limits):
            await _fetch(client, source, partial, ResumePoint(), limits)


def _refused(location: FileLocation, response: httpx2.Response) -> TransferError:
    return TransferError(
        f"{location}: HTTP status {response.status_code}",
        retry_after_s=retry_after_s(response.headers),
        fault=_FAULTS.get(response.status_code, TransferFault.OTHER),
    )


def _is_refusal(response: httpx2.Response) -> bool:
    """Whether what was asked is not to be had from the server in this way: 4xx or 501, but no "later"."""
    return (response.is_client_error or response.status_code == 501) and not retry_after_s(response.headers)


async def _fetch(
    client: httpx2.AsyncClient, source: FileLocation, partial: PartialFile, point: ResumePoint, limits: TransferLimits
) -> bool:
    """Fetch what is missing; False if the server cannot go on from there, so that it must be fetched from the start."""
    headers = {"Accept-Encoding": "identity"}
    if point.offset:
        headers |= {"Range": f"bytes={point.offset}-", "If-Range": point.validator}
    async with _followed(client, source, headers, limits) as response:
        offset, total = 0, response.headers.get("Content-Length", "")
        if point.offset and response.status_code == 206:
            match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
            if match is None or int(match[1]) != point.offset:
                return False
            offset, total = point.offset, match[2]
        elif point.offset and _is_refusal(response):
            return False  # 416, or whatever a server says that knows no ranges
        elif response.status_code != 200:
            raise _refused(source, response)
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise TransferError(f"{source}: sent with Content-Encoding, which was not asked for")
        try:
            await partial.receive(
                response.aiter_raw(),
                location=source.bare,
                validator=_validator(response.headers),
                offset=offset,
                total_bytes=int(total) if total.isdigit() else None,
            )
        except FileRefusedError as error:
            raise TransferError(f"{source}: {error}") from error
    return True


def _validator(headers: Mapping[str, str]) -> str:
    """What If-Range may hold: a strong ETag, else the time of modification, else nothing."""
    etag = headers.get("ETag", "")
    return etag if etag and not etag.startswith("W/") else headers.get("Last-Modified", "")


@asynccontextmanager
async def _followed(
    client: httpx2.AsyncClient, source: FileLocation, headers: Mapping[str, str], limits: TransferLimits
) -> AsyncIterator[httpx2.Response]:
    """The answer to a GET, after so many redirects at most."""
    request = client.build_request("GET", source.text, headers=headers)
    for _ in range(limits.redirects_max + 1):
        response = await client.send(request, stream=True)
        try:
            if response.status_code not in _REDIRECTS or response.next_request is None:
                yield response
                return
            _check_redirect(source, request.url, response.next_request.url)
            request = response.next_request
        finally:
            await response.aclose()
    raise TransferError(f"{source}: redirected more than {limits.redirects_max} times")


def _check_redirect(location: FileLocation, present: httpx2.URL, following: httpx2.URL) -> None:
    if following.scheme not in ("http", "https"):
        raise TransferError(f"{location}: redirected to the protocol {following.scheme[:20]!r}")
    if present.scheme == "https" and following.scheme == "http":
        raise TransferError(f"{location}: redirected from HTTPS to HTTP")


async def upload(
    file: Path,
    target: FileLocation,
    file_name: str,
    *,
    limits: TransferLimits,
    tls: ssl.SSLContext,
    resume: bool,
    dialer: Dialer,
) -> None:
    """Put the file where `target` says; HTTP cannot `resume`, it is sent whole again. Raises TransferError, OSError."""
    headers = {
        "Content-Type": _CONTENT_TYPES.get(file.suffix, "application/octet-stream"),
        "Content-Length": str(await size_of(file)),
    }

    def content() -> AsyncIterator[bytes]:
        return read_chunks(file)

    async with _client(target, limits, tls, dialer) as client:
        answer = await _send(client, "PUT", target, _put_url(target, file_name), headers, content, limits)
        if _is_refusal(answer) and answer.status_code not in _STANDING_REFUSALS:
            headers["Content-Disposition"] = f'attachment; filename="{file_name}"'
            answer = await _send(client, "POST", target, target.text, headers, content, limits)
    if not answer.is_success:
        raise _refused(target, answer)


def _put_url(target: FileLocation, file_name: str) -> str:
    if "?" in target.text:
        return target.text
    return f"{target.text.partition('#')[0].rstrip('/')}/{quote(file_name)}"


async def _send(
    client: httpx2.AsyncClient,
    method: str,
    target: FileLocation,
    url: str,
    headers: Mapping[str, str],
    content: MakeContent,
    limits: TransferLimits,
) -> httpx2.Response:
    """What answers the body, after redirects that keep the method; the body is sent anew to each, and what comes back is not read."""
    at = httpx2.URL(url)
    for _ in range(limits.redirects_max + 1):
        request = client.build_request(method, at, headers=headers, content=content())
        response = await client.send(request, stream=True)
        await response.aclose()
        if response.status_code not in _KEEPS_METHOD or "Location" not in response.headers:
            return response
        following = at.join(response.headers["Location"])
        _check_redirect(target, at, following)
        at = following
    raise TransferError(f"{target}: redirected more than {limits.redirects_max} times")

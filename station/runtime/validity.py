"""When a certificate is valid, read from its DER (RFC 5280, 4.1.2.5).

OpenSSL has parsed and verified the certificate by then. Two members of it are all that is needed, and the library for the rest takes
10 MiB and 85 ms, which a station of security profile 2 need not pay.
"""

from datetime import UTC, datetime

_VERSION, _UTC_TIME, _GENERALIZED_TIME = 0xA0, 0x17, 0x18


def period_of(der: bytes) -> tuple[int, int]:
    """notBefore and notAfter, in UTC milliseconds. Raises ValueError if they cannot be found or read."""
    try:
        _, certificate, _ = _element(der, 0)
        _, at, _ = _element(der, certificate)  # tbsCertificate
        tag, _, end = _element(der, at)
        at = end if tag == _VERSION else at
        for _ in ("serialNumber", "signature", "issuer"):
            _, _, at = _element(der, at)
        _, at, _ = _element(der, at)  # validity
        tag, begin, end = _element(der, at)
        not_before_ms = _time(tag, der[begin:end])
        tag, begin, end = _element(der, end)
        return not_before_ms, _time(tag, der[begin:end])
    except IndexError as error:
        raise ValueError("ends too early") from error


def _element(data: bytes, at: int) -> tuple[int, int, int]:
    """Tag, and where the content begins and ends, of the element at this place."""
    tag, length, begin = data[at], data[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        length = int.from_bytes(data[begin : begin + count], "big")
        begin += count
    return tag, begin, begin + length


def _time(tag: int, content: bytes) -> int:
    text = content.decode("ascii")
    if tag == _UTC_TIME:  # two digits of the year: 1950 to 2049
        text = ("20" if text[:2] < "50" else "19") + text
    elif tag != _GENERALIZED_TIME:
        raise ValueError(f"no time: element {tag:#x}")
    return int(datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp() * 1000)

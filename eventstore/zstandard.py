"""Zstandard (RFC 8878), whole frames in memory, with a bound on what one may become.

The library is the standard library's `compression.zstd`, and before Python 3.14 the same code as the package `backports.zstd`. A frame is
a frame whoever wrote it: those of former libraries are read as ever. It is loaded when it is first used: a station compresses once a day.
"""

import sys
from typing import Any

_WINDOW_LOG = (10, 31)
"""The longest window that a decoder accepts, as a power of two."""


def compressed(content: bytes, level: int) -> bytes:
    """One frame that says how long its content is, with a checksum over it."""
    zstd = _zstd()
    options = {zstd.CompressionParameter.compression_level: level, zstd.CompressionParameter.checksum_flag: 1}
    return bytes(zstd.compress(content, options=options))


def decompressed(frame: bytes, most: int) -> bytes:
    """The content of exactly one frame.

    Raises ValueError for what is damaged, or says that its content has more than `most` bytes: it is not unpacked then, nor a
    window taken that is longer.
    """
    zstd = _zstd()
    try:
        said = zstd.get_frame_info(frame).decompressed_size
        if said is None or said > most:
            raise ValueError(f"unpacked it has more than {most >> 20} MiB")
        window_log = max(_WINDOW_LOG[0], min(_WINDOW_LOG[1], (most - 1).bit_length()))
        decoder = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: window_log})
        # One byte more than is said: so the decoder goes on to the end of the frame, and finds what is wrong there.
        content = bytes(decoder.decompress(frame, max_length=said + 1))
    except zstd.ZstdError as error:
        raise ValueError(str(error)) from error
    if not decoder.eof:
        raise ValueError("the compressed frame is cut short")
    if decoder.unused_data:
        raise ValueError(f"{len(decoder.unused_data)} bytes follow the compressed frame")
    return content


def _zstd() -> Any:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd

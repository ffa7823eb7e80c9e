"""Texts for people without the user and password of the locations in them."""

import re

_USERINFO = re.compile(r"(?<=:)((?:\\*/){2})[^/\s\"]*@")


def without_credentials(text: str) -> str:
    """The text with its URLs as they are but for user and password, in JSON with escaped slashes as well."""
    return _USERINFO.sub(r"\1", text) if "@" in text else text

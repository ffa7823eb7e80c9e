"""A sentence for the page, as a key of its catalogue of texts and the values that stand in it."""

from typing import Any

Json = dict[str, Any]


def say(key: str, **values: object) -> Json:
    """The sentence `key`; the catalogue's text names each of the values in braces."""
    return {"say": key, **values}

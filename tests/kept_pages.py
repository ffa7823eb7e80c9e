"""Reading the page of a log in one file, as its own script does: for tests of what the file holds."""

import base64
import gzip
import json
import re
from typing import Any

DATA = re.compile(rb'<script type="application/json" id="kept">([^<]*)</script>')


def kept_in(document: bytes) -> Any:
    """What a file holds."""
    found = DATA.search(document)
    assert found is not None
    return json.loads(gzip.decompress(base64.b64decode(found[1])))


def applied(old: Any, difference: Any) -> Any:
    """What a difference makes of a value (`station.replay.viewing.deltas`, and `applied` in kept.js)."""
    if "v" in difference:
        return difference["v"]
    if "s" in difference:
        drop, keep, items = difference["s"]
        return [*old[drop : drop + keep], *items]
    if "l" in difference:
        return [
            applied(each, difference["l"][str(n)]) if str(n) in difference["l"] else each for n, each in enumerate(old)
        ]
    gone = difference.get("x", ())
    found = {name: value for name, value in old.items() if name not in gone}
    return {**found, **{name: applied(old.get(name), part) for name, part in difference.get("d", {}).items()}}


def view_at(kept: Any, name: str, seq: int) -> Any:
    """A view after event `seq`."""
    series, place = kept["series"][name], kept["seqs"].index(seq)
    value = series["first"]
    for difference in series["steps"][: place - series["begin"]]:
        value = applied(value, difference) if difference else value
    return value

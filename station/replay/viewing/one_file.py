"""The page in one file: its scripts, its style and what it shows in one HTML document, which opens from a disk without a server.

A browser loads no modules from a disk, so the modules of the page become one script. The policy of the document names the digest of each
script and of the style: nothing else runs, and nothing is loaded from anywhere.
"""

import base64
import gzip
import re
from collections.abc import Iterator
from hashlib import sha256

from station.page_files import FILES

ENTRY, BEFORE = "app.js", "kept.js"
"""The module that begins the page, and the one that gives it what the file holds."""
_IMPORT = re.compile(r'^import (?:(\w+)|\{([^}]*)\}) from "([^"]+)";$', re.MULTILINE)
_DECLARED = re.compile(r"^export ((?:async )?function|class|const|let) (\w+)", re.MULTILINE)
_LISTED = re.compile(r"export ?\{([^}]*)\};?")
_DEFAULT = re.compile(r"export default ?")
_MAP = re.compile(r"^//# sourceMappingURL=.*$|//# sourceMappingURL=\S+", re.MULTILINE)
_DOCUMENT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>chargebox</title>
<link rel="icon" href="data:image/svg+xml;base64,{icon}">
<style>{style}</style>
</head>
<body>
<div id="page"><p>This page needs JavaScript, in a browser of 2023 or later.</p></div>
<script type="application/json" id="kept">{kept}</script>
<script id="uplot">{plots}</script>
<script>{script}</script>
</body>
</html>
"""


def document(kept: bytes) -> bytes:
    """The file; `kept` is the JSON of what it shows."""
    style = "\n".join(_read(name) for name in ("style.css", "vendor/uPlot.min.css"))
    plots, script = _MAP.sub("", _read("vendor/uPlot.iife.min.js")), one_script()
    for text in (style, plots, script):
        assert "</" not in re.sub(r"</(?!script|style)", "", text, flags=re.IGNORECASE), "it would end where it stands"
    policy = (
        f"default-src 'none'; script-src {_digest(plots)} {_digest(script)}; style-src {_digest(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
    icon = base64.b64encode(_read("icon.svg").encode()).decode()
    packed = base64.b64encode(gzip.compress(kept, 9, mtime=0)).decode()
    return _DOCUMENT.format(policy=policy, icon=icon, style=style, kept=packed, plots=plots, script=script).encode()


def one_script() -> str:
    """All modules of the page as one script, each a function that is called before those that import it."""
    names = list(dict.fromkeys((*_in_order(BEFORE), *_in_order(ENTRY))))
    modules = [f'modules["{name}"] = (() => {{\n{_as_function(name)}\n}})();' for name in names if name != ENTRY]
    entry = f'await modules["{BEFORE}"].beginKept();\n{_as_function(ENTRY)}'
    return '(async () => {\n"use strict";\nconst modules = {};\n' + "\n".join(modules) + f"\n{entry}\n}})();"


def _in_order(name: str) -> Iterator[str]:
    """A module behind all that it imports."""
    for _, _, target in _IMPORT.findall(_read(name)):
        yield from _in_order(_named(name, target))
    yield name


def _named(importing: str, target: str) -> str:
    return ((FILES / importing).parent / target).resolve().relative_to(FILES).as_posix()


def _as_function(name: str) -> str:
    """The body of a function that returns what the module exports."""
    text = _MAP.sub("", _read(name))
    exported: dict[str, str] = {}

    def imported(found: re.Match[str]) -> str:
        whole, parts, target = found.groups()
        names = f"default: {whole}" if whole else parts.replace(" as ", ": ")
        return f'const {{ {names.strip()} }} = modules["{_named(name, target)}"];'

    def declared(found: re.Match[str]) -> str:
        exported[found[2]] = found[2]
        return f"{found[1]} {found[2]}"

    def listed(found: re.Match[str]) -> str:
        for part in found[1].split(","):
            own, _, other = part.strip().partition(" as ")
            exported[other or own] = own
        return ""

    text = _LISTED.sub(listed, _DECLARED.sub(declared, _IMPORT.sub(imported, text)))
    if _DEFAULT.search(text):
        text = _DEFAULT.sub("const exportedDefault = ", text)
        exported["default"] = "exportedDefault"
    given = ", ".join(f"{other}: {own}" for other, own in exported.items())
    return f"{text}\nreturn {{ {given} }};" if exported else text


def _read(name: str) -> str:
    return (FILES / name).read_text(encoding="utf-8").replace("\r\n", "\n")


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}'"

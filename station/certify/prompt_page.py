"""The instructions for a person at a station, as a page for a phone: the last instructions, and buttons for what could be typed.

Theory of operation. The page is served by threads of its own, at an address that nobody can guess; whoever has it is the person. What is
said is kept, and asked for each second; what is pressed goes to the event loop as a line that was typed. Nothing else is
answered, and nothing of the station can be reached here.
"""

import asyncio
import hmac
import json
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from threading import Lock, Thread

from station.runtime import entropy

SHOWN_MAX = 200
BODY_MAX = 100
IDLE_S = 30
TOKEN_BYTES = 16
TYPED = frozenset({"", "n", "r", "q"})
"""The lines that a button may stand for."""
HINT = "  ("
"""Where what can be typed begins: the page has buttons for it."""
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Certification run</title>
<style>
:root { color-scheme: light dark; } body { font: 18px/1.4 sans-serif; max-width: 40em; margin: 0 auto; padding: 1em; }
#now { font-size: 1.4em; font-weight: 600; min-height: 4em; } button { font: inherit; padding: .8em 1em; margin: 0 .5em .5em 0; }
#told { white-space: pre-wrap; font: .75em/1.4 monospace; overflow-wrap: anywhere; } #gone { color: #b00; }
</style></head><body>
<h1>Certification run</h1>
<p id="now" role="status" aria-live="assertive"></p>
<p><button data-typed="">I did it: look again</button><button data-typed="n">Cannot do that here</button>
<button data-typed="r">Say it again</button><button data-typed="q">End the run</button></p>
<p id="gone" role="status"></p><h2>So far</h2><div id="told"></div>
<script>
const at = (id) => document.getElementById(id);
let last = 0;
async function look() {
  try {
    const found = await (await fetch("told?after=" + last)).json();
    for (const text of found.told) at("told").prepend(text + "\\n");
    last = found.last;
    if (at("now").textContent !== found.now) at("now").textContent = found.now;
    at("gone").textContent = "";
  } catch (error) { at("gone").textContent = "The run has ended, or cannot be reached."; }
  setTimeout(look, 1000);
}
for (const button of document.querySelectorAll("button")) button.addEventListener("click", () => {
  const typed = button.dataset.typed;
  if (typed !== "q" || confirm("End the run?")) fetch("typed", {method: "POST", body: typed}).catch(() => {});
});
look();
</script></body></html>
"""


class PromptPage:
    """The page at an address; `url` is what the person opens. `begin` and `end` on the event loop that the lines go to."""

    def __init__(self, host: str, port: int) -> None:
        """Takes the address; port 0: one that is free. Raises OSError where it cannot be had."""
        self._told: deque[str] = deque(maxlen=SHOWN_MAX)
        self._count = 0
        self._lock = Lock()
        self._typed: asyncio.Queue[str] = asyncio.Queue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._path = f"/{entropy.salt(TOKEN_BYTES).hex()}/"
        self._server = _Server(host, port, self)

    @property
    def url(self) -> str:
        """Where the page is."""
        host, port = self._server.server_address[:2]
        return f"http://{_in_url(str(host))}:{port}{self._path}"

    def begin(self) -> None:
        """Answers from now on."""
        self._loop = asyncio.get_running_loop()
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Answers no more; the address is given up."""
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    # What is said and typed, as at a terminal ---------------------------------------------------------------------

    def say(self, text: str) -> None:
        """A line, or several."""
        with self._lock:
            self._count += 1
            self._told.append(text.replace("\a", ""))

    def forget(self) -> None:
        """What was pressed before is no answer to what is said next."""
        while not self._typed.empty():
            self._typed.get_nowait()

    async def line(self, within_s: float) -> str | None:
        """What is pressed next, as the line that could have been typed; None if nothing is in time."""
        try:
            async with asyncio.timeout(within_s):
                return await self._typed.get()
        except TimeoutError:
            return None

    # What browsers ask for ----------------------------------------------------------------------------------------

    def answer(self, method: str, target: str, body: str) -> tuple[int, str, str]:
        """Status, kind of content and content for a request; called by the threads of the server."""
        path, _, query = target.partition("?")
        if not hmac.compare_digest(path.rpartition("/")[0].encode() + b"/", self._path.encode()):
            return 404, "text/plain", "There is nothing here."
        match method, path.removeprefix(self._path):
            case "GET", "":
                return 200, "text/html; charset=utf-8", PAGE
            case "GET", "told":
                return 200, "application/json", self._since(query.removeprefix("after="))
            case "POST", "typed" if body in TYPED:
                assert self._loop is not None, "it has begun"
                self._loop.call_soon_threadsafe(self._typed.put_nowait, body)
                return 204, "text/plain", ""
        return 404, "text/plain", "There is nothing here."

    def _since(self, after: str) -> str:
        """What was said behind that number, and the last instruction."""
        seen = int(after) if after.isascii() and after.isdigit() else 0
        with self._lock:
            new = min(max(0, self._count - seen), len(self._told))
            told = list(self._told)
            count = self._count
        now = next((text for text in reversed(told) if text.startswith(">>> ")), "")
        now = now.removeprefix(">>> ").partition(HINT)[0]
        return json.dumps({"told": told[len(told) - new :], "last": count, "now": now})


def _in_url(host: str) -> str:
    try:
        return f"[{host}]" if ip_address(host).version == 6 else host
    except ValueError:
        return host


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str, port: int, page: PromptPage) -> None:
        self.page = page
        super().__init__((host, port), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that goes away within an answer is worth no line."""


class _Handler(BaseHTTPRequestHandler):
    timeout = IDLE_S
    server_version, sys_version = "chargebox", ""
    server: _Server

    def do_GET(self) -> None:
        self._give(self.server.page.answer("GET", self.path, ""))

    def do_POST(self) -> None:
        length = self.headers.get("content-length", "")
        size = int(length) if length.isascii() and length.isdigit() and len(length) < 4 else BODY_MAX + 1
        body = self.rfile.read(size).decode(errors="replace") if size <= BODY_MAX else "too long"
        self._give(self.server.page.answer("POST", self.path, body))

    def _give(self, answer: tuple[int, str, str]) -> None:
        status, kind, text = answer
        content = text.encode()
        self.send_response(status)
        for name, value in {**HEADERS, "content-type": kind, "content-length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  # the library names it so
        """Not a line for each request."""

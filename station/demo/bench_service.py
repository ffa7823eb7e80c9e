"""The HTTP service of a bench station, as the demonstration uses it: what the station says, and the hands on its bench."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx2

REQUEST_S = 10
EVENTS_AT_ONCE = 500


class DemoError(Exception):
    """The story cannot go on; the text says what did not happen."""


class BenchService:
    """The service at `url`. Its calls raise DemoError when they are refused or not answered."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http: httpx2.AsyncClient | None = None

    async def close(self) -> None:
        """Closes the connections."""
        if self._http is not None:
            await self._http.aclose()

    async def state(self) -> Any:
        """GET /api/state."""
        return await self._ask("GET", "/api/state")

    async def events(self, after: int = 0) -> list[Any]:
        """The log behind that seq, as GET /api/events gives it."""
        events: list[Any] = []
        while page := (await self._ask("GET", f"/api/events?after={after}&limit={EVENTS_AT_ONCE}"))["events"]:
            events += page
            after = page[-1]["seq"]
        return events

    async def control(self, what: str, **body: object) -> None:
        """One of the bench controls: POST /bench/..."""
        await self._ask("POST", f"/bench/{what}", body)

    async def clear_fault(self, connector_id: int) -> None:
        """DELETE /bench/connectors/N/fault."""
        await self._ask("DELETE", f"/bench/connectors/{connector_id}/fault")

    async def _ask(self, method: str, path: str, body: object = None) -> Any:
        import httpx2

        if self._http is None:
            # The process behind the port is replaced: no connection is kept.
            limits = httpx2.Limits(max_keepalive_connections=0)
            self._http = httpx2.AsyncClient(base_url=self.url, trust_env=False, timeout=REQUEST_S, limits=limits)
        try:
            response = await self._http.request(method, path, json=body)
        except httpx2.HTTPError as error:
            raise DemoError(f"{method} {path}: {type(error).__name__} {error}".rstrip()) from error
        if response.status_code != httpx2.codes.OK:
            raise DemoError(f"{method} {path}: {response.status_code} {response.text[:200]}")
        return response.json()

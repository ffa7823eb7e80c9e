"""The page on the station: `GET /` and what it loads, compressed, with validators, under a policy that lets a browser run nothing else."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from station.page_files import INDEX, file_answer
from station.service.answers import Refused


def routes() -> list[Route]:
    """`/` and the files below `/page`."""
    return [Route("/", _answer(lambda request: INDEX)), Route("/page/{name:path}", _answer(_named))]


def _named(request: Request) -> str:
    name: str = request.path_params["name"]
    return name


def _answer(name_of: Callable[[Request], str]) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:  # in a thread of its own: it may read the files
        known, encodings = request.headers.get("if-none-match", ""), request.headers.get("accept-encoding", "")
        found = file_answer(name_of(request), known, encodings)
        if found is None:
            raise Refused(404, "the page has no such file")
        return Response(found.content, status_code=found.status, headers=found.headers)

    return answer

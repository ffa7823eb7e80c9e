"""Uploads of logs in any order of requests, reports, cuts and outages: what the CSMS hears of each makes sense."""

from hypothesis import given, settings
from hypothesis import strategies as st

from eventstore.catalogue.maintenance import DiagnosticsProgressed
from tests.scenarios.conftest import World, world

ENDS = ("Uploaded", "UploadFailure", "PermissionDenied", "BadMessage", "NotSupportedOperation")
ACTIONS = st.one_of(
    st.tuples(st.just("ask"), st.sampled_from(("SecurityLog", "DiagnosticsLog"))),
    st.tuples(st.just("repeat"), st.none()),
    st.tuples(st.just("report"), st.sampled_from(ENDS)),
    st.tuples(st.just("late report"), st.sampled_from(ENDS)),
    st.tuples(st.just("cut"), st.none()),
    st.tuples(st.just("outage"), st.integers(1, 100)),
    st.tuples(st.just("wait"), st.integers(1, 100)),
)


class Walk:
    """A station, and what was asked of it: `ended` are the requests whose upload was cancelled."""

    def __init__(self) -> None:
        self.station: World = world()
        self.asked: list[dict[str, object]] = []
        self.cancelled: set[int] = set()

    def ask(self, kind: str) -> None:
        """A new GetLog."""
        job = self.station.state.maintenance.log
        log = {"remoteLocation": "ftp://files.example/"}
        self.asked.append(
            {"logType": kind, "requestId": len(self.asked), "retries": 1, "retryInterval": 30, "log": log}
        )
        answer = self.station.request("GetLog", **self.asked[-1])
        assert answer["status"] == ("Accepted" if job is None else "AcceptedCanceled")
        if job is not None and job.request.request_id is not None:
            self.cancelled.add(job.request.request_id)

    def repeat(self) -> None:
        """The last request once more, while it is under way."""
        job = self.station.state.maintenance.log
        if job is not None:
            answer = self.station.request("GetLog", **self.asked[-1])
            assert answer == {"status": "Accepted", "filename": job.request.file_name}

    def report(self, status: str, *, late: bool = False) -> None:
        """The job runner has something to say of the upload under way, or of one that is not the present try."""
        job = self.station.state.maintenance.log
        if job is not None and (late or (job.step == "upload" and not job.report)):
            attempt = job.attempt - 1 if late else job.attempt
            progressed = DiagnosticsProgressed(job=job.request.job, status=status, attempt=attempt, detail="")
            self.station.observe(progressed)

    def act(self, name: str, detail: object) -> None:
        match name:
            case "ask":
                self.ask(str(detail))
            case "repeat":
                self.repeat()
            case "report" | "late report":
                self.report(str(detail), late=name == "late report")
            case "cut":
                self.station.off_for(5)
                self.station.connect()
            case "outage":
                self.station.disconnect()
                self.report("UploadFailure")
                assert isinstance(detail, int)
                self.station.wait(detail)
                self.station.connect()
            case _:
                assert isinstance(detail, int)
                self.station.wait(detail)

    def finish(self) -> None:
        """The upload under way comes to its end."""
        while self.station.state.maintenance.log is not None:
            self.report("Uploaded")
            self.station.wait(31)


@settings(max_examples=60, deadline=None)
@given(st.lists(ACTIONS, max_size=25))
def test_each_request_hears_uploading_and_then_one_end_unless_it_was_cancelled(
    actions: list[tuple[str, object]],
) -> None:
    """N01.FR.07 to N01.FR.11."""
    walk = Walk()
    for name, detail in actions:
        walk.act(name, detail)
    walk.finish()
    heard: dict[int, list[str]] = {number: [] for number in range(len(walk.asked))}
    for call in walk.station.sent("LogStatusNotification"):
        heard[call.payload["requestId"]].append(call.payload["status"])
    for number, statuses in heard.items():
        assert statuses[:1] == ["Uploading"]
        assert len(statuses) == (1 if number in walk.cancelled else 2), (number, statuses)
        assert set(statuses[1:]) <= set(ENDS)

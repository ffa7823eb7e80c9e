"""A run: which cases apply, in which order they are played, and what is written of it after each."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from eventstore.value import Value, replace
from station import VERSION
from station.certify.at_rest import has_log, state_of, writable_of
from station.certify.failing import CannotBeDone, CaseFailed, DoneWrongly, RunEnded
from station.certify.kept import KEPT_FILE, Kept, kept_of, read_kept, write_kept
from station.certify.needs import OcppProfileOn, has_reader
from station.certify.playing import play, result_of
from station.certify.registry import Case
from station.certify.results import (
    RESPONSE_TIMES,
    CaseResult,
    ConfiguredKey,
    LogSpan,
    ResponseTimes,
    Result,
    RunReport,
    StationFacts,
    write_report,
)
from station.certify.rig import Tags
from station.certify.session import Site, StationSession, build_of, session
from station.certify.start_state import put_back, writable_keys
from station.demo.bench_service import DemoError
from station.runtime import x509
from station.runtime.clock import SystemClock
from station.wire.instants import format_utc_ms

Tell = Callable[[str], None]
NO_CRYPTOGRAPHY = "needs the cryptography package: pip install 'chargebox[security]'"
INTERRUPTED = "interrupted"
UNSAFE = re.compile(r"[^A-Za-z0-9_]+")
"""What a name in a file system need not have."""
ATTEMPTS_MAX = 3
HEARTBEAT_KEY = "HeartbeatInterval"
STATIONS_MAX = 5
"""A bench whose station does not come back to the start state is replaced by a new one; this often, and the run ends."""


class Plan(Value, frozen=True, kw_only=True):
    """What is asked for: where, which cases, and the report of a run that this one goes on with."""

    site: Site
    cases: tuple[Case, ...]
    command: str
    before: RunReport | None = None


def why_not(case: Case, site: Site) -> tuple[Result, str] | None:
    """Why a case is not played: (`not_applicable` or `skipped`, the reason); None if it is."""
    for need in case.needs:
        if need.security_profile is not None:
            if not site.settings.features.security:
                return "not_applicable", OcppProfileOn("Security").otherwise
            if not x509.is_available():
                return "skipped", NO_CRYPTOGRAPHY
        elif not need.met(site.settings):
            return "not_applicable", need.otherwise
    if case.functionality.ocpp_profile == "Security" and not x509.is_available():
        return "skipped", NO_CRYPTOGRAPHY
    return None


def is_secured(case: Case) -> bool:
    """Whether it needs a station that is provisioned for it alone."""
    return any(need.security_profile is not None for need in case.needs)


class CaseRun:
    """One run of a plan. `report` is what is known so far."""

    def __init__(self, plan: Plan, tell: Tell) -> None:
        self._plan = plan
        self._site = plan.site
        self._tell = tell
        self._clock = SystemClock()
        before = plan.before
        done = {each.label: each for each in before.cases} if before else {}
        self._results: dict[str, CaseResult] = {
            label: each for label, each in done.items() if each.result in ("pass", "fail", "not_applicable")
        }
        self._times: dict[str, list[float]] = {kind: [] for kind in RESPONSE_TIMES}
        for each in before.response_times if before else ():
            self._times[each.kind] = list(each.values_s)
        self._logs: list[LogSpan] = list(before.logs) if before else []
        self._configuration: tuple[ConfiguredKey, ...] = before.configuration if before else ()
        self._firmware = before.station.firmware_version if before else ""
        self._began = before.began if before else self._now()
        self._lasted_s = before.duration_s if before else 0.0
        self._ended_early = ""
        self._tags: Tags | None = None

    async def play_all(self) -> RunReport:
        """Plays every case that applies and is not done yet; the report, which is also written after each case.

        An interruption (CancelledError) and RunEnded end it early; what the station had is put back all the same.
        """
        began_s = asyncio.get_running_loop().time()
        todo = []
        for case in self._plan.cases:
            if (reason := why_not(case, self._site)) is not None:
                self._results[case.label] = result_of(case, reason[0], reason=reason[1])
            elif case.label not in self._results:
                todo.append(case)
        try:
            await self._play_plain([case for case in todo if not is_secured(case)])
            for case in todo:
                if is_secured(case):
                    await self._play_secured(case)
        except asyncio.CancelledError:
            self._ended_early = INTERRUPTED
        except RunEnded as ended:
            self._ended_early = str(ended)
        for case in self._plan.cases:
            if case.label not in self._results:
                self._results[case.label] = result_of(case, "skipped", reason=f"not tried: {self._ended_early}")
        self._lasted_s += asyncio.get_running_loop().time() - began_s
        report = self.report()
        write_report(report, self._site.directory)
        return report

    # Sessions -----------------------------------------------------------------------------------------------------

    async def _play_plain(self, cases: Sequence[Case]) -> None:
        """All on one station, which comes back to the start state in between."""
        left = list(cases)
        profile = self._site.settings.csms.security_profile
        for number in range(STATIONS_MAX):
            if not left:
                return
            storage = None
            if self._site.person is None:
                storage = self._site.directory / "station" / f"storage{number or ''}"
            async with self._opened("station", storage, profile, "all cases but those of security profiles") as opened:
                left = await self._play_on(opened, left)
            if left and self._site.person is not None:
                raise RunEnded("the station does not come back to the start state")
        if left:
            raise RunEnded(f"{STATIONS_MAX} stations did not come back to the start state")

    async def _play_on(self, opened: StationSession, cases: list[Case]) -> list[Case]:
        """Plays them until the station does not come back to the start state; those that are left."""
        for place, case in enumerate(cases):
            try:
                await self._reset(opened)
            except (CaseFailed, DemoError) as failure:
                if place == 0:  # a new station that is not in the start state never will be
                    raise RunEnded(f"the station does not reach the start state: {failure}") from failure
                self._tell(f"      the station does not come back to the start state: {failure}")
                return cases[place:]
            await self._play(case, opened)
        return []

    async def _reset(self, opened: StationSession) -> None:
        """To the start state; a person who does something else on the way hears of it, and is asked again."""
        for _ in range(ATTEMPTS_MAX):
            try:
                return await opened.reset()
            except DoneWrongly as wrong:
                self._tell(f"      {wrong}")
            except CannotBeDone as reason:
                raise RunEnded(str(reason)) from reason
        raise RunEnded(f"{ATTEMPTS_MAX} times something else was done than what was asked for")

    async def _play_secured(self, case: Case) -> None:
        """On a station of its own, new and provisioned for it."""
        profile = next(need.security_profile for need in case.needs if need.security_profile is not None)
        name = f"secured/{UNSAFE.sub('-', case.label).strip('-')}"
        storage = self._site.directory / name / "storage"
        async with self._opened(name, storage, profile, case.label) as opened:
            try:
                await self._reset(opened)
            except (CaseFailed, DemoError) as failure:
                self._done(result_of(case, "fail", expected="the start state", seen=str(failure), reason=str(failure)))
                return
            await self._play(case, opened)

    @asynccontextmanager
    async def _opened(
        self, name: str, storage: Any, security_profile: int, used_for: str
    ) -> AsyncIterator[StationSession]:
        own = storage is None  # the station's own, which gets back what it had
        kept = self._kept() if own else None
        async with session(
            self._site, name, storage=storage, security_profile=security_profile, tags=self._tags
        ) as opened:
            await opened.begin(kept)
            if own and kept is None:  # a station that never ran; its heartbeat is what the laboratory has just answered
                keys = await writable_keys(opened.rig)
                kept = Kept(
                    configuration={key: value for key, value in keys.items() if key != HEARTBEAT_KEY},
                    firmware_version=(await opened.rig.state())["station"]["firmware_version"],
                )
            if not self._configuration:
                self._configuration = opened.configuration
            boot = opened.rig.calls("BootNotification")[-1].payload
            self._firmware = self._firmware or str(boot.get("firmwareVersion", ""))
            if self._site.person is not None and self._tags is None:
                self._tags = await self._site.person.learn_tags()
                opened.rig.tags = self._tags
            try:
                yield opened
            finally:
                if kept is not None:
                    await self._give_back(opened, kept)
                await self._note(opened, used_for)

    def _kept(self) -> Kept | None:
        """What the station's own storage holds before the run, or held before the one that is gone on with; None for a new one."""
        settings = self._site.settings
        kept = read_kept(self._site.directory)
        if kept is None and has_log(settings.storage.directory):
            state = state_of(settings.storage.directory)
            kept = kept_of(state, writable_of(state, settings))
            write_kept(kept, self._site.directory)
        return kept

    async def _give_back(self, opened: StationSession, kept: Kept) -> None:
        kept_file = self._site.directory / KEPT_FILE
        try:
            await self._reset(opened)
            lost = await put_back(opened.rig, kept)
        except (CaseFailed, DemoError, RunEnded) as failure:
            lost = [f"the start state: {failure}"]
        except asyncio.CancelledError:
            self._tell(f"not put back, and kept in {kept_file}: --resume puts it back")
            raise
        if lost:
            self._tell("not put back, and kept in " + f"{kept_file}:\n  " + "\n  ".join(lost))
        else:
            kept_file.unlink(missing_ok=True)
            self._tell("The station has back what it had before.")

    async def _note(self, opened: StationSession, used_for: str) -> None:
        for kind, values in opened.rig.times.items():
            self._times[kind] += values
        with contextlib.suppress(DemoError):
            after = await opened.head()
            self._logs.append(LogSpan(path=str(opened.log), used_for=used_for, before=opened.began, after=after))

    # Cases --------------------------------------------------------------------------------------------------------

    async def _play(self, case: Case, opened: StationSession) -> None:
        person = self._site.person
        before = person.prompts if person else 0
        try:
            result = await self._verdict(case, opened)
        except asyncio.CancelledError:
            self._results[case.label] = result_of(case, "skipped", reason=INTERRUPTED)
            raise
        if person is not None:
            result = replace(result, prompts=person.prompts - before)
        self._done(result)

    async def _verdict(self, case: Case, opened: StationSession) -> CaseResult:
        """A case in which something else was done than what it asks for says nothing; it is played again from its start state."""
        for _ in range(ATTEMPTS_MAX):
            try:
                return await play(case, opened)
            except DoneWrongly as wrong:
                self._tell(f"      {wrong}; {case.label} begins anew")
            try:
                await self._reset(opened)
            except (CaseFailed, DemoError) as failure:
                raise RunEnded(f"the station does not come back to the start state: {failure}") from failure
        return result_of(
            case, "skipped", reason=f"{ATTEMPTS_MAX} times something else was done than what was asked for"
        )

    def _done(self, result: CaseResult) -> None:
        self._results[result.label] = result
        self._tell(line_of(result))
        write_report(self.report(), self._site.directory)

    def report(self) -> RunReport:
        """What is known so far."""
        settings = self._site.settings
        build = build_of(settings)
        return RunReport(
            began=self._began,
            ended=self._now(),
            duration_s=round(self._lasted_s, 1),
            command=self._plan.command,
            station=StationFacts(
                vendor=settings.station.vendor,
                model=settings.station.model,
                serial=settings.station.serial,
                identity=settings.station.identity,
                firmware_version=self._firmware,
                software_version=VERSION,
                board=settings.board.kind,
                connectors=settings.station.connectors,
                fixed_cable=settings.board.fixed_cable,
                has_lock=not settings.board.fixed_cable,
                has_reader=has_reader(settings),
                phases=settings.board.phases,
                voltage_v=settings.board.voltage_v,
                max_current_a=settings.board.max_current_a,
                backup_power_s=settings.board.backup_power_s,
                security_profile=settings.csms.security_profile,
                ocpp_profiles=build.ocpp_profiles,
            ),
            cases=tuple(self._results[case.label] for case in self._plan.cases if case.label in self._results),
            response_times=tuple(
                ResponseTimes(kind=kind, values_s=tuple(values)) for kind, values in self._times.items()
            ),
            configuration=self._configuration,
            logs=tuple(self._logs),
            ended_early=self._ended_early,
        )

    def _now(self) -> str:
        return format_utc_ms(self._clock.system_utc_ms())


def line_of(result: CaseResult) -> str:
    """A result for the terminal; a failure explains itself."""
    head = f"{result.result.replace('_', ' '):5} {result.label}  {result.name}  {result.duration_s:.1f} s"
    if result.result == "skipped":
        return f"{head}\n      {result.reason}"
    if result.result != "fail":
        return head
    ladder = [f"{'→' if frame.sender == 'CSMS' else '←'} {frame.text[:160]}" for frame in result.transcript[-8:]]
    lines = [
        f"expected  {result.expected}",
        f"seen      {result.seen}",
        f"clause    {result.clause}",
        *ladder,
        *result.look_further,
    ]
    return "\n      ".join((head, *lines))


def chosen(cases: Iterable[Case], ocpp_profiles: Sequence[str], ids: Sequence[str]) -> tuple[Case, ...]:
    """The cases of these feature profiles (all if there is none) and ids. Raises ValueError for one that there is not."""
    found = tuple(cases)
    _known("feature profile", ocpp_profiles, {each.functionality.ocpp_profile for each in found})
    _known("case", ids, {name for each in found for name in (each.case_id, each.label)})
    return tuple(
        each
        for each in found
        if (not ocpp_profiles or each.functionality.ocpp_profile in ocpp_profiles)
        and (not ids or each.case_id in ids or each.label in ids)
    )


def _known(what: str, asked: Sequence[str], known: set[str]) -> None:
    for name in asked:
        if name not in known:
            raise ValueError(f"no {what} {name!r}; there are {', '.join(sorted(known))}")


def summary(report: RunReport) -> str:
    """The functionalities in a line each, and the times."""
    lines = ["", "Functionality", *(f"  {name:<36} {result}" for name, result in report.functionalities.items()), ""]
    for each in report.response_times:
        if each.values_s:
            measured = f"median {each.median_s:.3f} s, worst {each.worst_s:.3f} s of {len(each.values_s)}"
            lines.append(f"  {each.kind:<36} {measured}")
    return "\n".join(lines)


def counts(report: RunReport) -> Mapping[str, int]:
    """How many cases have each result."""
    found: dict[str, int] = {}
    for case in report.cases:
        found[case.result] = found.get(case.result, 0) + 1
    return found

"""`chargebox certify`: from its arguments to a run and its report.

Exit status: 0 no case failed; 1 one did, or the run could not be begun or ended early; 2 wrong usage or settings; 130 after Ctrl-C.
"""

import asyncio
import errno
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from eventstore.value import Value, replace
from station.certify.catalogue import all_cases
from station.certify.papers.writing import write_papers
from station.certify.person import Person
from station.certify.process import read_tables
from station.certify.prompt_page import PromptPage
from station.certify.prompting import Everywhere, Prompting
from station.certify.refusing import RunRefused, log_at_rest, running_station
from station.certify.results import REPORT_FILE, RunReport, read_report, write_report
from station.certify.running import INTERRUPTED, CaseRun, Plan, chosen, counts, summary
from station.certify.session import Site
from station.certify.stated import read_stated, with_stated
from station.certify.statement import statement_of
from station.certify.terminal import Terminal
from station.settings.loading import Settings, SettingsError, load_settings

PASSED, FAILED, USAGE, BY_SIGNAL = 0, 1, 2, 130
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Say = Callable[[str], None]


class Asked(Value, frozen=True, kw_only=True):
    """The arguments of the command. `listen` and `page` are ADDRESS:PORT, empty for a free port of loopback and for no page.

    `stated` is what the maker states of the response times, as `stated.read_stated` takes it.
    """

    settings_file: Path
    ocpp_profiles: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    out: Path | None = None
    listen: str = ""
    resume: bool = False
    even_if_charging: bool = False
    stated: tuple[str, ...] = ()
    page: str = ""
    command: str = "chargebox certify"
    person_s: float = 120


def certify(asked: Asked, say: Say, complain: Say) -> tuple[int, RunReport | None]:
    """Runs the cases; the exit status, and the report where there is one."""
    try:
        settings = load_settings(asked.settings_file)
        directory = asked.out or Path(f"certify-{settings.station.identity}".replace("/", "-"))
        plan = _plan(asked, settings, directory)
        stated = read_stated(asked.stated)
    except (SettingsError, ValueError) as error:
        complain(str(error))
        return USAGE, None
    try:
        report = printed(asyncio.run(_run(asked, plan, say)), plan, stated)
    except RunRefused as refusal:
        complain(str(refusal))
        return FAILED, None
    except OSError as error:
        taken = error.errno in (errno.EADDRINUSE, errno.EADDRNOTAVAIL)
        places = " or ".join(each for each in (asked.listen, asked.page) if each)
        complain(f"cannot listen at {places}: {error.strerror or error}" if taken and places else str(error))
        return FAILED, None
    say(summary(report))
    say("")
    say(", ".join(f"{number} {result.replace('_', ' ')}" for result, number in counts(report).items()))
    say(f"The report is {directory / REPORT_FILE}; for people: {directory / 'report.html'}, and report.md beside it.")
    return _status(asked, report, complain), report


def printed(report: RunReport, plan: Plan, stated: Mapping[str, float]) -> RunReport:
    """The report with what the maker states, now or in the run that this one goes on with; written, and its papers too."""
    earlier = plan.before.response_times if plan.before else ()
    before = {each.kind: each.stated_s for each in earlier if each.stated_s is not None}
    made = replace(report, response_times=with_stated(report.response_times, {**before, **stated}))
    write_report(made, plan.site.directory)
    write_papers(made, statement_of(plan.site.settings), plan.site.directory)
    return made


def _status(asked: Asked, report: RunReport, complain: Say) -> int:
    if report.ended_early:
        complain(f"ended early: {report.ended_early}; go on with --resume")
    if report.ended_early == INTERRUPTED:
        return BY_SIGNAL
    return FAILED if report.failed or report.ended_early else PASSED


def _plan(asked: Asked, settings: Settings, directory: Path) -> Plan:
    """Raises ValueError for arguments that cannot be."""
    host, port = _address("--listen", asked.listen)
    if asked.page and settings.board_kind.simulated:
        raise ValueError("--page: is for the person at a real board, and a bench needs none")
    _address("--page", asked.page)
    cases = chosen(all_cases(), asked.ocpp_profiles, asked.cases)
    before = None
    if asked.resume:
        before = read_report(directory)
        if before.station.identity != settings.station.identity:
            raise ValueError(f"{directory} has a run of {before.station.identity}, not of {settings.station.identity}")
    elif directory.exists() and any(directory.iterdir()):
        raise ValueError(
            f"{directory} is not empty: --resume goes on with the run in it, --out names another directory"
        )
    site = Site(
        settings=settings, tables=read_tables(asked.settings_file), directory=directory.absolute(), host=host, port=port
    )
    return Plan(site=site, cases=cases, command=asked.command, before=before)


def _address(option: str, listen: str) -> tuple[str, int]:
    if not listen:
        return "127.0.0.1", 0
    host, colon, port = listen.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        raise ValueError(f"{option} {listen}: must be ADDRESS:PORT, such as 192.168.1.20:9000")
    return host.strip("[]"), int(port)


async def _run(asked: Asked, plan: Plan, say: Say) -> RunReport:
    settings = plan.site.settings
    with ExitStack() as stack:
        if not settings.board_kind.simulated:
            if not sys.stdin.isatty():
                raise RunRefused("a real board needs a person at a terminal: standard input is none")
            await running_station(settings)
            log_at_rest(settings, even_if_charging=asked.even_if_charging)
            prompting, say = stack.enter_context(person_at(asked, say))
            plan = _with_person(plan, Person(prompting, settings, time_limit_s=asked.person_s))
        plan.site.directory.mkdir(parents=True, exist_ok=True)
        stack.enter_context(_signals(say))
        return await CaseRun(plan, say).play_all()


@contextmanager
def person_at(asked: Asked, say: Say) -> Iterator[tuple[Prompting, Say]]:
    """Where the person gets instructions: at the terminal, and on the page if one is asked for; and what says how the run goes."""
    terminal = Terminal(sys.stdin.fileno(), sys.stdout)
    page = PromptPage(*_address("--page", asked.page)) if asked.page else None
    terminal.begin()
    try:
        if page is None:
            yield terminal, say
            return
        page.begin()
        say(f"For the person at the station: {page.url}")
        yield Everywhere(terminal, page), partial(_tell, (say, page.say))
    finally:
        terminal.end()
        if page is not None:
            page.end()


def _tell(places: Sequence[Say], text: str) -> None:
    for say in places:
        say(text)


@contextmanager
def _signals(say: Say) -> Iterator[None]:
    """A signal ends the task that runs now, in order."""
    task = asyncio.current_task()
    assert task is not None, "it runs in one"
    loop = asyncio.get_running_loop()
    ending = _Ending(task, say)
    for number in SIGNALS:
        loop.add_signal_handler(number, ending)
    try:
        yield
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


def _with_person(plan: Plan, person: Person) -> Plan:
    return replace(plan, site=replace(plan.site, person=person))


class _Ending:
    """The first signal ends the run in order, the second without putting anything back, the third at once."""

    def __init__(self, task: "asyncio.Task[object]", say: Say) -> None:
        self._task = task
        self._say = say
        self._times = 0

    def __call__(self) -> None:
        self._times += 1
        if self._times > 2:
            os._exit(BY_SIGNAL)
        if self._times == 1:
            self._say("\nEnding: what the station had is put back. Once more ends without.")
        self._task.cancel()


def command_line(arguments: Sequence[str]) -> str:
    """What was typed, for the report."""
    return " ".join(("chargebox", *arguments))

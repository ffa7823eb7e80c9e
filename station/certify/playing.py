"""One case, from the start state to its result; and what a failure says of itself."""

import asyncio
import re
import shlex
from collections.abc import Sequence
from typing import Any

from station.certify.failing import CannotBeDone, CaseFailed, RunEnded
from station.certify.ports import CallRefused, SeenFrame
from station.certify.registry import Case
from station.certify.results import CaseResult, Result, TranscriptFrame
from station.certify.session import StationSession
from station.demo.bench_service import DemoError
from station.telling.redacting import WITHHELD
from station.wire.instants import format_utc_ms

FENCE = "org.example.fence"
PASSWORD = re.compile(r'("key":\s*"AuthorizationKey",\s*"value":\s*")[^"]*')
LOOK_BACK = 3
"""So many events before a case are shown with it: what led to its start."""


def result_of(case: Case, result: Result, **more: Any) -> CaseResult:
    """The result of a case."""
    return CaseResult(
        case_id=case.case_id,
        name=case.name,
        functionality=case.functionality.name,
        ocpp_profile=case.functionality.ocpp_profile,
        shows=case.shows,
        clause=case.clause,
        variant=case.variant,
        result=result,
        **more,
    )


async def play(case: Case, opened: StationSession) -> CaseResult:
    """Plays a case on a station in the start state.

    Raises RunEnded if nothing can be said of the station any more, DoneWrongly if something else was done to it.
    """
    loop = asyncio.get_running_loop()
    began_s, order, deviations = loop.time(), len(opened.csms.frames), len(opened.csms.deviations)
    first_seq = (await opened.head()).seq + 1
    verdict = await _verdict(case, opened, deviations)
    last_seq = await _last_seq(opened, first_seq)
    failed = verdict["result"] == "fail"
    return result_of(
        case,
        **verdict,
        duration_s=round(loop.time() - began_s, 3),
        log=str(opened.log),
        first_seq=first_seq,
        last_seq=last_seq,
        transcript=transcript(opened.csms.frames[order:]),
        look_further=look_further(str(opened.log), first_seq, last_seq) if failed else (),
    )


async def _verdict(case: Case, opened: StationSession, deviations: int) -> dict[str, Any]:
    try:
        await case.play(opened.rig)
        bad = opened.csms.deviations[deviations:]
        if bad:
            raise CaseFailed("frames that keep to the standard's schemas", "; ".join(bad))
    except CaseFailed as failure:
        return _failed(failure.expected, failure.seen)
    except CannotBeDone as reason:
        return {"result": "skipped", "reason": str(reason)}
    except CallRefused as refusal:
        return _failed("a CALLRESULT", f"CALLERROR {refusal}")
    except DemoError as error:
        return _failed("a station that answers at its HTTP service", str(error))
    except RunEnded as ended:
        if not opened.csms.intrusion and not opened.running:  # it did not come up again: that is its failure
            return _failed("a station that starts", str(ended))
        raise
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:  # a payload that no case expects
        return _failed("an answer that has what the standard says", f"{type(error).__name__}: {error}")
    return {"result": "pass"}


def _failed(expected: str, seen: str) -> dict[str, Any]:
    return {"result": "fail", "expected": expected, "seen": seen, "reason": f"expected {expected}; seen: {seen}"}


async def _last_seq(opened: StationSession, first_seq: int) -> int:
    try:
        return (await opened.head()).seq
    except DemoError:  # a station that is gone
        return first_seq


def transcript(frames: Sequence[SeenFrame]) -> tuple[TranscriptFrame, ...]:
    """Frames as a report has them: passwords withheld, and without the rig's own question whether all has arrived."""
    fences = {frame.message_id for frame in frames if frame.action == "DataTransfer" and FENCE in frame.text}
    return tuple(
        TranscriptFrame(
            at=format_utc_ms(frame.utc_ms),
            connection=frame.connection,
            sender="CSMS" if frame.outbound else "station",
            kind=frame.kind,
            action=frame.action,
            message_id=frame.message_id,
            text=PASSWORD.sub(rf"\g<1>{WITHHELD}", frame.text),
        )
        for frame in frames
        if frame.message_id not in fences
    )


def look_further(log: str, first_seq: int, last_seq: int) -> tuple[str, ...]:
    """Commands that show more of what happened between two places of a log."""
    place = f"--from {max(1, first_seq - LOOK_BACK)} --to {last_seq}"
    at = shlex.quote(log)
    return (
        f"chargebox replay {at} timeline {place} --detail --seq",
        f"chargebox replay {at} conversation {place}",
        f"chargebox replay {at} state --at {last_seq}",
    )

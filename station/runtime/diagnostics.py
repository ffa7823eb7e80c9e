"""The diagnostics file (5.9; white paper, N01.FR.04): a zip archive that a support desk opens with what it has.

about.json      what was asked for, what is in it, and the head of the log with its digest, as evidence from outside
log.jsonl       the events recorded in the time asked for, a line each, as the log has them
state.json      what the events amount to now
settings.json   the settings in force, without secrets
health.json     the machine: memory, load, disk, temperature
statement.json  what the station has signed of its log last, if it has a key for that
"""

import asyncio
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import orjson

from eventstore.catalogue.maintenance import DiagnosticsRequested
from eventstore.chain import Row
from eventstore.commitments import Commitments
from eventstore.statements import statement_files
from eventstore.structure import to_json, to_plain
from eventstore.value import Value
from eventstore.withholding import Outgoing, Withholding
from projections.station import StationState
from station.rules.transfers import file_name
from station.runtime.health import system_health
from station.runtime.log_slices import LogSource, Window, slices
from station.runtime.security_log import write_security_log
from station.settings.loading import SECTIONS, Settings
from station.telling.redacting import Redacting
from station.wire.instants import format_utc_ms
from station.wire.security_enums import LogKind

_ZIP_BEGINS = (1980, 1, 1, 0, 0, 0)
ROWS_MAX = 200_000
LOG_BYTES_MAX = 256 * 1024 * 1024


class DiagnosticsSource(Value, frozen=True, kw_only=True):
    """Where the content of the files comes from that the CSMS asks for."""

    log: LogSource
    settings: Settings

    async def write_all(self, file: Path, state: StationState) -> None:
        """Write the archive of all that GetDiagnostics could ask for, for whoever stands at the station. Raises as `write`."""
        everything = DiagnosticsRequested(
            job=0,
            location="",
            file_name=file_name(state, 0, state.at_ms, ".zip"),
            start_utc_ms=None,
            stop_utc_ms=None,
            retries=0,
            retry_interval_s=0,
        )
        await self.write(file, everything, state)

    async def write(self, file: Path, request: DiagnosticsRequested, state: StationState) -> None:
        """Write the archive, or the security log; `file` appears once it is whole. Raises OSError, and what the log's reader raises."""
        if request.log == LogKind.SECURITY_LOG:
            await write_security_log(file, self.log, request, state)
            return
        fresh = file.with_name(f"{file.name}.part")
        authorization = state.authorization
        redacting = Redacting(
            tags=self.settings.diagnostics.redact_id_tags,
            known=(*authorization.local_list, *authorization.cache),
        )
        archive = await asyncio.to_thread(zipfile.ZipFile, fresh, "w", zipfile.ZIP_DEFLATED)
        try:
            head = self.log.head
            about, commitments, is_guessable = await self._write_log(archive, request, state, redacting)
            told = "" if is_guessable and not commitments.holds(head.seq) else head.digest.hex()
            about |= {
                "file_name": request.file_name,
                "created": _instant(state.clock.utc_ms(state.at_ms)),
                "log_head": {"seq": head.seq, "digest": told},
                "firmware_version": state.maintenance.firmware_version,
                "software_version": state.maintenance.software_version,
            }
            statement = await asyncio.to_thread(self._statement, commitments if is_guessable else None)
            await asyncio.to_thread(self._write_rest, archive, about, state, redacting)
            if statement:  # as it is: it is signed to the byte
                await asyncio.to_thread(archive.writestr, _entry("statement.json", state), statement)
        finally:
            await asyncio.to_thread(archive.close)
        await asyncio.to_thread(fresh.replace, file)

    async def _write_log(
        self, archive: zipfile.ZipFile, request: DiagnosticsRequested, state: StationState, redacting: Redacting
    ) -> tuple[dict[str, Any], Commitments, bool]:
        """Without a start, the last ROWS_MAX events; with one, as many from there on.

        What describes them, what their digests cover, and whether a digest had to stay behind, from which a tag could be guessed.
        """
        window = Window.of(request, state)
        end = self.log.head.seq
        begin = 0 if request.start_utc_ms is not None else max(0, end - ROWS_MAX)
        if redacting.looks_for_tags:
            async for rows in slices(self.log, begin, end):
                await asyncio.to_thread(_learn, redacting, rows)
        commitments = await self.log.commitments_from(begin + 1)
        written = _Written(leaving=Withholding(commitments.disclosure, redacting.members))
        with archive.open(_entry("log.jsonl", state), "w", force_zip64=True) as stream:
            async for rows in slices(self.log, begin, end):
                await asyncio.to_thread(written.write, stream, window.within(rows))
                if written.is_full:
                    break
        first, last = written.first_seq or 0, written.last_seq or 0
        about = {
            "dropped": [gap for gap in await self.log.cut_out() if first < gap[0] and gap[1] < last],
            "asked_from": _instant(request.start_utc_ms),
            "asked_until": _instant(request.stop_utc_ms),
            "events": written.rows,
            "first_seq": written.first_seq,
            "last_seq": written.last_seq,
            "cut_short": written.is_full,
        }
        return about, commitments, written.leaving.is_guessable

    def _statement(self, commitments: Commitments | None) -> bytes:
        """The newest statement; with `commitments`, the newest whose digests are of events that have them."""
        for signed in reversed(statement_files(self.settings.storage.directory)):
            before = signed.from_seq - 1
            if commitments is None or ((not before or commitments.holds(before)) and commitments.holds(signed.to_seq)):
                return signed.path.read_bytes()
            if commitments.first_seq is None or signed.to_seq < commitments.first_seq:
                break
        return b""

    def _write_rest(
        self, archive: zipfile.ZipFile, about: dict[str, Any], state: StationState, redacting: Redacting
    ) -> None:
        for name, content in (
            ("about", about),
            ("state", to_plain(state)),
            ("settings", plain_settings(self.settings)),
            ("health", system_health(self.settings.storage.directory)),
        ):
            entry = _entry(f"{name}.json", state)
            archive.writestr(entry, orjson.dumps(redacting.value(content), option=orjson.OPT_INDENT_2))


def _entry(name: str, state: StationState) -> zipfile.ZipInfo:
    """A file in the archive, of the station's time. The format begins in 1980, where an unset clock is not yet."""
    made = datetime.fromtimestamp(state.clock.utc_ms(state.at_ms) / 1000, UTC)
    entry = zipfile.ZipInfo(
        name, max((made.year, made.month, made.day, made.hour, made.minute, made.second), _ZIP_BEGINS)
    )
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    return entry


def _instant(utc_ms: int | None) -> str | None:
    return None if utc_ms is None else format_utc_ms(utc_ms)


@dataclass(slots=True)
class _Written:
    """How much of the log has been written."""

    leaving: Withholding
    rows: int = 0
    log_bytes: int = 0
    first_seq: int | None = None
    last_seq: int | None = None

    @property
    def is_full(self) -> bool:
        return self.rows >= ROWS_MAX or self.log_bytes >= LOG_BYTES_MAX

    def write(self, stream: IO[bytes], rows: Sequence[Row]) -> None:
        for row in rows:
            if self.is_full:
                return
            line = _line(row, self.leaving.take(row))
            stream.write(line)
            self.rows += 1
            self.log_bytes += len(line)
            self.first_seq = row.seq if self.first_seq is None else self.first_seq
            self.last_seq = row.seq


def _learn(redacting: Redacting, rows: Sequence[Row]) -> None:
    for row in rows:
        redacting.learn(row.payload)


def _line(row: Row, leaving: Outgoing) -> bytes:
    line = {
        "seq": row.seq,
        "cause": row.cause,
        "at_ms": row.at_ms,
        "utc": format_utc_ms(row.utc_ms),
        "type": row.type,
        "version": row.version,
        "connector_id": row.connector_id,
        "payload": orjson.Fragment(leaving.payload),
        "digest": leaving.digest,
        "proof": None if leaving.proof is None else orjson.Fragment(to_json(leaving.proof)),
    }
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def plain_settings(settings: Settings) -> dict[str, Any]:
    """The settings as JSON has them; secrets are in files of their own, of which only the paths stand here,
    but for what the query of `csms.url` may hold, which is withheld."""
    tables: dict[str, Any] = {name: _plain(getattr(settings, name)) for name in SECTIONS}
    tables["csms"]["url"] = settings.shown_url
    tables["transfers"]["allow_loopback"] = settings.may_loop_back
    return tables | {"config": dict(settings.config)}


def _plain(value: Any) -> Any:
    if isinstance(value, Value):
        return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, Mapping):
        return {str(name): _plain(content) for name, content in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, int | float | str | None) else str(value)

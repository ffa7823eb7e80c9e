"""Mistakes that the tests must find: each is a change of the product's source, and the test that kills it.

A mistake that no test notices is a hole in the tests. `old` stands exactly once in the file; where the code has moved on,
the table is brought up to date with it.
"""

from dataclasses import dataclass

SEED = "tests/simulation/test_seeds.py::test_a_seed_keeps_every_invariant_and_settles"
STORY = "tests/simulation/test_stop_after_every_batch.py::test_a_story_survives_a_cut_at_every_batch"
CUT = "tests/reliability/test_crash_states.py::test_a_power_cut_costs_nothing_that_was_told"
FAULTS = "tests/reliability/test_io_faults.py"
OUTBOX = "tests/scenarios/test_outbox.py"
STORE = "tests/unit/eventstore"
DOUBT = "tests/scenarios/test_meter_doubt.py"
REGISTER = "tests/unit/projections/test_register.py"
AFTERMATH = "tests/reliability/test_aftermath.py"
SECRETS = "tests/unit/station/runtime/test_secrets.py"
ARCHIVIST = "tests/unit/station/runtime/test_archivist.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """`quick`: killed within seconds, so that it is tried each time."""

    name: str
    file: str
    old: str
    new: str
    killer: str
    quick: bool = False


MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        name="acknowledge before commit",
        file="eventstore/log.py",
        old="            self._writer.do(lambda connection: connection.execute(INSERT_EVENTS, group.parameters()), self._committed)\n",
        new="            for done in group.waiting:\n"
        "                done.set_result(None)\n"
        "            asyncio.get_running_loop().call_later(\n"
        "                1, self._writer.do, lambda connection: connection.execute(INSERT_EVENTS, group.parameters()), self._committed\n"
        "            )\n",
        killer=f"{STORE}/test_log.py::test_an_append_is_on_the_disk_when_it_returns",
        quick=True,
    ),
    Mutant(
        name="acknowledge before commit, as the disk sees it",
        file="eventstore/log.py",
        old="            self._writer.do(lambda connection: connection.execute(INSERT_EVENTS, group.parameters()), self._committed)\n",
        new="            for done in group.waiting:\n"
        "                done.set_result(None)\n"
        "            asyncio.get_running_loop().call_later(\n"
        "                0.01, self._writer.do, lambda connection: connection.execute(INSERT_EVENTS, group.parameters()), self._committed\n"
        "            )\n",
        killer=f"{CUT}[first creation and growth of a log]",
    ),
    Mutant(
        name="send before commit",
        file="station/runtime/station.py",
        old="            in_thread = is_large or len(batch)",
        new="            self._publish(self._ahead, batch)\n            in_thread = is_large or len(batch)",
        killer=f"{STORY}[charging_online]",
        quick=True,
    ),
    Mutant(
        name="an answer that waits for company",
        file="station/runtime/patience.py",
        old="            return False\n    return",
        new="            continue\n    return",
        killer="tests/unit/station/runtime/test_patience.py::test_a_call_of_the_csms_is_answered_at_once",
        quick=True,
    ),
    Mutant(
        name="two commits for one decision",
        file="station/runtime/station.py",
        old="            await self.log.append(batch, await asyncio.to_thread(encode_batch, batch) if in_thread else None)\n",
        new="            for each in batch:\n                await self.log.append([each])\n",
        killer=f"{STORY}[charging_online]",
    ),
    Mutant(
        name="mark delivered before the reply",
        file="station/core/kernel.py",
        old="            for event in calls.dispatch(run.state, run.at_ms, registry):\n                run.record(event)\n",
        new="            for event in calls.dispatch(run.state, run.at_ms, registry):\n"
        "                run.record(event)\n"
        "                if isinstance(event, calls.CallDispatched) and event.action == 'MeterValues':\n"
        "                    run.record(\n"
        "                        calls.CallSettled(\n"
        "                            message_id=event.message_id, action=event.action, lane=event.lane,\n"
        "                            owed_seq=event.owed_seq, outcome='result', number=event.number,\n"
        "                        )\n"
        "                    )\n",
        killer=f"{STORY}[charging_online]",
    ),
    Mutant(
        name="wait for ever for a disk that hangs",
        file="station/daemon/life.py",
        old="asyncio.wait({task}, timeout=STOPPING_MAX_S)",
        new="asyncio.wait({task})",
        killer=f"{FAULTS}::test_a_disk_that_hangs_acknowledges_nothing_and_a_told_end_comes_in_time",
    ),
    Mutant(
        name="hang on a failed boot",
        file="eventstore/database.py",
        old="    if failures:\n        await connection.close()\n",
        new="    if failures:\n",
        killer=f"{STORE}/test_log.py::test_a_process_whose_opening_failed_ends",
    ),
    Mutant(
        name="a link that waits for ever for a CSMS that reads nothing",
        file="station/runtime/link.py",
        old="            await self._clock.wait(answered, self._clock.at_ms() + within_s * 1000)\n",
        new="            await answered.wait()\n",
        killer="tests/reliability/test_wire.py::test_a_csms_that_asks_and_asks_and_reads_nothing_is_left[by the ping]",
    ),
    Mutant(
        name="synchronous=NORMAL",
        file="eventstore/database.py",
        old='("synchronous", 2)',
        new='("synchronous", 1)',
        killer=f"{CUT}[first creation and growth of a log]",
    ),
    Mutant(
        name="powersafe overwrite assumed",
        file="eventstore/database.py",
        old='{"psow": 0, **parameters}',
        new='{"psow": 1, **parameters}',
        killer=f"{STORE}/test_database.py::test_a_one_page_commit_takes_two_frames_without_powersafe_overwrite",
        quick=True,
    ),
    Mutant(
        name="the witness forgotten",
        file="station/runtime/station.py",
        old="                await self.log.witness()\n            self._busy_since_ms = None\n",
        new="                pass\n            self._busy_since_ms = None\n",
        killer=f"{CUT}[charging]",
    ),
    Mutant(
        name="a new directory whose name is not synced",
        file="eventstore/directory.py",
        old="        path.mkdir(mode=_MODE_DIRECTORY, exist_ok=True)\n        sync_directory(path.parent)\n",
        new="        path.mkdir(mode=_MODE_DIRECTORY, exist_ok=True)\n",
        killer=f"{CUT}[a directory that must be made]",
    ),
    Mutant(
        name="small files replaced without a sync",
        file="eventstore/directory.py",
        old="                os.fsync(file.fileno())\n",
        new="",
        killer=f"{CUT}[recovery of a damaged log]",
    ),
    Mutant(
        name="the next segment put in place without a sync",
        file="eventstore/segments.py",
        old="        sync_file(path)\n    except",
        new="    except",
        killer=f"{CUT}[closing and compressing segments]",
    ),
    Mutant(
        name="an error of the storage tried again",
        file="eventstore/log.py",
        old='            await self._failed(f"appending failed: {error!r}", error)\n',
        new="            pass\n",
        killer=f"{STORE}/test_log.py::test_the_first_error_of_the_storage_is_final",
    ),
    Mutant(
        name="ready without a durable write",
        file="station/runtime/recovery.py",
        old="    await log.append(batch)\n    if log.boot_report",
        new="    if log.boot_report",
        killer=f"{STORY}[charging_online]",
    ),
    Mutant(
        name="a vanished log taken for a new one",
        file="eventstore/inspection.py",
        old="    if has_left or past_segments(directory.path) or snapshot_files(directory.path):\n",
        new="    if False:\n",
        killer=f"{STORE}/test_inspection.py::test_a_log_that_vanished_is_found",
    ),
    Mutant(
        name="an interrupted transaction forgotten",
        file="station/features/transactions.py",
        old="        BoardOpened: _on_board_opened,\n",
        new="",
        killer=f"{STORY}[charging_online]",
    ),
    Mutant(
        name="no reflex",
        file="station/runtime/gateway.py",
        old="            if _appears(interlock.must_open, before, self._interlock, connector_id):\n",
        new="            if False:\n",
        killer=f"{STORY}[faults_while_charging]",
    ),
    Mutant(
        name="station time begins anew at each boot",
        file="station/runtime/recovery.py",
        old="    return state.at_ms + max(0, system_utc_ms - clock.utc_ms(state.at_ms))\n",
        new="    return 0\n",
        killer=f"{STORY}[charging_online]",
    ),
    Mutant(
        name="a calendar that nobody confirmed moves station time",
        file="station/runtime/recovery.py",
        old="    if not clock.is_calendar_confirmed and not (trusted and clock.trusted):\n",
        new="    if clock.boot == 0:\n",
        killer="tests/unit/station/runtime/test_recovery.py"
        "::test_a_calendar_that_nobody_confirmed_moves_no_station_time",
        quick=True,
    ),
    Mutant(
        name="a calendar far from the CSMS's time taken for confirmed",
        file="projections/clock.py",
        old='        return self.source == "NTP" or abs(self.offset_ms - self.calendar_offset_ms) <= CALENDAR_AGREES_MS\n',
        new="        return True\n",
        killer="tests/unit/station/runtime/test_recovery.py"
        "::test_a_calendar_that_the_csms_agreed_with_tells_how_long_the_station_was_off",
    ),
    Mutant(
        name="a message id used twice on a connection",
        file="station/core/calls.py",
        old="attempt.message_ids[-1] if attempt.keep_id else message_id",
        new="attempt.message_ids[-1]",
        killer=f"{OUTBOX}::test_a_retry_repeats_the_payload_bytes_under_a_new_message_id",
    ),
    Mutant(
        name="the outbox forgotten with the link",
        file="projections/outbox.py",
        old="    return _link_gone(outbox, VOLATILE)\n",
        new="    return replace(_link_gone(outbox, VOLATILE), window=())\n",
        killer=f"{STORY}[answers_that_do_not_come]",
    ),
    Mutant(
        name="the first id that is answered does not bind",
        file="station/rules/transaction_rules.py",
        old="    conflict = transaction.transaction_id is not None\n",
        new="    conflict = True\n",
        killer=f"{STORY}[charging_online]",
    ),
    Mutant(
        name="after a salvage a stop is sent that may have been sent",
        file="station/runtime/recovered.py",
        old="        return UNSURE if may_lie else OWED\n",
        new="        return OWED\n",
        killer=f"{AFTERMATH}::test_a_stop_that_may_lie_in_what_is_lost_is_not_told_again",
        quick=True,
    ),
    Mutant(
        name="what lies behind the damage is dropped",
        file="station/runtime/recovered.py",
        old="    for row in read_strays(quarantine / STRAYS_NAME, recovery.kept_seq):\n",
        new="    for row in ():\n",
        killer=f"{AFTERMATH}::test_sessions_behind_the_damage_are_told_as_they_were",
        quick=True,
    ),
    Mutant(
        name="after a salvage the register of the boot ends what was open",
        file="station/runtime/recovery.py",
        old="        yield from found.observations\n",
        new="        yield from found.observations[:1]\n",
        killer=f"{AFTERMATH}::test_a_transaction_that_was_running_ends_with_the_last_stored_reading_and_its_time",
        quick=True,
    ),
    Mutant(
        name="a salvage that was cut is reported twice",
        file="station/runtime/recovered.py",
        old="    if await _is_named(log, recovery):\n        return Recovered(is_named=True)\n",
        new="",
        killer=f"{AFTERMATH}::test_a_salvage_that_is_cut_before_its_report_is_gone_is_not_told_twice",
        quick=True,
    ),
    Mutant(
        name="a gap while the link is up taken for silence",
        file="station/runtime/evidence.py",
        old="        if self._now.link.up:\n            self.room = None\n        elif",
        new="        if",
        killer="tests/unit/station/runtime/test_evidence.py::test_a_gap_while_the_link_is_up_may_hide_that_all_was_told",
        quick=True,
    ),
    Mutant(
        name="what rotted behind the damage is believed",
        file="eventstore/strays.py",
        old="    return row if fits(before, row, content) else None\n",
        new="    return row\n",
        killer=f"{STORE}/test_strays.py::test_a_line_that_rotted_is_left_out",
        quick=True,
    ),
    Mutant(
        name="what does not continue the chain is taken for proven",
        file="eventstore/salvage.py",
        old="            if row.seq == previous.seq + 1 and fits(previous.digest, row, commitments.content):\n",
        new="            if row.seq > previous.seq:\n",
        killer=f"{STORE}/test_salvage.py::test_a_forged_event_ends_the_prefix",
        quick=True,
    ),
    Mutant(
        name="a register that rises by more than can be is believed",
        file="projections/register.py",
        old="    if rise_wh and spent_uj > slack_uj",
        new="    if False and spent_uj > slack_uj",
        killer=f"{DOUBT}::test_what_the_meter_says_for_some_seconds_is_neither_reported_nor_billed",
        quick=True,
    ),
    Mutant(
        name="a register that fell is believed at once",
        file="projections/register.py",
        old="CONFIRMATIONS = 3\n",
        new="CONFIRMATIONS = 0\n",
        killer=f"{DOUBT}::test_two_meters_that_answer_in_turn_are_no_more_than_one",
        quick=True,
    ),
    Mutant(
        name="a register that stands confirms itself",
        file="projections/register.py",
        old="rises = doubt.rises + (raw_wh > doubt.last_wh)",
        new="rises = doubt.rises + 1",
        killer=f"{REGISTER}::test_readings_that_stand_confirm_nothing",
        quick=True,
    ),
    Mutant(
        name="an offset that is never taken back",
        file="projections/register.py",
        old="    if former is None or at_ms - former.at_ms > FORMER_MS:\n",
        new="    if True or former is None:\n",
        killer=f"{DOUBT}::test_an_old_register_that_comes_back_takes_the_offset_back",
        quick=True,
    ),
    Mutant(
        name="what flowed in doubt is the next driver's",
        file="projections/register.py",
        old="replace(doubt, first_wh=doubt.last_wh)",
        new="doubt",
        killer=f"{REGISTER}::test_what_flowed_in_doubt_before_a_transaction_is_not_the_next_ones",
        quick=True,
    ),
    Mutant(
        name="a register in doubt is reported",
        file="station/rules/measurands.py",
        old="    if connector.register.doubt is None:\n",
        new="    if True:\n",
        killer=f"{DOUBT}::test_the_doubt_is_on_record_once_and_samples_in_it_are_left_out",
        quick=True,
    ),
    Mutant(
        name="a jump is judged by the time since the register rose, not since it was looked at",
        file="projections/register.py",
        old="    return replace(register, at_ms=at_ms, unread=False, still_uj=",
        new="    return replace(register, unread=False, still_uj=",
        killer=f"{REGISTER}::test_a_look_that_found_nothing_new_is_one",
        quick=True,
    ),
    Mutant(
        name="a lie of a meter in one answer is passed on",
        file="devices/modbus/meter.py",
        old="        if wrong is not None:\n",
        new="        if False:\n",
        killer="tests/unit/devices/modbus/test_meter.py::"
        "test_a_meter_that_lies_is_a_failure_at_once_and_its_lie_is_never_told",
        quick=True,
    ),
    Mutant(
        name="a key used as it is, whatever its fingerprint says",
        file="station/runtime/secrets.py",
        old="        return secret if secret is not None and fingerprint(secret) == name else None\n",
        new="        return secret\n",
        killer=f"{SECRETS}::test_a_file_that_does_not_fit_its_fingerprint_is_damage_and_no_key",
        quick=True,
    ),
    Mutant(
        name="a directory of secrets whose own name is not synced",
        file="station/runtime/secrets.py",
        old="        sync_directory(self._storage)  # whenever",
        new="        # whenever",
        killer=f"{SECRETS}::test_a_key_is_durable_with_the_name_of_its_directory",
        quick=True,
    ),
    Mutant(
        name="the key before the new one not kept",
        file="projections/credentials.py",
        old="        spares=spares if len(spares) <= SPARES_MAX else (spares[0], *spares[1 - SPARES_MAX :]),\n",
        new="        spares=(),\n",
        killer="tests/unit/projections/test_credentials.py::test_a_new_key_goes_first_on_trial_and_the_one_before_is_kept",
        quick=True,
    ),
    Mutant(
        name="a refused key tried for ever",
        file="station/runtime/keyring.py",
        old="REFUSALS = (401, 403)\n",
        new="REFUSALS = ()\n",
        killer="tests/unit/station/runtime/test_keyring.py::test_the_key_on_trial_is_tried_and_the_next_one_after_its_refusal",
        quick=True,
    ),
    Mutant(
        name="a key in a frame of another shape left where it is",
        file="station/runtime/frame_secrets.py",
        old="        named = self._reading.hides_secret or any(_KEY.search(text) for text in _texts(frame))\n",
        new="        named = self._is_change(frame)\n",
        killer="tests/unit/station/runtime/test_frame_secrets.py::test_a_bent_frame_gives_no_key_away_and_none_is_kept",
        quick=True,
    ),
    Mutant(
        name="the file of a request that was refused left behind",
        file="station/runtime/secrets.py",
        old="                    self._count(name, -1)\n",
        new="                    pass\n",
        killer=f"{SECRETS}::test_a_key_of_a_request_that_was_refused_leaves_no_file",
        quick=True,
    ),
    Mutant(
        name="a vanished archive not missed",
        file="eventstore/inventory.py",
        old="            missing.append((reached + 1, segment.first_seq - 1))\n",
        new="            pass\n",
        killer=f"{ARCHIVIST}::test_an_archive_that_vanished_is_named_at_a_start_and_while_running",
        quick=True,
    ),
    Mutant(
        name="what was dropped on record missed",
        file="station/runtime/archivist.py",
        old="        self._dropped_seq = segment.last_seq\n",
        new="        self._dropped_seq = 0\n",
        killer=f"{ARCHIVIST}::test_a_damaged_closed_segment_goes_by_the_rule_and_on_record_as_archives_do",
    ),
    Mutant(
        name="an archive dropped without a record",
        file="station/runtime/archivist.py",
        old="        await self._station.observe(dropped)\n",
        new="",
        killer=f"{ARCHIVIST}::test_what_is_dropped_is_on_record_with_the_digests_around_it",
    ),
    Mutant(
        name="what is queued dropped with its archive",
        file="station/runtime/archivist.py",
        old="    free = [facts for facts in found[:-1] if facts.segment.last_seq < needed]\n",
        new="    free = [*found[:-1]]\n",
        killer=f"{ARCHIVIST}::test_a_damaged_closed_segment_goes_by_the_rule_and_on_record_as_archives_do",
    ),
    Mutant(
        name="sessions dropped before the chatter",
        file="station/runtime/archivist.py",
        old='            return Dropping(archive=facts, reason="size", thins=True)\n',
        new="            break\n",
        killer=f"{ARCHIVIST}::test_for_room_chatter_goes_first_and_from_the_oldest_on",
        quick=True,
    ),
    Mutant(
        name="chatter cut out without a record",
        file="station/runtime/archivist.py",
        old="        await self._station.observe(event)\n",
        new="",
        killer="tests/integration/test_room_for_transactions.py::test_only_as_much_is_cut_out_as_must_be_and_from_the_oldest_on",
    ),
    Mutant(
        name="a damaged segment compressed for ever",
        file="station/runtime/archivist.py",
        old="            self._damaged.add(segment.path.name)\n",
        new="",
        killer=f"{ARCHIVIST}::test_a_damaged_closed_segment_is_named_once_kept_and_not_tried_for_ever",
        quick=True,
    ),
    Mutant(
        name="damage of a closed segment taken for a lack of space",
        file="station/runtime/archivist.py",
        old="            if is_damage(error):\n",
        new="            if False:\n",
        killer=f"{ARCHIVIST}::test_a_damaged_closed_segment_is_named_once_kept_and_not_tried_for_ever",
    ),
    Mutant(
        name="a segment that could not be read once called damaged",
        file="station/runtime/archivist.py",
        old="await self._why_not(segment) and await self._why_not(segment)",
        new="await self._why_not(segment)",
        killer=f"{ARCHIVIST}::test_a_damaged_closed_segment_is_named_once_kept_and_not_tried_for_ever",
    ),
    Mutant(
        name="a closed segment deleted before its archive has a name that lasts",
        file="eventstore/segments.py",
        old="    sync_directory(folder)\n",
        new="",
        killer=f"{CUT}[closing and compressing segments]",
    ),
    Mutant(
        name="nothing acknowledged on a WAL that nobody would miss",
        file="eventstore/log.py",
        old="        if error is None and self._wal_bytes:\n",
        new="        if error is None:\n",
        killer=f"{STORE}/test_log.py::test_nothing_is_acknowledged_before_the_witness_knows_that_there_is_a_wal",
        quick=True,
    ),
    Mutant(
        name="a WAL that is emptied in order called vanished",
        file="eventstore/log.py",
        old="        if not await self._tell_of_wal(self.head, 0):\n            return False\n",
        new="",
        killer=f"{STORE}/test_inspection.py::test_a_wal_that_is_gone_in_order_is_not_missed",
        quick=True,
    ),
    Mutant(
        name="more of the WAL promised than is synced",
        file="eventstore/wal.py",
        old="    return size // _SECTOR_BYTES * _SECTOR_BYTES\n",
        new="    return size\n",
        killer=f"{CUT}[charging]",
    ),
    Mutant(
        name="a vanished witness not missed",
        file="eventstore/beside.py",
        old="    if not _meta(connection, WITNESSED):\n",
        new="    if False:\n",
        killer=f"{STORE}/test_beside.py::test_a_witness_that_is_gone_or_illegible_is_named_once_and_made_anew",
    ),
    Mutant(
        name="found once and called damage",
        file="eventstore/log.py",
        old="            if result.findings:  # a disk",
        new="            if False:  # a disk",
        killer=f"{STORE}/test_log.py::test_a_finding_that_is_not_found_again_is_none",
    ),
    Mutant(
        name="damage that was met once condemns",
        file="eventstore/inspection.py",
        old="        directory.suspect(reason)\n",
        new="        directory.condemn((reason,))\n",
        killer=f"{STORE}/test_log.py::test_damage_that_is_met_once_only_is_a_suspicion_until_the_whole_log_was_checked",
    ),
    Mutant(
        name="a close after a failure takes the WAL away",
        file="eventstore/log.py",
        old="await (self._reading.let_go() if may_go else self._reading.hold())",
        new="await self._reading.let_go()",
        killer=f"{STORE}/test_log.py::test_a_close_after_a_failure_leaves_the_wal_where_it_is",
    ),
)

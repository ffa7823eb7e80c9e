"""Firmware Management: firmware updates (5.19, 4.5) and diagnostics (5.9, 4.4), and their file transfers (8).

Theory of operation
    A CALL makes a job, a fact that outlives restarts. A job is at one step; the rules here say which step follows from
    what is known, and queue the notifications to the CSMS. Some steps are work for the job runner of the shell, which
    sees them in the state, does them and reports what came of it; the others are waits that end by themselves, by a
    deadline or by an event. Nothing is ever in progress that the state does not show: a process that begins anew finds
    the step and has it done.

        firmware      "" ─ retrieveDate ─► download ─► idle ─► install ─► activate ─► settle ─► restart ─► verify ─► done
                                           │      ▲                 └─────────────────────────► reboot ──┘
                                           └ retry ┘
        signed        … download ─► signature ─► (scheduled: installDateTime) ─► idle …
        diagnostics   "" ─► upload ─► done
                            │    ▲
                            └ retry ┘

    Each status is queued once and in this order, however often a step is tried; the outbox keeps it through outages.
"""

from eventstore.catalogue.maintenance import (
    DiagnosticsStatusQueued,
    FirmwareStatusQueued,
)
from station.core.feature import TIME, Answer, Call, Feature, Rule
from station.features.maintenance.diagnostics import advance_diagnostics, diagnostics_deadlines
from station.features.maintenance.firmware import advance_firmware, firmware_deadlines
from station.features.maintenance.messages import (
    decide_get_diagnostics,
    decide_update_firmware,
    render_diagnostics_status,
    render_firmware_status,
)
from station.rules.transfers import SUPPORTED_FILE_TRANSFER_PROTOCOLS, tell_again

FEATURE = Feature(
    name="maintenance",
    ocpp_profile="FirmwareManagement",
    answers=(
        Answer(action="UpdateFirmware", decide=decide_update_firmware),
        Answer(action="GetDiagnostics", decide=decide_get_diagnostics),
    ),
    calls=(
        Call(event=FirmwareStatusQueued, render=render_firmware_status, on_failure=tell_again),
        Call(event=DiagnosticsStatusQueued, render=render_diagnostics_status, on_failure=tell_again),
    ),
    rules=(
        Rule(
            decide=advance_firmware,
            reads=(
                *("clock", "registration", "link", "transactions", "outbox", "configuration", "maintenance"),
                *("description", TIME),
            ),
        ),
        Rule(decide=advance_diagnostics, reads=("maintenance", TIME)),
    ),
    deadlines=lambda state: (*firmware_deadlines(state), *diagnostics_deadlines(state)),
    config_keys=(SUPPORTED_FILE_TRANSFER_PROTOCOLS,),
)

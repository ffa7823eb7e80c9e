"""A state as bytes and back."""

import orjson
import pytest

from eventstore.structure import StructureError
from eventstore.value import replace
from projections.digest import LAYOUT_STEPS, STATE_LAYOUT, digest, fingerprint, state_bytes, state_from
from projections.station import INITIAL, StationState
from tests.given import charging, station, utc


def full_state() -> StationState:
    """A bit of everything: list, cache, reservation, profile, configuration, a transaction, a backlog, an open call."""
    found = station(connectors=2, factory={"StopTxnSampledData": "Voltage"})
    charging(found).configure(HeartbeatInterval=77)
    entry = {"idTag": "LISTED", "idTagInfo": {"status": "Accepted", "parentIdTag": "P", "expiryDate": utc(900)}}
    found.ask("SendLocalList", {"listVersion": 3, "updateType": "Full", "localAuthorizationList": [entry]})
    found.ask("ReserveNow", {"connectorId": 2, "idTag": "A", "reservationId": 1, "expiryDate": utc(9000)})
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 8.1}]}
    profile = {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": schedule,
    }
    found.ask("SetChargingProfile", {"connectorId": 0, "csChargingProfiles": profile})
    found.ask("GetDiagnostics", {"location": "ftp://127.0.0.1/"})
    found.fault("WeakSignal", 2)
    found.csms = None
    found.advance(60 * 60)
    found.has_lock_feedback = False
    found.ask("UnlockConnector", {"connectorId": 2})
    return found.state


@pytest.mark.parametrize("state", [INITIAL, station().boot().state, full_state()], ids=["initial", "booted", "full"])
def test_a_state_survives_its_bytes(state: StationState) -> None:
    data = state_bytes(state)
    assert state_from(data) == state
    assert state_bytes(state_from(data)) == data


def test_equal_states_have_equal_digests_and_others_do_not() -> None:
    state = full_state()
    assert digest(state) == digest(state_from(state_bytes(state)))
    assert digest(state) != digest(replace(state, seq=state.seq + 1))
    assert len(digest(state)) == 64


@pytest.mark.parametrize("layout", [0, STATE_LAYOUT + 1])
def test_an_unknown_layout_is_refused_by_name(layout: int) -> None:
    with pytest.raises(ValueError, match=f"a state of layout {layout}"):
        state_from(state_bytes(INITIAL), layout)


@pytest.mark.parametrize("data", [b"{}x", b"[]", b'{"seq": "one"}', b'{"strange": 1}'])
def test_what_is_no_state_is_refused(data: bytes) -> None:
    with pytest.raises((StructureError, ValueError, KeyError)):
        state_from(data)


def test_every_layout_has_a_step_up() -> None:
    assert set(LAYOUT_STEPS) == set(range(1, STATE_LAYOUT))


def test_what_0_1_0_knew_of_a_register_is_believed_of_it() -> None:
    """Layout 1 kept the offset and the last reading of the process before, and what the station is rated for in its description."""
    plain = orjson.loads(state_bytes(full_state()))
    plain["connectors"].pop("max_power_mw")
    for connector in plain["connectors"]["by_id"]:
        connector.pop("register")
        connector |= {"register_offset_wh": -500, "reading_before": connector["reading"]}
    connectors = state_from(orjson.dumps(plain), 1).connectors
    assert connectors.max_power_mw == 3 * 230 * 32_000
    read, unread = connectors[1].register, connectors[0].register
    assert (read.believed_wh, read.raw_wh, read.offset_wh, read.unread, read.told) == (1_000, 1_500, -500, True, True)
    assert (unread.believed_wh, unread.told) == (None, False)


def test_the_fingerprint_is_of_the_code_that_folds() -> None:
    assert len(fingerprint()) == 64
    assert fingerprint() == fingerprint()

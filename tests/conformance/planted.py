"""Faults planted in the station, at least one for each functionality of the laboratory's list, and the case that each must fail."""

from collections.abc import Mapping
from types import MappingProxyType

from tests.reliability.mutants import Mutant


def _planted(name: str, case: str, file: str, old: str, new: str, *, quick: bool = False) -> Mutant:
    return Mutant(name=name, file=f"station/{file}.py", old=old, new=new, killer=case, quick=quick)


PLANTED: Mapping[str, Mutant] = MappingProxyType(
    {
        "Cold boot": _planted(
            "BootNotification again after a second, whatever the interval",
            *("TC_001_CS", "features/registration"),
            "retry_due_ms = None if accepted else _retry_due_ms(state, response.interval, at_ms)",
            "retry_due_ms = None if accepted else at_ms + 1_000",
        ),
        "Start session": _planted(
            "ConnectionTimeOut is not kept",
            *("TC_004_2_CS", "features/authorization"),
            "    timeout_s = CONNECTION_TIME_OUT.of(state)\n    if timeout_s == 0 or connector",
            "    timeout_s = CONNECTION_TIME_OUT.of(state) // 2\n    if timeout_s == 0 or connector",
        ),
        "Stop session": _planted(
            "any tag stops a session",
            *("TC_068_CS (one connector)", "features/authorization"),
            "    if same_tag(transaction.id_tag, id_tag):\n        return stop(state, transaction",
            "    if id_tag:\n        return stop(state, transaction",
            quick=True,
        ),
        "Authorization cache": _planted(
            "ClearCache clears nothing",
            *("TC_061_2_CS", "features/authorization"),
            "ClearCacheResponse(status=ClearCacheStatus.ACCEPTED), (CacheCleared(),))",
            "ClearCacheResponse(status=ClearCacheStatus.ACCEPTED))",
        ),
        "Remote actions": _planted(
            "a remote stop says Local",
            *("TC_012_CS", "features/remote_control"),
            'stop(state, transaction, "Remote", at_ms)',
            'stop(state, transaction, "Local", at_ms)',
        ),
        "Reset": _planted(
            "a hard reset says SoftReset",
            *("TC_015_CS", "features/maintenance/reset"),
            'else "HardReset"',
            'else "SoftReset"',
        ),
        "Unlock": _planted(
            "an unlocked socket is reported as one that did not unlock",
            *("TC_017_1_CS", "features/remote_control"),
            "status = UnlockStatus.UNLOCK_FAILED if held else UnlockStatus.UNLOCKED",
            "status = UnlockStatus.UNLOCK_FAILED",
        ),
        "Configuration": _planted(
            "ChangeConfiguration is Accepted and forgotten",
            *("TC_021_CS", "features/configuration"),
            "events = () if text == state.configuration.overrides.get(key.name) else (_changed(key, text),)",
            "events = ()",
        ),
        "Meter values": _planted(
            "periodic samples have the context of the clock",
            *("TC_070_CS (as shipped)", "rules/sampled_values"),
            "context=enums.ReadingContext(context)",
            "context=enums.ReadingContext.SAMPLE_CLOCK",
        ),
        "Start session, non-happy flow": _planted(
            "a refused tag starts",
            *("TC_023_4_CS (tag first)", "features/authorization"),
            '    if info.status != "Accepted":\n        return (AuthorizationDenied(connector_id=asked.connector_id',
            '    if info.status == "Blocked":\n        return (AuthorizationDenied(connector_id=asked.connector_id',
        ),
        "Remote actions, non-happy flow": _planted(
            "an unknown transaction is stopped",
            *("TC_028_CS", "features/remote_control"),
            "return Reply(RemoteStopTransactionResponse(status=RemoteStartStopStatus.REJECTED))",
            "return Reply(RemoteStopTransactionResponse(status=RemoteStartStopStatus.ACCEPTED))",
        ),
        "Unlock, non-happy flow": _planted(
            "an unknown connector does not unlock",
            *("TC_031_CS", "features/remote_control"),
            "return Reply(UnlockConnectorResponse(status=UnlockStatus.NOT_SUPPORTED))",
            "return Reply(UnlockConnectorResponse(status=UnlockStatus.UNLOCK_FAILED))",
        ),
        "Power failure": _planted(
            "a power failure is called a reboot",
            *("TC_032_1_CS", "features/transactions"),
            '"PowerLoss" if event.why == "MainsLost" else "Reboot"',
            '"Reboot"',
        ),
        "Offline behaviour": _planted(
            "an offline start has the time at which it was delivered",
            *("TC_037_1_CS (cache)", "features/transactions"),
            "timestamp = max(state.clock.utc_of(event.started), floor_ms)",
            "timestamp = max(state.clock.utc_ms(at_ms), floor_ms)",
        ),
        "Configuration keys, non-happy flow": _planted(
            "an unknown key is Rejected",
            *("TC_040_1_CS", "features/configuration"),
            "ChangeConfigurationResponse(status=ConfigurationStatus.NOT_SUPPORTED)",
            "ChangeConfigurationResponse(status=ConfigurationStatus.REJECTED)",
        ),
        "Data transfer": _planted(
            "an unknown vendor is Rejected",
            *("TC_062_CS", "features/data_transfer"),
            "DataTransferStatus.UNKNOWN_VENDOR_ID",
            "DataTransferStatus.REJECTED",
        ),
        "Local authorization list": _planted(
            "a list that is switched off has a version",
            *("TC_042_1_CS (LocalAuthListEnabled false)", "features/local_auth_list"),
            "state.authorization.list_version if is_enabled(state) else NOT_SUPPORTED_VERSION",
            "state.authorization.list_version",
        ),
        "Firmware": _planted(
            "Downloaded is not reported",
            *("TC_044_1_CS (http)", "features/maintenance/firmware"),
            "return _step(job, step, at_ms, FirmwareStatus.DOWNLOADED)",
            "return _step(job, step, at_ms)",
        ),
        "Diagnostics": _planted(
            "every status of the upload is Idle",
            *("TC_045_1_CS (http)", "features/maintenance/diagnostics"),
            "return DiagnosticsStatusQueued(status=status)",
            'return DiagnosticsStatusQueued(status="Idle")',
        ),
        "Reservation": _planted(
            "a reserved start does not name its reservation",
            *("TC_046_1_CS", "features/transactions"),
            "reservation_id=None if held is None else held.reservation_id,",
            "reservation_id=None,",
        ),
        "Remote trigger": _planted(
            "FirmwareStatusNotification does not follow its trigger",
            *("TC_054_CS (messages)", "features/remote_trigger"),
            "return (firmware_status(state),)",
            "return ()",
        ),
        "Smart charging": _planted(
            "a remote start takes a profile of any purpose",
            *("TC_060_CS", "rules/charging_profile_rules"),
            '    if wire.charging_profile_purpose != ChargingProfilePurpose.TX_PROFILE:\n        return ProfileRefusal(reason="the',
            '    if not wire.charging_profile_purpose:\n        return ProfileRefusal(reason="the',
        ),
        "Security profiles": _planted(
            "the user name of Basic authentication is not the identity",
            *("TC_085_CS (profile 1)", "runtime/secrets"),
            'base64.b64encode(identity.encode() + b":" + key)',
            'base64.b64encode(identity.lower().encode() + b":" + key)',
        ),
        "Certificates": _planted(
            "a signing request names no operator",
            *("TC_074_CS", "runtime/x509"),
            "names = ((NameOID.ORGANIZATION_NAME, organisation), (NameOID.COMMON_NAME, common_name))",
            "names = ((NameOID.COMMON_NAME, common_name),)",
        ),
        "Security log": _planted(
            "LogStatusNotification does not name the request",
            *("TC_079_CS (http)", "features/security/logs"),
            "request_id=event.request_id))",
            "request_id=None))",
        ),
        "Secure firmware update": _planted(
            "a wrong signature is good",
            *("TC_080_CS (invalid signature)", "runtime/firmware_signing"),
            "            _verify(certificate, _decoded(offered.signature), bytes.fromhex(sha256))\n",
            "",
        ),
    }
)
"""By functionality: a change of one place of the station, and the label of the case that has to notice it."""

"""Certificates (security white paper, A02, A03, M03 to M05): roots that the CSMS installs, and the station's own."""

from eventstore.catalogue.certificates import CertificateExamined, SignCertificateQueued, SigningRequestMade
from eventstore.catalogue.lifecycle import DeadlineReached
from projections.security import EXTENSION
from projections.station import StationState
from station.core.feature import Answer, Call, Events, Feature, Rule
from station.features.certificates import checks, own, roots
from station.rules.certificates import ADDITIONAL_ROOT_CERTIFICATE_CHECK, CERTIFICATE_STORE_MAX_LENGTH
from station.rules.station_certificate import CPO_NAME


def _on_deadline(state: StationState, event: DeadlineReached, at_ms: int) -> Events:
    return (*checks.on_deadline(state, event, at_ms), *own.on_deadline(state, event, at_ms))


FEATURE = Feature(
    name="certificates",
    ocpp_profile=EXTENSION,
    answers=(
        Answer(action="CertificateSigned", decide=own.signed),
        Answer(action="GetInstalledCertificateIds", decide=roots.get_ids),
        Answer(action="InstallCertificate", decide=roots.install),
        Answer(action="DeleteCertificate", decide=roots.delete),
    ),
    calls=(Call(event=SignCertificateQueued, render=own.render, on_result=own.on_result, on_failure=own.on_failure),),
    observes={
        CertificateExamined: checks.on_examined,
        SigningRequestMade: own.on_request_made,
        DeadlineReached: _on_deadline,
    },
    rules=(Rule(decide=roots.drop_fallback, reads=("certificates",)),),
    deadlines=lambda state: (*checks.deadlines(state), *own.deadlines(state)),
    config_keys=(
        ADDITIONAL_ROOT_CERTIFICATE_CHECK,
        own.CERTIFICATE_SIGNED_MAX_CHAIN_SIZE,
        CERTIFICATE_STORE_MAX_LENGTH,
        CPO_NAME,
    ),
)

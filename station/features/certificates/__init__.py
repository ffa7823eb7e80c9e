"""Certificates (security white paper, M03 to M05): the roots that the CSMS lists, installs and deletes."""

from eventstore.catalogue.certificates import CertificateExamined
from eventstore.catalogue.lifecycle import DeadlineReached
from projections.security import EXTENSION
from station.core.feature import Answer, Feature, Rule
from station.features.certificates import checks, roots
from station.rules.certificates import ADDITIONAL_ROOT_CERTIFICATE_CHECK, CERTIFICATE_STORE_MAX_LENGTH

FEATURE = Feature(
    name="certificates",
    ocpp_profile=EXTENSION,
    answers=(
        Answer(action="GetInstalledCertificateIds", decide=roots.get_ids),
        Answer(action="InstallCertificate", decide=roots.install),
        Answer(action="DeleteCertificate", decide=roots.delete),
    ),
    observes={CertificateExamined: checks.on_examined, DeadlineReached: checks.on_deadline},
    rules=(Rule(decide=roots.drop_fallback, reads=("certificates",)),),
    deadlines=checks.deadlines,
    config_keys=(ADDITIONAL_ROOT_CERTIFICATE_CHECK, CERTIFICATE_STORE_MAX_LENGTH),
)

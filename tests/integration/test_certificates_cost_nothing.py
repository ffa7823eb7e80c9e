"""A station that has no certificates pays nothing for them: the library is not loaded."""

from pathlib import Path

import pytest

from tests.csms.independent import Csms
from tests.csms.odd_certificates import certificate, pem
from tests.daemon import Daemon
from tests.integration.stations import settings_for

LIBRARY = "cryptography"


def mapped(daemon: Daemon) -> str:
    return Path(f"/proc/{daemon.pid}/maps").read_text()


@pytest.mark.asyncio
async def test_the_library_is_loaded_by_the_first_certificate_and_not_before(tmp_path: Path) -> None:
    async with Csms() as csms, Daemon(tmp_path, settings_for(csms.url), fresh=True) as daemon:
        await csms.expect("BootNotification")
        assert LIBRARY not in mapped(daemon)
        root = pem(certificate())
        answer = await csms.request(
            "InstallCertificate", certificate_type="CentralSystemRootCertificate", certificate=root
        )
        assert answer == {"status": "Accepted"}
        assert LIBRARY in mapped(daemon)
        await daemon.stop()
        await daemon.start()
        assert LIBRARY not in mapped(daemon)

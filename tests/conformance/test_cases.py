"""Every certification case, on a bench that meets its needs, with the independent CSMS."""

import pytest

from station.certify.catalogue import all_cases
from station.certify.registry import Case
from tests.conformance.conftest import Boot


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.label)
@pytest.mark.asyncio
async def test_case(case: Case, boot: Boot) -> None:
    await case.play(await boot(case))

"""What came with exported events, kept beside them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from eventstore.chain import Row
from eventstore.commitments import Commitments, Disclosure, whole_row
from station.replay.opening.disclosed import Disclosed

ROW = Row(3, 3, 3, 3, "E", 1, None, '{"id_tag":"x"}', bytes(32))
WITH = Commitments(secrets=((1, bytes(32)),))


@pytest.fixture
def disclosed(tmp_path: Path) -> Iterator[Disclosed]:
    found = Disclosed(tmp_path)
    found.begin()
    yield found
    found.close()


def test_what_came_with_an_event_gives_its_content(disclosed: Disclosed) -> None:
    told = WITH.disclosure(ROW)
    disclosed.keep(3, told, has_digest=True)
    disclosed.end()
    assert disclosed.disclosure(3) == told
    assert disclosed.content(ROW) == WITH.content(ROW)
    assert not disclosed.is_unproven(3)
    with pytest.raises(ValueError, match="other members"):
        disclosed.content(ROW._replace(payload="{}"))


def test_an_event_with_which_nothing_came_is_one_of_version_0_1_0(disclosed: Disclosed) -> None:
    disclosed.keep(3, None, has_digest=True)
    assert disclosed.disclosure(3) is None
    assert disclosed.content(ROW) == whole_row(ROW)
    assert disclosed.count == 0


@pytest.mark.parametrize(("told", "has_digest"), [(Disclosure(salt=""), True), (WITH.disclosure(ROW), False)])
def test_without_a_salt_or_a_digest_nothing_proves_an_event(
    disclosed: Disclosed, told: Disclosure, has_digest: bool
) -> None:
    disclosed.keep(3, told, has_digest=has_digest)
    assert disclosed.is_unproven(3)
    with pytest.raises(ValueError, match=r"no salt|other members"):
        disclosed.content(ROW)

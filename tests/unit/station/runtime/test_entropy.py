"""Chance enters here and nowhere else."""

from station.runtime import entropy


def test_entropy_stays_within_its_range() -> None:
    assert all(0 <= entropy.draw() < entropy.ENTROPY_MAX for _ in range(1_000))


def test_installations_differ_and_are_eight_hexadecimal_digits() -> None:
    names = {entropy.installation() for _ in range(50)}
    assert len(names) == 50
    assert all(len(name) == 8 and int(name, 16) >= 0 for name in names)

"""A fuzzer for everything that reads what strangers wrote: valid inputs, changed at random, must bring an answer or the one error promised.

`make test` plays some hundred cases of each target from a fixed seed, in seconds; `make test-long` plays fresh ones for an hour in
all. A case depends on the seed and its number alone, so that a failure names all that it takes to see it again:
CHARGEBOX_FUZZ_SEED=… CHARGEBOX_FUZZ_CASE=… pytest tests/fuzz.
"""

import os
import random
import resource
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

SEED, CASE = "CHARGEBOX_FUZZ_SEED", "CHARGEBOX_FUZZ_CASE"
FIXED_SEED = 20_261_128
HOUR_S, TARGETS = 3_600, 14
"""`make test-long` gives each of the targets its share of the hour; `test_engine` counts them."""
SIZE_MAX = 1 << 18
GROWTH_BYTES_MAX = 512 << 20
NUMBERS = (
    b"0",
    b"-1",
    b"1",
    b"255",
    b"65536",
    b"2147483648",
    b"9007199254740993",
    b"9223372036854775808",
    b"1e400",
    b"NaN",
)
JSON = (
    b"null",
    b"true",
    b"{}",
    b"[]",
    b'""',
    b'"\\ud800"',
    b'"\\u0000"',
    b"[[[[[[[[[[[[[[[[[[[[",
    b'{"a":{"a":',
    *NUMBERS,
)
TOML = (
    b"[x]\n",
    b"[[x]]\n",
    b"x=1\n",
    b"''",
    b'"""',
    b"{a={}}",
    b"[[],[[]]]",
    b"1979-05-27T07:32:00Z",
    b"inf",
    b"nan",
    *NUMBERS,
)
BYTES = (b"\0", b"\xff", b"\xed\xa0\x80", b"\r\n", b"\\", b'"', "\N{GRINNING FACE}".encode(), b"\x1b[2J")


@dataclass(frozen=True)
class Target:
    """What is tried: `check` raises for anything but what is promised. `cases` are those of the short run."""

    name: str
    corpus: Sequence[bytes]
    check: Callable[[bytes], object]
    tokens: Sequence[bytes] = JSON
    cases: int = 300
    parts: Callable[[bytes], list[bytes]] = field(default=lambda content: [content])
    """The parts of an input that are changed by themselves, e.g. what lies below a checksum; `joined` makes them whole again."""
    joined: Callable[[list[bytes]], bytes] = b"".join


def mutant(target: Target, seed: int, case: int) -> bytes:
    """The input of one case."""
    chance = random.Random(f"{seed}/{target.name}/{case}")
    content = chance.choice(target.corpus)
    parts = target.parts(content)
    for _ in range(chance.choice((1, 1, 2, 4, 12))):
        place = chance.randrange(len(parts))
        parts[place] = _changed(chance, parts[place], target)
    return target.joined(parts)


def _changed(chance: random.Random, content: bytes, target: Target) -> bytes:
    at = chance.randrange(len(content) + 1)
    end = min(len(content), at + chance.choice((1, 2, 8, 64, 4_096)))
    token = chance.choice((*target.tokens, *BYTES))
    match chance.randrange(9):
        case 0:  # a bit
            flipped = bytes([content[at] ^ 1 << chance.randrange(8)]) if at < len(content) else b""
            changed = content[:at] + flipped + content[at + 1 :]
        case 1:
            changed = content[:at] + content[end:]
        case 2:
            changed = content[:at]
        case 3:
            changed = content[:at] + token + content[at:]
        case 4:
            changed = content[:at] + token + content[end:]
        case 5:  # a number becomes another one
            changed = _renumbered(chance, content)
        case 6:  # something stands there many times
            changed = content[:at] + content[at:end] * chance.choice((2, 3, 50, 1_000)) + content[end:]
        case 7:
            other = chance.choice(target.corpus)
            start = chance.randrange(len(other) + 1)
            changed = content[:at] + other[start : start + end - at] + content[end:]
        case _:  # a line or member changes its place
            to = chance.randrange(len(content) + 1)
            rest = content[:at] + content[end:]
            changed = rest[:to] + content[at:end] + rest[to:]
    return changed[:SIZE_MAX]


def _renumbered(chance: random.Random, content: bytes) -> bytes:
    starts = [
        at
        for at in range(len(content))
        if content[at : at + 1].isdigit() and not content[max(0, at - 1) : at].isdigit()
    ]
    if not starts:
        return content
    at = end = chance.choice(starts)
    while content[end : end + 1].isdigit():
        end += 1
    return content[:at] + chance.choice(NUMBERS) + content[end:]


def cases(target: Target, *, long: bool) -> Iterator[tuple[int, int, bytes]]:
    """(seed, number, input) of each case of a run."""
    given = os.environ.get(SEED)
    seed = int(given) if given else random.SystemRandom().randrange(1 << 32) if long else FIXED_SEED
    print(f"{target.name}: {SEED}={seed}")
    only = os.environ.get(CASE)
    if only:
        yield seed, int(only), mutant(target, seed, int(only))
        return
    until_s = time.monotonic() + HOUR_S / TARGETS
    for number in count():
        if (time.monotonic() >= until_s) if long else number >= target.cases:
            return
        yield seed, number, mutant(target, seed, number)


def fuzz(target: Target, tmp_path: Path, *, long: bool) -> None:
    """Play the cases. Fails with the seed, the number and the input of the first one that brings anything but what is promised."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for seed, number, content in cases(target, long=long):
        try:
            target.check(content)
        except Exception as error:
            raise failure(target, seed, number, content, tmp_path, error) from error
        growth = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
        if growth > GROWTH_BYTES_MAX:
            raise failure(target, seed, number, content, tmp_path, f"memory grew by {growth >> 20} MiB")


async def fuzz_live(target: Target, check: Callable[[bytes], Awaitable[object]], tmp_path: Path, *, long: bool) -> None:
    """The same against something that runs on a loop."""
    for seed, number, content in cases(target, long=long):
        try:
            await check(content)
        except Exception as error:
            raise failure(target, seed, number, content, tmp_path, error) from error


def failure(target: Target, seed: int, number: int, content: bytes, tmp_path: Path, error: object) -> AssertionError:
    """What to tell of a case that failed; its input is kept."""
    kept = tmp_path / f"{target.name}-{seed}-{number}"
    kept.write_bytes(content)
    return AssertionError(f"{target.name}: {error!r}; again with {SEED}={seed} {CASE}={number}; its input is {kept}")


both = pytest.mark.parametrize(
    "long", [False, pytest.param(True, marks=(pytest.mark.long, pytest.mark.timeout(7_200)))]
)
"""A test with some hundred fixed cases in `make test`, and for its share of an hour in `make test-long`."""

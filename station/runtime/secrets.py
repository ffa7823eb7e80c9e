"""Secrets, kept beside the log and never in it: files of mode 0600, found by the fingerprint that the log knows.

AuthorizationKey (OCPP-J 6.2.2, errata 3.10) and the user and password of a location (5.9, 5.19) arrive in frames; the link takes
them out before the frame becomes an observation and puts their fingerprints in their place (`frame_secrets`). A file is on the
disk, with its name, before the frame that brought it is recorded, and so before it is answered. It goes once neither the state nor
a frame that is not decided yet names it: a request that is refused leaves nothing behind.
"""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from eventstore.catalogue.link import FrameReceived, LinkClosed
from eventstore.descriptors import is_shortage
from eventstore.directory import StorageDirectory, sync_directory
from eventstore.event import Recorded
from projections.credentials import FINGERPRINT
from projections.station import StationState
from station.runtime import entropy, frame_secrets
from station.settings.loading import is_key_length

LOGGER = logging.getLogger(__name__)

FINGERPRINT_DIGITS = 16
KEY_SUFFIX, USERINFO_SUFFIX = ".key", ".userinfo"
SALT_NAME = "salt"
SALT_BYTES = 32
DIRECTORY_NAME = "secrets"
_MODE_DIRECTORY = 0o700


class SecretLostError(Exception):
    """A secret that the log names is not there any more, or is damaged."""


def fingerprint(secret: bytes) -> str:
    """How the log names a key: enough to tell two apart, too little to find one of 16 random bytes."""
    return FINGERPRINT + hashlib.sha256(b"chargebox secret\0" + secret).hexdigest()[:FINGERPRINT_DIGITS]


class Secrets:
    """The secrets of one storage directory. `any_length` takes keys that are shorter or longer than 16 to 20 bytes."""

    def __init__(self, directory: Path, *, any_length: bool = False) -> None:
        self._storage = directory
        self._directory = directory / DIRECTORY_NAME
        self._any_length = any_length
        self._pending: Counter[str] = Counter()  # what frames that are not decided yet name
        self._named: frozenset[str] | None = None  # what the state names
        self._counting = threading.Lock()  # held for a moment only: the loop takes it as well
        self._writing = threading.Lock()  # of threads only
        self._tidying: set[asyncio.Task[None]] = set()

    # ---- AuthorizationKey ----------------------------------------------------------------------------------------

    def keep(self, secret: bytes) -> str:
        """Stores a key durably, its directory's own name included; returns its fingerprint. Raises OSError."""
        name = fingerprint(secret)
        self._write(self._path(name).name, secret)
        return name

    def find(self, name: str) -> bytes | None:
        """The key of a fingerprint; None if there is no file, or if its content does not have that fingerprint.

        Raises OSError when no file descriptor is left to look with: that says nothing of the key.
        """
        try:
            secret = self._path(name).read_bytes() if name else None
        except OSError as error:
            if is_shortage(error):
                raise
            return None
        return secret if secret is not None and fingerprint(secret) == name else None

    def exists(self, name: str) -> bool:
        """Whether there is a file of this fingerprint, whatever it holds."""
        return self._path(name).exists()

    def stored(self) -> tuple[str, ...]:
        """The fingerprints of all keys that are there and whole."""
        return tuple(name for name in self._key_names() if self.find(name) is not None)

    def damaged(self) -> tuple[str, ...]:
        """The fingerprints that files bear which do not hold such a key."""
        return tuple(name for name in self._key_names() if self.find(name) is None)

    def _key_names(self) -> list[str]:
        names = (FINGERPRINT + path.stem for path in sorted(self._files(KEY_SUFFIX)))
        return [name for name in names if frame_secrets.is_name(name)]

    def forget(self, name: str) -> None:
        """Removes the key of a fingerprint durably. Raises OSError."""
        self._path(name).unlink(missing_ok=True)
        sync_directory(self._directory)

    # ---- users and passwords of locations ------------------------------------------------------------------------

    def keep_userinfo(self, userinfo: str) -> str:
        """Stores the user and password of a location; returns their name, always the same for the same. Raises OSError.

        Passwords of people are short: an unkeyed digest of one is soon undone, so the name depends on a salt of this station.
        """
        name = self.name_of_userinfo(userinfo)
        content = {"userinfo": userinfo, "sha256": hashlib.sha256(userinfo.encode()).hexdigest()}
        self._write(self._path(name, USERINFO_SUFFIX).name, json.dumps(content).encode())
        return name

    def name_of_userinfo(self, userinfo: str) -> str:
        """What the log calls it. Raises OSError."""
        digest = hmac.new(self._salt(), userinfo.encode(), hashlib.sha256).hexdigest()
        return FINGERPRINT + digest[:FINGERPRINT_DIGITS]

    def reveal(self, location: str) -> str:
        """A location of the log as it came, with user and password. Raises SecretLostError."""
        name = location_secret(location)
        if name is None:
            return location
        try:
            content = json.loads(self._path(name, USERINFO_SUFFIX).read_bytes())
            userinfo = str(content["userinfo"])
            whole = hashlib.sha256(userinfo.encode()).hexdigest() == content["sha256"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SecretLostError("the user and password of the location are lost") from error
        if not whole:
            raise SecretLostError("the user and password of the location are damaged")
        return location.replace(f"{name}@", f"{userinfo}@", 1)

    def _salt(self) -> bytes:
        try:
            salt = (self._directory / SALT_NAME).read_bytes()
        except FileNotFoundError:
            salt = b""
        if len(salt) != SALT_BYTES:
            salt = entropy.salt(SALT_BYTES)
            self._write(SALT_NAME, salt)
        return salt

    # ---- files ---------------------------------------------------------------------------------------------------

    def _write(self, name: str, content: bytes) -> None:
        self._directory.mkdir(mode=_MODE_DIRECTORY, exist_ok=True)
        self._directory.chmod(_MODE_DIRECTORY)  # whoever made it, under whatever umask
        StorageDirectory(self._directory).write_file(name, content)
        sync_directory(self._storage)  # whenever it was made: a power cut would take it, and all that is in it

    def _path(self, name: str, suffix: str = KEY_SUFFIX) -> Path:
        return self._directory / f"{name.removeprefix(FINGERPRINT)}{suffix}"

    def _files(self, suffix: str) -> Iterator[Path]:
        with contextlib.suppress(OSError):
            yield from self._directory.glob(f"*{suffix}")

    # ---- frames --------------------------------------------------------------------------------------------------

    def redact(self, text: str) -> str:
        """A frame without its secrets: what can be used is kept and stands there by its name, what cannot is withheld."""
        return frame_secrets.redact(text, self._kept_key, self._kept_userinfo)

    def _kept_key(self, value: str) -> str:
        """The fingerprint of the key that was kept; "unusable" if it is not a key or cannot be kept."""
        secret = _decoded(value)
        if secret is None or not is_key_length(len(secret), any_length=self._any_length):
            return frame_secrets.UNUSABLE
        return self._kept(fingerprint(secret), partial(self.keep, secret), frame_secrets.UNUSABLE)

    def _kept_userinfo(self, userinfo: str) -> str:
        try:
            name = self.name_of_userinfo(userinfo)
        except OSError as error:
            LOGGER.error("the user and password of a location cannot be kept: %s", error)
            return frame_secrets.WITHHELD_USER
        return self._kept(name, partial(self.keep_userinfo, userinfo), frame_secrets.WITHHELD_USER)

    def _kept(self, name: str, keep: Callable[[], str], otherwise: str) -> str:
        """The name of what was kept; it stays at least until the frame that brought it is decided."""
        self._count(name, 1)
        try:
            with self._writing:
                return keep()
        except OSError as error:
            LOGGER.error("a secret cannot be kept and is refused: %s", error)
            self._count(name, -1)
            return otherwise

    def _count(self, name: str, by: int) -> None:
        with self._counting:
            self._pending[name] += by
            if self._pending[name] <= 0:
                del self._pending[name]

    def publish(self, state: StationState, batch: Sequence[Recorded]) -> None:
        """Follows the station: files that nothing names any more are removed, beside the loop."""
        named = named_secrets(state)
        is_new, self._named = named != self._named, named
        for recorded in batch:
            if isinstance(recorded.event, FrameReceived):
                for name in frame_secrets.names_in(recorded.event.text):
                    is_new = True
                    self._count(name, -1)
            elif isinstance(recorded.event, LinkClosed) and self._pending:
                is_new = True
                with self._counting:  # what was read when the connection broke is decided, or never came to be a frame
                    self._pending.clear()
        if is_new:
            task = asyncio.get_running_loop().create_task(asyncio.to_thread(self._tidy), name="secrets")
            self._tidying.add(task)
            task.add_done_callback(self._tidying.discard)

    def prune(self, *kept: str) -> None:
        """Removes every secret but these, and those of frames that are not decided yet."""
        self._named = frozenset(kept)
        self._tidy()
        with contextlib.suppress(OSError):
            StorageDirectory(self._directory).close_to_others()

    def _tidy(self) -> None:
        for path in [*self._files(KEY_SUFFIX), *self._files(USERINFO_SUFFIX)]:
            with self._writing:
                name = FINGERPRINT + path.stem
                # In this order: what was pending a moment ago may be named by now, never the reverse.
                if name in self._pending or name in (self._named or ()):
                    continue
                try:
                    path.unlink(missing_ok=True)
                except OSError as error:
                    LOGGER.warning("a secret that is not needed any more cannot be removed: %s", error)


def _decoded(value: str) -> bytes | None:
    try:
        secret = bytes.fromhex(value)
    except ValueError:
        return None
    return secret if len(value) == 2 * len(secret) else None


def location_secret(location: str) -> str | None:
    """The name of the secret that stands in a location of the log; None if none does."""
    try:
        userinfo = urlsplit(location).netloc.rpartition("@")[0]
    except ValueError:
        return None
    return userinfo if frame_secrets.is_name(userinfo) else None


def named_secrets(state: StationState) -> frozenset[str]:
    """The secrets that the state names: keys that may be used yet, and those of the locations of jobs under way."""
    maintenance = state.maintenance
    jobs = (maintenance.firmware, maintenance.diagnostics, maintenance.log)
    offered = () if maintenance.offered is None else (maintenance.offered,)
    asked = (*offered, *(job.request for job in jobs if job is not None))
    locations = (location_secret(one.location) for one in asked)
    return frozenset((*state.credentials.stored, *(name for name in locations if name is not None)))


def basic_credentials(identity: str, key: bytes) -> str:
    """The Authorization header of Basic authentication: the key's bytes, whatever they are (OCPP-J 6.2.2)."""
    return "Basic " + base64.b64encode(identity.encode() + b":" + key).decode()

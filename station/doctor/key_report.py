"""Which AuthorizationKeys there are, which one is in use, and the removal of one; a key is shown by its fingerprint only."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from eventstore.directory import StorageDirectory
from eventstore.errors import LogLocked, NotWritable
from eventstore.value import replace
from projections.credentials import CSMS, FINGERPRINT, OF_SETTINGS, Credentials
from projections.security_profile import BASIC
from projections.station import INITIAL, StationState
from station.doctor.findings import Finding, fault, ok, warning
from station.replay.opening.errors import ReplayError
from station.replay.opening.folding import state_at
from station.replay.opening.source import open_log
from station.runtime.keyring import Keys, look
from station.runtime.secrets import Secrets
from station.service.views import utc_text
from station.settings.loading import Settings, SettingsError, require_authorization_key

SUBJECT = "keys"
EXIT_DONE, EXIT_FAILED = 0, 1

Say = Callable[[str], None]


def state_of(directory: Path) -> StationState:
    """What the log in a storage directory amounts to; nothing, where there is no log yet.

    Raises ReplayError, OSError or sqlite3.Error for a log that cannot be read.
    """
    if not StorageDirectory(directory).is_commissioned():
        return INITIAL
    with open_log(directory) as reader:
        return state_at(reader, reader.head.seq).state


def profile_of(settings: Settings, state: StationState) -> int:
    """The security profile in force at the next start: that of the settings, or what the CSMS has raised it to."""
    csms = settings.csms
    return state.security_profile.in_force_under(csms.security_profile, fixed=csms.security_profile_fixed)


def secrets_of(settings: Settings) -> Secrets:
    """The secrets in the storage directory of the settings."""
    return Secrets(settings.storage.directory, any_length=settings.csms.authorization_key_any_length)


def stored_key_findings(settings: Settings) -> Iterator[Finding]:
    """What there is to say of the keys that the CSMS has set: lost, damaged, on trial, or none left."""
    secrets = secrets_of(settings)
    try:
        state = state_of(settings.storage.directory)
    except (ReplayError, OSError, sqlite3.Error):  # another check reports what is wrong with the log
        spares = (*secrets.stored(), *secrets.damaged())
        if not spares:
            return
        state = replace(INITIAL, credentials=Credentials(spares=spares))
    yield from _profile(settings, state)
    credentials, profile = state.credentials, profile_of(settings, state)
    keys = look(settings, secrets, credentials)
    for lost in keys.lost():
        yield fault(SUBJECT, f"the AuthorizationKey {lost}", "it is not used; have the CSMS set a key anew")
    is_basic = profile in BASIC
    if is_basic and not keys.usable:
        if credentials.stored:
            yield fault(SUBJECT, f"{keys.reason()}: the station works offline", "put a key into its file")
            return
        try:
            require_authorization_key(settings, kept_in_storage=False)
        except SettingsError:
            text = f"security profile {profile} needs a Basic password and there is none"
            yield fault(SUBJECT, text, "name its file: [csms] authorization_key_file")
        return
    if credentials.stored and is_basic:
        yield _in_use(credentials, keys)


def _profile(settings: Settings, state: StationState) -> Iterator[Finding]:
    held, profile = state.security_profile, profile_of(settings, state)
    if held.trial is not None and not settings.csms.security_profile_fixed:
        yield warning(
            SUBJECT, f"security profile {held.trial} is on trial", "no connection has been opened with it yet"
        )
    if profile != settings.csms.security_profile:
        yield ok(SUBJECT, f"security profile {profile}, to which the CSMS has raised it")


def _in_use(credentials: Credentials, keys: Keys) -> Finding:
    name = credentials.next_key(keys.usable)
    assert name is not None, "there is a usable one"
    text = f"AuthorizationKey {_shown(name, keys)} is used next"
    if name in credentials.refused:
        return warning(SUBJECT, f"{text}; the CSMS has refused every key", "have it set the key that it expects")
    if name == credentials.first and credentials.on_trial:
        return warning(SUBJECT, f"{text}; it is on trial", "no connection has been opened with it yet")
    return ok(SUBJECT, text)


def _shown(name: str, keys: Keys) -> str:
    key = keys.usable[name]
    return f"{key.name} {'set by the CSMS' if key.source == CSMS else 'of the settings'}"


def show(settings: Settings, say: Say, complain: Say) -> int:
    """A line for each key, the one that is used next first; returns the exit status."""
    try:
        state = state_of(settings.storage.directory)
    except (ReplayError, OSError, sqlite3.Error) as error:
        complain(f"the log cannot be read: {error}")
        return EXIT_FAILED
    credentials, profile = state.credentials, profile_of(settings, state)
    secrets = secrets_of(settings)
    keys = look(settings, secrets, credentials)
    if profile not in BASIC:
        say(f"no AuthorizationKey is used: [csms] security_profile is {profile}")
    used = credentials.next_key(keys.usable)
    if used is None:
        say(keys.reason())
    ranked = [
        name for name in dict.fromkeys((credentials.first, *credentials.spares, OF_SETTINGS)) if name in keys.usable
    ]
    for name in sorted(ranked, key=lambda name: name != used):
        say(_line(name, credentials, keys, is_used=name == used and profile in BASIC))
    for lost in keys.lost():
        say(f"not usable  {lost}")
    if keys.problem:
        say(f"not usable  {keys.problem}")
    return EXIT_DONE


def _line(name: str, credentials: Credentials, keys: Keys, *, is_used: bool) -> str:
    key = keys.usable[name]
    words = [f"{'in use' if is_used else 'kept':<10}", _shown(name, keys)]
    if name == credentials.first:
        since = utc_text(credentials.since_utc_ms)
        words += [f"since {since}"] if since else []
    if name == credentials.first and credentials.on_trial:
        words.append("on trial: no connection has been opened with it yet")
    elif key.name == credentials.proven:
        words.append("proven: a connection was opened with it")
    if name in credentials.refused:
        words.append("refused by the CSMS since the last connection")
    return "  ".join(words)


def forget(settings: Settings, name: str, say: Say, complain: Say, *, force: bool = False) -> int:
    """Removes a key that the CSMS has set; returns the exit status. Only while no daemon runs: it would go on using it.

    The log is not written: the next start finds that the file is gone, says so in the log, and uses the next key. One without
    which there would be none is removed only with `force`.
    """
    directory = settings.storage.directory
    if not directory.is_dir():
        complain(f"{directory} does not exist")
        return EXIT_FAILED
    lock = StorageDirectory(directory)
    try:
        lock.acquire()
    except LogLocked as error:
        complain(f"{error}: stop the daemon first, it would go on using the key")
        return EXIT_FAILED
    except NotWritable as error:
        complain(str(error))
        return EXIT_FAILED
    try:
        return _forget(settings, FINGERPRINT + name.removeprefix(FINGERPRINT), say, complain, force=force)
    except (ReplayError, OSError, sqlite3.Error) as error:
        complain(f"{name} is not removed: {error}")
        return EXIT_FAILED
    finally:
        lock.close()


def _forget(settings: Settings, name: str, say: Say, complain: Say, *, force: bool) -> int:
    secrets = secrets_of(settings)
    known = (*secrets.stored(), *secrets.damaged())
    if name not in known:
        complain(f"there is no key {name}; there is {', '.join(known) or 'none that the CSMS has set'}")
        return EXIT_FAILED
    state = state_of(settings.storage.directory)
    left = {each: key for each, key in look(settings, secrets, state.credentials).usable.items() if key.name != name}
    if profile_of(settings, state) in BASIC and not left and not force:
        complain(f"{name} is the last key that can be used: without it the station stays offline; --force removes it")
        return EXIT_FAILED
    secrets.forget(name)
    say(f"{name} is forgotten" if left else f"{name} is forgotten; no key is left")
    return EXIT_DONE

"""Events to canonical JSON text and back. History is read through upcasters; what is stored is never rewritten."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from eventstore.errors import LogCorrupt, UnknownEventType
from eventstore.event import UNSET, Event, Recorded
from eventstore.structure import decoder, from_plain, plain_from, to_json
from eventstore.value import replace
from migrations.upcasters import UPCASTERS, Upcaster, chain_faults


def encode(event: Event) -> str:
    """The payload text of an event: canonical JSON of its fields.

    Raises StructureError for a value that JSON cannot hold, e.g. a lone surrogate.
    """
    return to_json(as_logged(event)).decode()


def as_logged(event: Event) -> Event:
    """The event without what is never written of it."""
    return replace(event, **dict.fromkeys(event.UNLOGGED, UNSET)) if event.UNLOGGED else event


class Codec:
    """Payload text to events, for one catalogue and its upcasters."""

    def __init__(
        self, catalogue: Mapping[str, type[Event]], upcasters: Mapping[tuple[str, int], Upcaster] | None = None
    ) -> None:
        """Raises ValueError when a version of an event lacks its upcaster.

        Without `upcasters` those of `migrations` are used that are for events of the catalogue.
        """
        if upcasters is None:
            upcasters = {key: step for key, step in UPCASTERS.items() if key[0] in catalogue}
        faults = [*chain_faults({name: cls.VERSION for name, cls in catalogue.items()}, upcasters)]
        faults += [f"{name} is the class of {cls.NAME}" for name, cls in catalogue.items() if name != cls.NAME]
        if faults:
            raise ValueError("; ".join(faults))
        self._versions = {name: cls.VERSION for name, cls in catalogue.items()}
        self._upcasters = upcasters
        self.catalogue = catalogue
        self._decoders: dict[tuple[str, int], Callable[[str], Any]] = {}

    def decode(self, name: str, version: int, payload: str) -> Event:
        """The event of a stored row, upcast to the version that the catalogue knows.

        Raises UnknownEventType for a name or version we have no class for, LogCorrupt for a payload that does not fit.
        """
        (recorded,) = self.decode_rows([(0, 0, 0, 0, name, version, None, payload, b"")])
        return recorded.event

    def decode_rows(self, rows: Iterable[tuple[Any, ...]]) -> list[Recorded]:
        """The events of stored rows (see `chain.Row`), with their envelopes. Raises as `decode` does.

        Long histories pass through here: one loop, no call that can be spared.
        """
        found = []
        decoders = self._decoders
        for seq, cause, at_ms, utc_ms, name, version, _, payload, _ in rows:
            decode = decoders.get((name, version)) or self._decoder(name, version)
            try:
                event = decode(payload)
            except ValueError as error:
                raise LogCorrupt(f"event {seq}, {name} version {version}: {error}") from error
            found.append(Recorded(seq=seq, cause=cause, at_ms=at_ms, utc_ms=utc_ms, event=event))
        return found

    def _decoder(self, name: str, version: int) -> Callable[[str], Any]:
        known = self._versions.get(name)
        if known is None or not 1 <= version <= known:
            have = "" if known is None else f"; known up to version {known}"
            raise UnknownEventType(f"event {name} version {version} is not in the catalogue{have}")
        steps = tuple(self._upcasters[name, step] for step in range(version, known))
        kind = self.catalogue[name]
        self._decoders[name, version] = _upcasting(steps, kind) if steps else decoder(kind)
        return self._decoders[name, version]


def _upcasting(steps: tuple[Upcaster, ...], kind: type[Event]) -> Callable[[str], Any]:
    def decode(payload: str) -> Any:
        plain = plain_from(payload)
        if type(plain) is not dict:
            raise ValueError("expected an object")
        for step in steps:
            plain = step(plain)
        return from_plain(kind, plain)

    return decode


@lru_cache(maxsize=1)
def catalogue_codec() -> Codec:
    """The codec of the product's own catalogue."""
    from eventstore.catalogue import BY_NAME  # here, so that tests and tools may bring a catalogue of their own

    return Codec(BY_NAME)


def decode(name: str, version: int, payload: str) -> Event:
    """`Codec.decode` with the product's own catalogue."""
    return catalogue_codec().decode(name, version, payload)

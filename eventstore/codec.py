"""Events to canonical JSON text and back. History is read through upcasters; what is stored is never rewritten."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

import orjson

from eventstore.errors import LogCorrupt, UnknownEventType
from eventstore.event import Event, Recorded
from eventstore.structure import Decoder, StructureError, compile_decoder, members_to_json
from migrations.upcasters import UPCASTERS, Upcaster, chain_faults

_RECORDED_SLOTS: tuple[Callable[[Recorded, Any], None], ...] = tuple(
    getattr(Recorded, name).__set__ for name in ("seq", "cause", "at_ms", "utc_ms", "event")
)


def encode(event: Event) -> str:
    """The payload text of an event: canonical JSON of its fields.

    Raises StructureError for a value that JSON cannot hold, e.g. a lone surrogate.
    """
    return members_to_json(event).decode()


class Codec:
    """Payload text to events, for one catalogue and its upcasters."""

    def __init__(
        self, catalogue: Mapping[str, type[Event]], upcasters: Mapping[tuple[str, int], Upcaster] | None = None
    ) -> None:
        """Raises ValueError when a version of an event lacks its upcaster, TypeError for a field that has no decoder.

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
        self._decoders: dict[tuple[str, int], Decoder] = {}

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
        decoders, loads, new = self._decoders, orjson.loads, object.__new__
        put_seq, put_cause, put_at_ms, put_utc_ms, put_event = _RECORDED_SLOTS
        for seq, cause, at_ms, utc_ms, name, version, _, payload, _ in rows:
            decoder = decoders.get((name, version)) or self._decoder(name, version)
            try:
                event = decoder(loads(payload))
            except (orjson.JSONDecodeError, StructureError) as error:
                raise LogCorrupt(f"event {seq}, {name} version {version}: {error}") from error
            recorded = new(Recorded)  # as in `structure`: the constructor of a frozen class takes twice as long
            put_seq(recorded, seq)
            put_cause(recorded, cause)
            put_at_ms(recorded, at_ms)
            put_utc_ms(recorded, utc_ms)
            put_event(recorded, event)
            found.append(recorded)
        return found

    def _decoder(self, name: str, version: int) -> Decoder:
        known = self._versions.get(name)
        if known is None or not 1 <= version <= known:
            have = "" if known is None else f"; known up to version {known}"
            raise UnknownEventType(f"event {name} version {version} is not in the catalogue{have}")
        steps = tuple(self._upcasters[name, step] for step in range(version, known))
        decoder = compile_decoder(self.catalogue[name])
        self._decoders[name, version] = decoder if not steps else _upcasting(steps, decoder)
        return self._decoders[name, version]


def _upcasting(steps: tuple[Callable[[dict[str, Any]], dict[str, Any]], ...], decoder: Decoder) -> Decoder:
    def decode(raw: Any) -> Any:
        if type(raw) is not dict:
            raise StructureError("", "expected an object")
        for step in steps:
            raw = step(raw)
        return decoder(raw)

    return decode


@lru_cache(maxsize=1)
def catalogue_codec() -> Codec:
    """The codec of the product's own catalogue."""
    from eventstore.catalogue import BY_NAME  # here, so that tests and tools may bring a catalogue of their own

    return Codec(BY_NAME)


def decode(name: str, version: int, payload: str) -> Event:
    """`Codec.decode` with the product's own catalogue."""
    return catalogue_codec().decode(name, version, payload)

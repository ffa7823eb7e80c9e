"""The facts of limits from outside in German."""

from collections.abc import Mapping

from eventstore.catalogue import limits
from eventstore.event import Event
from projections.outside_limits import (
    API,
    CONTACT,
    CSMS_SILENCE,
    LIMIT_LIFTED,
    OFF_PEAK,
    POWER_RETURN,
    SILENT,
    SITE_METER,
)
from station.telling import limit_words
from station.telling.german.amounts import current, duration
from station.telling.german.upkeep import Words
from station.telling.german.vocabulary import said

_WHY = {OFF_PEAK: "Nebenzeit", POWER_RETURN: "Netz zurück", LIMIT_LIFTED: "Grenze aufgehoben"}


def amount(max_current_ma: int | None, max_power_w: int | None) -> str:
    """ "10,0 A", "4,2 kW", or both."""
    return limit_words.amount(max_current_ma, max_power_w).replace(".", ",").replace(" and ", " und ")


def _who(kind: str, source: str) -> str:
    known = {
        API: source,
        CONTACT: "den Kontakt des Netzbetreibers",
        CSMS_SILENCE: "die Stille des CSMS",
        SITE_METER: "den Zähler des Hausanschlusses",
    }
    return known.get(kind, kind)


def _reported(event: limits.OutsideLimitReported) -> str:
    if event.max_current_ma is None and event.max_power_w is None:
        return f"{event.source} hebt die eigene Grenze auf"
    said = amount(event.max_current_ma, event.max_power_w)
    return f"{event.source} begrenzt die Station auf {said} für {duration(event.valid_ms)}"


def _changed(event: limits.OutsideLimitChanged) -> str:
    name = _who(event.kind, event.source)
    if event.max_current_ma is None and event.max_power_w is None:
        return f"Die Grenze durch {name} ist aufgehoben"
    said = amount(event.max_current_ma, event.max_power_w)
    if event.kind == CSMS_SILENCE:
        return f"Das CSMS ist WEG: Die Station ist auf {said} begrenzt"
    if event.why == SILENT:
        return f"NICHTS zu hören durch {name}: Die Station ist auf {said} begrenzt"
    return f"Die Station ist durch {name} auf {said} begrenzt"


def _each(currents_ma: tuple[int, ...]) -> str:
    return " / ".join(map(current, currents_ma))


def _delayed(event: limits.StartsDelayed) -> str:
    where, why = ", ".join(map(str, event.connectors)), _WHY.get(event.why, event.why)
    return f"Jetzt können auch andere beginnen ({why}): Anschluss {where} wartet eine zufällige Zeit"


OUTSIDE: Mapping[type[Event], Words] = {
    limits.LimitsDescribed: lambda e: "Die Einstellungen der Grenzen von außen wurden gelesen",
    limits.OutsideLimitReported: _reported,
    limits.LimitContactObserved: lambda e: (
        f"Der Kontakt des Netzbetreibers ist {'geschlossen' if e.closed else 'offen'}"
    ),
    limits.SiteMeterObserved: lambda e: (
        f"Im Hausanschluss fließen {_each(e.current_ma)}, davon durch die Station {_each(e.own_ma)}"
    ),
    limits.SiteMeterFailed: lambda e: f"Der Zähler des Hausanschlusses ist ohne NUTZEN: {said(e.reason)}",
    limits.OutsideLimitChanged: _changed,
    limits.StartsDelayed: _delayed,
    limits.StartDelayDrawn: lambda e: f"Der Beginn ist um {duration(e.delay_ms)} verzögert, durch Zufall",
}

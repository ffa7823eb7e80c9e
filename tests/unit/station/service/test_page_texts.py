"""The catalogue of texts: every sentence that a view or the page says is in it, in every language, with the same values."""

import json
import re
from pathlib import Path

import pytest

from station.doctor.findings import Level
from station.features import registry_for
from station.page_files import FILES
from station.rules.commissioning import CLOSED, JAMMED, OPEN, READ, SHOWN, UNREAD, WANTED
from station.rules.faults import BLOCKING
from station.telling.authorization_words import SOURCES as AUTHORIZED_BY
from station.views.commissioning import KEYS as COMMISSIONING
from station.views.configuration import CSMS, FACTORY, SETTINGS
from station.views.hindrance import REFUSALS
from station.views.sessions import GIVEN_UP, MALFORMED, TAKEN, WAITS
from station.wire.enums import ChargePointStatus, Reason

VIEWS = Path(__file__).resolve().parents[4] / "station" / "views"
CATALOGUE = json.loads((FILES / "texts.json").read_text())
SCRIPTS = "\n".join(path.read_text() for path in sorted(FILES.glob("*.js")))
SOURCES = "\n".join(path.read_text() for path in sorted(VIEWS.glob("*.py")))
DERIVED = {
    *(f"why.refused.{end}" for end in REFUSALS.values()),
    *(f"do.refused.{end}" for end in REFUSALS.values()),
    *(f"remedy.{code}" for code in BLOCKING),
    *(f"remedy.{end}" for end in ("emergency", "welded", "stuck", "unlock", "warning")),
    *(f"status.{status}" for status in ChargePointStatus),
    *(f"pilot.{state}" for state in "ABCDEF"),
    *(f"registration.{status}" for status in ("Accepted", "Pending", "Rejected", "Unknown")),
    *(f"disk.{level}" for level in ("ok", "low", "critical")),
    *(f"level.{level}" for level in ("info", "warning", "error")),
    *(f"view.{name}" for name in re.findall(r"(\w+): [A-Z]\w+", re.findall(r"VIEWS = \{([^}]*)\}", SCRIPTS)[0])),
    *(f"outcome.{end}" for end in "open result error given_up timeout lost ignored refused opened closed".split()),
    *(f"origin.{source}" for source in (CSMS, SETTINGS, FACTORY)),
    *("ours", "theirs"),
    *(f"message.{end}" for end in (WAITS, TAKEN, MALFORMED, GIVEN_UP)),
    *re.findall(r'<\$\{Figure\} name="([\w.]+)"', SCRIPTS),
    *re.findall(r'\bmark\("(\w+)"', SCRIPTS),
    *(f"bench.{does}" for does in re.findall(r'<\$\{Do\} does="([\w.]+)"', SCRIPTS)),
    *(f"service.check.{level}" for level in Level),
    *(f"service.test.{end}" for end in ("passed", "failed", "seen", "unseen")),
    *(f"{kind}.{step}" for kind in ("step", "test") for step in WANTED),
    *(f"found.{word}" for word in (OPEN, CLOSED, JAMMED, READ, UNREAD, SHOWN, "welded", "stuck")),
    *(f"obstacle.{end}" for end in COMMISSIONING.values()),
    *(f"service.tag.{end}" for end in ("copied", "select")),
    *(f"reason.{reason}" for reason in Reason),
    *(f"by.{source}" for source in AUTHORIZED_BY),
    *(f"key.{name}" for name in registry_for().config_keys),
    *("limit.amount_a", "limit.amount_w", "limit.amount_both", "limit.who.contact", "limit.who.site_meter"),
    *("why.fault_plain", "why.fault_station_plain", "limit.profile_undated", "limit.shared_profile_undated"),
}
"""Keys that are put together while the page runs."""


def literal_keys() -> set[str]:
    keys = set(re.findall(r'\btext\("([\w.]+)"', SCRIPTS))
    keys |= {
        key
        for pair in re.findall(r'\btext\([^")]*\? "([\w.]+)" : ([^)]*)', SCRIPTS)
        for key in re.findall(r"[\w.]+\b", pair[0])
    }
    keys |= {key for group in re.findall(r"\btext\((\w[^`)]*)\)", SCRIPTS) for key in re.findall(r'"([\w.]+)"', group)}
    keys |= set(re.findall(r'<\$\{Fact\} name="(\w+)"', SCRIPTS))
    return keys | set(re.findall(r'"((?:why|do|remedy|limit|outbox)\.[\w.]+)"', SOURCES))


def test_every_key_that_is_used_is_in_the_catalogue_and_no_other() -> None:
    used = literal_keys() | DERIVED
    assert sorted(used - CATALOGUE.keys()) == []
    assert sorted(CATALOGUE.keys() - used) == []


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_text_is_there_in_every_language_with_the_same_values(language: str) -> None:
    assert [key for key, texts in CATALOGUE.items() if not texts.get(language, "").strip()] == []
    for key, texts in CATALOGUE.items():
        assert set(texts) == {"en", "de"}, key
        assert set(re.findall(r"\{\w+\}", texts[language])) == set(re.findall(r"\{\w+\}", texts["en"])), key

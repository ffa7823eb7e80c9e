"""The statement of what a station supports, as a paper, and the parts of it that the papers of a run have too."""

from collections.abc import Iterable, Iterator, Sequence

from station.certify.equipment import NO, YES, Fitting
from station.certify.keys import VENDOR, KeyRow
from station.certify.papers.paper import Paper, Part, prose
from station.certify.statement import ConformanceStatement, MessageSupport, Support
from station.replay.pages.page import Facts, facts, table

OF_THE_MAKER = "This is the maker's own statement, printed by chargebox. It is no certificate, and no laboratory and no alliance had a part in it."
FROM_SETTINGS = (
    "All of it follows from the settings, without a run. Values of keys are those of the factory. An empty cell stands for what the "
    "station does not have, or for what only the maker knows."
)


def statement_paper(statement: ConformanceStatement) -> Paper:
    """The whole statement."""
    title = f"Protocol implementation conformance statement: {statement.vendor} {statement.model}"
    first = Part(title=title, level=1, blocks=(prose(OF_THE_MAKER, FROM_SETTINGS), product_facts(statement)))
    return Paper(
        parts=(first, *support_parts(statement), hardware_part(statement.hardware), *key_parts(statement.keys))
    )


def product_facts(statement: ConformanceStatement) -> Facts:
    """Which product it is."""
    return facts(
        ("Vendor", statement.vendor),
        ("Model", statement.model),
        ("Serial number", statement.serial),
        ("Identity", statement.identity),
        ("Protocol", "OCPP 1.6 edition 2, JSON over WebSocket (OCPP-J 1.6); security white paper edition 3"),
        ("Software", f"chargebox {statement.software_version}"),
        ("Board", statement.board),
    )


def support_parts(statement: ConformanceStatement) -> Iterator[Part]:
    """Feature profiles, messages, optional features and security profiles."""
    yield Part(
        title="Feature profiles",
        blocks=(table(("feature profile", "supported", "what it is"), _rows(statement.feature_profiles)),),
    )
    yield Part(title="Messages", blocks=(table(_MESSAGE_COLUMNS, _message_rows(statement.messages)),))
    yield Part(title="Optional features", blocks=(table(("feature", "supported", ""), _rows(statement.features)),))
    yield Part(
        title="Security profiles", blocks=(table(("profile", "supported", ""), _rows(statement.security_profiles)),)
    )


def hardware_part(hardware: Sequence[Fitting]) -> Part:
    """The hardware feature set."""
    return Part(
        title="Hardware feature set", blocks=(table(("feature", ""), ((each.name, each.says) for each in hardware)),)
    )


def key_parts(keys: Sequence[KeyRow]) -> Iterator[Part]:
    """The configuration table: a part above all, one for each group of keys, those of the station last."""
    yield Part(
        title="Configuration keys",
        blocks=(
            prose(
                "R: the CSMS may read the key; W: it may write it. Without an access the station does not have the key."
            ),
        ),
    )
    for group in dict.fromkeys(row.group for row in keys):
        rows = [_key_cells(row) for row in keys if row.group == group]
        title = "Vendor keys" if group == VENDOR else group
        yield Part(title=title, level=3, blocks=(table(_KEY_COLUMNS, rows),))
    if all(row.group != VENDOR for row in keys):
        yield Part(title="Vendor keys", level=3, blocks=(prose("None."),))


_MESSAGE_COLUMNS = ("message", "feature profile", "sent by", "supported", "")
_KEY_COLUMNS = ("key", "access", "type", "value", "unit", "limits")


def _rows(supports: Iterable[Support]) -> Iterator[tuple[str, str, str]]:
    return ((each.name, YES if each.supported else NO, each.note) for each in supports)


def _message_rows(messages: Iterable[MessageSupport]) -> Iterator[tuple[str, ...]]:
    for each in messages:
        yield each.action, each.ocpp_profile, each.sent_by, YES if each.supported else NO, each.note


def _key_cells(row: KeyRow) -> tuple[str, ...]:
    limits = f"{row.limits}; after a restart" if row.after_restart else row.limits
    return row.name, row.access, row.type, row.value, row.unit, limits

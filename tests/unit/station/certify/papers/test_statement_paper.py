"""The conformance statement as a paper."""

from pathlib import Path

from eventstore.value import replace
from station.certify.keys import VENDOR
from station.certify.papers.html import html
from station.certify.papers.markdown import markdown
from station.certify.papers.statement_paper import statement_paper
from station.certify.statement import statement_of
from tests.unit.station.certify.stations import CABLE, SOCKETS, settings

ORDER = [
    *(
        "Feature profiles",
        "Messages",
        "Optional features",
        "Security profiles",
        "Hardware feature set",
        "Configuration keys",
    ),
    *(
        "Core",
        "LocalAuthListManagement",
        "Reservation",
        "SmartCharging",
        "FirmwareManagement",
        "Security",
        "Vendor keys",
    ),
]


def test_parts_come_in_the_order_of_the_annex_and_are_never_left_out(tmp_path: Path) -> None:
    for station in (SOCKETS, CABLE):
        paper = statement_paper(statement_of(settings(station, tmp_path)))
        assert [part.title for part in paper.parts[1:]] == ORDER


def test_it_says_at_its_head_that_it_is_no_certificate(tmp_path: Path) -> None:
    paper = statement_paper(statement_of(settings(SOCKETS, tmp_path)))
    assert "It is no certificate" in markdown(paper).split("\n\n")[1]
    assert "It is no certificate" in html(paper).partition("<table>")[0]


def test_a_key_that_is_not_supported_is_a_row_of_blanks(tmp_path: Path) -> None:
    statement = statement_of(settings(CABLE, tmp_path))
    text = markdown(statement_paper(statement))
    assert "| LocalAuthListEnabled |  |  |  |  |  |\n" in text
    assert "| SecurityProfile |  |  |  |  |  |\n" in text
    standard = tuple(row for row in statement.keys if row.group != VENDOR)
    assert "### Vendor keys\n\nNone.\n" in markdown(statement_paper(replace(statement, keys=standard)))

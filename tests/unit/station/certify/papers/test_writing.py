"""The papers as files."""

import json
from pathlib import Path

from station.certify.papers.writing import write_papers
from station.certify.statement import statement_of
from tests.unit.station.certify.reports import REPORT
from tests.unit.station.certify.stations import SOCKETS, settings


def test_the_papers_lie_beside_the_report_and_are_replaced_whole(tmp_path: Path) -> None:
    statement = statement_of(settings(SOCKETS, tmp_path))
    out = tmp_path / "out"
    out.mkdir()
    (out / "report.md").write_text("of yesterday")
    written = write_papers(REPORT, statement, out)
    assert sorted(out.iterdir()) == sorted(written)
    assert (out / "report.md").read_text().startswith("# Self-test of Example Twin")
    page = (out / "report.html").read_text()
    assert '<h3 id="TC_013_CS">' in page
    assert '<a href="#TC_017_1_CS_-28socket-29">TC_017_1_CS (socket)</a>' in page
    assert '<h3 id="TC_017_1_CS_-28socket-29">' in page
    assert json.loads((out / "statement.json").read_text())["model"] == "Twin"


def test_the_same_run_gives_the_same_papers(tmp_path: Path) -> None:
    statement = statement_of(settings(SOCKETS, tmp_path))
    before = [path.read_bytes() for path in write_papers(REPORT, statement, tmp_path)]
    assert before == [path.read_bytes() for path in write_papers(REPORT, statement, tmp_path)]

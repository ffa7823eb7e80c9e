"""The papers as files beside `report.json`: `report.md`, `report.html` and `statement.json`, each replaced whole."""

from pathlib import Path

from station.certify.papers.html import html
from station.certify.papers.markdown import markdown
from station.certify.papers.run_paper import run_paper
from station.certify.results import RunReport
from station.certify.statement import ConformanceStatement
from station.replay.pages.page import json_text


def paper_texts(report: RunReport, statement: ConformanceStatement) -> dict[str, str]:
    """The papers of a run by the names of their files."""
    paper = run_paper(report, statement)
    return {"report.md": markdown(paper), "report.html": html(paper), "statement.json": json_text(statement)}


def write_papers(report: RunReport, statement: ConformanceStatement, directory: Path) -> tuple[Path, ...]:
    """Write the papers of a run; returns their paths. Raises OSError."""
    return tuple(_replaced(directory / name, text) for name, text in paper_texts(report, statement).items())


def _replaced(file: Path, text: str) -> Path:
    draft = file.with_name(f".{file.name}.new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(file)
    return file

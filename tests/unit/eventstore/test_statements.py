"""Where statements lie: by their names, in the order of what they speak of."""

from pathlib import Path

from eventstore.statements import STATEMENTS_DIRECTORY, statement_files, statement_name


def test_statements_are_found_in_the_order_of_their_events(tmp_path: Path) -> None:
    folder = tmp_path / STATEMENTS_DIRECTORY
    folder.mkdir()
    for first, last in ((101, 200), (1, 100), (101, 150)):
        (folder / statement_name(first, last)).touch()
    for name in ("notes.txt", "9-1.json", "1-99999999999999999999.json", "left.json.tmp"):
        (folder / name).touch()
    assert [(each.from_seq, each.to_seq) for each in statement_files(tmp_path)] == [(1, 100), (101, 150), (101, 200)]


def test_a_directory_without_statements_has_none(tmp_path: Path) -> None:
    assert statement_files(tmp_path) == []

"""Papers as Markdown: whatever stands in a cell, the table stays one."""

from station.certify.papers.markdown import escaped, markdown
from station.certify.papers.paper import Paper, Part, drawing, prose
from station.replay.pages.page import facts, table


def test_headings_facts_tables_prose_and_drawings() -> None:
    blocks = (
        prose("One.", "Two."),
        facts(("name", "value"), ("none", "")),
        table(("a", ">b"), [("x", 1)]),
        drawing(["|-->"]),
    )
    paper = Paper(parts=(Part(title="Title", level=1), Part(title="Part", blocks=blocks)))
    assert paper.title == "Title"
    assert markdown(paper) == (
        "# Title\n\n## Part\n\nOne.\n\nTwo.\n\n|  |  |\n|---|---|\n| name | value |\n\n"
        "| a | b |\n|---|--:|\n| x | 1 |\n\n```\n|-->\n```\n"
    )


def test_no_text_is_taken_for_markup() -> None:
    assert escaped("a|b\n*c* <d> [e](f) `g` #h") == r"a\|b \*c\* \<d\> \[e\](f) \`g\` \#h"
    assert escaped("TC_004_1_CS _x_") == r"TC_004_1_CS \_x\_"
    assert escaped("a\x1bb").isprintable()


def test_a_drawing_does_not_end_its_own_fence() -> None:
    paper = Paper(parts=(Part(title="T", blocks=(drawing(["  ````", "x"]),)),))
    assert markdown(paper).endswith("`````\n  ````\nx\n`````\n")

"""Papers as HTML: one page that needs nothing else."""

import re

from station.certify.papers.html import html
from station.certify.papers.paper import Paper, Part, drawing, prose
from station.replay.pages.page import facts, table


def page(*blocks: object, **part: object) -> str:
    return html(Paper(parts=(Part(title="A <title>", level=1), Part(title="Part", blocks=blocks, **part))))  # type: ignore[arg-type]


def test_every_block_has_its_element() -> None:
    text = page(prose("One."), facts(("name", "value")), table(("a", ">b"), [("x", 1)]), drawing(["|-->", "  y"]))
    assert "<title>A &lt;title&gt;</title>" in text
    assert "<h1>A &lt;title&gt;</h1>\n<h2>Part</h2>\n<p>One.</p>" in text
    assert "<table><tr><th>name</th><td>value</td></tr></table>" in text
    assert "<th>a</th><th class=n>b</th>" in text
    assert "<td>x</td><td class=n>1</td>" in text
    assert "<pre>|--&gt;\n  y</pre>" in text


def test_a_digest_may_be_broken_and_words_may_not() -> None:
    text = page(table(("a", "b"), [("ab" * 32, "a sentence of many words that need no breaking at all")]))
    assert f"<td><span class=long>{'ab' * 32}</span></td><td>a sentence" in text


def test_a_cell_leads_to_the_part_that_it_names() -> None:
    text = page(table(("case", "of"), [("TC_001_CS", "TC_002_CS")]), anchor="TC_001_CS")
    assert '<h2 id="TC_001_CS">Part</h2>' in text
    assert '<td><a href="#TC_001_CS">TC_001_CS</a></td><td>TC_002_CS</td>' in text


def test_no_text_is_taken_for_markup_and_nothing_comes_from_elsewhere() -> None:
    text = page(prose("<script>"), table(('"x"',), [("<img src=x>",)]), drawing(["</pre>"]))
    assert "<script" not in text
    assert "<img" not in text
    assert text.count("</pre>") == 1
    assert not re.search(r"https?:|src=(?!x)|@import|url\(", text)

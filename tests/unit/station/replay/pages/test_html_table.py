"""The table of the HTML reports."""

from station.replay.pages.html_table import html_table


def test_cells_are_text_and_numbers_stand_to_the_right() -> None:
    assert html_table(("tag", ">Wh"), [("<b>", 5), ("a & b", None)]) == (
        "<table><tr><th class=''>tag</th><th class='n'>Wh</th></tr>"
        "<tr><td class=''>&lt;b&gt;</td><td class='n'>5</td></tr>"
        "<tr><td class=''>a &amp; b</td><td class='n'></td></tr></table>"
    )


def test_without_names_there_is_no_line_of_them_and_without_rows_no_table() -> None:
    assert html_table(("", ""), [("csms", "x")]) == "<table><tr><td class=''>csms</td><td class=''>x</td></tr></table>"
    assert html_table(("tag",), []) == "<p>None.</p>"

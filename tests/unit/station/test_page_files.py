"""The files of the page as they are answered; what is in them is looked at where the station serves them."""

import gzip

from station.page_files import FILES, INDEX, POLICY, file_answer


def test_a_file_is_answered_whole_or_packed_or_not_at_all() -> None:
    content = (FILES / INDEX).read_bytes()
    plain, packed = file_answer(INDEX, "", "identity"), file_answer(INDEX, "", "br, gzip")
    assert plain is not None
    assert packed is not None
    assert (plain.status, plain.content, plain.headers["content-security-policy"]) == (200, content, POLICY)
    assert (packed.headers["content-encoding"], gzip.decompress(packed.content)) == ("gzip", content)
    known = file_answer(INDEX, plain.headers["etag"], "gzip")
    assert known is not None
    assert (known.status, known.content) == (304, b"")
    assert file_answer("vendor/manifest.json", "", "") is None

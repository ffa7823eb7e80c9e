"""What a segment knows of itself, against its name."""

from pathlib import Path

import pytest

from eventstore.chain import Head
from eventstore.commitments import Commitments
from eventstore.errors import LogCorrupt
from eventstore.segments import PastSegment
from station.replay.opening.ends import Ends, check_ends


@pytest.mark.parametrize(
    ("is_archive", "last", "fits"), [(True, 9, True), (True, 8, False), (True, 10, False), (False, 8, True)]
)
def test_a_segment_holds_what_its_name_says_and_one_that_was_cut_short_is_no_archive(
    is_archive: bool, last: int, fits: bool
) -> None:
    segment = PastSegment(first_seq=5, last_seq=9, path=Path("5-9.cbz"), is_archive=is_archive)
    heads = (Head(seq=4, digest=bytes(32)), Head(seq=last, digest=bytes(32)))
    ends = Ends(before=heads[0], head=heads[1], identity="CB", commitments=Commitments())
    if fits:
        check_ends(segment, ends)
        return
    with pytest.raises(LogCorrupt, match=f"holds events 5 to {last}, not what its name says"):
        check_ends(segment, ends)

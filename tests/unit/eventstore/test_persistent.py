"""What the states of a station rely on in their mapping."""

from hypothesis import given
from hypothesis import strategies as st

from eventstore.persistent import Map

PAIRS = st.dictionaries(st.text(max_size=3), st.integers(), max_size=50)


@given(PAIRS, st.text(max_size=3), st.integers())
def test_a_change_makes_another_mapping_and_leaves_the_first(plain: dict[str, int], key: str, value: int) -> None:
    first = Map(plain)
    second = first.set(key, value)
    assert dict(second) == {**plain, key: value}
    assert dict(second.delete(key)) == {name: held for name, held in plain.items() if name != key}
    assert dict(first) == plain


@given(PAIRS)
def test_equal_mappings_are_one_whatever_the_order_of_their_making(plain: dict[str, int]) -> None:
    there, back = Map(plain), Map(dict(reversed(plain.items())))
    assert there == back
    assert hash(there) == hash(back)
    assert sorted(there.items()) == sorted(plain.items())


@given(PAIRS, PAIRS)
def test_an_update_is_that_of_a_dictionary(plain: dict[str, int], more: dict[str, int]) -> None:
    assert dict(Map(plain).update(more)) == plain | more

import re

from hypothesis import given
from hypothesis import strategies as st

from cutroom import ids

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=4), values, min_size=2), st.randoms())
def test_a_digest_does_not_depend_on_the_order_of_keys(
    value: dict[str, ids.Json], random: "st.random.Random"
) -> None:
    pairs = list(value.items())
    random.shuffle(pairs)
    assert ids.digest(dict(pairs)) == ids.digest(value)


@given(values, st.integers(1, 40))
def test_a_digest_is_short_and_fit_for_any_name(value: ids.Json, length: int) -> None:
    assert re.fullmatch(rf"[a-z2-7]{{{length}}}", ids.digest(value, length))


@given(values, values)
def test_different_values_have_different_digests(one: ids.Json, other: ids.Json) -> None:
    # In JSON's eyes: True and 1 are two values there.
    assert (ids.digest(one) == ids.digest(other)) == (
        repr(one) == repr(other) or one is other or _same(one, other)
    )


def _same(one: ids.Json, other: ids.Json) -> bool:
    import json

    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@given(st.text(), st.text(), st.text(), st.text())
def test_an_asset_is_named_by_its_bucket_and_key_as_a_pair(a: str, b: str, c: str, d: str) -> None:
    assert (ids.asset_id(a, b) == ids.asset_id(c, d)) == ((a, b) == (c, d))


def test_a_newer_version_of_a_file_is_the_same_asset_and_another_file_version() -> None:
    assert ids.file_version_id("b", "k", "1") != ids.file_version_id("b", "k", "2")

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutroom.stores.json_values import storable, storable_text

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(anything)
def test_what_is_storable_stays_as_it_is(value: object) -> None:
    stored = storable(value)
    assert storable(stored) == stored
    text = json.dumps(stored, allow_nan=False, ensure_ascii=False)
    assert "\\u0000" not in text
    text.encode()


@pytest.mark.parametrize(
    ("given_value", "stored"),
    [
        (float("nan"), None),
        (float("inf"), None),
        (True, True),
        (1.5, 1.5),
        (2**63 - 1, 2**63 - 1),
        (2**63, str(2**63)),
        (-(2**63), -(2**63)),
        ("a\x00b", "a\ufffdb"),
        ("\ud800", "\ufffd"),
        ("🎬", "🎬"),
        ((1, 2), [1, 2]),
        ({1: "x"}, {"1": "x"}),
    ],
)
def test_values_that_a_store_refuses_are_replaced(given_value: object, stored: object) -> None:
    assert storable(given_value) == stored


def test_text_keeps_what_both_stores_take() -> None:
    assert storable_text("Ünï 🎬 \t\n") == "Ünï 🎬 \t\n"

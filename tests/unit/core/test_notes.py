"""Notes are data: they keep their values, compare by them, and come back from JSON as they were."""

import pytest

from crmnb.core.notes import Count, Note, from_json

NESTED = Note("outer", days=3, share=0.5, names=["a", "b"], customers=Count(12), reason=Note("inner", text=None))


def test_a_note_comes_back_from_json_as_it_was():
    assert from_json(NESTED.to_json()) == NESTED
    assert from_json(Note("bound", rows=Count(10, is_bound=True)).to_json()).values["rows"] == Count(10, is_bound=True)


def test_notes_of_equal_values_are_one_in_a_set():
    assert len({Note("code", names=["a"]), Note("code", names=("a",)), Note("code", names=("b",))}) == 2


def test_what_is_no_plain_value_is_refused():
    with pytest.raises(TypeError, match="cannot hold"):
        Note("code", value={"a": 1})


@pytest.mark.parametrize("text", ["not JSON", "[1, 2]", '{"code": "x"}'])
def test_what_is_no_note_is_refused(text: str):
    with pytest.raises((ValueError, KeyError)):
        from_json(text)

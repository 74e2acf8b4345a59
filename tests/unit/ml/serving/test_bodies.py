"""Decoding a body: every member is named once, however the text is laid out."""

import json

import pytest

from ml.serving import Problem
from ml.serving.bodies import decoded

LAYOUTS = {
    "compact": {"separators": (",", ":")},
    "spaced": {},
    "indented": {"indent": 2},
    "tabs": {"indent": "\t", "separators": (",", "\t:\t")},
}
SAID = {"a b": [1.5, True, None], "ab": {"c": " x  y ", "d": 'a "quoted": word'}, "é": "naïve"}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("is_ascii", [True, False])
def test_white_space_and_escapes_change_nothing(layout: str, is_ascii: bool) -> None:
    body = json.dumps(SAID, ensure_ascii=is_ascii, **LAYOUTS[layout])
    assert decoded(body.replace("\n", "\r\n").encode()) == SAID


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("first", [None, SAID["ab"], "one"], ids=["null", "same", "other"])
def test_a_member_named_twice_is_refused_in_every_layout(layout: str, first: object) -> None:
    body = json.dumps({"x": {"twice": first, **SAID}}, **LAYOUTS[layout]).replace('"twice"', '"ab"')
    with pytest.raises(Problem) as refused:
        decoded(body.encode())
    assert refused.value.kind == "member-repeated"


def test_only_what_differs_by_more_than_white_space_is_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ml.serving.bodies._ONCE", None)
    for layout in LAYOUTS.values():
        assert decoded(json.dumps(SAID, ensure_ascii=False, **layout).encode()) == SAID
    with pytest.raises(AttributeError):
        decoded(b'{"a": 1, "a": 1}')

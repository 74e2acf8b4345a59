"""The page of a review: what changed, rows of before and after, the answer; nothing loaded, everything escaped."""

from datetime import UTC, datetime

import pytest

from evaluation.reports import ReviewView, render_review, write_review
from evaluation.reports.review import WIDEST

CHANGE = {
    "kind": "values_moved",
    "table": "lab",
    "column": "results.value_number",
    "item": "2345-7",
    "category": "mg/dL",
    "before": "112 mg/dL",
    "after": "6.3 mg/dL",
    "effect": 4.9,
    "p_value": 1e-9,
    "before_n": 818,
    "after_n": 204,
    "sentence": "lab: the median went from 112 to 6.3 mg/dL <b>.",
}
ROW = {"code": "2345-7", "value_number": "112", "value_unit": "mg/dL", "contract": "lab@1", "file": "ab", "line": "7"}
DOCUMENT = {
    "review": "meaning-1",
    "site": "city",
    "feed": "lab",
    "about": "lab.2345-7",
    "reviewer": "laboratory_lead",
    "before_from": "2026-01-01",
    "before_until": "2026-01-28",
    "after_from": "2026-01-29",
    "after_until": "2026-02-04",
    "changes": [CHANGE],
    "rows": {"before": [ROW], "after": [{**ROW, "value_number": "<script>6.2</script>"}]},
}
ANSWER = {"verdict": "source_fault", "reason": "The analyser.", "by": "ines (signed)", "at": "2026-02-05 09:00 UTC"}


def view(document=DOCUMENT, answer=None) -> ReviewView:
    return ReviewView(document, answer, datetime(2026, 2, 5, tzinfo=UTC), "0.1.0")


def test_the_page_says_what_changed_and_how_to_answer() -> None:
    page = render_review(view())
    assert "112 mg/dL" in page and "6.3 mg/dL" in page and "below 0.001" in page
    assert "put before the laboratory lead" in page and "waits for an answer" in page
    assert "pilothouse review answer meaning-1" in page


def test_what_came_from_the_source_is_escaped_and_nothing_is_loaded() -> None:
    page = render_review(view())
    assert "<script>" not in page and "&lt;script&gt;6.2" in page
    assert "src=" not in page and "holds no patient data" not in page


def test_the_answer_takes_the_place_of_the_question() -> None:
    page = render_review(view(answer=ANSWER))
    assert "answered: source fault" in page and "The analyser." in page and "ines (signed)" in page
    assert "pilothouse review answer" not in page


def test_what_changed_is_shown_first_and_where_a_row_lies_last() -> None:
    row = {**{f"more_{n}": "x" for n in range(9)}, **ROW}
    columns = view({**DOCUMENT, "rows": {"before": [row], "after": []}}).columns
    assert columns[:2] == ["code", "value_number"]
    assert columns[-3:] == ["contract", "file", "line"] and len(columns) == WIDEST + 3


@pytest.mark.parametrize("side", ["before", "after"])
def test_a_side_without_rows_says_so(side: str) -> None:
    assert "No row." in render_review(view({**DOCUMENT, "rows": {**DOCUMENT["rows"], side: []}}))


def test_the_page_is_named_after_the_review(tmp_path) -> None:
    assert write_review(tmp_path / "reviews", view()).name == "meaning-1.html"

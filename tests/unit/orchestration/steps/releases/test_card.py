"""The card of a release: the use case's words with the policy's thresholds, as one layout that serving can read."""

from pathlib import Path
from typing import Any

import yaml

from evaluation.policies import load_policy
from ml.registry.card import SCHEMA, CardLayout
from ml.registry.layout import card_digest, read_card
from ml.usecases import load_use_case
from orchestration.steps.releases import card

TRIAGE, POLICY = load_use_case("triage"), load_policy("triage")
LAYOUT = card.card_layout(TRIAGE, POLICY)
APPOINTMENTS = card.card_layout(load_use_case("appointments"), load_policy("appointments"))


def test_thresholds_come_from_the_policy_and_words_from_the_use_case() -> None:
    assert LAYOUT["schema"] == SCHEMA
    assert (LAYOUT["display_threshold"], LAYOUT["warning_threshold"]) == (
        POLICY.card.display_threshold,
        POLICY.card.warning_threshold,
    )
    assert LAYOUT["outcome"] == TRIAGE.card.outcome == POLICY.card.outcome
    assert LAYOUT["not_for"] == TRIAGE.card.not_for
    assert [reason["code"] for reason in LAYOUT["override_reasons"]] == [r.code for r in TRIAGE.card.override_reasons]
    assert {reason["system"] for reason in LAYOUT["override_reasons"]} == {TRIAGE.card.override_system}


def test_another_threshold_is_another_card_for_approvals() -> None:
    stricter = POLICY.model_copy(update={"card": POLICY.card.model_copy(update={"display_threshold": 0.2})})
    assert card_digest(card.card_layout(TRIAGE, stricter)) != card_digest(LAYOUT)


def test_how_long_a_card_is_shown_again_is_part_of_what_is_approved_and_left_out_where_it_never_is() -> None:
    def saying(minutes: int | None) -> dict[str, Any]:
        text = TRIAGE.card.model_copy(update={"shown_again_minutes": minutes})
        return card.card_layout(TRIAGE.model_copy(update={"card": text}), POLICY)

    assert LAYOUT["shown_again_minutes"] == TRIAGE.card.shown_again_minutes == 240
    assert "shown_again_minutes" not in saying(None) and "shown_again_minutes" not in APPOINTMENTS
    assert len({card_digest(saying(minutes)) for minutes in (None, 60, 240)}) == 3


def test_serving_reads_the_layout_back_with_the_digest_that_was_approved(tmp_path: Path) -> None:
    path = tmp_path / "card.yaml"
    path.write_text(yaml.safe_dump(LAYOUT, allow_unicode=True))
    layout, document = read_card(path)
    assert document == LAYOUT and card_digest(document) == card_digest(LAYOUT)
    assert isinstance(layout, CardLayout) and layout.shown_again_minutes == 240
    assert [band.name for band in layout.bands] == [band.name for band in TRIAGE.card.bands]


def test_a_card_may_go_without_a_suggestion() -> None:
    silent = TRIAGE.model_copy(update={"card": TRIAGE.card.model_copy(update={"suggestion": None})})
    assert card.card_layout(silent, POLICY)["suggestion"] is None

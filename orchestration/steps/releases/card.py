"""The card layout of a release: what the use case says to clinicians, with the thresholds of the policy.

Approvals are bound to its digest. What does not belong here: rendering a card (ml/serving).
"""

from typing import Any

import yaml

from evaluation.policies import Policy
from ml.registry.card import SCHEMA
from ml.usecases import UseCase


def card_layout(use_case: UseCase, policy: Policy) -> dict[str, Any]:
    """Return the card layout (`pilothouse.card/1`) as plain data; thresholds are probabilities of the outcome."""
    text = use_case.card
    return {
        "schema": SCHEMA,
        "use_case": use_case.use_case,
        "outcome": text.outcome,
        "outcome_label": text.outcome_label,
        "window": text.window,
        "display_threshold": policy.shown_card.display_threshold,
        "warning_threshold": policy.shown_card.warning_threshold,
        "bands": [band.model_dump(exclude_none=True) for band in text.bands],
        "not_for": text.not_for,
        "ignore_when": text.ignore_when,
        "override_reasons": [
            {"code": reason.code, "system": text.override_system, "display": reason.display}
            for reason in text.override_reasons
        ],
        "source": {**text.source, **({"topic": dict(text.topic)} if text.topic else {})},
        "suggestion": dict(text.suggestion) if text.suggestion else None,
        "links": [dict(link) for link in text.links],
        **({"shown_again_minutes": text.shown_again_minutes} if text.shown_again_minutes else {}),
        **({"fallback": use_case.fallback.model_dump(mode="json", by_alias=True)} if use_case.fallback else {}),
    }


def card_yaml(layout: dict[str, Any]) -> bytes:
    """Return the layout as the bytes of a release's `card.yaml`."""
    return yaml.safe_dump(layout, allow_unicode=True, sort_keys=True).encode()

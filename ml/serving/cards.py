"""Cards: what a clinician reads (CDS Hooks 2.0, card attributes).

Here belong the words and the order they come in. Whether a card is shown is `advice.py`; the texts that a
clinician could dispute are in the release's card layout.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid5

from ml.registry.card import CardLayout
from ml.registry.stages import Stage
from ml.registry.store import VerifiedRelease
from ml.serving.services import FallbackRule

MAX_SUMMARY_LENGTH = 139
"""CDS Hooks 2.0: summary is `less than 140 characters`."""


def percent(probability: float) -> str:
    """A probability for people: whole per cent, and no false certainty at either end."""
    if probability < 0.01:
        return "under 1 %"
    return "over 99 %" if probability > 0.99 else f"{probability * 100:.0f} %"


def model_card(
    event_id: UUID, release: VerifiedRelease, stage: Stage, probability: float, usual: float | None, reason: str
) -> dict[str, Any]:
    """The card of a scored visit: risk, one sentence of reason, who is accountable, when to ignore it."""
    layout = release.card
    beside = "" if usual is None else f" (usual at this site {percent(usual)})"
    summary = f"Risk of {layout.outcome_label}: {percent(probability)}{beside}"
    is_warning = probability >= layout.warning_threshold
    card = _card(event_id, release, summary, reason, "warning" if is_warning else "info")
    if stage is Stage.DECISION_SUPPORT and layout.suggestion is not None:
        card["suggestions"] = [{"label": layout.suggestion.label, "uuid": str(uuid5(event_id, "suggestion"))}]
        card["selectionBehavior"] = "at-most-one"
    return card


def rule_card(event_id: UUID, release: VerifiedRelease, reasons: Sequence[str], rule: FallbackRule) -> dict[str, Any]:
    """The card of a case that the fallback rule speaks of. It carries no probability: a rule has none."""
    found = ", ".join(reasons)
    return _card(event_id, release, rule.summary.format(found=found), rule.detail.format(found=found), rule.indicator)


def _card(event_id: UUID, release: VerifiedRelease, summary: str, reason: str, indicator: str) -> dict[str, Any]:
    layout = release.card
    return {
        "uuid": str(uuid5(event_id, "card")),
        "summary": _shortened(summary),
        "detail": _detail(layout, release, reason),
        "indicator": indicator,
        "source": layout.source.model_dump(exclude_none=True),
        "overrideReasons": [reason.model_dump() for reason in layout.override_reasons],
    }


def _detail(layout: CardLayout, release: VerifiedRelease, reason: str) -> str:
    """GitHub-flavoured Markdown, as the standard asks."""
    manifest = release.manifest
    return "\n\n".join(
        (
            reason,
            f"Outcome: {layout.outcome_label} {layout.window}.",
            f"**When to ignore it:** {layout.ignore_when.strip()}",
            f"**Not for:** {layout.not_for.strip()}",
            f"**Accountable:** {manifest.accountable}. You decide, and you may override this advice.",
            f"Model version {manifest.model.version}, release {release.digest[:12]}.",
        )
    )


def _shortened(summary: str) -> str:
    return summary if len(summary) <= MAX_SUMMARY_LENGTH else summary[: MAX_SUMMARY_LENGTH - 1] + "…"

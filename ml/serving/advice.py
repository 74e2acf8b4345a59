"""From what is known of a case to what is said: scope, population, tier, stage, threshold.

Here belong the decisions of one call, as a function of a verified release and the features of a case.
Storing the event and speaking HTTP do not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any
from uuid import UUID

from ml.features.request import RequestFeatures
from ml.registry.manifest import Scope
from ml.registry.stages import Stage, Tier
from ml.registry.store import VerifiedRelease
from ml.serving.cards import model_card, rule_card
from ml.serving.scoring import Scorer
from ml.serving.services import TRIAGE_SERVICE, FallbackRule

SCORED, FALLBACK, MANUAL = "scored", "fallback", "manual"
OUT_OF_POPULATION, OUT_OF_SCOPE = "out_of_population", "out_of_scope"
NO_RELEASE, RELEASE_REFUSED, STEPPED_DOWN = "no_release", "release_refused", "stepped_down"

DAY_STARTS, EVENING_STARTS, NIGHT_STARTS = 7, 15, 23
"""Local hours at which shifts begin, as the mart has them."""


@dataclass(frozen=True)
class Advice:
    """What one call comes to. `model_fault` says that the model was asked and failed."""

    status: str
    tier: Tier
    reason: str | None = None
    probabilities: Mapping[str, float] | None = None
    band: str | None = None
    card: dict[str, Any] | None = None
    model_fault: str | None = None


def shift_of(at: datetime, timezone: tzinfo) -> str:
    """day (07-15), evening (15-23) or night, by the local hour."""
    hour = at.astimezone(timezone).hour
    if DAY_STARTS <= hour < EVENING_STARTS:
        return "day"
    return "evening" if EVENING_STARTS <= hour < NIGHT_STARTS else "night"


def outside_scope(scope: Scope, features: RequestFeatures, timezone: tzinfo) -> str | None:
    """Say why the release may not speak here; None when it may.

    A place or an arrival that is not known is outside a limit.
    """
    if scope.units and features.unit not in scope.units:
        return "the unit is not in the release's scope" if features.unit else "the unit of the visit is not known"
    if not scope.shifts:
        return None
    if features.arrived_at is None:
        return features.ineligible_reason
    return (
        None if shift_of(features.arrived_at, timezone) in scope.shifts else "the shift is not in the release's scope"
    )


def next_tier(release: VerifiedRelease, tier: Tier) -> Tier:
    """The tier below, by the release's fallback; manual when it fails closed or nothing is below."""
    fallback = release.manifest.fallback
    below = [candidate for candidate in fallback.tiers if candidate.rank > tier.rank]
    return below[0] if below and fallback.fail == "open" else Tier.MANUAL


def advise(
    event_id: UUID,
    release: VerifiedRelease,
    stage: Stage,
    tier: Tier,
    scorer: Scorer | None,
    features: RequestFeatures,
    timezone: tzinfo,
    rule: FallbackRule = TRIAGE_SERVICE.fallback,
    *,
    is_visit: bool = True,
) -> Advice:
    """Decide what is said about one case. Never raises for a model that fails: the next tier answers."""
    outside = outside_scope(release.manifest.scope, features, timezone)
    if outside is not None:
        return Advice(OUT_OF_SCOPE, tier, outside)
    if not features.eligible:
        return Advice(OUT_OF_POPULATION, tier, features.ineligible_reason)
    if tier is not Tier.MODEL:
        return _fallback(event_id, release, stage, tier, scorer, features, None, rule)
    try:
        return _model_advice(event_id, release, stage, scorer, features, is_visit=is_visit)
    except Exception as error:  # noqa: BLE001 - whatever a model does, the patient's call is answered by the next tier
        fault = f"scoring failed: {type(error).__name__}"
        return _fallback(event_id, release, stage, next_tier(release, tier), scorer, features, fault, rule)


def _model_advice(
    event_id: UUID,
    release: VerifiedRelease,
    stage: Stage,
    scorer: Scorer | None,
    features: RequestFeatures,
    *,
    is_visit: bool,
) -> Advice:
    if scorer is None:
        raise RuntimeError("The model of the release was not loaded.")
    probabilities = scorer.score(features.values)
    if not all(0 <= probability <= 1 for probability in probabilities.values()):
        raise ValueError("The model gave something else than a probability.")
    layout = release.card
    probability = probabilities[layout.outcome]
    card = None
    if stage.rank >= Stage.ASSISTIVE.rank and probability >= layout.display_threshold:
        usual, reason = scorer.usual().get(layout.outcome), scorer.reason(features.values)
        card = model_card(event_id, release, stage, probability, usual, reason, is_visit=is_visit)
    band = layout.band_of(probability)
    return Advice(SCORED, Tier.MODEL, _unused(features), probabilities, band, card)


def _fallback(
    event_id: UUID,
    release: VerifiedRelease,
    stage: Stage,
    tier: Tier,
    scorer: Scorer | None,
    features: RequestFeatures,
    fault: str | None,
    rule: FallbackRule,
) -> Advice:
    if tier is Tier.MANUAL:
        return Advice(MANUAL, tier, fault or "no advice in this tier", model_fault=fault)
    if tier is Tier.HISTORY:
        usual = None if scorer is None else scorer.usual()
        return Advice(FALLBACK, tier, fault or "the site's historical average", usual, model_fault=fault)
    reasons = rule.reasons(features.values)
    is_shown = bool(reasons) and stage.rank >= Stage.ASSISTIVE.rank
    card = rule_card(event_id, release, reasons, rule) if is_shown else None
    said = "; ".join(part for part in (fault, ", ".join(reasons) or rule.none) if part)
    return Advice(FALLBACK, tier, said, card=card, model_fault=fault)


def _unused(features: RequestFeatures) -> str | None:
    """Which readings were sent and could not be used: names and reasons, never values."""
    notes = [f"{note.feature}: {note.reason}" for note in features.notes]
    return "not used: " + "; ".join(sorted(set(notes))) if notes else None

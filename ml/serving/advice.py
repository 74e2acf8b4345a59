"""From what is known of a case to what is said: scope, population, tier, stage, threshold.

Here belong the decisions of one call, from a verified release and the features of a case, down its tiers. Storing the
event and speaking HTTP do not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ml.features.observed import only_bounds
from ml.features.request import RequestFeatures
from ml.registry.manifest import EVERYWHERE, Launch, Nowhere, Scope
from ml.registry.stages import Stage, Tier
from ml.registry.store import VerifiedRelease
from ml.serving.asking import ModelSilent
from ml.serving.cards import bounds_card, model_card, reference_card, rule_card
from ml.serving.hours import Hours
from ml.serving.scoring import Scorer
from ml.serving.services import ScoringService
from ml.usecases.ladder import Ladder

if TYPE_CHECKING:
    from ml.serving.live import Live

SCORED, FALLBACK, MANUAL = "scored", "fallback", "manual"
NARROWED = "the site's file has narrowed the scope since the release"
OUT_OF_POPULATION, OUT_OF_SCOPE = "out_of_population", "out_of_scope"
NO_RELEASE, RELEASE_REFUSED, STEPPED_DOWN = "no_release", "release_refused", "stepped_down"

MODELS = (Tier.MODEL, Tier.REDUCED)
BY_A_PERSON = "a person has switched it off for now"


@dataclass(frozen=True)
class Fault:
    """Why a tier did not answer: the signal that it counts for, the reason for the record, and the words on the card.

    `was_asked` is False for a model that was not asked, since it is known not to answer.
    """

    signal: str
    reason: str
    said: str
    was_asked: bool = True


@dataclass(frozen=True)
class Advice:
    """What one call comes to. `faults` says of each tier that was tried why it did not answer."""

    status: str
    tier: Tier
    reason: str | None = None
    probabilities: Mapping[str, float] | None = None
    band: str | None = None
    card: dict[str, Any] | None = None
    faults: Mapping[Tier, Fault] = field(default_factory=dict[Tier, Fault])
    was_tried: bool = True


@dataclass(frozen=True)
class Case:
    """One call: its id, what is known, when it is, how long its models may wait for their turn, and where the site lets
    the use case speak."""

    event_id: UUID
    features: RequestFeatures
    now: datetime
    hours: Hours
    patience: float
    launch: Launch = EVERYWHERE


def outside_scope(scope: Scope, features: RequestFeatures, hours: Hours) -> str | None:
    """Say why the release may not speak here; None when it may.

    A place or an arrival that is not known is outside a limit, and so is an arrival in no shift of the site's file.
    """
    if scope.units and features.unit not in scope.units:
        return "the unit is not in the release's scope" if features.unit else "the unit of the visit is not known"
    if not scope.shifts:
        return None
    if features.arrived_at is None:
        return features.ineligible_reason
    shift = hours.shift_of(features.arrived_at)
    if shift is None:
        return "the arrival is in no shift that the site's file names"
    return None if shift in scope.shifts else "the shift is not in the release's scope"


def _outside_launch(case: Case) -> str | None:
    """Say why the site's file does not let the use case speak here; None when it does."""
    if isinstance(case.launch, Nowhere):
        return case.launch.why
    return NARROWED if outside_scope(case.launch, case.features, case.hours) is not None else None


def tiers_below(release: VerifiedRelease, tier: Tier) -> tuple[Tier, ...]:
    """The tiers below, by the release's fallback; manual alone when it fails closed or nothing is below."""
    fallback = release.manifest.fallback
    below = tuple(candidate for candidate in fallback.tiers if candidate.rank > tier.rank)
    return below if below and fallback.fail == "open" else (Tier.MANUAL,)


async def advise(case: Case, live: "Live", service: ScoringService) -> Advice:
    """Decide what is said about one case. Never raises for a model that fails or hangs: the next tier answers."""
    features, release = case.features, live.release
    outside = outside_scope(release.manifest.scope, features, case.hours) or _outside_launch(case)
    if outside is not None:
        return Advice(OUT_OF_SCOPE, live.tier, outside, was_tried=False)
    if not features.eligible:
        return Advice(OUT_OF_POPULATION, live.tier, features.ineligible_reason, was_tried=False)
    faults: dict[Tier, Fault] = {}
    for tier in (live.tier, *tiers_below(release, live.tier)):
        fault = lacking(live.ladder, tier, features, case.now)
        if fault is None and tier in MODELS:
            try:
                advice = await _model_advice(case, live, tier, service, faults)
            except Exception as error:  # noqa: BLE001 - whatever a model does, the call is answered by the next tier
                fault = _failed(error)
            else:
                return replace(advice, faults=faults)
        if fault is None:
            return replace(_fallback(case, live, tier, service, faults), faults=faults)
        faults[tier] = fault
    return Advice(MANUAL, Tier.MANUAL, _noted(faults, "no tier can answer"), faults=faults)


def lacking(ladder: Ladder | None, tier: Tier, features: RequestFeatures, now: datetime) -> Fault | None:
    """Why a tier cannot answer about this case by what is known of it; None when it can."""
    if ladder is None or ladder.inputs is None or tier.rank > Tier.RULE.rank:
        return None
    inputs = ladder.inputs
    limit = timedelta(minutes=inputs.stale_after_minutes)
    if features.triaged_at is not None and now - features.triaged_at > limit:
        said = f"what was sent is {(now - features.triaged_at) / timedelta(hours=1):.0f} hours old"
        return Fault("inputs", f"stale: {said}", said)
    known = sum(features.values.get(name) is not None for name in inputs.watched)
    needed = {Tier.MODEL: inputs.model_needs, Tier.REDUCED: inputs.reduced_needs}.get(tier, inputs.rule_needs)
    if known >= needed:
        return None
    said = f"only {known} of the {len(inputs.watched)} findings that it needs were sent"
    return Fault("inputs", f"{tier} needs {needed}: {said}", said)


def _failed(error: Exception) -> Fault:
    if isinstance(error, ModelSilent):
        return Fault("slow", str(error), "it does not answer in time", error.was_asked)
    return Fault("failing", f"scoring failed: {type(error).__name__}", "it failed")


async def _model_advice(
    case: Case, live: "Live", tier: Tier, service: ScoringService, faults: Mapping[Tier, Fault]
) -> Advice:
    if tier not in live.scorers:
        raise RuntimeError("The model of the release was not loaded.")
    scorer, layout, features = live.scorers[tier], live.release.card, case.features
    threshold = layout.display_threshold if live.stage.rank >= Stage.ASSISTIVE.rank else None
    values = scorer.known(features.values)
    probabilities, reason = await live.asked[tier].ask(
        lambda: _scores(scorer, values, threshold), live.each_seconds, case.patience
    )
    probability = probabilities[layout.outcome]
    instead, bounds = instead_of_the_model(live, tier, faults), only_bounds(features.notes)
    card = None
    if reason is not None:
        usual = scorer.usual().get(layout.outcome)
        card = model_card(
            case.event_id,
            live.release,
            live.stage,
            probability,
            usual,
            reason,
            is_visit=service.is_of_visits,
            instead=instead,
            bounds=bounds,
        )
    elif bounds and threshold is not None:
        card = bounds_card(case.event_id, live.release, bounds, instead)
    noted = [part for part in (_noted(faults, ""), _unused(features)) if part]
    status = SCORED if tier is Tier.MODEL else FALLBACK
    return Advice(status, tier, "; ".join(noted) or None, probabilities, layout.band_of(probability), card)


def _scores(scorer: Scorer, values: Mapping[str, Any], threshold: float | None) -> tuple[dict[str, float], str | None]:
    """The scores, and the sentence of reason where a card is shown: from `threshold` on. Runs in the model's thread."""
    probabilities = scorer.score(values)
    if not all(0 <= probability <= 1 for probability in probabilities.values()):
        raise ValueError("The model gave something else than a probability.")
    is_shown = threshold is not None and probabilities[scorer.outcome] >= threshold
    return probabilities, scorer.reason(values, probabilities[scorer.outcome]) if is_shown else None


def instead_of_the_model(live: "Live", tier: Tier, faults: Mapping[Tier, Fault]) -> str | None:
    """Why something else than the model speaks, in words for the card; None where the model does."""
    if tier is Tier.MODEL:
        return None
    said = faults[Tier.MODEL].said if Tier.MODEL in faults else live.tier_reason or BY_A_PERSON
    return f"The model does not answer: {said}."


def _fallback(case: Case, live: "Live", tier: Tier, service: ScoringService, faults: Mapping[Tier, Fault]) -> Advice:
    is_shown = live.stage.rank >= Stage.ASSISTIVE.rank
    instead, bounds = instead_of_the_model(live, tier, faults) or "", only_bounds(case.features.notes)
    if tier is Tier.MANUAL:
        return Advice(MANUAL, tier, _noted(faults, "no advice in this tier"))
    if tier is Tier.REFERENCE:
        reference = None if live.ladder is None else live.ladder.reference
        card = None
        if reference and is_shown:
            card = reference_card(case.event_id, live.release, reference, instead, bounds)
        return Advice(FALLBACK, tier, _noted(faults, "reference only"), card=card)
    if tier is Tier.HISTORY:
        usual = live.scorers[Tier.MODEL].usual() if Tier.MODEL in live.scorers else None
        return Advice(FALLBACK, tier, _noted(faults, "the site's historical average"), usual)
    reasons = service.fallback.reasons(case.features.values)
    card = _rule_card(case, live, service, reasons, instead, bounds) if is_shown else None
    parts = (_noted(faults, ""), ", ".join(reasons) or service.fallback.none, _unused(case.features))
    return Advice(FALLBACK, tier, "; ".join(part for part in parts if part), card=card)


def _rule_card(
    case: Case, live: "Live", service: ScoringService, reasons: Sequence[str], instead: str, bounds: Sequence[str]
) -> dict[str, Any] | None:
    """The rule's card; where it is silent, that of the signs that came as bounds (decision record 0058)."""
    if reasons:
        return rule_card(case.event_id, live.release, reasons, service.fallback, instead, bounds)
    return bounds_card(case.event_id, live.release, bounds, instead) if bounds else None


def _noted(faults: Mapping[Tier, Fault], otherwise: str) -> str:
    reasons: Sequence[str] = [fault.reason for fault in faults.values()]
    return "; ".join(dict.fromkeys(reasons)) or otherwise


def _unused(features: RequestFeatures) -> str | None:
    """Which readings were sent and could not be used: names and reasons, never values."""
    notes = [f"{note.feature}: {note.reason}" for note in features.notes]
    return "not used: " + "; ".join(sorted(set(notes))) if notes else None

"""Cards: what a clinician reads (CDS Hooks 2.0, card attributes).

Here belong the words and the order they come in. Whether a card is shown is `advice.py`; the texts that a
clinician could dispute are in the release's card layout.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid5

import orjson

from ml.registry.card import CardLayout, Link, Suggestion
from ml.registry.stages import Stage
from ml.registry.store import VerifiedRelease
from ml.serving.services import FallbackRule
from ml.usecases.ladder import Reference

PATIENT_ID, ENCOUNTER_ID = "{{context.patientId}}", "{{context.encounterId}}"
MAX_SUMMARY_LENGTH = 139
"""CDS Hooks 2.0: summary is `less than 140 characters`."""


def percent(probability: float) -> str:
    """A probability for people: whole per cent, and no false certainty at either end."""
    if probability < 0.01:
        return "under 1 %"
    return "over 99 %" if probability > 0.99 else f"{probability * 100:.0f} %"


def model_card(
    event_id: UUID,
    release: VerifiedRelease,
    stage: Stage,
    probability: float,
    usual: float | None,
    reason: str,
    *,
    is_visit: bool = True,
    instead: str | None = None,
    bounds: Sequence[str] = (),
) -> dict[str, Any]:
    """The card of a scored visit: risk, one sentence of reason, who is accountable, when to ignore it.

    `instead` says why it is the reduced model's, `bounds` which readings are only bounds. Its ids are tokens of the
    context, as in prefetch templates: `named` puts the call's own in their place.
    """
    layout = release.card
    beside = "" if usual is None else f" (usual at this site {percent(usual)})"
    summary = f"Risk of {layout.outcome_label}: {percent(probability)}{beside}"
    is_warning = probability >= layout.warning_threshold
    note = f"{instead} This is the reduced model, which looks at fewer findings." if instead else ""
    card = _card(event_id, release, summary, (reason, note, _only_bounds(bounds)), "warning" if is_warning else "info")
    if stage is Stage.DECISION_SUPPORT and layout.suggestion is not None:
        card["suggestions"] = [offered(event_id, layout.suggestion, is_visit=is_visit)]
        card["selectionBehavior"] = "at-most-one"
    return card


def linked(card: dict[str, Any], links: Sequence[Link], base_url: str, site: str, unit: str | None) -> dict[str, Any]:
    """The card with its links, where they lead for this visit."""
    place = {"base_url": base_url.rstrip("/"), "site": quote(site, safe=""), "unit": quote(unit or "", safe="")}
    found = [
        {"label": link.label, "url": link.url.format_map(place), "type": "absolute"}
        for link in links
        if unit or "{unit}" not in link.url
    ]
    return {**card, "links": [*card.get("links", []), *found]} if found else card


def named(payload: str, patient_id: str, encounter_id: str | None) -> str:
    """The answer as it goes out: with the ids of the call's own context, which the stored one does without."""
    if "{{context." not in payload:
        return payload
    for token, identifier in ((PATIENT_ID, patient_id), (ENCOUNTER_ID, encounter_id or "")):
        payload = payload.replace(token, orjson.dumps(identifier).decode()[1:-1])
    return payload


def offered(event_id: UUID, suggestion: Suggestion, *, is_visit: bool) -> dict[str, Any]:
    """A suggestion; its action is a FHIR R4 Task (hl7.org/fhir/R4/task.html), which proposes and orders nothing."""
    said = {"label": suggestion.label, "uuid": str(uuid5(event_id, "suggestion"))}
    if suggestion.task is None:
        return said
    visit = {"encounter": {"reference": f"Encounter/{ENCOUNTER_ID}"}} if is_visit else {}
    task = {
        "resourceType": "Task",
        "status": "requested",
        "intent": "proposal",
        "description": suggestion.task,
        "for": {"reference": f"Patient/{PATIENT_ID}"},
        **visit,
    }
    return {**said, "actions": [{"type": "create", "description": suggestion.task, "resource": task}]}


def rule_card(
    event_id: UUID,
    release: VerifiedRelease,
    reasons: Sequence[str],
    rule: FallbackRule,
    instead: str,
    bounds: Sequence[str] = (),
) -> dict[str, Any]:
    """The card of a case that the fallback rule speaks of. It carries no probability: a rule has none."""
    found = ", ".join(reasons)
    said = (rule.detail.format(found=found), _only_bounds(bounds), instead)
    return _card(event_id, release, rule.summary.format(found=found), said, rule.indicator)


def bounds_card(
    event_id: UUID, release: VerifiedRelease, bounds: Sequence[str], instead: str | None = None
) -> dict[str, Any]:
    """The card where nothing else is said, and signs came as bounds: which were not scored. It judges nothing."""
    summary = f"Not scored, sent as a bound: {_listed(bounds)}"
    return _card(event_id, release, summary, (_only_bounds(bounds), instead or ""), "info")


def reference_card(
    event_id: UUID, release: VerifiedRelease, reference: Reference, instead: str, bounds: Sequence[str] = ()
) -> dict[str, Any]:
    """The card that says that there is no score, why, and where the guideline is. It advises nothing."""
    summary = f"No score now: {reference.label}"
    card = _card(event_id, release, summary, (reference.text, _only_bounds(bounds), instead), "info")
    return {**card, "links": [{"label": reference.label, "url": reference.url, "type": "absolute"}]}


def _card(
    event_id: UUID, release: VerifiedRelease, summary: str, said: Sequence[str], indicator: str
) -> dict[str, Any]:
    layout = release.card
    return {
        "uuid": str(uuid5(event_id, "card")),
        "summary": _shortened(summary),
        "detail": _detail(layout, release, said),
        "indicator": indicator,
        "source": layout.source.model_dump(exclude_none=True),
        "overrideReasons": [reason.model_dump() for reason in layout.override_reasons],
    }


def _only_bounds(features: Sequence[str]) -> str:
    """The sentence that results stand in the record which nobody scored (decision record 0058); empty without one."""
    if not features:
        return ""
    return (
        f"**Not scored,** because sent as a bound (under or over a number) and not as a reading: {_listed(features)}."
    )


def _listed(features: Sequence[str]) -> str:
    return ", ".join(feature.replace("_", " ") for feature in features)


def _detail(layout: CardLayout, release: VerifiedRelease, said: Sequence[str]) -> str:
    """GitHub-flavoured Markdown, as the standard asks."""
    manifest = release.manifest
    return "\n\n".join(
        (
            *filter(None, said),
            f"Outcome: {layout.outcome_label} {layout.window}.",
            f"**When to ignore it:** {layout.ignore_when.strip()}",
            f"**Not for:** {layout.not_for.strip()}",
            f"**Accountable:** {manifest.accountable}. You decide, and you may override this advice.",
            f"Model version {manifest.model.version}, release {release.digest[:12]}.",
        )
    )


def _shortened(summary: str) -> str:
    return summary if len(summary) <= MAX_SUMMARY_LENGTH else summary[: MAX_SUMMARY_LENGTH - 1] + "…"

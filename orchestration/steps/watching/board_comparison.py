"""Documents of the pack about two models on the same visits: the challenger's, and those of a release that was one.

What does not belong here: what is claimed of them (evaluation/reports/board/challenger).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from evaluation.evidence import Evidence, Json
from evaluation.reports import SiteView
from evaluation.reports.board import LedgerFact, Source
from evaluation.reports.board.facts import mapping
from ml.registry.signing import load_public_key
from ml.registry.store import load_release
from orchestration.settings import Settings
from orchestration.steps.learning.stores import read_all_evidence


@dataclass(frozen=True)
class Compared:
    """The promotion by which a model took another's place, and the comparison that it names, where that is there."""

    by: LedgerFact
    evidence: Evidence | None


def challenger_sources(settings: Settings, site: SiteView) -> Iterator[tuple[str, Source]]:
    """By role: the comparison, what the gate would answer, and the signed manifest. Raises what reading it raises."""
    view = site.challenger
    if view is None:
        return
    if view.evidence is not None:
        yield "challenger_comparison", Source.of_evidence(view.evidence, "Both on the same visits")
    if view.decision is not None:
        told, digest = view.decision.to_json(), view.decision.digest
        yield "challenger_decision", Source("challenger-decision", "Decision on the challenger", digest, told)
    release = load_release(settings.home, view.release, load_public_key(settings.keys / "release.pub.pem"))
    manifest = release.manifest.to_json()
    yield "challenger_release", Source("challenger-release", "Manifest of the challenger", release.digest, manifest)


def compared_before(
    settings: Settings, place: tuple[str, str], entries: Iterable[LedgerFact], model: Json
) -> Compared | None:
    """The last promotion of a model that took the place of another; None where it took nobody's."""
    by = [one for one in entries if one.kind == "promotion" and _named(one) and _model(one) == model]
    if not by:
        return None
    found = read_all_evidence(settings, *place).readable
    return Compared(by[-1], next((one for one in found if one.digest == _named(by[-1])), None))


def _named(promotion: LedgerFact) -> str:
    """The digest of the comparison that a promotion names; empty where it names none."""
    return str(mapping(promotion.payload.get("detail")).get("side_by_side") or "")


def _model(promotion: LedgerFact) -> Json:
    return mapping(promotion.payload.get("subject")).get("model")

"""Which evidence counts: the newest of each kind that is about exactly this release.

Newest wins, because a figure is measured again when something was found; every document that was left aside
stays listed in the decision with the reason, so that measuring until it fits can be seen. Two documents of
one kind and one instant that differ contradict each other, and then neither counts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from evaluation.evidence import Evidence, Subject
from evaluation.gates.decision import Ignored


@dataclass(slots=True)
class Selection:
    """The evidence that counts, by kind; kinds that contradict themselves; and what was left aside."""

    chosen: dict[str, Evidence] = field(default_factory=dict[str, Evidence])
    conflicting: set[str] = field(default_factory=set[str])
    ignored: list[Ignored] = field(default_factory=list[Ignored])

    def why_missing(self, kind: str) -> str:
        """Why there is no evidence of this kind, with the reasons of what was left aside."""
        if kind in self.conflicting:
            return f"two {kind} documents of the same instant contradict each other"
        reasons = sorted({each.reason for each in self.ignored if each.kind == kind})
        left_aside = f" (there is some {'; some '.join(reasons)})" if reasons else ""
        return f"no {kind} evidence for this release{left_aside}"


def select(evidence: Iterable[Evidence], *, use_case: str, site: str, subject: Subject, now: datetime) -> Selection:
    """Choose among everything that was measured. The same document twice counts once."""
    selection = Selection()
    candidates: dict[str, dict[str, Evidence]] = {}
    for each in evidence:
        reason = _why_not(each, use_case, site, subject, now)
        if reason:
            selection.ignored.append(Ignored(each.kind, each.digest, reason))
        else:
            candidates.setdefault(each.kind, {})[each.digest] = each
    for kind, documents in candidates.items():
        _choose(selection, kind, documents)
    selection.ignored.sort(key=lambda each: (each.kind, each.digest))
    return selection


def _choose(selection: Selection, kind: str, documents: Mapping[str, Evidence]) -> None:
    latest = max(each.created_at for each in documents.values())
    newest = [each for each in documents.values() if each.created_at == latest]
    reason = "superseded by a newer one" if len(newest) == 1 else "contradicted by one of the same instant"
    if len(newest) == 1:
        selection.chosen[kind] = newest[0]
    else:
        selection.conflicting.add(kind)
    left = [each for each in documents.values() if selection.chosen.get(kind) is not each]
    selection.ignored += [Ignored(kind, each.digest, reason) for each in left]


def _why_not(each: Evidence, use_case: str, site: str, subject: Subject, now: datetime) -> str:
    if each.use_case != use_case:
        return "for another use case"
    if each.site != site:
        return "for another site"
    if each.subject_model != subject.model:
        return "about another model"
    if each.subject_data != subject.data:
        return "about other data"
    return "dated after the decision" if each.created_at > now else ""

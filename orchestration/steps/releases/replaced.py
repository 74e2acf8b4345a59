"""What a proposal would take the place of, and what is on record of both on the same visits.

What does not belong here: how both are compared (learning/challenger), and whether it suffices (replacing).
"""

from datetime import UTC, datetime, timedelta

from evaluation.evidence import Evidence, Figure
from evaluation.ledger import PROMOTED, Seen, seen_last
from evaluation.policies import Stage
from ml.usecases import UseCase
from orchestration.settings import Settings
from orchestration.steps.learning.challenger import KIND
from orchestration.steps.learning.stores import read_all_evidence
from orchestration.steps.record.records import now, open_records
from orchestration.steps.releases.proposal import Proposal

EVER = datetime.min.replace(tzinfo=UTC)


def replaced(settings: Settings, proposal: Proposal) -> Seen | None:
    """The other model that people see or saw last, where a proposal would come before people in its place.

    None where it goes no higher than shadow, where people saw nothing in the time that counts, or this very model; and
    for plans, which have no twin to be compared with.
    """
    is_plan = not isinstance(proposal.use_case, UseCase)
    if proposal.stage.rank < Stage.ASSISTIVE.rank or is_plan:
        return None
    place = (proposal.use_case.use_case, proposal.site.id)
    entries = open_records(settings).entries(kinds=(*PROMOTED, "rollback"), use_case=place[0], site=place[1])
    seen = seen_last(entries, _since(proposal))
    return None if seen is None or seen.model == proposal.subject.model else seen


def _since(proposal: Proposal) -> datetime:
    """For as long as such evidence counts; of a challenger, since it came, whichever reaches further back: stepping
    down for a moment is no way round, nor is damaging what is served. Where no policy says how long: ever."""
    rules, challenging = proposal.policy.replacing, proposal.challenger
    if rules is None:
        return EVER
    window = now() - timedelta(days=rules.valid_days)
    ordered = None if challenging is None else challenging.lane.ordered
    return window if ordered is None else min(window, ordered.since)


def compared(settings: Settings, proposal: Proposal, old: Seen | None) -> Evidence | None:
    """Return the newest evidence of what is proposed beside what people see, or saw last; where there is none, the
    newest beside any other; None before any."""
    subject = proposal.subject
    found = read_all_evidence(settings, proposal.use_case.use_case, proposal.site.id).readable
    ours = [one for one in found if one.kind == KIND and one.subject_model == subject.model and _is_past(one)]
    mine = [one for one in ours if one.subject_data == subject.data]
    beside = [one for one in mine if old is not None and is_beside(one, old)]
    return max(beside or mine, key=lambda one: one.created_at, default=None)


def is_beside(evidence: Evidence, old: Seen) -> bool:
    """Whether a comparison is with the model that people saw."""
    return old.model is not None and evidence.detail.get("beside_model") == old.model


def _is_past(evidence: Evidence) -> bool:
    return evidence.created_at <= now()


def told_beside(settings: Settings, proposal: Proposal) -> list[str]:
    """For people who sign: each figure of both side by side; nothing where there is none."""
    evidence = _on_record(settings, proposal)
    if evidence is None:
        return []
    which = "which is served" if proposal.challenger is not None else "which people saw last"
    head = f"beside version {evidence.detail['beside_version']}, {which}, on the same visits:"
    return [head, *(f"  {name}: {text_of(figure)}" for name, figure in sorted(evidence.figures.items()))]


def text_of(figure: Figure) -> str:
    """A figure of the comparison with its interval."""
    if figure.value is None:
        return f"not estimable from {figure.n or 0} visits"
    bounds = "" if figure.lower is None or figure.upper is None else f" ({figure.lower:.3g} to {figure.upper:.3g})"
    return f"{figure.value:.3g}{bounds}"


def on_record(settings: Settings, proposal: Proposal) -> dict[str, str]:
    """What the promotion keeps of it: the digest of the evidence; nothing where there is none."""
    evidence = _on_record(settings, proposal)
    return {} if evidence is None else {KIND: evidence.digest}


def _on_record(settings: Settings, proposal: Proposal) -> Evidence | None:
    """What was compared of a challenger, or of what takes the place of another model."""
    old = replaced(settings, proposal)
    return None if proposal.challenger is None and old is None else compared(settings, proposal, old)

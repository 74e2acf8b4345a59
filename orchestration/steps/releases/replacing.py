"""Before another model takes the place of a release that people see: both on the same visits, held against the policy.

What does not belong here: how both are compared (learning/challenger), and the clauses of the stage (evaluation/gates).
"""

from collections.abc import Iterator
from datetime import timedelta

from evaluation.evidence import Evidence, Figure
from evaluation.gates import Refusal
from evaluation.policies import Replacing, Stage
from orchestration.settings import Settings
from orchestration.steps.learning.challenger import KIND
from orchestration.steps.learning.stores import read_all_evidence
from orchestration.steps.record.records import now
from orchestration.steps.releases.proposal import Proposal, released_subject

CLAUSE = "beside-the-release-it-replaces"
DIFFERENCE = "auroc_difference"


def why_not_replacing(settings: Settings, proposal: Proposal) -> tuple[Refusal, ...]:
    """Why a proposal may not take the place of what people see; empty where it replaces nothing that they see, or the
    same model."""
    old = released_subject(settings, proposal.current)
    is_shown = Stage.ASSISTIVE.rank <= proposal.current_stage.rank and proposal.stage.rank >= Stage.ASSISTIVE.rank
    if not is_shown or old is None or old.model == proposal.subject.model:
        return ()
    rules = proposal.policy.replacing
    if rules is None:
        found = f"the policy of {proposal.use_case.use_case} says nothing of one model in the place of another"
        return (Refusal(CLAUSE, found, "margins in the policy (replacing)", "Let its owner decide on margins."),)
    evidence = compared(settings, proposal)
    if evidence is None:
        return (Refusal(CLAUSE, f"no {KIND} evidence of this model", "both on the same visits", _wait(proposal)),)
    return tuple(_reasons(proposal, rules, evidence, old.model))


def told_beside(settings: Settings, proposal: Proposal) -> list[str]:
    """For people who sign: each figure of both side by side; nothing where there is none."""
    evidence = None if proposal.challenger is None else compared(settings, proposal)
    if evidence is None:
        return []
    head = f"beside version {evidence.detail['beside_version']}, which is served, on the same visits:"
    return [head, *(f"  {name}: {_text(figure)}" for name, figure in sorted(evidence.figures.items()))]


def on_record(settings: Settings, proposal: Proposal) -> dict[str, str]:
    """What the promotion keeps of it: the digest of the evidence; nothing where there is none."""
    evidence = None if proposal.challenger is None else compared(settings, proposal)
    return {} if evidence is None else {KIND: evidence.digest}


def compared(settings: Settings, proposal: Proposal) -> Evidence | None:
    """Return the newest evidence of what is proposed beside what is served, on the same visits; None before any."""
    subject = proposal.subject
    found = read_all_evidence(settings, proposal.use_case.use_case, proposal.site.id).readable
    mine = [one for one in found if one.kind == KIND and one.subject_model == subject.model and _is_past(one)]
    return max((one for one in mine if one.subject_data == subject.data), key=lambda one: one.created_at, default=None)


def _is_past(evidence: Evidence) -> bool:
    return evidence.created_at <= now()


def _reasons(proposal: Proposal, rules: Replacing, evidence: Evidence, old_model: str) -> Iterator[Refusal]:
    if evidence.detail.get("beside_model") != old_model:
        found = f"both side by side, with a model that is not served ({str(evidence.detail.get('beside_model'))[:12]})"
        yield Refusal(CLAUSE, found, f"beside the model that is served ({old_model[:12]})", _wait(proposal))
        return
    age = now() - evidence.created_at
    if age > timedelta(days=rules.valid_days):
        wanted = f"at most {rules.valid_days:g} days old"
        yield Refusal(CLAUSE, f"{KIND} evidence of {age.days} days ago", wanted, _wait(proposal))
    visits = evidence.figures.get(f"{KIND}.visits", Figure(None)).value or 0.0
    if visits < rules.min_visits:
        yield Refusal(CLAUSE, f"{visits:g} visits that both scored", f"at least {rules.min_visits}", _wait(proposal))
    yield from _of_auroc(proposal, rules, evidence)
    alerts = evidence.figures.get(f"{KIND}.alerts_per_100_difference", Figure(None))
    if alerts.upper is None or alerts.upper > rules.alerts_per_100_margin:
        wanted = f"an upper bound of at most {rules.alerts_per_100_margin:g} more per 100"
        yield Refusal(CLAUSE, f"cards per 100: {_text(alerts)}", wanted, _wait(proposal))


def _of_auroc(proposal: Proposal, rules: Replacing, evidence: Evidence) -> Iterator[Refusal]:
    """Every outcome of the use case: one that is not in the evidence is not better by that."""
    for name in sorted(one.name for one in getattr(proposal.use_case, "outcomes", ())):
        figure = evidence.figures.get(f"{KIND}.{name}.{DIFFERENCE}", Figure(None))
        if (figure.n_events or 0) < rules.min_events:
            found, wanted = f"{figure.n_events or 0} events of {name}", f"at least {rules.min_events} on visits of both"
            yield Refusal(CLAUSE, found, wanted, _wait(proposal))
        elif figure.lower is None or figure.lower < -rules.auroc_margin:
            wanted = f"a lower bound of at least -{rules.auroc_margin:g}"
            yield Refusal(CLAUSE, f"AUROC of {name}: {_text(figure)}", wanted, _wait(proposal))


def _text(figure: Figure) -> str:
    if figure.value is None:
        return f"not estimable from {figure.n or 0} visits"
    bounds = "" if figure.lower is None or figure.upper is None else f" ({figure.lower:.3g} to {figure.upper:.3g})"
    return f"{figure.value:.3g}{bounds}"


def _wait(proposal: Proposal) -> str:
    use_case, site = proposal.use_case.use_case, proposal.site.id
    return (
        f"Let it score beside the release until there is more to see (pilothouse promote {use_case} --site {site} --to "
        f"shadow --challenger, then pilothouse run --site {site}); or leave the release where it is."
    )

"""Before another model takes the place of a release that people see: both on the same visits, held against the policy.

What does not belong here: how both are compared (learning/challenger), and the clauses of the stage (evaluation/gates).
"""

from collections.abc import Iterator
from datetime import timedelta

from evaluation.evidence import Evidence, Figure
from evaluation.gates import Refusal
from evaluation.ledger import PROMOTED, Running, shown_since
from evaluation.policies import Replacing, Stage
from orchestration.settings import Settings
from orchestration.steps.learning.challenger import KIND, SHARE
from orchestration.steps.learning.stores import read_all_evidence
from orchestration.steps.record.records import now, open_records
from orchestration.steps.releases.proposal import Proposal

CLAUSE = "beside-the-release-it-replaces"
DIFFERENCE = "auroc_difference"


def why_not_replacing(settings: Settings, proposal: Proposal) -> tuple[Refusal, ...]:
    """Why a proposal may not take the place of what people see, or saw last; empty where it replaces nothing that they
    saw, or the same model."""
    old = None if proposal.stage.rank < Stage.ASSISTIVE.rank else _last_shown(settings, proposal)
    if old is None:
        return ()
    rules = proposal.policy.replacing
    if rules is None:
        found = f"the policy of {proposal.use_case.use_case} says nothing of one model in the place of another"
        return (Refusal(CLAUSE, found, "margins in the policy (replacing)", "Let its owner decide on margins."),)
    evidence = compared(settings, proposal)
    if evidence is None:
        return (Refusal(CLAUSE, f"no {KIND} evidence of this model", "both on the same visits", _wait(proposal)),)
    return tuple(_reasons(proposal, rules, evidence, _model(old)))


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


def _last_shown(settings: Settings, proposal: Proposal) -> Running | None:
    """What people see by the ledger, of another model; of a challenger, what they saw last since it came, and for as
    long as evidence counts: stepping down for a moment is no way round, nor is damaging what is served."""
    moment, rules = now(), proposal.policy.replacing
    since = moment
    if proposal.challenger is not None:
        ordered = proposal.challenger.lane.ordered
        window = moment if rules is None else moment - timedelta(days=rules.valid_days)
        since = min(window, moment if ordered is None else ordered.since)
    place = (proposal.use_case.use_case, proposal.site.id)
    entries = open_records(settings).entries(kinds=(*PROMOTED, "rollback"), use_case=place[0], site=place[1])
    others = [one for one in shown_since(entries, since) if _model(one) != proposal.subject.model]
    return others[-1] if others else None


def _model(shown: Running) -> str | None:
    """None where the ledger cannot tell, which is another model than any."""
    return shown.subject and shown.subject.model


def compared(settings: Settings, proposal: Proposal) -> Evidence | None:
    """Return the newest evidence of what is proposed beside what people see, or saw last; where there is none, the
    newest beside any other; None before any."""
    subject, old = proposal.subject, _last_shown(settings, proposal)
    found = read_all_evidence(settings, proposal.use_case.use_case, proposal.site.id).readable
    ours = [one for one in found if one.kind == KIND and one.subject_model == subject.model and _is_past(one)]
    mine = [one for one in ours if one.subject_data == subject.data]
    beside = [one for one in mine if old is not None and _is_beside(one, _model(old))]
    return max(beside or mine, key=lambda one: one.created_at, default=None)


def _is_beside(evidence: Evidence, model: str | None) -> bool:
    return model is not None and evidence.detail.get("beside_model") == model


def _is_past(evidence: Evidence) -> bool:
    return evidence.created_at <= now()


def _reasons(proposal: Proposal, rules: Replacing, evidence: Evidence, old_model: str | None) -> Iterator[Refusal]:
    if not _is_beside(evidence, old_model):
        found = f"both side by side, with a model that is not served ({str(evidence.detail.get('beside_model'))[:12]})"
        yield Refusal(CLAUSE, found, f"beside the model that people saw last ({str(old_model)[:12]})", _wait(proposal))
        return
    age = now() - evidence.created_at
    if age > timedelta(days=rules.valid_days):
        wanted = f"at most {rules.valid_days:g} days old"
        yield Refusal(CLAUSE, f"{KIND} evidence of {age.days} days ago", wanted, _wait(proposal))
    visits = evidence.figures.get(f"{KIND}.visits", Figure(None)).value or 0.0
    if visits < rules.min_visits:
        yield Refusal(CLAUSE, f"{visits:g} visits that both scored", f"at least {rules.min_visits}", _wait(proposal))
    share = evidence.figures.get(f"{KIND}.{SHARE}", Figure(None))
    if share.value is None or share.value < rules.min_share_of_calls:
        found = f"share of the calls since it came that it scored, too: {_text(share)}"
        yield Refusal(CLAUSE, found, f"at least {rules.min_share_of_calls:g}", _wait(proposal))
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

"""Before another model comes into the place of what people see, or saw last: both on the same visits, held against the
policy.

It holds whichever way a model comes: as a challenger, or from shadow by itself after a step down (decision 0055). What
does not belong here: how both are compared (learning/challenger), what is on record of it (replaced), and the clauses
of the stage (evaluation/gates).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from evaluation.evidence import Evidence, Figure
from evaluation.gates import Refusal
from evaluation.ledger import Seen
from evaluation.policies import Replacing, Stage, Tier
from ml.registry.signing import load_public_key
from ml.registry.store import load_release
from orchestration.settings import Settings
from orchestration.steps.errors import known_errors
from orchestration.steps.learning.challenger import KIND, SHARE
from orchestration.steps.record.records import now, open_records
from orchestration.steps.releases.proposal import Proposal
from orchestration.steps.releases.replaced import compared, is_beside, replaced, text_of
from orchestration.steps.releases.way_back import way_back

CLAUSE = "beside-the-release-it-replaces"
DIFFERENCE = "auroc_difference"


def why_not_replacing(settings: Settings, proposal: Proposal) -> tuple[Refusal, ...]:
    """Why a proposal may not take the place of what people see, or saw last; empty where it replaces nothing that they
    saw, or the same model."""
    old = replaced(settings, proposal)
    if old is None:
        return ()
    rules = proposal.policy.replacing
    if rules is None:
        found = f"the policy of {proposal.use_case.use_case} says nothing of one model in the place of another"
        return (Refusal(CLAUSE, found, "margins in the policy (replacing)", "Let its owner decide on margins."),)
    evidence, way = compared(settings, proposal, old), _way(settings, proposal, rules, old)
    if evidence is None:
        wanted = f"both on the same visits, beside the model that people saw last ({_short(old)})"
        return (Refusal(CLAUSE, f"no {KIND} evidence of this model", wanted, way),)
    return tuple(_reasons(proposal, rules, evidence, old, way))


def _reasons(proposal: Proposal, rules: Replacing, evidence: Evidence, old: Seen, way: str) -> Iterator[Refusal]:
    if not is_beside(evidence, old):
        found = f"both side by side, with a model that is not served ({str(evidence.detail.get('beside_model'))[:12]})"
        yield Refusal(CLAUSE, found, f"beside the model that people saw last ({_short(old)})", way)
        return
    age = now() - evidence.created_at
    if age > timedelta(days=rules.valid_days):
        wanted = f"at most {rules.valid_days:g} days old"
        yield Refusal(CLAUSE, f"{KIND} evidence of {age.days} days ago", wanted, way)
    visits = evidence.figures.get(f"{KIND}.visits", Figure(None)).value or 0.0
    if visits < rules.min_visits:
        yield Refusal(CLAUSE, f"{visits:g} visits that both scored", f"at least {rules.min_visits}", way)
    share = evidence.figures.get(f"{KIND}.{SHARE}", Figure(None))
    if share.value is None or share.value < rules.min_share_of_calls:
        found = f"share of the calls since it came that it scored, too: {text_of(share)}"
        yield Refusal(CLAUSE, found, f"at least {rules.min_share_of_calls:g}", way)
    yield from _of_auroc(proposal, rules, evidence, way)
    alerts = evidence.figures.get(f"{KIND}.alerts_per_100_difference", Figure(None))
    if alerts.upper is None or alerts.upper > rules.alerts_per_100_margin:
        wanted = f"an upper bound of at most {rules.alerts_per_100_margin:g} more per 100"
        yield Refusal(CLAUSE, f"cards per 100: {text_of(alerts)}", wanted, way)


def _of_auroc(proposal: Proposal, rules: Replacing, evidence: Evidence, way: str) -> Iterator[Refusal]:
    """Every outcome of the use case: one that is not in the evidence is not better by that."""
    for name in sorted(one.name for one in getattr(proposal.use_case, "outcomes", ())):
        figure = evidence.figures.get(f"{KIND}.{name}.{DIFFERENCE}", Figure(None))
        if (figure.n_events or 0) < rules.min_events:
            found, wanted = f"{figure.n_events or 0} events of {name}", f"at least {rules.min_events} on visits of both"
            yield Refusal(CLAUSE, found, wanted, way)
        elif figure.lower is None or figure.lower < -rules.auroc_margin:
            wanted = f"a lower bound of at least -{rules.auroc_margin:g}"
            yield Refusal(CLAUSE, f"AUROC of {name}: {text_of(figure)}", wanted, way)


def _short(old: Seen) -> str:
    return str(old.model)[:12]


def _way(settings: Settings, proposal: Proposal, rules: Replacing, old: Seen) -> str:
    """What would meet it from here: both side by side, as far as the other can score; and until when it is asked."""
    use_case, site = proposal.use_case.use_case, proposal.site.id
    beside = f"pilothouse promote {use_case} --site {site} --to shadow --challenger, then pilothouse run --site {site}"
    if proposal.challenger is not None:
        return (
            f"Let it score beside the release until there is more to see ({beside}); or leave the release where it is."
        )
    if _comes_back(settings, proposal, old):
        return (
            f"Bring back in shadow what people saw last (pilothouse rollback {use_case} --site {site} --reason TEXT), "
            f"and let this model score beside it ({beside}); or {_until(rules, old.until)}"
        )
    return (
        "What people saw last cannot be brought back to score beside this model (no rollback from here leads to its "
        f"release, whole and approved). Leave this model in shadow: {_until(rules, old.until)}"
    )


def _until(rules: Replacing, until: datetime | None) -> str:
    """From when on nothing is compared: people will not have seen the other for as long as such evidence counts."""
    over = (now() if until is None else until) + timedelta(days=rules.valid_days)
    return (
        f"from {over:%Y-%m-%d %H:%M} UTC on people will not have seen it for {rules.valid_days:g} days, and this "
        "model goes up by the clauses of the stage alone."
    )


def _comes_back(settings: Settings, proposal: Proposal, old: Seen) -> bool:
    """Whether a rollback of what is served brings the model that people saw last back, whole, for a challenger."""
    pointer = proposal.current
    if pointer is None or pointer.release is None or pointer.glass is not None:
        return False
    try:
        way = way_back(settings, open_records(settings), pointer, Tier(pointer.tier.value), now())
        if way is None or way.stage is Stage.OFF:
            return False
        release = load_release(settings.home, way.release, load_public_key(settings.keys / "release.pub.pem"))
    except known_errors():
        return False
    return release.manifest.subject.model == old.model

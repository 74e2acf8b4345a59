"""Published roster plans held against what was asked of them: in time, from the solver, adjusted by people or not.

What does not belong here: making plans, statistics.
"""

from evaluation.evidence import Evidence, Figure
from ml.registry.stages import Stage
from orchestration.settings import Settings
from orchestration.sites import load_site
from orchestration.steps.forecasts.forecast_serving import adjusted_share, plans_served, slo_of, window_of
from orchestration.steps.learning.evidence import head_of
from orchestration.steps.learning.stores import save_evidence


def judge_roster_plans(settings: Settings, use_case: str, site: str) -> list[Evidence]:
    """Write and return evidence of kinds shadow and slo about the rules that are released at a site.

    Raises `NothingServed`, and `PlanError` or `SignatureError` for a plan that cannot be trusted."""
    record, plans, releases, present = plans_served(settings, use_case, site)
    place = load_site(site)
    shown = [plan for plan in plans if releases[plan.release].manifest.stage.rank >= Stage.ASSISTIVE.rank]
    days = {plan.issued_at.astimezone(place.zone).date() for plan in plans}
    solved = sum(1 for plan in plans if plan.tier.value == "model")
    figures = {
        "shadow.days_planned": Figure(float(len(days)), n=len(days)),
        "shadow.model_share": Figure(solved / len(plans), n=len(plans)) if plans else Figure(None, n=0),
        "shadow.adjusted_share": adjusted_share(settings, record, shown),
    }
    detail = {"plans": len(plans), "shown": len(shown)}
    evidence = [
        head_of(record, window_of(plans)).evidence("shadow", figures, detail),
        slo_of(record, place, plans, present),
    ]
    for piece in evidence:
        save_evidence(settings, piece)
    return evidence

"""Service levels in clinical terms: objectives as OpenSLO documents, error budgets, burn rates.

Here belong what is promised (the YAML files), what is left of a budget, and when its loss is worth waking somebody.
What happened is handed in as events with their own times; where they come from belongs in orchestration/steps/slo.
"""

from evaluation.slo.budget import Burn, Happened, Standing, alert_between, by_group, microseconds, standing
from evaluation.slo.load import ObjectiveError, load_objectives, read_objectives
from evaluation.slo.objective import Alert, Objective

__all__ = [
    "Alert",
    "Burn",
    "Happened",
    "Objective",
    "ObjectiveError",
    "Standing",
    "alert_between",
    "by_group",
    "load_objectives",
    "microseconds",
    "read_objectives",
    "standing",
]

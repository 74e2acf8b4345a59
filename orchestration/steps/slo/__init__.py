"""Service levels of what is served: events of each measure with their own times, judged at a site's present.

`measures.py` finds what happened, `judging.py` holds it against the objectives and tells what burns. What does not
belong here: the objectives and their arithmetic (evaluation/slo).
"""

from orchestration.steps.slo.judging import service_levels, standings, tell_burning

__all__ = ["service_levels", "standings", "tell_burning"]

"""The chief complaint as a nurse types it: short, abbreviated as the site does, sometimes in capitals.

What does not belong here: which complaint it is (`latent.py`).
"""

import numpy as np

from orchestration.simulator.catalogue import Complaint
from orchestration.simulator.profiles import Profile

SHORT_SPANS = ("x1d", "x2d", "x3d", "x 1 wk", "since am", "x4h", "")
PLAIN_SPANS = ("since yesterday", "for 2 days", "for 3 days", "for a week", "since this morning", "for 4 hours", "")


def write_complaint(profile: Profile, complaint: Complaint, uniforms: np.ndarray) -> str:
    """Return the text for one visit. `uniforms` holds five numbers in 0..1 that decide every choice."""
    style, which, span, side, case = (float(u) for u in uniforms)
    is_short = style < profile.abbreviation_share
    phrase = _pick(complaint.short if is_short else complaint.plain, which)
    sides = ("L", "R") if is_short else ("left", "right")
    text = phrase.format(side=_pick(sides, side), dur=_pick(SHORT_SPANS if is_short else PLAIN_SPANS, span)).strip()
    return text.upper() if case < profile.upper_case_share else text


def _pick(options: tuple[str, ...], uniform: float) -> str:
    return options[min(int(uniform * len(options)), len(options) - 1)]

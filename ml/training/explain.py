"""One sentence of reason: the finding that raises the risk most, beside what is usual at this site.

Here belongs the choice of the finding and how it is said. A finding that is missing, absent, at its usual
value or not sayable (sex, hour of arrival) is never named; where such a one weighs more, the sentence says
so. Cards do not belong here.
"""

from ml.training.model import Driver, Model, Score
from ml.usecases import Feature

NOTHING = "No single recorded finding raises the risk above what is usual at this site."


def reason_sentence(model: Model, score: Score) -> str:
    """The sentence for one score of `model`, the same for the same score."""
    features = {feature.name: feature for feature in model.features}
    for rank, driver in enumerate(score.drivers):
        if (finding := _finding(features[driver.feature], driver)) is not None:
            opening = finding if rank == 0 else f"among the recorded findings, {finding}"
            return f"{opening[0].upper()}{opening[1:]} raises the risk most."
    return NOTHING


def _finding(feature: Feature, driver: Driver) -> str | None:
    if feature.phrase is None or driver.value is None or driver.baseline is None or driver.contribution <= 0:
        return None
    if feature.kind == "boolean":
        said = feature.phrase.format(label=feature.label)
        return f"{said} ({_share(driver.baseline)} of visits at this site)" if driver.value == 1 else None
    assert feature.usual is not None
    said = feature.phrase.format(value=driver.value, label=feature.label)
    usual = feature.usual.format(baseline=driver.baseline, label=feature.label)
    is_usual = said == feature.phrase.format(value=driver.baseline, label=feature.label)
    side = "above" if driver.value > driver.baseline else "below"
    return f"{said} (usual at this site {usual})" if not is_usual and feature.said_when in ("either", side) else None


def _share(share: float) -> str:
    return "under 1 %" if share < 0.01 else f"{share * 100:.0f} %"

"""One sentence of reason: the finding that raises the risk most, beside what is usual at this site.

Here belongs the choice of the finding, how it is said, and whether it holds: with that finding alone put back to what
is usual, the same model must give this very case a lower risk. One that does not hold is not named, and the next one is
tried. A finding that is missing, absent, at its usual value or not sayable (sex, hour of arrival) is never named;
where such a one weighs more, the sentence says so. Cards do not belong here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from ml.features.encoding import Value
from ml.training.model import Driver, Model
from ml.usecases import Feature

NOTHING = "No single recorded finding raises the risk above what is usual at this site."
MOST_TRIED = 5
"""Findings that are put back before no single one is said to explain the risk; each costs one more score."""


@dataclass(frozen=True)
class Reason:
    """The sentence, the finding that it names (None: no single one), and how many were tried that did not hold."""

    sentence: str
    driver: Driver | None
    gave_way: int


def checked_reason(model: Model, outcome: str, row: Mapping[str, Value]) -> Reason:
    """The reason for one case, each finding checked by putting it back to what is usual. Raises as `predict_row`.

    Each check scores every outcome of `model`: `Model.of` gives one that has this outcome alone.
    """
    score = model.predict_row(row, explained=(outcome,))[outcome]
    return reason_of_score(model, outcome, row, score.probability, score.drivers)


def reason_of_score(
    model: Model, outcome: str, row: Mapping[str, Value], probability: float, drivers: Iterable[Driver]
) -> Reason:
    """The reason for a case of which `probability` and `drivers` are what `model` says. Raises as `predict_row`."""

    def holds(driver: Driver) -> bool:
        usual = {**row, driver.feature: _usual_value(model, driver)}
        return model.predict_row(usual, explained=())[outcome].probability < probability

    return _reason(model, drivers, holds)


def _reason(model: Model, drivers: Iterable[Driver], holds: Callable[[Driver], bool]) -> Reason:
    gave_way = 0
    for rank, driver, finding in _findings(model, drivers):
        if gave_way >= MOST_TRIED:
            break
        if holds(driver):
            opening = finding if rank == 0 else f"among the recorded findings, {finding}"
            return Reason(f"{opening[0].upper()}{opening[1:]} raises the risk most.", driver, gave_way)
        gave_way += 1
    return Reason(NOTHING, None, gave_way)


def _findings(model: Model, drivers: Iterable[Driver]) -> Iterator[tuple[int, Driver, str]]:
    """The drivers that can be said, strongest first, with their rank among all and their words."""
    features = {feature.name: feature for feature in model.features}
    for rank, driver in enumerate(drivers):
        if (finding := _finding(features[driver.feature], driver)) is not None:
            yield rank, driver, finding


def _usual_value(model: Model, driver: Driver) -> Value:
    """What a case without the finding has: the median of a number; a finding is there or not, and usually is not."""
    feature = next(one for one in model.features if one.name == driver.feature)
    return False if feature.kind == "boolean" else driver.baseline


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

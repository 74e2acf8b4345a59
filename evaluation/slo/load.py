"""Objectives from OpenSLO v1 documents (https://github.com/OpenSLO/OpenSLO), strictly: an unknown key is refused.

Of OpenSLO this house uses kind SLO with a ratio metric, one rolling window, one objective and alert policies on the
burn rate, whose ``alertAfter`` is the short window. The metric source is ``pilothouse``: ``measure`` names what is
counted.
"""

import re
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evaluation import EvaluationError
from evaluation.slo.objective import Alert, Objective
from evaluation.strict_yaml import first_fault, read_every

FOLDER = Path(__file__).parent
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
Duration = Annotated[str, Field(pattern=r"^\d{1,6}[smhdw]$")]
Text = Annotated[str, Field(min_length=1)]


class ObjectiveError(EvaluationError):
    """An objective that cannot be measured by: the message names the file, the field and what was expected."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Annotations(_Strict):
    owner: Text
    rationale: Text
    date: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class _Metadata(_Strict):
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    displayName: Text | None = None  # noqa: N815 - OpenSLO's own names
    labels: dict[str, str] = {}
    annotations: _Annotations | None = None


class _Counted(_Strict):
    measure: Text
    atMost: Duration | None = None  # noqa: N815
    weighBy: Text | None = None  # noqa: N815
    weights: dict[str, Annotated[float, Field(ge=1, le=1000)]] = {}


class _Source(_Strict):
    type: Literal["pilothouse"]
    spec: _Counted


class _Metric(_Strict):
    metricSource: _Source  # noqa: N815


class _Ratio(_Strict):
    counter: Literal[True]
    good: _Metric
    total: _Metric


class _IndicatorSpec(_Strict):
    ratioMetric: _Ratio  # noqa: N815


class _Indicator(_Strict):
    metadata: _Metadata
    spec: _IndicatorSpec


class _Window(_Strict):
    duration: Duration
    isRolling: Literal[True]  # noqa: N815


class _Target(_Strict):
    displayName: Text | None = None  # noqa: N815
    target: Annotated[float, Field(gt=0, lt=1)]


class _Burn(_Strict):
    kind: Literal["burnrate"]
    op: Literal["gte"]
    threshold: Annotated[float, Field(gt=0)]
    lookbackWindow: Duration  # noqa: N815
    alertAfter: Duration  # noqa: N815


class _ConditionSpec(_Strict):
    severity: Literal["high", "medium", "low"]
    condition: _Burn


class _Condition(_Strict):
    kind: Literal["AlertCondition"]
    metadata: _Metadata
    spec: _ConditionSpec


class _PolicySpec(_Strict):
    alertWhenBreaching: Literal[True]  # noqa: N815
    conditions: Annotated[list[_Condition], Field(min_length=1, max_length=1)]
    notificationTargets: list[object] = []  # noqa: N815


class _Policy(_Strict):
    kind: Literal["AlertPolicy"]
    metadata: _Metadata
    spec: _PolicySpec


class _Spec(_Strict):
    description: Text | None = None
    service: Text
    indicator: _Indicator
    timeWindow: Annotated[list[_Window], Field(min_length=1, max_length=1)]  # noqa: N815
    budgetingMethod: Literal["Occurrences"]  # noqa: N815
    objectives: Annotated[list[_Target], Field(min_length=1, max_length=1)]
    alertPolicies: list[_Policy] = []  # noqa: N815


class _Document(_Strict):
    apiVersion: Literal["openslo/v1"]  # noqa: N815
    kind: Literal["SLO"]
    metadata: _Metadata
    spec: _Spec


def load_objectives(use_case: str, folder: Path = FOLDER) -> tuple[Objective, ...]:
    """The objectives of a use case; none where it has no file. Raises :class:`ObjectiveError`."""
    path = folder / f"{use_case}.yaml"
    return _read(path, path.read_bytes()) if path.is_file() else ()


def read_objectives(text: str, name: str) -> tuple[Objective, ...]:
    """Read the OpenSLO documents of a text; ``name`` is what messages call it. Raises :class:`ObjectiveError`."""
    try:
        documents = [_Document.model_validate(one) for one in read_every(text)]
    except yaml.YAMLError as error:
        raise ObjectiveError(f"{name} is no YAML: {error}") from error
    except ValidationError as error:
        raise ObjectiveError(f"{name}: {first_fault(error)}; see OpenSLO v1, kind SLO.") from error
    found = tuple(_objective(one, name) for one in documents)
    names = [one.name for one in found]
    if twice := sorted({one for one in names if names.count(one) > 1}):
        raise ObjectiveError(f"{name}: {twice[0]} stands there twice; each objective needs a name of its own.")
    return found


@lru_cache(maxsize=16)
def _read(path: Path, content: bytes) -> tuple[Objective, ...]:
    found = read_objectives(content.decode("utf-8"), path.name)
    for one in found:
        if one.use_case != path.stem:
            raise ObjectiveError(f"{path.name}: {one.name} is about {one.use_case!r}; expected {path.stem!r}.")
    return found


def _objective(document: _Document, name: str) -> Objective:
    spec, said = document.spec, document.metadata
    good = spec.indicator.spec.ratioMetric.good.metricSource.spec
    total = spec.indicator.spec.ratioMetric.total.metricSource.spec
    if good.atMost is None or total.atMost is not None or good.measure != total.measure:
        raise ObjectiveError(
            f"{name}: {said.name}: good and total must count the same measure, and good alone says atMost."
        )
    if said.annotations is None or "use_case" not in said.labels:
        raise ObjectiveError(f"{name}: {said.name} needs annotations owner, rationale, date, and the label use_case.")
    window = duration(spec.timeWindow[0].duration)
    alerts = tuple(_alert(one) for one in spec.alertPolicies)
    if late := [one.name for one in alerts if not one.short < one.long <= window]:
        raise ObjectiveError(f"{name}: {late[0]}: expected alertAfter below lookbackWindow, and that within {window}.")
    return Objective(
        name=said.name,
        title=said.displayName or said.name,
        use_case=said.labels["use_case"],
        measure=good.measure,
        at_most=duration(good.atMost),
        target=spec.objectives[0].target,
        window=window,
        owner=said.annotations.owner,
        rationale=said.annotations.rationale,
        date=said.annotations.date,
        alerts=alerts,
        weigh_by=good.weighBy,
        weights=good.weights,
    )


def _alert(policy: _Policy) -> Alert:
    [condition] = policy.spec.conditions
    burn = condition.spec.condition
    return Alert(
        name=condition.metadata.name,
        severity=condition.spec.severity,
        burn=burn.threshold,
        long=duration(burn.lookbackWindow),
        short=duration(burn.alertAfter),
    )


def duration(text: str) -> timedelta:
    """Return an OpenSLO duration such as ``30s`` or ``28d``."""
    found = re.fullmatch(r"(\d+)([smhdw])", text)
    if found is None:
        raise ObjectiveError(f"{text!r} is no duration; expected a number with s, m, h, d or w, such as 28d.")
    return timedelta(**{UNITS[found[2]]: int(found[1])})

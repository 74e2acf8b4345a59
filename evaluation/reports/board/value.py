"""Value: cost, benefit and return over 6 and 12 months, as ranges, from assumptions that are shown.

Here belongs reading the assumptions (``governance/value/<use_case>.yaml``) and multiplying ranges. Each product is the
product of its factors' lower ends to that of their upper ends; a return runs from the smallest benefit less the largest
cost to the largest less the smallest. Where evidence measures a factor, its interval takes the assumption's place.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from math import prod, sqrt
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from evaluation import EvaluationError
from evaluation.evidence import Evidence
from evaluation.metrics import intervals
from evaluation.reports import words
from evaluation.reports.board.claims import ChartLine, Section, Table, claim, number, table
from evaluation.reports.board.facts import BoardFacts, Source, mapping
from evaluation.reports.board.ranges import range_chart
from evaluation.strict_yaml import first_fault, read_one

FOLDER = Path(__file__).parents[2] / "governance" / "value"
MONTHS = (6, 12)
DAYS_PER_MONTH = 30.4375
SIMULATED = "Simulated data: these amounts show how the arithmetic runs. They are no claim about any hospital."
Text = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Range = tuple[float, float]


class AssumptionsError(EvaluationError):
    """A file of assumptions that cannot be read; the message names the file and the place."""


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MeasuredBy(_Form):
    """The figure that takes the assumption's place: times ``scale``; with ``per_month`` it is how many the figure was
    counted on, per month of the document's window."""

    kind: Name
    figure: Text
    scale: float = Field(default=1, gt=0)
    per_month: bool = False


class Assumption(_Form):
    """A factor that nobody measured yet: a range, who stands for it, where it comes from and since when."""

    id: Name
    label: Text
    unit: Text
    low: float = Field(ge=0)
    high: float = Field(ge=0)
    owner: Name
    source: Text
    date: date
    measured_by: MeasuredBy | None = None

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"{self.id}: low is above high")
        return self


class Line(_Form):
    """A cost or a benefit: the product of some factors, each month or once."""

    title: Text
    each_month: tuple[Name, ...] = ()
    once: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _one_rhythm(self) -> Self:
        if bool(self.each_month) == bool(self.once):
            raise ValueError(f"{self.title}: give either each_month or once")
        return self


class Model(_Form):
    """The assumptions of a use case and what they add up to."""

    schema_: Literal["pilothouse.value/1"] = Field(alias="schema")
    use_case: Name
    owner: Name
    date: date
    currency: Text
    rationale: Text
    assumptions: Annotated[tuple[Assumption, ...], Field(min_length=1)]
    benefits: Annotated[tuple[Line, ...], Field(min_length=1)]
    costs: Annotated[tuple[Line, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _known_factors(self) -> Self:
        known = [one.id for one in self.assumptions]
        used = {factor for line in (*self.benefits, *self.costs) for factor in (*line.each_month, *line.once)}
        if len(known) > len(set(known)) or used != set(known):
            wrong = sorted(used ^ set(known)) or sorted(known)
            raise ValueError(f"every assumption is given once and used in a line: {', '.join(wrong)}")
        return self


@dataclass(frozen=True, slots=True)
class Factor:
    """An assumption as used: its range, and the document that measured it, if one did."""

    assumption: Assumption
    range: Range
    source: Source | None


@dataclass(frozen=True, slots=True)
class Horizon:
    """What adds up over some months."""

    months: int
    benefit: Range
    cost: Range

    @property
    def gain(self) -> Range:
        return (self.benefit[0] - self.cost[1], self.benefit[1] - self.cost[0])


@lru_cache(maxsize=8)
def load_value(use_case: str, folder: Path = FOLDER) -> Model | None:
    """Read a use case's assumptions; None where nobody wrote any. Raises :class:`AssumptionsError`."""
    path = folder / f"{use_case}.yaml"
    if not path.exists():
        return None
    try:
        return Model.model_validate(read_one(path.read_text("utf-8")))
    except ValidationError as error:
        raise AssumptionsError(f"{path.name}: {first_fault(error)} Correct the file.") from error
    except (OSError, yaml.YAMLError) as error:
        raise AssumptionsError(f"{path.name} cannot be read: {error}") from error


def factors(model: Model, facts: BoardFacts) -> dict[str, Factor]:
    """Every factor with its range: measured where evidence has it, else assumed."""
    return {one.id: _factor(one, facts) for one in model.assumptions}


def _factor(one: Assumption, facts: BoardFacts) -> Factor:
    asked = one.measured_by
    document = facts.site.evidence_of(asked.kind) if asked else None
    found = _measured(asked, document) if asked and document else None
    if asked is None or found is None:
        return Factor(one, (one.low, one.high), None)
    return Factor(one, found, facts.evidence(asked.kind)[0])


def _measured(asked: MeasuredBy, document: Evidence) -> Range | None:
    """The figure's interval, scaled; None where it was not estimated."""
    figure = document.figures.get(asked.figure)
    if figure is None:
        return None
    if asked.per_month:
        months = _months(document)
        if not figure.n or months is None:
            return None
        give = intervals.Z * sqrt(figure.n)
        return (max(figure.n - give, 0) / months * asked.scale, (figure.n + give) / months * asked.scale)
    if figure.lower is None or figure.upper is None:
        return None
    return (max(figure.lower, 0) * asked.scale, max(figure.upper, 0) * asked.scale)


def _months(document: Evidence) -> float | None:
    window = mapping(document.detail.get("window"))
    try:
        start, end = (datetime.fromisoformat(str(window[f"served_{name}"])) for name in ("from", "until"))
    except (KeyError, ValueError):
        return None
    days = (end - start).total_seconds() / 86400
    return days / DAYS_PER_MONTH if days > 0 else None


def horizon(model: Model, known: dict[str, Factor], months: int) -> Horizon:
    """Benefits and costs over some months."""
    return Horizon(months, _sum(model.benefits, known, months), _sum(model.costs, known, months))


def _sum(lines: Sequence[Line], known: dict[str, Factor], months: int) -> Range:
    ranges = [_over(line, known, months) for line in lines]
    return (sum(low for low, _ in ranges), sum(high for _, high in ranges))


def _over(line: Line, known: dict[str, Factor], months: int) -> Range:
    named, times = (line.once, 1) if line.once else (line.each_month, months)
    low, high = (prod(known[one].range[end] for one in named) * times for end in (0, 1))
    return low, high


def value(facts: BoardFacts) -> Section:
    """Return over 6 and 12 months, line by line, with every assumption."""
    model = load_value(facts.use_case.name)
    on = facts.source("value")
    if model is None or not on:
        return Section("value", "Value", absent="nobody wrote down what it costs and what it brings.")
    known = factors(model, facts)
    measured = [one.source for one in known.values() if one.source]
    sources = (*on, *{one.stem: one for one in measured}.values())
    spans = [horizon(model, known, months) for months in MONTHS]
    lines = [
        claim(line.title, *(number(money(_over(line, known, one.months), model.currency)) for one in spans), on=sources)
        for line in (*model.benefits, *model.costs)
    ]
    sums = [
        claim("Benefit", *(number(money(one.benefit, model.currency)) for one in spans), on=sources),
        claim("Cost", *(number(money(one.cost, model.currency)) for one in spans), on=sources),
        claim("Return (benefit less cost)", *(number(money(one.gain, model.currency)) for one in spans), on=sources),
    ]
    heads = ("", *(f"{months} months" for months in MONTHS))
    chart = range_chart(
        "Return over 12 months",
        [("Benefit", spans[-1].benefit), ("Cost", spans[-1].cost), ("Return", spans[-1].gain)],
        model.currency,
    )
    return Section(
        "value",
        "Value",
        (table(heads, [*lines, *sums]), _assumptions(known, on)),
        lead=model.rationale,
        charts=(ChartLine("", (chart,), sources),),
        banner=SIMULATED if facts.site.is_simulated else "",
    )


def _assumptions(known: dict[str, Factor], on: tuple[Source, ...]) -> Table:
    rows = [
        claim(
            one.assumption.label,
            number(f"{amount(one.range[0])} to {amount(one.range[1])}"),
            one.assumption.unit,
            "measured" if one.source else "assumed",
            f"{words.plain(one.assumption.owner)}, {one.assumption.date}: {one.assumption.source}",
            on=(one.source,) if one.source else on,
        )
        for one in known.values()
    ]
    return table(("Factor", "Range", "Unit", "How known", "Owner, date and source of the assumption"), rows)


def amount(value: float) -> str:
    """A number in three digits, or in whole ones from a thousand on."""
    if abs(value) >= 1000:
        return words.count(round(value))
    return f"{value:.3g}"


def money(span: Range, currency: str) -> str:
    """A range of money."""
    low, high = (f"{'−' if one < 0 else ''}{amount(abs(one))}" for one in span)
    return f"{low} to {high} {currency}"


def value_document(facts: BoardFacts) -> dict[str, Any] | None:
    """The arithmetic as plain JSON: what the pack's section says; None where there are no assumptions."""
    model = load_value(facts.use_case.name)
    if model is None:
        return None
    known = factors(model, facts)
    spans = {str(months): horizon(model, known, months) for months in MONTHS}
    return {
        "schema": "pilothouse.value_of/1",
        "currency": model.currency,
        "is_claim": not facts.site.is_simulated,
        "months": {name: {"benefit": one.benefit, "cost": one.cost, "return": one.gain} for name, one in spans.items()},
        "factors": [
            {
                "id": one.assumption.id,
                "low": one.range[0],
                "high": one.range[1],
                "measured": one.source.digest if one.source else None,
            }
            for one in known.values()
        ],
    }

"""A roster's use case: the rules as data, who counts as what, which quantile of the staffing forecast is rostered for.

What a kind of rule means (`ml/rostering`) and the thresholds that rosters must reach (`evaluation/policies`) do not
belong here.
"""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from ml.usecases.declaration import BoardText, Declaration, Level, Name, Part, Text, Written, refuse_twice

REQUESTS, ISOLATION = "requests", "isolation"
Parameter = bool | int | float | str | list[str]


class RosterRule(Written):
    """One rule as `pilothouse.roster/1` writes constraints: hard, or with a weight for each unit missed."""

    name: Text
    kind: Name
    source: Literal["law", "contract", "policy", "wish"]
    hard: bool = False
    weight: int | None = Field(default=None, ge=0, le=1_000_000)
    parameters: Mapping[str, Parameter] = Field(default_factory=dict[str, Parameter])

    @model_validator(mode="after")
    def _hard_or_weighed(self) -> Self:
        if self.hard == (self.weight is not None):
            raise ValueError(f"rule {self.name!r} is either 'hard: true' or has a weight")
        return self

    def constraint(self) -> dict[str, Any]:
        """The rule as a constraint of `pilothouse.roster/1`."""
        weight = {"hard": True} if self.hard else {"weight": self.weight}
        parameters = dict(self.parameters)
        return {"name": self.name, "kind": self.kind, "source": self.source, **weight, "parameters": parameters}


class Skill(Part):
    """A skill that shifts are rostered by, as the roster mart and staffing plans name it."""

    name: Name
    label: Text


class Demand(Written):
    """How many are rostered for: a quantile of the staffing forecast, and what stands in where there is none."""

    use_case: Name
    quantile: Level
    history_weeks: int = Field(ge=1, le=52)


class People(Written):
    """How people are known from the rosters feed: who worked at least so many shifts within so many days is staff."""

    look_back_days: int = Field(ge=14, le=365)
    fewest_shifts: int = Field(ge=1, le=100)
    expert_roles: tuple[Text, ...] = ()
    full_time_hours: float = Field(gt=0, le=60)


class Isolation(Written):
    """How beds under isolation precautions are staffed: by nurses of `skill` whom their contract calls trained for
    `training`, as the last count not older than `oldest_hours` tells, for the first `ahead_days` of a roster."""

    skill: Name
    training: Name
    oldest_hours: float = Field(gt=0, le=168)
    ahead_days: int = Field(ge=1, le=35)


class Solving(Written):
    """How long the solver may take for one unit, for how many days, and how past weeks are rostered to judge it.

    A past week's search ends early at a cost above its bound of `backtest_enough_per_nurse` for each nurse needed."""

    days: int = Field(ge=1, le=35)
    seconds_per_unit: float = Field(gt=0, le=600)
    seed: int = 7
    backtest_weeks: int = Field(ge=1, le=12)
    backtest_seconds: float = Field(gt=0, le=600)
    backtest_enough_per_nurse: float = Field(default=0.0, ge=0, le=100)


class Ages(Written):
    """Oldest rosters feed, in hours, with which a roster is made, and with which a week ago is still repeated.

    `stale_feeds` is the highest tier while another feed is older than its contract's cadence; it is always told."""

    solver_hours: float = Field(gt=0)
    pattern_hours: float = Field(gt=0)
    stale_feeds: Mapping[Name, Literal["model", "rule", "history", "manual"]] = Field(
        default_factory=dict[Name, Literal["model", "rule", "history", "manual"]]
    )


class RosterUseCase(Declaration):
    """The use case of a roster."""

    kind: Literal["roster"]  # pyright: ignore[reportIncompatibleVariableOverride]
    skills: tuple[Skill, ...] = Field(min_length=1)
    demand: Demand
    people: People
    isolation: Isolation | None = None
    rules: tuple[RosterRule, ...] = Field(min_length=1)
    solving: Solving
    fallback: Ages
    board: BoardText

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse_twice("skill", [one.name for one in self.skills])
        refuse_twice("rule", [one.name for one in self.rules])
        requests = [one.source == "wish" for one in self.rules if one.kind == REQUESTS]
        if len(requests) > len(set(requests)):
            raise ValueError("at most one rule of kind requests is of source wish, and at most one of another source")
        if self.isolation is not None and self.isolation.skill not in {one.name for one in self.skills}:
            raise ValueError(f"isolation.skill {self.isolation.skill!r} is not among the skills")
        if self.demand.use_case not in {one.use_case for one in self.upstream}:
            raise ValueError(f"demand.use_case {self.demand.use_case!r} is not named under upstream")
        return self

    @property
    def isolation_skill(self) -> str | None:
        """What a nurse works as who is there for isolation beds; None where no rule is for them."""
        named = [one.parameters.get("skills") for one in self.rules if one.kind == ISOLATION]
        found = named[0] if named and self.isolation else None
        return str(found[0]) if isinstance(found, list) and found else None

    def counts_as(self, skill: str) -> str:
        """Return the skill that a duty is counted in: a nurse of isolation beds is one of the shift's nurses."""
        return self.isolation.skill if self.isolation and skill == self.isolation_skill else skill

    @property
    def wish_rule(self) -> str | None:
        """The name of the rule under which people's own wishes count; None where there is none."""
        return next((one.name for one in self.rules if one.kind == REQUESTS and one.source == "wish"), None)

    @property
    def published_rule(self) -> str | None:
        """The name of the rule under which published duties are kept; None where there is none."""
        return next((one.name for one in self.rules if one.kind == REQUESTS and one.source != "wish"), None)

    def shown_text(self) -> dict[str, Any]:
        """The board's text."""
        return self.board.model_dump(mode="json", by_alias=True)

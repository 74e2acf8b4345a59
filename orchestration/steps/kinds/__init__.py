"""What differs between kinds of use case: how a candidate is made and judged, what it shows, what serving tells.

Everything else (proposal, gate, approvals, release, rollback, ledger) is the same for all of them, so a new use case is
data, and a new kind is one module here. What does not belong here: Dagster, and what a kind computes (ml, evaluation).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

from evaluation.evidence import Evidence
from evaluation.policies import Policy
from ml.usecases import Declaration, load_declaration
from orchestration.settings import Settings
from orchestration.steps.learning.stores import CandidateRecord

if TYPE_CHECKING:
    import pyarrow as pa

    from evaluation.drift import DriftFeature
    from evaluation.reports import CardFacts


@dataclass(frozen=True)
class Windows:
    """What drift compares: the rows that a candidate learned from, those that came after, and the columns to watch."""

    reference: "pa.Table"
    current: "pa.Table"
    features: "tuple[DriftFeature, ...]"


def windows_at(rows: "pa.Table", split: date, features: "tuple[DriftFeature, ...]") -> Windows:
    """Part the rows of a mart by their `date`: those before the day `split`, and those from it on."""
    import pyarrow as pa
    import pyarrow.compute as pc

    before = pc.call_function("less", [rows["date"], pa.scalar(split)])
    return Windows(rows.filter(before), rows.filter(pc.call_function("invert", [before])), features)


@dataclass(frozen=True)
class InTimeFigure:
    """The figure of the evidence of kind slo that is the promise to people, and what it is a share of, in words."""

    name: str
    of: str


class Kind(Protocol):
    """One kind of use case. `judged`, `served`: the kinds of evidence that a candidate and serving give, described;
    `counted`: what a candidate learns from, in the plural. `is_cross_site`: whether a model can be judged on other
    sites' rows.

    A kind that advises a unit publishes plans too: `kinds/planned.Planned`.
    """

    judged: Mapping[str, str]
    served: Mapping[str, str]
    tools: frozenset[str]
    counted: str
    in_time: InTimeFigure
    is_cross_site: bool

    def trainable_sites(self, settings: Settings, use_case: str, only: str | None) -> list[str]:
        """The sites (or just `only`) that have enough to train and test on."""
        ...

    def why_not_trainable(self, settings: Settings, use_case: str, site: str) -> str:
        """Say what a site lacks to train and test on, in a sentence; empty where it lacks nothing."""
        ...

    def inputs(self, settings: Settings, use_case: str, site: str) -> str:
        """Digest of all that a candidate is made and judged from, but code: data, declarations, seed."""
        ...

    def windows(self, settings: Settings, record: CandidateRecord) -> Windows:
        """The rows before and after the end of a candidate's training."""
        ...

    def train(self, settings: Settings, use_case: str, site: str) -> CandidateRecord:
        """Train, score what came after, log the run to MLflow, and make it the site's current candidate."""
        ...

    def judge(self, settings: Settings, use_case: str, site: str) -> tuple[Evidence, ...]:
        """Write and return the evidence that one pass over the test predictions gives."""
        ...

    def judge_serving(self, settings: Settings, use_case: str, site: str) -> list[Evidence]:
        """Write and return the evidence about the model that is released at a site, from what serving did."""
        ...

    def layout(self, use_case: Declaration, policy: Policy) -> dict[str, Any]:
        """What is shown to people, as plain data: approvals are bound to its digest."""
        ...

    def outcomes(self, use_case: Declaration) -> tuple[tuple[str, str], ...]:
        """Name and label of all that is predicted."""
        ...

    def facts(self, use_case: Declaration) -> "CardFacts":
        """What the model card says of every model of the use case."""
        ...


def kind_of(use_case: str) -> Kind:
    """Return the kind of a use case, loaded when it is first asked for. Raises as `load_declaration` does."""
    declared = load_declaration(use_case)
    from orchestration.steps.kinds.classifier import Classifier
    from orchestration.steps.kinds.forecast import Forecast
    from orchestration.steps.kinds.roster import Rostering

    kinds: dict[str, type[Kind]] = {"classifier": Classifier, "forecast": Forecast, "roster": Rostering}
    return kinds[declared.kind]()

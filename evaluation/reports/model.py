"""What the report pages are made from: plain, frozen values that a caller fills from its stores.

Here belong the shapes and what makes them safe to print. Reading stores and drawing pages do not. Whatever is
``None`` or empty is printed as NOT EVIDENCED or "none", never guessed.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from evaluation import EvaluationError
from evaluation.evidence import Evidence
from evaluation.gates.decision import Decision
from evaluation.gates.refusal import Refusal
from evaluation.slo import Standing

Stage = Literal["off", "shadow", "assistive", "decision_support"]

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
_RELATIVE = re.compile(r"(?![/\\])[^:?#\\]+(#[\w-]*)?")


class ReportError(EvaluationError):
    """A value that no page may be made from: a name that is no file name, a link that leaves the pages."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link to a page beside this one: a relative path without a scheme, so that it cannot be a script."""

    label: str
    path: str

    def __post_init__(self) -> None:
        if not _RELATIVE.fullmatch(self.path):
            raise ReportError(f"link {self.label!r} is no relative path; give one without a scheme.")


@dataclass(frozen=True, slots=True)
class ClauseLine:
    """One clause of the policy as decided: what was asked, what was seen, and what would meet it."""

    clause: str
    kind: str
    figure: str
    observed: float | None
    threshold: str
    met: bool
    reason: str = ""
    to_meet: str = ""


@dataclass(frozen=True, slots=True)
class DecisionView:
    """What the gate answered when it was asked for ``stage``."""

    stage: Stage
    allowed: bool
    decided_at: datetime
    digest: str
    clauses: tuple[ClauseLine, ...]

    @staticmethod
    def of(decision: Decision) -> "DecisionView":
        """A decision of the gate, as printed."""
        lines = (
            ClauseLine(r.clause, r.kind, r.figure, r.observed, r.threshold, r.met, r.reason, r.to_meet)
            for r in decision.results
        )
        return DecisionView(decision.stage.value, decision.allowed, decision.decided_at, decision.digest, tuple(lines))


@dataclass(frozen=True, slots=True)
class ApprovalView:
    """One approval or refusal on the ledger; ``is_void`` where a changed digest or time has voided it."""

    kind: str
    person: str
    role: str
    stage: Stage
    verdict: Literal["approved", "refused"]
    decided_at: datetime
    ledger_hash: str
    is_void: bool = False


@dataclass(frozen=True, slots=True)
class IncidentView:
    """An incident; open while ``closed_at`` is ``None``."""

    incident: str
    severity: str
    what: str
    opened_at: datetime
    closed_at: datetime | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class LineageStep:
    """One step of the way back from the release to the bytes; ``values`` are digests, versions or counts."""

    label: str
    values: tuple[str, ...]
    note: str = ""
    link: Link | None = None


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """Something that happened to the release at this site, newest first."""

    at: datetime
    what: str
    who: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ChallengerView:
    """A release that scores beside the one of a site, shown to nobody. ``evidence``: both on the same visits, ``None``
    before there is any; ``missing``: what keeps it from taking the release's place, besides approvals.

    ``entry`` is the hash of the ledger entry by which it came, ``approvals`` those of who signed for it; ``beside`` the
    release that was served then. ``decision``: what the gate would answer for the next stage, ``unmet`` everything that
    stands between it and that stage; both ``None`` where that could not be judged.
    """

    release: str
    since: datetime
    model_version: str | None = None
    evidence: Evidence | None = None
    missing: tuple[str, ...] = ()
    entry: str = ""
    approvals: tuple[str, ...] = ()
    beside: str | None = None
    decision: Decision | None = None
    unmet: tuple[Refusal, ...] | None = None


@dataclass(frozen=True, slots=True)
class SiteView:
    """One use case at one site. ``evidence`` holds the newest document of each kind there is."""

    site: str
    label: str
    is_simulated: bool
    stage: Stage
    tier: str | None = None
    release: str | None = None
    model_version: str | None = None
    since: datetime | None = None
    scope: str = ""
    slo: str | None = None
    next_review: date | None = None
    evidence: tuple[Evidence, ...] = ()
    decision: DecisionView | None = None
    approvals: tuple[ApprovalView, ...] = ()
    incidents: tuple[IncidentView, ...] = ()
    lineage: tuple[LineageStep, ...] = ()
    history: tuple[HistoryLine, ...] = ()
    drift_page: Link | None = None
    pack: tuple[Link, ...] = ()
    levels: tuple[Standing, ...] = ()
    challenger: ChallengerView | None = None

    def __post_init__(self) -> None:
        _require_name(self.site, "site")

    @property
    def open_incidents(self) -> tuple[IncidentView, ...]:
        return tuple(incident for incident in self.incidents if incident.closed_at is None)

    def evidence_of(self, kind: str) -> Evidence | None:
        """The newest document of a kind, or ``None``."""
        found = [document for document in self.evidence if document.kind == kind]
        return max(found, key=lambda document: document.created_at) if found else None


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What a model card says that no figure can: each text, or ``None`` where nobody has written it yet.

    The names are those of the Coalition for Health AI applied model card, version 0.2, in snake case.
    """

    model_developer: str | None = None
    developer_contact: str | None = None
    global_availability: str | None = None
    regulatory_approval: str | None = None
    ehr_compatibility: str | None = None
    summary: str | None = None
    keywords: tuple[str, ...] = ()
    primary_intended_users: str | None = None
    how_to_use: str | None = None
    cautioned_out_of_scope_settings: str | None = None
    known_risks_and_limitations: str | None = None
    known_biases_or_ethical_considerations: str | None = None
    clinical_risk_level: str | None = None
    outcomes_and_outputs: str | None = None
    model_type: str | None = None
    foundation_models: str | None = None
    input_data_source: str | None = None
    output_and_input_data_types: str | None = None
    development_data_characterization: str | None = None
    bias_mitigation_approaches: str | None = None
    ongoing_maintenance: str | None = None
    security: str | None = None
    transparency: str | None = None
    funding_source: str | None = None
    third_party_information: str | None = None
    stakeholders_consulted: str | None = None
    evaluation_references: str | None = None
    clinical_trial: str | None = None
    peer_reviewed_publications: str | None = None
    reimbursement_status: str | None = None
    patient_consent_or_disclosure: str | None = None
    bibliography: str | None = None


@dataclass(frozen=True, slots=True)
class UseCaseView:
    """One use case as it is written down, and its sites. ``outcomes``: name to label for people."""

    name: str
    title: str
    intended_use: str
    population: str
    non_goals: tuple[str, ...]
    owner: str
    accountable: str
    outcomes: tuple[tuple[str, str], ...]
    sites: tuple[SiteView, ...]
    facts: CardFacts = CardFacts()

    def __post_init__(self) -> None:
        _require_name(self.name, "use case")


@dataclass(frozen=True, slots=True)
class LedgerView:
    """What ``ledger verify`` said when the page was made."""

    ok: bool
    entries: int
    first_bad: int | None = None


@dataclass(frozen=True, slots=True)
class ReportModel:
    """Everything on the pages. ``notes``: links to offer beside the report (Dagster, MLflow exports)."""

    generated_at: datetime
    version: str
    use_cases: tuple[UseCaseView, ...]
    ledger: LedgerView | None = None
    links: tuple[Link, ...] = ()


def _require_name(name: str, what: str) -> None:
    if not _NAME.fullmatch(name):
        raise ReportError(f"{what} {name!r} cannot name a file; use lower-case letters, digits, - and _.")

"""The model card, in the shape of the Coalition for Health AI's applied model card, version 0.2.

Here belongs filling that shape (``https://mc.chai.org/v0.2/schema.xsd``, element names kept) from what is
written down and what is evidenced. Nothing is filled in by assumption: what nobody wrote or measured reads
NOT EVIDENCED.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from evaluation.evidence import Evidence, Figure, Json
from evaluation.reports import words
from evaluation.reports.model import CardFacts, SiteView, UseCaseView
from evaluation.reports.words import NOT_EVIDENCED

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML 1.0 document may hold."""
SCHEMA = "https://mc.chai.org/v0.2/schema.xsd"
SIMULATED = "Simulated data: engineering evidence, not a clinical claim."

_USEFULNESS = ("performance", "calibration", "net_benefit", "shadow", "cross_site")
_COMPARED = "side_by_side"
"""Told where this model once was a challenger; of a first release nothing is missing without it."""
_FAIRNESS = ("subgroups",)
_SAFETY = ("drift", "parity", "rehearsal", "slo")


def model_card(use_case: UseCaseView, site: SiteView) -> dict[str, Json]:
    """The card of one use case at one site as plain JSON, element names as in the published schema."""
    facts = use_case.facts
    return {
        "$schema": SCHEMA,
        "AppliedModelCard": {
            "BasicInfo": {
                "ModelName": f"{use_case.title}, {site.label}",
                "ModelDeveloper": _said(facts.model_developer),
                "DeveloperContact": _said(facts.developer_contact),
            },
            "ReleaseInfo": {
                "ReleaseStage": words.STAGE_TITLES[site.stage],
                "ReleaseDate": words.moment(site.since),
                "ReleaseVersion": _version(site),
                "GlobalAvailability": _said(facts.global_availability),
                "EHRCompatibility": {"EHR": [_said(facts.ehr_compatibility)]},
                "RegulatoryApproval": _said(facts.regulatory_approval),
            },
            "ModelSummary": {
                "Summary": _said(facts.summary),
                "Keywords": {"Keyword": list(facts.keywords)},
            },
            "UsesAndDirections": _uses(use_case),
            "Warnings": _warnings(facts, site),
            "TrustIngredients": _trust(facts, site),
            "KeyMetrics": {
                "UsefulnessUsabilityEfficacy": _metric(
                    site,
                    _USEFULNESS,
                    "Ranks and quantifies risk better than current practice, and is worth acting on.",
                ),
                "FairnessEquity": _metric(
                    site, _FAIRNESS, "Works alike for every group that is large enough to judge."
                ),
                "SafetyReliability": _metric(
                    site,
                    _SAFETY,
                    "Serves what was judged, on time, on data like that it was judged on; can be undone.",
                ),
            },
            "Resources": {
                "EvaluationReferences": _said(facts.evaluation_references),
                "ClinicalTrial": _said(facts.clinical_trial),
                "PeerReviewedPublications": _said(facts.peer_reviewed_publications),
                "ReimbursementStatus": _said(facts.reimbursement_status),
                "PatientConsentOrDisclosure": _said(facts.patient_consent_or_disclosure),
            },
            "Bibliography": _said(facts.bibliography),
        },
    }


def card_json(use_case: UseCaseView, site: SiteView) -> str:
    """The card as indented JSON text."""
    return json.dumps(model_card(use_case, site), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def card_xml(use_case: UseCaseView, site: SiteView) -> str:
    """The card as the XML document that the published schema describes, elements in its order."""
    from xml.etree import ElementTree

    root = ElementTree.Element("AppliedModelCard", {"xmlns": SCHEMA})
    _fill(root, cast("Mapping[str, Json]", model_card(use_case, site)["AppliedModelCard"]))
    ElementTree.indent(root)
    return f"<?xml version='1.0' encoding='UTF-8'?>\n{ElementTree.tostring(root, encoding='unicode')}\n"


def _fill(parent: "Element", members: Mapping[str, Json]) -> None:
    """Put members into an element, one child for each, and one for each of a list."""
    from xml.etree import ElementTree

    for name, value in members.items():
        many = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        for one in many:
            child = ElementTree.SubElement(parent, name)
            if isinstance(one, Mapping):
                _fill(child, one)
            else:
                child.text = _NOT_IN_XML.sub("\ufffd", str(one))


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One result of the card's JSON, as printed on its page."""

    name: str
    value: str
    interval: str
    n: str


def metric_rows(metric: Mapping[str, Json]) -> tuple[MetricRow, ...]:
    """The results of one key metric of a card, read back from their JSON."""
    results = cast("Mapping[str, Sequence[Mapping[str, str]]]", metric["Results"])["MetricResult"]
    return tuple(_metric_row(result["Label"], json.loads(result["ValueJson"])) for result in results)


def _metric_row(name: str, value: object) -> MetricRow:
    if not isinstance(value, dict):
        return MetricRow(name, NOT_EVIDENCED, "", "")
    figure = Figure(**cast("dict[str, Any]", value))
    return MetricRow(
        name,
        words.figure_text(name, figure),
        words.interval_text(name, figure),
        "" if figure.n is None else words.count(figure.n),
    )


def _uses(use_case: UseCaseView) -> dict[str, Json]:
    facts = use_case.facts
    out_of_scope = [*([facts.cautioned_out_of_scope_settings] if facts.cautioned_out_of_scope_settings else [])]
    return {
        "IntendedUseAndWorkflow": _said(use_case.intended_use),
        "PrimaryIntendedUsers": _said(facts.primary_intended_users),
        "HowToUse": _said(facts.how_to_use),
        "TargetedPatientPopulation": _said(use_case.population),
        "CautionedOutOfScopeSettings": _said(" ".join([*out_of_scope, *use_case.non_goals])),
    }


def _warnings(facts: CardFacts, site: SiteView) -> dict[str, Json]:
    risks = _said(facts.known_risks_and_limitations)
    return {
        "KnownRisksAndLimitations": f"{SIMULATED} {risks}" if site.is_simulated else risks,
        "KnownBiasesOrEthicalConsiderations": _said(facts.known_biases_or_ethical_considerations),
        "ClinicalRiskLevel": _said(facts.clinical_risk_level),
    }


def _trust(facts: CardFacts, site: SiteView) -> dict[str, Json]:
    return {
        "AISystemFacts": {
            "OutcomesAndOutputs": _said(facts.outcomes_and_outputs),
            "ModelType": _said(facts.model_type),
            "FoundationModels": _said(facts.foundation_models),
            "InputDataSource": _said(facts.input_data_source),
            "OutputAndInputDataTypes": _said(facts.output_and_input_data_types),
            "DevelopmentDataCharacterization": _said(facts.development_data_characterization),
            "BiasMitigationApproaches": _said(facts.bias_mitigation_approaches),
            "OngoingMaintenance": _joined([_said(facts.ongoing_maintenance), *_challenged(site)]),
            "Security": _said(facts.security),
            "Transparency": _said(facts.transparency),
        },
        "TransparencyInformation": {
            "FundingSource": _said(facts.funding_source),
            "ThirdPartyInformation": _said(facts.third_party_information),
            "StakeholdersConsulted": _said(facts.stakeholders_consulted),
        },
    }


def _challenged(site: SiteView) -> list[str]:
    """What scores beside the release, shown to nobody, and how far it is from its place."""
    view = site.challenger
    if view is None:
        return []
    told = (
        f"A challenger, model version {view.model_version or NOT_EVIDENCED}, release {view.release}, scores beside "
        f"this release since {words.moment(view.since)} and is shown to nobody."
    )
    if view.evidence is None:
        compared = f"Both on the same visits: {NOT_EVIDENCED}."
    else:
        compared = f"Both on the same visits: evidence side_by_side {view.evidence.digest}."
    between = "not judged" if view.unmet is None else str(len(view.unmet)) if view.unmet else "nothing"
    return [f"{told} {compared} Unmet between it and this release's place: {between}."]


def _metric(site: SiteView, kinds: Sequence[str], goal: str) -> dict[str, Json]:
    if kinds == _USEFULNESS and site.evidence_of(_COMPARED):
        kinds = (*kinds, _COMPARED)
    documents = [document for kind in kinds if (document := site.evidence_of(kind)) is not None]
    absent = [words.KIND_TITLES[kind] for kind in kinds if site.evidence_of(kind) is None]
    results = [result for document in documents for result in _results(document)]
    results += [{"Label": title, "ValueJson": json.dumps(NOT_EVIDENCED)} for title in absent]
    return {
        "MetricGoal": goal,
        "Results": {"MetricResult": results},
        "Interpretation": _interpretation(site, kinds),
        "TestType": _joined(f"{words.KIND_TITLES[d.kind]}: {_text(d, 'method')}" for d in documents),
        "TestingDataDescription": _joined(f"{words.KIND_TITLES[d.kind]}: {_text(d, 'window')}" for d in documents),
        "ValidationProcessAndJustification": _joined(
            f"Evidence {d.kind} {d.digest}, made {words.moment(d.created_at)}" for d in documents
        ),
    }


def _results(document: Evidence) -> list[Json]:
    return [
        {
            "Label": name,
            "ValueJson": json.dumps(figure.to_json() if figure.value is not None else NOT_EVIDENCED),
        }
        for name, figure in document.figures.items()
    ]


def _interpretation(site: SiteView, kinds: Sequence[str]) -> str:
    """What the gate made of these figures, in one sentence."""
    if site.decision is None:
        return NOT_EVIDENCED
    clauses = [clause for clause in site.decision.clauses if clause.kind in kinds]
    if not clauses:
        return f"The policy asks nothing of these figures for stage {words.STAGE_TITLES[site.decision.stage]}."
    met = sum(clause.met for clause in clauses)
    stage = words.STAGE_TITLES[site.decision.stage]
    return f"{met} of {len(clauses)} clauses of the policy for stage {stage} are met."


def _text(document: Evidence, member: str) -> str:
    value = cast("dict[str, Json]", document.to_json()["detail"]).get(member)
    if value is None:
        return NOT_EVIDENCED
    if isinstance(value, Mapping):
        return "; ".join(f"{name} {member}" for name, member in value.items())
    return str(value)


def _joined(lines: Iterable[str]) -> str:
    return "\n".join(lines) or NOT_EVIDENCED


def _version(site: SiteView) -> str:
    if site.release is None:
        return NOT_EVIDENCED
    return f"model {site.model_version or NOT_EVIDENCED}, release {site.release}"


def _said(text: str | None) -> str:
    return text.strip() if text and text.strip() else NOT_EVIDENCED

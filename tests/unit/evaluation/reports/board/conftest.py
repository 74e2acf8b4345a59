"""The facts of one place: a release with its manifest, two approvals, a ledger, and documents for every claim."""

from dataclasses import replace
from datetime import timedelta

import pytest

from evaluation.evidence import EvidenceHead, Figure
from evaluation.reports import words
from evaluation.reports.board import ApprovalFact, BoardFacts, LedgerFact, Measured, Source, load_value, risk_register
from ml.usecases import load_declaration


def entry(seq, at, kind, **payload):
    return LedgerFact(seq, at, kind, "olga (signed)", payload, f"{seq:064x}")


def approval(one, kind, note="", until=None, void=""):
    subject = {"model": "a" * 64, "card": "b" * 64}
    return ApprovalFact(kind, f"{kind}.person", "nursing_lead", "shadow", "approve", note, subject, one, until, void)


def manifest(subject, approvals, **more):
    signed = [{"kind": one.kind, "ledger_hash": one.entry.hash} for one in approvals]
    return {"stage": "shadow", "created_at": "2026-11-20T00:00:00Z", "subject": subject, "approvals": signed, **more}


def watched(site, at):
    """The evidence of a site with three verdicts of drift, one shift of a part, and a share of answers in time."""
    head = EvidenceHead("triage", site.site, "a" * 64, "b" * 64, at, {})
    of_drift = site.evidence_of("drift")
    (first,) = of_drift.to_json()["detail"]["features"]
    features = [first, first | {"feature": "pain", "verdict": "stable"}]
    features.append(first | {"feature": "lactate", "verdict": "too few rows", "effect": None, "values": None})
    moved = {"column": "heart_rate", "by": "shift", "value": "night", "mean_moved": 0.4, "shape_moved": None}
    moved |= {"missing_before": 0.0, "missing_after": 0.01, "is_alarm": True}
    causes = [{"key": "feed-ehr_fhir", "columns": ["heart_rate"], "sentence": "heart_rate moved in shift night."}]
    rest = [one for one in site.evidence if one.kind != "drift"]
    return (
        *rest,
        head.evidence("drift", of_drift.figures, {"features": features}),
        head.evidence(
            "segment_drift", {"segment_drift.causes": Figure(1.0, n=9)}, {"causes": causes, "largest": [moved]}
        ),
        head.evidence("slo", {"slo.share_within_30s": Figure(0.99, 0.98, 1.0, 600)}, {}),
    )


@pytest.fixture
def facts(model):
    use_case, at = model.use_cases[0], model.generated_at
    site = replace(use_case.sites[0], evidence=watched(use_case.sites[0], at))
    first, second = (entry(n, at - timedelta(days=3), "approval") for n in (1, 2))
    approvals = (
        approval(first, "model", "answers:does-not-fit, seen on Monday", at + timedelta(days=90)),
        approval(second, "workflow", "", at + timedelta(days=90)),
    )
    entries = (
        first,
        second,
        entry(3, at + timedelta(hours=1), "promotion", release=site.release),
        entry(4, at - timedelta(days=2), "incident_opened", incident="inc-1", severity="high", what="Feed late."),
        entry(5, at - timedelta(days=1), "adjustment", reason="beds-changed", unit="MED"),
        entry(6, at - timedelta(days=1), "adjustment", reason="beds-changed", unit="SUR"),
    )
    declared = load_declaration("triage")
    before = dict.fromkeys(("model", "data", "contracts", "policy", "card"), "0" * 64)
    now = {**before, "model": "1" * 64, "intended_use": declared.intended_use_digest, "features": "2" * 64}
    sources = {
        **{f"evidence:{one.kind}": Source.of_evidence(one, words.KIND_TITLES[one.kind]) for one in site.evidence},
        "declaration": Source.of("declaration", "Use case", declared.document()),
        "policy": Source.of("policy", "Policy", {"version": "1"}),
        "pointer": Source.of("pointer", "Release pointer", {"stage": "shadow"}),
        "release": Source.of("release", "Release manifest", manifest(now, approvals)),
        "previous_release": Source.of("previous_release", "Release before", manifest(before, ())),
        "decision": Source.of("decision", "Decision", {"allowed": True}),
        "ledger": Source.of("ledger", "Ledger", {"ok": True}),
        "levels": Source.of("levels", "Service levels", {"levels": []}),
        "risks": Source.of("risks", "Risk register", risk_register("triage").document()),
        "value": Source.of("value", "Assumptions", load_value("triage").model_dump(mode="json", by_alias=True)),
    }
    measured = {
        "declared.intended_use": Measured(None, declared.intended_use_digest, ("declaration",)),
        "ledger.verified": Measured(1.0, "6 entries", ("ledger",)),
        "levels.missed": Measured(1.0, "Scores in time", ("levels",)),
    }
    return BoardFacts(
        replace(use_case, sites=(site,)), site, at, "0.1.0", model.ledger, sources, entries, approvals, measured
    )


@pytest.fixture
def bare(model):
    """A place about which nothing was ever recorded."""
    use_case = model.use_cases[0]
    return BoardFacts(use_case, use_case.sites[2], model.generated_at, "0.1.0", None)

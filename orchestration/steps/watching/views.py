"""One use case and its sites as pages show them, from the stores: releases, evidence, decisions, approvals, incidents.

What does not belong here: how a page looks (evaluation/reports), and writing pages (reporting, board_packs).
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from evaluation.evidence import Evidence
from evaluation.gates import Decision
from evaluation.ledger import Entry, Readable, proof_of
from evaluation.policies import load_policy
from evaluation.reports import (
    ApprovalView,
    CardFacts,
    ClauseLine,
    DecisionView,
    HistoryLine,
    IncidentView,
    LineageStep,
    Link,
    SiteView,
    UseCaseView,
)
from ml.registry.manifest import Nowhere
from ml.registry.pointer import Pointer
from ml.usecases import Declaration, load_declaration
from orchestration.settings import Settings
from orchestration.sites import list_sites, load_site
from orchestration.steps.errors import said
from orchestration.steps.kinds import kind_of
from orchestration.steps.learning.stores import evidence_folder, read_all_evidence, read_candidate
from orchestration.steps.record.agreement import read_present
from orchestration.steps.record.records import now, who
from orchestration.steps.releases.proposal import launch_scope, released
from orchestration.steps.slo import standings
from orchestration.steps.warehouse.lineage import landed_files
from orchestration.steps.warehouse.tables_summary import mapping_coverage
from orchestration.steps.watching.beside import challenger_view
from orchestration.steps.watching.status import next_review, open_incidents

FAULT = "found while this page was written"
HISTORY_KINDS = (
    "promotion",
    "promotion_refused",
    "break_glass",
    "rollback",
    "tier_change",
    "challenger",
    "challenger_withdrawn",
    "incident_opened",
    "incident_closed",
)


def use_case_view(settings: Settings, records: Readable, name: str, rows: Sequence[dict[str, Any]]) -> UseCaseView:
    """A use case with the site of each row that is its own; a bad site's view says what is wrong with it."""
    declared = load_declaration(name)
    return UseCaseView(
        name=name,
        title=declared.title,
        intended_use=declared.intended_use,
        population=declared.population.text,
        non_goals=declared.non_goals,
        owner=declared.owner.name,
        accountable=declared.accountable.name,
        outcomes=kind_of(name).outcomes(declared),
        sites=tuple(_site_or_fault(settings, records, declared, row) for row in rows if row["use_case"] == name),
        facts=_card_facts(name, declared),
    )


def _card_facts(name: str, declared: Declaration) -> CardFacts:
    """What a model card says of every kind of use case: who reviews it, and how often it is reviewed again."""
    days = load_policy(name).review_every_days
    return replace(
        kind_of(name).facts(declared),
        stakeholders_consulted="; ".join(f"{one.name} ({one.role.replace('_', ' ')})" for one in declared.reviewers),
        ongoing_maintenance=f"Reviewed every {days:g} days; drift, service levels and overrides are watched by policy.",
    )


def _site_or_fault(settings: Settings, records: Readable, use_case: Declaration, row: dict[str, Any]) -> SiteView:
    """The page of a site with what is wrong with it, if anything; what cannot be filled in stays not evidenced."""
    wrong = " ".join(said for said in (row.get("break_glass"), row["error"]) if said) or None
    try:
        view = _site(settings, records, use_case, row)
    except Exception as error:  # noqa: BLE001 - one bad site must not cost the pages of the others; its page says why
        wrong = wrong or f"{use_case.use_case} at {row['site']}: {said(error)}"
        view = _bare(records, use_case, row)
    return replace(view, incidents=(*_faults(wrong), *view.incidents))


def _faults(wrong: str | None) -> tuple[IncidentView, ...]:
    """What was found wrong while the page was written, first among the incidents."""
    return () if wrong is None else (IncidentView(incident=FAULT, severity="high", what=wrong, opened_at=now()),)


def _bare(records: Readable, use_case: Declaration, row: dict[str, Any]) -> SiteView:
    """The page of a site of which only pointer and ledger can be read."""
    return SiteView(
        site=row["site"],
        label=row["site"],
        is_simulated=row["site"] in list_sites() and load_site(row["site"]).simulated,
        stage=row["stage"],
        tier=row["tier"],
        release=row["release"],
        next_review=row["next_review"],
        approvals=_approvals(records, use_case.use_case, row["site"]),
        incidents=_incidents(records, use_case.use_case, row["site"]),
        history=_history(records, use_case.use_case, row["site"]),
    )


def _site(settings: Settings, records: Readable, use_case: Declaration, row: dict[str, Any]) -> SiteView:
    site = load_site(row["site"])
    pointer = read_present(settings, use_case.use_case, site.id).pointer
    launch = launch_scope(use_case, site)
    return SiteView(
        site=site.id,
        label=site.name,
        is_simulated=site.simulated,
        stage=row["stage"],
        tier=row["tier"],
        release=row["release"],
        model_version=row["model_version"],
        since=pointer.issued_at if pointer else None,
        scope=launch.why if isinstance(launch, Nowhere) else launch.text,
        slo=None if row["slo"] is None else f"{100 * row['slo']:.1f} % of {kind_of(use_case.use_case).in_time.of}",
        next_review=next_review(pointer, load_policy(use_case.use_case)),
        evidence=_about_subject(settings, use_case.use_case, site.id, pointer),
        decision=_decision(settings, use_case.use_case, site.id, row["stage"]),
        approvals=_approvals(records, use_case.use_case, site.id),
        incidents=_incidents(records, use_case.use_case, site.id),
        lineage=_lineage(settings, use_case.use_case, site.id, pointer),
        history=_history(records, use_case.use_case, site.id),
        drift_page=_drift_page(settings, use_case.use_case, site.id),
        levels=standings(settings, use_case.use_case, site.id),
        challenger=challenger_view(settings, records, use_case.use_case, site.id),
    )


def _about_subject(settings: Settings, use_case: str, site: str, pointer: Pointer | None) -> tuple[Evidence, ...]:
    release = released(settings, pointer)
    model = release.manifest.model.digest if release else read_candidate(settings, use_case, site).model
    found = read_all_evidence(settings, use_case, site).readable
    latest: dict[str, Evidence] = {}
    for one in sorted(found, key=lambda each: each.created_at):
        if one.subject_model == model:
            latest[one.kind] = one
    return tuple(latest.values())


def _decision(settings: Settings, use_case: str, site: str, stage: str) -> DecisionView | None:
    folder = evidence_folder(settings, use_case, site) / "decisions"
    path = folder / f"{stage if stage != 'off' else 'shadow'}.json"
    if not path.exists():
        return None
    decision = Decision.from_json(json.loads(path.read_bytes()))
    lines = tuple(
        ClauseLine(
            clause=one.clause,
            kind=one.kind,
            figure=one.figure,
            observed=one.observed,
            threshold=one.threshold,
            met=one.met,
            reason=one.reason,
            to_meet=one.to_meet,
        )
        for one in decision.results
    )
    return DecisionView(decision.stage.value, decision.allowed, decision.decided_at, decision.digest, lines)


def _approvals(ledger: Readable, use_case: str, site: str) -> tuple[ApprovalView, ...]:
    return tuple(
        ApprovalView(
            kind=one.statement.kind,
            person=one.statement.person,
            role=one.statement.role,
            stage=one.statement.stage.value,
            verdict="approved" if one.statement.verdict == "approve" else "refused",
            decided_at=one.statement.decided_on,
            ledger_hash=one.ledger_hash,
        )
        for one in ledger.approvals(use_case, site)
    )


def _incidents(ledger: Readable, use_case: str, site: str) -> tuple[IncidentView, ...]:
    return tuple(
        IncidentView(
            incident=str(entry.payload["incident"]),
            severity=str(entry.payload["severity"]),
            what=str(entry.payload["what"]),
            opened_at=entry.at,
        )
        for entry in open_incidents(ledger, use_case, site)
    )


def _history(ledger: Readable, use_case: str, site: str) -> tuple[HistoryLine, ...]:
    entries = ledger.entries(kinds=HISTORY_KINDS, use_case=use_case, site=site)
    lines = [
        HistoryLine(entry.at, _what(entry), who(entry.actor, proof_of(entry)), _reason(entry)) for entry in entries
    ]
    return tuple(reversed(lines))


def _what(entry: Entry) -> str:
    stage = entry.payload.get("stage") or entry.payload.get("tier") or ""
    return f"{entry.kind.replace('_', ' ')} {stage}".strip()


def _reason(entry: Entry) -> str:
    return str(entry.payload.get("reason") or entry.payload.get("what") or "")


def _lineage(settings: Settings, use_case: str, site: str, pointer: Pointer | None) -> tuple[LineageStep, ...]:
    release = released(settings, pointer)
    record = read_candidate(settings, use_case, site, release.manifest.model.digest if release else None)
    steps = [
        LineageStep("Model", (record.model, f"version {record.version}")),
        LineageStep("MLflow run", (record.run_id,), f"seed {record.seed}, trained until {record.train_until}"),
        LineageStep(
            "Snapshot",
            (record.data,),
            f"{record.n_train} {kind_of(use_case).counted} to train, {record.n_test} to test",
        ),
        LineageStep("dbt manifest", (record.manifest,)),
        _mapping(settings, site),
    ]
    if release:
        files = landed_files(settings, release.manifest)
        counts = tuple(f"{feed}: {one['files']} files, {one['landed']} landed" for feed, one in files.items())
        steps.append(LineageStep("Landed files", counts))
    contracts = tuple(f"{feed} {one['version']}" for feed, one in record.contracts.items())
    return (*steps, LineageStep("Contracts", contracts))


def _mapping(settings: Settings, site: str) -> LineageStep:
    """How much of each OMOP table of the site has a standard concept, in the tables as they were built last."""
    shares = mapping_coverage(settings, site)
    note = "of the tables as built last" if shares else "no tables of this version are built here"
    return LineageStep("Mapping coverage", tuple(f"{one} {share:.1%}" for one, share in shares.items()), note)


def _drift_page(settings: Settings, use_case: str, site: str) -> Link | None:
    path = Path("drift") / f"{use_case}-{site}.html"
    return Link("evidently drift report", str(path)) if (settings.reports / path).exists() else None

"""The assets `<use_case>/evidence/<kind>` and `<use_case>/decision`, partitioned by site."""

from collections.abc import Iterator
from pathlib import Path

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    AssetSpec,
    MaterializeResult,
    MetadataValue,
    asset,
    multi_asset,
)

from evaluation.evidence import Evidence
from evaluation.reports import drift_markdown
from orchestration.defs.partitions import SITES
from orchestration.settings import load_settings
from orchestration.steps.drills.rehearsal import NothingToRehearse, rehearse_as_evidence
from orchestration.steps.kinds import kind_of
from orchestration.steps.learning.cross_site import validate_across_sites
from orchestration.steps.learning.evidence import measure_drift
from orchestration.steps.releases.decision import decide_next
from orchestration.steps.watching.service import report_address

FURTHER = ("drift", "rehearsal")
"""Evidence that a candidate of every kind needs beside what its own kind judges."""
CROSS_SITE = "cross_site"


def evidence_key(use_case: str, kind: str) -> AssetKey:
    return AssetKey([use_case, "evidence", kind])


def judged_assets(use_case: str) -> AssetsDefinition:
    """Return the pieces of evidence that one pass over the test predictions gives."""
    specs = [
        AssetSpec(
            evidence_key(use_case, kind),
            deps=[AssetKey([use_case, "candidate"])],
            group_name="evidence",
            kinds={use_case},
            description=description,
        )
        for kind, description in kind_of(use_case).judged.items()
    ]

    @multi_asset(specs=specs, partitions_def=SITES, name=f"{use_case}_judged")
    def judged(context: AssetExecutionContext) -> Iterator[MaterializeResult]:
        for evidence in kind_of(use_case).judge(load_settings(), use_case, context.partition_key):
            if evidence.kind in kind_of(use_case).judged:  # what only some candidates have is no asset of its own
                yield MaterializeResult(evidence_key(use_case, evidence.kind), metadata=figures_metadata(evidence))

    return judged


def drift_asset(use_case: str) -> AssetsDefinition:
    """Return the drift evidence, with evidently's report in its metadata."""

    @asset(
        key=evidence_key(use_case, "drift"),
        deps=[AssetKey([use_case, "candidate"])],
        partitions_def=SITES,
        group_name="evidence",
        kinds={use_case, "evidently"},
    )
    def drift(context: AssetExecutionContext) -> MaterializeResult:
        """Training window against what came since: effect size and verdict per feature, and evidently's page."""
        settings = load_settings()
        found = measure_drift(settings, use_case, context.partition_key)
        return MaterializeResult(
            metadata={
                **report_metadata(found.report, report_address(settings, found.report)),
                "features": MetadataValue.md(drift_markdown(found.evidence)),
                "drifted": MetadataValue.text(", ".join(found.drifted) or "none"),
                **figures_metadata(found.evidence),
            }
        )

    return drift


def cross_site_asset(use_case: str) -> AssetsDefinition:
    """Return the model judged on other sites' visits."""

    @asset(
        key=evidence_key(use_case, CROSS_SITE),
        deps=[AssetKey([use_case, "candidate"])],
        partitions_def=SITES,
        group_name="evidence",
        kinds={use_case},
    )
    def cross_site(context: AssetExecutionContext) -> MaterializeResult:
        """How the model does where it learned nothing, on visits after its training: each other site, and the worst."""
        found = validate_across_sites(load_settings(), use_case, context.partition_key)
        detail = found.to_json()["detail"]
        assert isinstance(detail, dict)
        return MaterializeResult(metadata={"detail": MetadataValue.json(detail), **figures_metadata(found)})

    return cross_site


def gathered(use_case: str) -> tuple[str, ...]:
    """Return the kinds of evidence that the gate's decision on a candidate waits for."""
    kind = kind_of(use_case)
    return (*kind.judged, *FURTHER, *([CROSS_SITE] if kind.is_cross_site else []))


def rehearsal_asset(use_case: str) -> AssetsDefinition:
    """Return the timed rehearsal of a rollback, on the real service in a scratch home."""

    @asset(
        key=evidence_key(use_case, "rehearsal"),
        deps=[AssetKey([use_case, "candidate"])],
        partitions_def=SITES,
        group_name="evidence",
        kinds={use_case, "fastapi"},
    )
    def rehearsal(context: AssetExecutionContext) -> MaterializeResult:
        """Release, serve, roll back, and time how long service takes to be restored.

        Where there is nothing to show, there is no such evidence: the run goes on, and the gate says what it lacks.
        """
        try:
            evidence = rehearse_as_evidence(load_settings(), use_case, context.partition_key)
        except NothingToRehearse as error:
            context.log.warning(str(error))
            return MaterializeResult(metadata={"not_rehearsed": MetadataValue.text(str(error))})
        return MaterializeResult(metadata=figures_metadata(evidence))

    return rehearsal


def decision_asset(use_case: str) -> AssetsDefinition:
    """Return the gate's decision on the candidate, with every clause in its metadata."""
    key = AssetKey([use_case, "decision"])

    @asset(
        key=key,
        deps=[evidence_key(use_case, kind) for kind in gathered(use_case)],
        partitions_def=SITES,
        group_name="evidence",
        kinds={use_case},
        check_specs=[AssetCheckSpec("gate_allows_shadow", asset=key, blocking=False)],
    )
    def decision(context: AssetExecutionContext) -> MaterializeResult:
        """`decide(policy, evidence)` for the next stage; a refusal says what would meet each clause."""
        decided = decide_next(load_settings(), use_case, context.partition_key)
        reasons = [refusal.to_json() for refusal in decided.refusals]
        check = AssetCheckResult(
            check_name="gate_allows_shadow",
            passed=decided.allowed,
            severity=AssetCheckSeverity.WARN,
            metadata={"reasons": MetadataValue.json(reasons)},
        )
        return MaterializeResult(
            metadata={
                "allowed": MetadataValue.bool(decided.allowed),
                "decision": MetadataValue.json(decided.to_json()),
            },
            check_results=[check],
        )

    return decision


def figures_metadata(evidence: Evidence) -> dict[str, MetadataValue]:
    """Return the figures of a piece of evidence as an asset's metadata, with its digest."""
    figures = {
        name: MetadataValue.float(figure.value) for name, figure in evidence.figures.items() if figure.value is not None
    }
    return {"digest": MetadataValue.text(evidence.digest), **figures}


def report_metadata(report: Path, address: str | None) -> dict[str, MetadataValue]:
    """Return the way to a report: where the running service shows it (a page cannot link to a file), and its path."""
    link = {} if address is None else {"report": MetadataValue.url(address)}
    return {**link, "report_file": MetadataValue.path(str(report))}

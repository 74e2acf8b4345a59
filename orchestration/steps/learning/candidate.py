"""Training a candidate from the published snapshot.

What does not belong here: fitting (ml/training) and figures (evaluation/metrics).
"""

import hashlib
import re
import subprocess
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from evaluation.canonical import document_digest
from evaluation.metrics import ClassifierEvaluation
from evaluation.policies import load_policy
from ml.features.mart import Snapshot, read_snapshot
from ml.usecases import UseCase, load_use_case, use_case_names
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.sites import Site, load_site
from orchestration.steps.errors import StepError
from orchestration.steps.intake.deidentification import gives_dates_for, require_dates, why_no_dates
from orchestration.steps.intake.versions import contract_versions
from orchestration.steps.kinds import kind_of
from orchestration.steps.learning.adapting import keep_ways, source_of, source_record
from orchestration.steps.learning.judging import evaluate_predictions, samples_of, write_table
from orchestration.steps.learning.stores import (
    CandidateRecord,
    NoCandidate,
    bundle_folder,
    candidate_folder,
    predictions_file,
    read_candidate,
    save_candidate,
)
from orchestration.steps.record.records import now
from orchestration.steps.warehouse.tables import manifest_digest

if TYPE_CHECKING:
    from ml.training.adapt import Source
    from ml.training.backtest import BacktestResult
    from ml.training.tracking import Tracker

DEFAULT_SEED = 7
TEST_SHARE = 0.3
MINIMUM_VISITS = 500


class NotEnoughVisits(StepError):
    """A site has too few eligible visits to train and test on; the message says how many there are."""


def list_use_cases() -> tuple[str, ...]:
    """Return the declared use cases, sorted."""
    return use_case_names()


def trainable_sites(settings: Settings, use_case: str, only: str | None = None) -> list[str]:
    """Return the sites (or just `only`) whose snapshot holds enough eligible, truly dated rows and known outcomes."""
    declared = load_use_case(use_case)
    mart = read_snapshot(settings.snapshots, declared).mart
    eligible = mart.filter(mart["is_eligible"].fill_null(False))
    dated = [site for site in eligible["site"].unique().to_pylist() if gives_dates_for(declared, site)]
    asked = [site for site in dated if only in (None, site)]
    return sorted(site for site in asked if not _lacking(settings, declared, site, _begun(_of_site(eligible, site))))


def _lacking(settings: Settings, declared: UseCase, site: str, rows: pa.Table) -> str:
    """What eligible rows of a site lack to train on, in a sentence; empty where they lack nothing. A site that starts
    from another's model needs visits, but no events of its own."""
    from ml.training.fit import MINIMUM_EVENTS

    noun = declared.grain.noun
    if rows.num_rows < MINIMUM_VISITS:
        return (
            f"{site} has {rows.num_rows} eligible {noun}s to train {declared.use_case} on, fewer than "
            f"{MINIMUM_VISITS}; ingest more days, then run."
        )
    if source_record(settings, declared.use_case, site) is not None:
        return ""
    for outcome in declared.outcomes:
        known = rows[outcome.label_column].drop_null().cast(pa.bool_())
        events = pc.call_function("sum", [known]).as_py() or 0
        if min(events, len(known) - events) < MINIMUM_EVENTS:
            return (
                f"{site} has {events} {noun}s with {outcome.name} among {len(known)} whose outcome is known; at least "
                f"{MINIMUM_EVENTS} of each kind are needed to train {declared.use_case}."
            )
    return ""


def why_not_trainable(settings: Settings, use_case: str, site: str) -> str:
    """Say what a site lacks to train on, in a sentence; empty where it lacks nothing."""
    if reason := why_no_dates(load_use_case(use_case), site):
        return reason
    declared = load_use_case(use_case)
    mart = read_snapshot(settings.snapshots, declared).mart
    return _lacking(settings, declared, site, _begun(_of_site(mart.filter(mart["is_eligible"].fill_null(False)), site)))


def cutoff(mart: pa.Table, site: Site) -> datetime:
    """Return where training ends and testing begins: the site's own date, or the last 30 % of its days.

    Always a local midnight, so that a day is never on both sides. What is booked for after the last record that arrived
    does not count: its days are still to come.
    """
    if site.holdout_from is not None:
        return datetime.combine(site.holdout_from, time(), site.zone)
    arrivals = _begun(_of_site(mart, site.id))["arrived_at"]
    if len(arrivals) < MINIMUM_VISITS:
        raise NotEnoughVisits(
            f"{site.id} has {len(arrivals)} visits; at least {MINIMUM_VISITS} are needed. Ingest more days, then run."
        )
    extremes = pc.call_function("min_max", [arrivals]).as_py()
    first, last = extremes["min"], extremes["max"]
    day = (first + (last - first) * (1 - TEST_SHARE)).astimezone(site.zone).date() + timedelta(days=1)
    return datetime.combine(day, time(), site.zone)


def inputs_digest(settings: Settings, use_case: UseCase, site: str) -> str:
    """Return the digest of all that a candidate is made and judged from, but code: data, declarations, seed, and the
    other site's model that it may start from."""
    source = source_record(settings, use_case.use_case, site)
    return document_digest(
        {
            **({} if source is None else {"source": source.model}),
            "data": site_rows_digest(read_snapshot(settings.snapshots, use_case).mart, site),
            "use_case": use_case.digest,
            "policy": load_policy(use_case.use_case).digest,
            "contracts": contract_versions(load_site(site), settings.environment),
            "seed": DEFAULT_SEED,
        }
    )


def site_rows_digest(mart: pa.Table, site: str) -> str:
    """Return the SHA-256 of one site's rows of the mart: other sites' news do not make a candidate stale."""
    return rows_digest(_of_site(mart, site), ("visit_occurrence_id",))


def rows_digest(table: pa.Table, key: Sequence[str]) -> str:
    """Return the SHA-256 of rows in the order of `key`, whichever order they come in."""
    rows = table.sort_by([(name, "ascending") for name in key]).combine_chunks()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as stream:
        stream.write_table(rows)
    return hashlib.sha256(sink.getvalue()).hexdigest()


def _begun(rows: pa.Table) -> pa.Table:
    """What had begun when the last record of a site arrived: an appointment may be booked for months later."""
    latest = pc.call_function("max", [rows["known_at"]])
    return rows.filter(pc.call_function("less_equal", [rows["arrived_at"], latest]))


def _of_site(mart: pa.Table, site: str) -> pa.Table:
    return mart.filter(pc.call_function("equal", [mart["site"], site]))


def use_case_of(made: Iterable[str]) -> str | None:
    """Return the use case that alone something was made of, by the first parts of its assets' keys; None where not."""
    first = set(made)
    found = first.pop() if len(first) == 1 else None
    return found if found in list_use_cases() else None


def candidate_is_fresh(settings: Settings, use_case: str, site: str) -> bool:
    """Say whether the current candidate was made from just what would be used now."""
    try:
        record = read_candidate(settings, use_case, site)
    except NoCandidate:
        return False
    return record.inputs == kind_of(use_case).inputs(settings, use_case, site)


def tracker_of(settings: Settings) -> "Tracker":
    """Return where this home's MLflow is."""
    from ml.training.tracking import Tracker

    return Tracker(settings.mlflow_uri, settings.mlflow_artifacts.as_uri())


def tag_run(settings: Settings, run_id: str, tags: Mapping[str, str]) -> None:
    """Say on a candidate's run in MLflow where else it is shown."""
    from ml.training.tracking import tag  # mlflow takes seconds to import

    tag(tracker_of(settings), run_id, tags)


def train_candidate(settings: Settings, use_case: str, site: str, seed: int = DEFAULT_SEED) -> CandidateRecord:
    """Train, score what came after, log the run to MLflow, and make it the site's current candidate."""
    from ml.training.tracking import Provenance, log_candidate  # mlflow takes seconds to import

    declared, place = load_use_case(use_case), load_site(site)
    require_dates(declared, site)
    snapshot = read_snapshot(settings.snapshots, declared)
    until = cutoff(snapshot.mart, place)
    result = backtest_of(declared, snapshot, site, until, until, seed, source_of(settings, use_case, site))
    evaluation = evaluate(declared, site, snapshot, result, seed)
    contracts = contract_versions(place, settings.environment)
    run = log_candidate(
        tracker_of(settings),
        result.candidate,
        Provenance(snapshot, contracts, manifest_digest(settings), code_version()),
        test_from=until,
        metrics=_metrics(evaluation),
        files=_figures(result.predictions, declared),
    )
    record = CandidateRecord(
        use_case=use_case,
        site=site,
        model=result.candidate.digest,
        data=snapshot.digest,
        inputs=inputs_digest(settings, declared, site),
        run_id=run.run_id,
        version=run.version,
        author=person_id(declared.author.name),
        seed=seed,
        train_until=until.isoformat(),
        test_from=until.isoformat(),
        n_train=result.n_train,
        n_test=result.n_test,
        as_of=snapshot.as_of,
        manifest=manifest_digest(settings),
        contracts=contracts,
        created_at=now().isoformat(),
        adapted_from=result.candidate.adapted_from,
    )
    _keep(settings, record, result)
    return record


def person_id(name: str) -> str:
    """Return a name as the ledger writes people: lower-case words joined by dots, letters without their accents."""
    plain = "".join(part for part in unicodedata.normalize("NFKD", name.lower()) if not unicodedata.combining(part))
    return ".".join(re.findall(r"[a-z0-9]+", plain))


def code_version() -> str:
    """Return the commit of this checkout (marked when it was changed), or the package's version outside of one."""
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],  # noqa: S607 - the user's own git
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip() if found.returncode == 0 else version("pilothouse")


def _keep(settings: Settings, record: CandidateRecord, result: "BacktestResult") -> None:
    candidate_folder(settings, record.use_case, record.site).mkdir(parents=True, exist_ok=True)
    if not bundle_folder(settings, record).exists():
        from ml.training.bundle import write_bundle

        write_bundle(result.candidate.model, bundle_folder(settings, record))
    write_table(result.predictions, predictions_file(settings, record))
    keep_ways(settings, record, result)
    save_candidate(settings, record)


def backtest_of(
    use_case: UseCase,
    snapshot: Snapshot,
    site: str,
    until: datetime,
    test_from: datetime,
    seed: int,
    source: "Source | None" = None,
) -> "BacktestResult":
    """Train on the visits of `site` before `until`, and score those from `test_from`; by each way from a `source`."""
    from ml.training.backtest import backtest  # learners: half of what a command that only reads would wait for

    return backtest(
        use_case,
        snapshot.mart,
        snapshot.vocabulary,
        site=site,
        train_until=until,
        test_from=test_from,
        seed=seed,
        as_of=datetime.fromisoformat(snapshot.as_of),
        source=source,
    )


def evaluate(
    use_case: UseCase, site: str, snapshot: Snapshot, result: "BacktestResult", seed: int
) -> ClassifierEvaluation:
    """Judge the predictions of a backtest."""
    return evaluate_predictions(
        result.predictions,
        use_case,
        load_policy(use_case.use_case),
        site=site,
        model=result.candidate.digest,
        data=snapshot.digest,
        created_at=datetime.now(UTC),
        window={"rows": result.n_test},
        seed=seed,
    )


def _metrics(evaluation: ClassifierEvaluation) -> dict[str, float]:
    return {
        name: figure.value
        for evidence in evaluation.evidence
        for name, figure in evidence.figures.items()
        if figure.value is not None
    }


def _figures(predictions: pa.Table, use_case: UseCase) -> dict[str, bytes]:
    from evaluation.metrics.charts import calibration_picture, decision_picture, roc_picture

    pictures = {"roc": roc_picture, "calibration": calibration_picture, "decision_curve": decision_picture}
    return {
        f"figures/{sample.outcome}-{name}.png": draw(sample)
        for sample in samples_of(predictions, use_case)
        for name, draw in pictures.items()
    }

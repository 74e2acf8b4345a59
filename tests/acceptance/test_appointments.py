"""No-show risk from candidate to shadow on the demo's own appointments, by the machinery that triage goes through."""

import shutil
from datetime import datetime

import pyarrow.parquet as pq
import pytest

from ml.usecases import load_use_case
from orchestration.demo.people import approve_as_demo
from orchestration.settings import Settings
from orchestration.steps.drills.rehearsal import rehearse_as_evidence
from orchestration.steps.kinds import kind_of
from orchestration.steps.learning.candidate import candidate_is_fresh
from orchestration.steps.learning.evidence import measure_drift
from orchestration.steps.learning.stores import predictions_file, read_all_evidence, read_candidate
from orchestration.steps.record.records import open_records
from orchestration.steps.releases.explaining import explain_step
from orchestration.steps.releases.release import promote_release
from orchestration.steps.watching.status import status_of
from tests.acceptance.conftest import Home
from tests.unit.orchestration.steps.conftest import settings_of

pytestmark = pytest.mark.xdist_group("demo")
USE_CASE, SITE = "appointments", "city"


@pytest.fixture(scope="module")
def settings(demo: Home, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The demo's home, copied: its mart of appointments is there, and nobody has trained on it yet."""
    home = demo.copy(tmp_path_factory.mktemp("appointments") / "home")
    (home.path / "dbt").mkdir()
    shutil.copy(demo.path / "dbt" / "manifest.json", home.path / "dbt")  # a candidate names what it was built by
    return settings_of(home.path)


def test_a_candidate_goes_to_shadow_by_the_gate_and_two_approvals(settings: Settings):
    kind = kind_of(USE_CASE)
    assert SITE in kind.trainable_sites(settings, USE_CASE, SITE)
    record = kind.train(settings, USE_CASE, SITE)
    assert record.n_train > 500 and record.n_test > 200 and candidate_is_fresh(settings, USE_CASE, SITE)

    before = explain_step(settings, USE_CASE, SITE, "shadow")
    assert before.exit_code == 1, "without evidence the gate refuses"

    kind.judge(settings, USE_CASE, SITE)
    measure_drift(settings, USE_CASE, SITE)
    rehearse_as_evidence(settings, USE_CASE, SITE)
    explained = explain_step(settings, USE_CASE, SITE, "shadow")
    assert explained.exit_code == 0, explained.document

    refused = promote_release(settings, USE_CASE, SITE, "shadow")
    assert refused.exit_code == 1, "evidence alone promotes nothing"
    approve_as_demo(settings, USE_CASE, SITE, "shadow")
    promoted = promote_release(settings, USE_CASE, SITE, "shadow")
    assert promoted.exit_code == 0, promoted.document
    open_records.cache_clear()

    rows = {(row["use_case"], row["site"]): row for row in status_of(settings, SITE).document["releases"]}
    assert (rows[USE_CASE, SITE]["stage"], rows["triage", SITE]["stage"]) == ("shadow", "assistive")

    further = explain_step(settings, USE_CASE, SITE, "assistive")
    assert further.exit_code == 1, "nothing was served yet, so there is no parity and no shadow evidence"


def test_the_evidence_compares_with_last_time_and_looks_at_every_group(settings: Settings):
    found = {one.kind: one for one in read_all_evidence(settings, USE_CASE, SITE).readable}
    figures = found["performance"].figures
    assert figures["no_show.auroc"].value is not None
    assert figures["no_show.auroc.current_practice"].n == figures["no_show.auroc.on_rows_of_current_practice"].n
    groups = {row["attribute"] for row in found["subgroups"].detail["groups"]["no_show"]}  # type: ignore[index, union-attr, call-overload]
    assert groups >= {"race", "ethnicity", "language", "sex", "age_band", "service"}
    declared = load_use_case(USE_CASE)
    assert not groups & {feature.name for feature in declared.features} - {"service"}


def test_what_is_still_to_come_is_not_tested_on(settings: Settings):
    record = read_candidate(settings, USE_CASE, SITE)
    predictions = pq.read_table(predictions_file(settings, record))
    assert predictions["no_show_label"].null_count == 0
    assert min(predictions["arrived_at"].to_pylist()) >= datetime.fromisoformat(record.test_from)

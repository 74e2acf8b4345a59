"""A failed run opens one incident, of the use case whose assets it made, where it made no other's."""

import pytest
from dagster import AssetKey, DagsterRun

from orchestration.defs.monitoring.sensors import use_case_of


@pytest.mark.parametrize(
    ("assets", "expected"),
    [
        ({"triage/candidate", "triage/decision"}, "triage"),
        ({"triage/candidate", "appointments/candidate"}, None),
        ({"landing/ehr_fhir"}, None),
        (None, None),
    ],
)
def test_a_run_is_of_a_use_case_that_it_made_assets_of_alone(assets, expected):
    selection = None if assets is None else frozenset(AssetKey(one.split("/")) for one in assets)
    run = DagsterRun(job_name="__ASSET_JOB", asset_selection=selection)
    assert use_case_of(run.asset_selection) == expected

"""Dates that cannot be stop the tables where they are many, and do not where one record is odd."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.integration.tables.conftest import build
from tests.integration.tables.lake import SmallLake
from tests.integration.tables.small_hospital import FIRST, at, observation

NEEDED = (
    "--indirect-selection",
    "cautious",
    "--select",
    "+measurement",
    "+person",
    "+death",
    "quality_checks",
    "+cdm_source",
    "+visit_occurrence",
    "+visit_detail",
    "+provider",
    "+care_site",
    "+location",
    "+payer_plan_period",
    "+condition_occurrence",
)

pytestmark = pytest.mark.xdist_group("tables")


@pytest.mark.parametrize(("odd", "stops"), [(5, False), (6, True)])
def test_more_readings_before_birth_than_the_threshold_allows_stop_the_tables(
    tmp_path: Path, odd: int, stops: bool
) -> None:
    lake = SmallLake(tmp_path)
    born = date(2026, 2, 1)
    lake.land("fhir_patient", [{"patient_key": "ann", "birth_date": born}], site="city", arrived_at=FIRST)
    days = [at(1, "10:00") - timedelta(days=100)] * odd + [at(1, "10:00")] * 10
    readings = [observation(f"hr{n}", "stay", "8867-4", day, value_number=80.0) for n, day in enumerate(days)]
    lake.land("fhir_observation", readings, site="city", arrived_at=FIRST)
    built = build(tmp_path, "whole", *NEEDED, "--exclude-resource-type", "unit_test")
    failed = [line for line in built.stdout.splitlines() if "FAIL " in line]
    assert (built.returncode != 0) == stops, built.stdout[-3000:]
    assert all("quality_measurement" in line for line in failed) and bool(failed) == stops

"""The staffing mart over the small hospital: who came and went on which shift, and who said so."""

import pytest

from tests.integration.tables.conftest import Ask

pytestmark = pytest.mark.xdist_group("tables")


def test_a_visit_arrives_moves_and_leaves_on_the_units_and_days_where_it_did(ask: Ask) -> None:
    found = ask(
        "select unit, strftime(date, '%d'), arrivals, transfers_in, transfers_out, discharges "
        "from marts.staffing_mart where site = 'city' and arrivals is not null order by 1, 2"
    )
    assert found == [("ED", "01", 1, 0, 1, 0), ("ICU", "01", 0, 1, 0, 0)]


def test_a_stay_that_has_not_ended_is_open_and_ends_when_its_end_arrives(ask: Ask, ask_earlier: Ask) -> None:
    query = "select unit, triage_level, left_at is null, is_last from marts.staffing_stay where visit_key = 'stay'"
    assert ask_earlier(query) == [("ED", 2, True, True)]
    assert sorted(ask(query)) == [("ED", 2, False, False), ("ICU", 2, False, True)]


def test_counts_without_a_unit_or_a_time_and_surveyed_visits_fill_no_bed(ask: Ask) -> None:
    assert ask("select distinct site from marts.staffing_mart order by 1") == [("city",), ("district",)]
    assert ask("select count(*) from marts.staffing_stay where site = 'nhamcs'") == [(0,)]


def test_hours_and_census_say_who_told_them(ask: Ask) -> None:
    found = ask(
        "select unit, shift, census, census_source, rn_hours, hours_source from marts.staffing_mart "
        "where site = 'district'"
    )
    assert found == [("ICU", "day", 20, "staffing office", 40.0, "staffing office")], "a porter's duty is no nurse's"

from datetime import time

import pytest

from orchestration.sites import InvalidSite, SiteError, UnitKind, UnknownSite, list_sites, load_site, parse_site

SIMULATED = {"city", "district", "rural"}
PUBLISHED = {"ae_daily", "nhamcs", "nhs_ae", "pbj", "samples", "synthea", "wards"}
GOOD = """
id: here
name: Here
region: US
timezone: America/New_York
units: [{id: ED, kind: ed, name: Emergency, beds: 4}]
shifts: [{id: day, starts: "07:00", ends: "15:00"}, {id: night, starts: "23:00", ends: "07:00"}]
feeds: [ehr_fhir]
"""


def test_every_site_loads_and_is_named_as_its_file():
    assert list_sites() == sorted(SIMULATED | PUBLISHED)
    assert [load_site(name).id for name in list_sites()] == list_sites()


def test_simulated_sites_have_an_ed_and_intensive_care_and_real_data_are_not_simulated():
    for site in map(load_site, list_sites()):
        if site.simulated:
            assert site.units_of(UnitKind.ED) and site.units_of(UnitKind.ICU) and site.units_of(UnitKind.WARD)
    assert {name for name in list_sites() if load_site(name).simulated} == SIMULATED


def test_one_simulated_site_lies_in_another_regulatory_region():
    assert load_site("rural").region != load_site("city").region == load_site("district").region


@pytest.mark.parametrize("site", ["city", "district", "rural", "nhamcs", "synthea"])
@pytest.mark.parametrize(
    ("local", "shift"),
    [
        ("06:59", "night"),
        ("07:00", "day"),
        ("14:59", "day"),
        ("15:00", "evening"),
        ("23:00", "night"),
        ("00:00", "night"),
    ],
)
def test_a_shift_holds_its_start_and_not_its_end(site: str, local: str, shift: str):
    found = load_site(site).shift_at(time.fromisoformat(local))
    assert found and found.id == shift


def test_an_hour_between_shifts_belongs_to_none():
    assert parse_site("here", GOOD).shift_at(time(15, 0)) is None


def test_an_unknown_site_is_refused_with_the_known_ones():
    with pytest.raises(UnknownSite, match="city, district"):
        load_site("nowhere")


def test_an_unknown_unit_is_refused_with_the_known_ones():
    with pytest.raises(SiteError, match="ED, ICU, MED, SUR"):
        load_site("city").unit("CCU")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("America/New_York", "America/Nowhere"), "time zone"),
        (("region: US", "region: Atlantis"), "region"),
        (("feeds: [ehr_fhir]", "feeds: [ehr_fhir]\nscope: {units: [ICU]}"), "launch scope names"),
        (("feeds: [ehr_fhir]", "feeds: [ehr_fhir]\nscope: {shifts: [dawn]}"), "launch scope names"),
        (("feeds: [ehr_fhir]", "feeds: [ehr_fhir]\nscope: {units: []}"), "write `units: all`, or `units: none`"),
        (("feeds: [ehr_fhir]", "feeds: [ehr_fhir]\nscope: {units: all, shifts: }"), "write `shifts: all`, or"),
        (("feeds: [ehr_fhir]", "feeds: [ehr_fhir]\nscope: {units: all, is_nowhere: false}"), "write `units: none`"),
        (("feeds: [ehr_fhir]", "feeds: [ehr_fhir]\nscope: {units: nowhere}"), "scope.units"),
        (("kind: ed", "kind: garage"), "units.0.kind"),
        (("id: here", "id: there"), "name of the file"),
        (("name: Here", "nickname: Here"), "name"),
        (("id: here", "id: [here"), "not YAML"),
    ],
)
def test_a_broken_site_file_is_refused_and_the_message_names_the_field(change: tuple[str, str], message: str):
    with pytest.raises(InvalidSite, match=message):
        parse_site("here", GOOD.replace(*change))


def test_an_authority_has_one_name_and_others_and_each_name_means_one_of_what_it_numbers():
    site = parse_site("here", GOOD + "authorities: {patient: {'urn:mrn': [PAS, PACS]}, visit: {'urn:visit': [PAS]}}")
    assert site.aliases == {
        "patient": {"PAS": "urn:mrn", "PACS": "urn:mrn"},
        "visit": {"PAS": "urn:visit"},
        "order": {},
    }


@pytest.mark.parametrize(
    ("authorities", "complaint"),
    [
        ("{patient: {a: [x], b: [x]}}", r"patient names \['x'\] for more than one authority"),
        ("{patient: {a: [b], b: [c]}}", r"patient names \['b'\] for more than one authority"),
        ("{visit: {a: [Encounter]}}", r"visit renames \['Encounter'\], under which FHIR ids are known"),
        ("{staff: {a: [b]}}", "authorities.staff"),
    ],
)
def test_an_authority_map_that_contradicts_itself_is_refused(authorities, complaint):
    with pytest.raises(InvalidSite, match=complaint):
        parse_site("here", GOOD + f"authorities: {authorities}")


@pytest.mark.parametrize("site", ["city", "district", "rural"])
def test_the_numbers_in_a_simulated_sites_tables_are_those_of_its_record_system(site: str):
    known = load_site(site).aliases
    assert (known["patient"]["mrn"], known["visit"]["visit"]) == (
        f"urn:pilothouse:{site}:mrn",
        f"urn:pilothouse:{site}:visit",
    )


SAFE_HARBOR = "deidentification: {standard: safe_harbor, owner: privacy officer, rationale: research, date: 2026-11-27}"


def test_a_site_is_a_limited_data_set_until_somebody_answers_for_another_standard():
    assert not parse_site("here", GOOD).is_safe_harbor
    assert parse_site("here", GOOD + SAFE_HARBOR).is_safe_harbor
    with pytest.raises(InvalidSite, match=r"privacy officer's decision; write its owner, rationale, date"):
        parse_site("here", f"{GOOD}deidentification: {{standard: safe_harbor}}")
    with pytest.raises(InvalidSite, match=r"deidentification\.standard"):
        parse_site("here", f"{GOOD}deidentification: {{standard: anonymous}}")


def test_every_site_that_is_here_is_a_limited_data_set_as_before():
    assert not any(load_site(name).is_safe_harbor for name in list_sites())


def test_dates_are_not_shifted_without_the_rest_of_the_standard():
    with pytest.raises(InvalidSite, match=r"date_shift is no setting of its own.*deidentification"):
        parse_site("here", f"{GOOD}date_shift: true\n")


def test_a_shift_that_anybody_could_take_back_is_refused():
    with pytest.raises(InvalidSite, match=r"take a date shift back"):
        parse_site("here", f"{GOOD}{SAFE_HARBOR}\nreproducible_pseudonyms: true")


def test_a_clinic_that_admits_to_a_unit_which_the_site_does_not_have_is_refused():
    assert parse_site("here", GOOD + "admitting_clinics: {SURG: ED}").admitting_clinics == {"SURG": "ED"}
    with pytest.raises(InvalidSite, match="WARD"):
        parse_site("here", GOOD + "admitting_clinics: {SURG: WARD}")


@pytest.mark.parametrize(
    ("said", "is_nowhere"),
    [
        ("", False),
        ("scope: {units: all, shifts: all}", False),
        ("scope: {units: none}", True),
        ("scope: {units: all, shifts: none}", True),
        ("scopes: {triage: {units: none, shifts: all}}", True),
        ("scopes: {staffing: {units: none}}", False),
    ],
)
def test_a_site_says_everywhere_and_nowhere_in_a_word(said: str, is_nowhere: bool) -> None:
    scope = parse_site("here", GOOD + said).scope_of("triage")
    assert (scope.units, scope.shifts, scope.is_nowhere) == ((), (), is_nowhere)

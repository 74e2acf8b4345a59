from collections import defaultdict

import pytest

from ..conftest import SITES
from ..parsed import Feeds, is_whole

STATUS = {"home": "01", "other-hcf": "02", "snf": "03", "aadvice": "07", "exp": "20", "rehab": "62"}


@pytest.fixture(scope="module", params=SITES)
def site(request) -> str:
    return request.param


def encounters(wide: Feeds, site: str) -> dict[str, dict]:
    return {e["identifier"][0]["value"]: e for e in wide.resources(site, "Encounter")}


def lines_of(claim) -> list[tuple[str, str, float, float, str]]:
    """Revenue code, procedure, charge, units and day of every service line."""
    found = []
    for loop in claim.model.loop_2400:
        service = loop.sv1_segment if claim.kind == "P" else loop.sv2_segment
        named = (
            service.product_service_id_qualifier
            if claim.kind == "P"
            else service.composite_medical_procedure_identifier
        )
        found.append((service, (named or "").removeprefix("HC:"), loop))
    return found


def charges(claim) -> list[float]:
    return [float(service.line_item_charge_amount) for service, _, _ in lines_of(claim)]


def codes(claim) -> list[list[str]]:
    return [
        value
        for segment in claim.model.hi_segment
        for name, value in segment
        if name.startswith("health_care_code") and value
    ]


def test_one_interchange_comes_a_day_and_nearly_all_are_whole(wide: Feeds, site: str):
    texts = [path.read_text("ascii") for _, path in wide.files(site, "claims_837.x12")]
    assert all(text.count("ISA*") == 1 for text in texts)
    assert sum(map(is_whole, texts)) >= len(texts) - 1
    numbers = [text[90:99] for text in texts]
    assert len(set(numbers)) == len(numbers)


def test_the_charge_of_a_claim_is_the_sum_of_its_lines(wide: Feeds, site: str):
    claims = wide.claims(site)
    assert len(claims) > 50
    for claim in claims:
        assert float(claim.model.clm_segment.total_claim_charge_amount) == sum(charges(claim)) > 0


def test_services_lie_within_the_visit(wide: Feeds, site: str):
    known = encounters(wide, site)
    for claim in wide.claims(site):
        period = known[claim.number]["period"]
        for _, _, loop in lines_of(claim):
            for dtp in listed(loop.dtp_segment):
                if dtp.date_time_qualifier == "472":
                    day = str(dtp.date_time_period)[:10].replace("-", "")
                    assert day == "20001332" or period["start"][:10] <= iso(day) <= period["end"][:10]


def listed(segments) -> list:
    """x12sdk gives a list where a guide allows several, and else the segment alone."""
    return segments if isinstance(segments, list) else [segments]


def iso(day: str) -> str:
    return f"{day[:4]}-{day[4:6]}-{day[6:8]}"


def test_diagnoses_are_those_charted_in_the_visit_and_the_problem_list(wide: Feeds, site: str):
    charted = defaultdict(set)
    for condition in wide.resources(site, "Condition"):
        if "encounter" in condition:
            charted[condition["encounter"]["reference"]].add(condition["code"]["coding"][0]["code"].replace(".", ""))
    known = encounters(wide, site)
    for claim in wide.claims(site):
        found = codes(claim)
        principal = next(value[1] for value in found if value[0] == "ABK")
        others = [value[1] for value in found if value[0] == "ABF"]
        assert "." not in principal and principal not in others and len(others) <= 4
        if site != "district":  # there the record system writes SNOMED CT, and billing ICD-10-CM
            mine = charted[f"Encounter/{known[claim.number]['id']}"]
            assert any(principal.startswith(code) for code in mine)
        assert [value[0] for value in found].count("ABJ") == (claim.kind == "I")


def test_an_admission_is_billed_with_its_rooms_and_how_it_ended(wide: Feeds, site: str):
    known, seen = encounters(wide, site), 0
    intensive = {"city": "ICU", "district": "ICU", "rural": "HDU"}[site]
    for claim in wide.claims(site):
        if claim.kind != "I":
            continue
        encounter = known[claim.number]
        how = encounter["hospitalization"]["dischargeDisposition"]["coding"][0]["code"]
        assert claim.model.cl1_segment.patient_status_code == STATUS[how]
        rooms = [s for s, named, _ in lines_of(claim) if not named]
        if claim.frequency == "1":
            assert sum(float(room.service_unit_count) for room in rooms) >= 1
        units = {place["location"]["identifier"]["value"] for place in encounter["location"]}
        assert "0200" not in {r.service_line_revenue_code for r in rooms} or intensive in units
        seen += 1
    assert seen > 5


def test_imaging_and_laboratory_are_billed_where_they_were_done(wide: Feeds, site: str):
    imaged = {image.AdmissionID: image.Modality for image in wide.images(site)}
    tested = {message.visit for message in wide.messages(site, "oru")}
    procedures = {"70450", "72125", "74177", "71046", "73502", "73610", "73130", "76700", "93971"}
    laboratory = {"80048", "85025", "83605", "84484"}
    whole = [claim for claim in wide.claims(site) if claim.frequency == "1"]
    for claim in whole:
        billed = {named for _, named, _ in lines_of(claim)}
        assert not billed & laboratory or claim.number in tested
        assert bool(billed & procedures) == (claim.number in imaged) or claim.number not in imaged
    assert any(claim.number in imaged for claim in whole)
    for claim in whole:
        if claim.number in imaged:
            assert {named for _, named, _ in lines_of(claim)} & procedures


def test_some_claims_are_replaced_or_voided_days_later(wide: Feeds):
    seen = defaultdict(int)
    for site in SITES:
        first = {claim.number: claim for claim in wide.claims(site) if claim.frequency == "1"}
        for claim in wide.claims(site):
            if claim.frequency == "1":
                assert not claim.reference("F8")
                continue
            seen[claim.frequency] += 1
            original = first[claim.number]
            assert claim.reference("F8").startswith("ICN") and claim.kind == original.kind
            assert (claim.day - original.day).days >= 3
            assert (charges(claim) == charges(original)) == (claim.frequency == "8")
    assert seen["7"] > 5 and seen["8"] > 0 and set(seen) == {"7", "8"}


def test_a_child_on_a_parents_policy_is_a_dependent(wide: Feeds):
    seen = 0
    for site in SITES:
        people = {p["identifier"][0]["value"]: p for p in wide.resources(site, "Patient")}
        for claim in wide.claims(site):
            dependents = claim.subscriber.loop_2000c or []
            assert (claim.subscriber.hl_segment.hierarchical_child_code == "1") == bool(dependents)
            for dependent in dependents:
                born = str(dependent.loop_2010ca.dmg_segment.date_time_period)
                mrn = claim.reference("EA")
                assert not mrn or born == people[mrn]["birthDate"]
                assert int(born[:4]) >= 2005
                seen += 1
    assert seen > 20

"""One simulated patient of `rural` through every feed, and published files of others, from bytes to OMOP.

The files are read here by splitting, `pydicom` and JSON, never by our readers: what they say must be what OMOP holds.
"""

import hashlib
import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pydicom
import pytest

from ml.features.pseudonym import pseudonym
from orchestration.feeds import Drop, land, land_drops
from orchestration.settings import Environment, Settings
from orchestration.simulator import simulate_group
from orchestration.sites import load_site
from orchestration.sites.mappings import load_mappings
from orchestration.steps.intake.landing import arrival_time
from orchestration.steps.warehouse.row_lineage import trace_row
from tests.integration.tables.conftest import Ask, asking, build

pytestmark = pytest.mark.xdist_group("one patient")

KEY = b"one patient through every feed.."
DAYS = 8
MRN, VISIT = "urn:pilothouse:rural:mrn", "urn:pilothouse:rural:visit"


def terms(site: str) -> dict[str, Any]:
    place = load_site(site)
    rules = {"authorities": place.aliases, "mappings": load_mappings(site)}
    return {"site": site, "key": KEY, "feeds": place.feeds, "zone": place.timezone, **rules}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Path:
    """Eight days of `rural`, and the published files as the site `samples`."""
    home = tmp_path_factory.mktemp("one_patient")
    days = simulate_group(home, sites=["rural"], start=date(2026, 3, 1), days=DAYS, seed=7).days
    folders = [home / "drops" / "rural" / day.isoformat() for day in days]
    arrivals = [arrival_time(load_site("rural"), day) for day in days]
    drops = [Drop((folder,), at) for folder, at in zip(folders, arrivals, strict=True)]
    land_drops(drops, feed=None, home=home, **terms("rural"))
    claims = home / "corrected.x12"
    claims.write_text(corrected((shared_data / "x12_837" / "x12_valid.txt").read_text()))
    paths = [shared_data / "hl7v2_simhospital", shared_data / "dicom", claims]
    land(paths, feed=None, home=home, arrived_at=arrivals[-1], **terms("samples"))
    built = build(home, "whole", "--exclude-resource-type", "unit_test")
    assert built.returncode == 0, built.stdout[-4000:]
    return home


@pytest.fixture(scope="module")
def ask(home: Path) -> Iterator[Ask]:
    yield from asking(home / "whole" / "warehouse.duckdb")


def corrected(text: str) -> str:
    """The published claims with the count of segments (SE01) that their sets really have."""
    sets = re.split(r"(?=ST\*837)", text)
    return sets[0] + "".join(
        re.sub(r"SE\*\d+\*", f"SE*{one[: one.index('SE*')].count('~') + 1}*", one, count=1) for one in sets[1:]
    )


def messages(path: Path) -> list[list[list[str]]]:
    """The messages of a file, as segments of fields."""
    lines = re.split(r"[\r\n]+", path.read_text("latin-1"))
    found: list[list[list[str]]] = []
    for fields in (line.split("|") for line in lines if line.strip()):
        if fields[0] == "MSH":
            found.append([])
        if found:
            found[-1].append(fields)
    return found


def field(message: list[list[str]], segment: str, number: int) -> str:
    """The first component of a field of the first such segment, or the empty string."""
    fields = next((s for s in message if s[0] == segment), [])
    return fields[number].split("^")[0] if len(fields) > number else ""


class Followed:
    """What the files of one visit say, visit and patient by the numbers that people read."""

    def __init__(self, home: Path) -> None:
        drops = home / "drops" / "rural"
        admissions = [m for path in sorted(drops.glob("*/hl7v2_adt.hl7")) for m in messages(path)]
        reports = [m for path in sorted(drops.glob("*/hl7v2_oru.hl7")) for m in messages(path)]
        images = [pydicom.dcmread(path, force=True) for path in sorted(drops.glob("*/dicom/*.dcm"))]
        claims = {claim[0][1]: claim for path in sorted(drops.glob("*/*.x12")) for claim in claims_of(path.read_text())}
        encounters = [json.loads(line) for path in sorted(drops.glob("*/Encounter.ndjson")) for line in lines_of(path)]
        ended = {field(m, "PV1", 19) for m in admissions if m[1][1] == "A03"}
        imaged = {str(image.get("AdmissionID", "")) for image in images}
        measured = {field(m, "PV1", 19) for m in reports}
        self.number = min(ended & imaged & measured & set(claims))
        self.admissions = [m for m in admissions if field(m, "PV1", 19) == self.number]
        self.reports = [m for m in reports if field(m, "PV1", 19) == self.number]
        self.images = [image for image in images if image.get("AdmissionID") == self.number]
        self.claim = claims[self.number]
        self.encounter = [e for e in encounters if e["identifier"][0]["value"] == self.number][-1]
        self.mrn = field(self.admissions[-1], "PID", 3)


def lines_of(path: Path) -> list[str]:
    return [line for line in path.read_text("utf-8", "replace").splitlines() if line.endswith("}")]


def claims_of(text: str) -> list[list[list[str]]]:
    """The claims of an interchange, each as its segments from CLM on."""
    found: list[list[list[str]]] = []
    is_open = False
    for segment in (s.strip().split("*") for s in text.split("~")):
        if segment[0] == "CLM":
            found.append([])
        is_open = segment[0] == "CLM" or (is_open and segment[0] not in ("HL", "SE"))
        if is_open:
            found[-1].append(segment)
    return found


@pytest.fixture(scope="module")
def followed(home: Path) -> Followed:
    return Followed(home)


@pytest.fixture(scope="module")
def visit(ask: Ask, followed: Followed) -> str:
    """The condition on the one visit that all of it is of."""
    number = pseudonym(KEY, VISIT, followed.number)
    [(key,)] = ask(
        f"select visit_key from intermediate.int_visit_link where site = 'rural' and reference_key = '{number}'"
    )
    assert key == pseudonym(KEY, "Encounter", followed.encounter["id"])
    [(found,)] = ask(f"select visit_occurrence_id from intermediate.int_visit where visit_key = '{key}'")
    return f"visit_occurrence_id = {found}"


def test_every_feed_names_the_patient_by_one_key(ask: Ask, followed: Followed) -> None:
    key = pseudonym(KEY, MRN, followed.mrn)
    named = ask(
        f"select (select count(*) from lake.fhir_patient where mrn_key = '{key}') > 0, "
        f"(select count(*) from lake.hl7v2_adt where patient_key = '{key}') > 0, "
        f"(select count(*) from lake.dicom_instance where mrn_key = '{key}') > 0, "
        f"(select count(*) from lake.x12_claim where mrn_key = '{key}') > 0"
    )
    assert named == [(True, True, True, True)]
    persons = ask(
        "select count(distinct person_key) from intermediate.int_person_link "
        f"where reference_key in ('{key}', '{pseudonym(KEY, 'Patient', patient_of(followed))}')"
    )
    assert persons == [(1,)]


def patient_of(followed: Followed) -> str:
    return str(followed.encounter["subject"]["reference"]).removeprefix("Patient/")


def test_the_visit_is_one_with_the_times_of_the_record_system(ask: Ask, followed: Followed, visit: str) -> None:
    found = ask(
        f"select visit_start_datetime, visit_end_datetime, visit_concept_id from omop.visit_occurrence where {visit}"
    )
    period = followed.encounter["period"]
    times = [datetime.fromisoformat(period[name]).astimezone(UTC).replace(tzinfo=None) for name in ("start", "end")]
    is_admitted = followed.encounter["class"]["code"] == "IMP"
    assert found == [(*times, 262 if is_admitted else 9203)]


def test_messages_tell_the_same_stay(ask: Ask, followed: Followed, visit: str) -> None:
    """Times of messages are local and to the minute."""
    [(started, ended)] = ask(
        "select told.started_at, told.ended_at from intermediate.int_hl7_visit as told "
        f"join intermediate.int_visit using (site, visit_key) where {visit}"
    )
    zone = load_site("rural").zone
    last = followed.admissions[-1]
    assert ended == datetime.strptime(field(last, "PV1", 45), "%Y%m%d%H%M").replace(tzinfo=zone)
    first = next(m for m in followed.admissions if m[1][1] == "A04")
    assert started == datetime.strptime(field(first, "PV1", 44), "%Y%m%d%H%M").replace(tzinfo=zone)


def test_the_images_are_one_procedure_of_the_visit(ask: Ask, followed: Followed, visit: str) -> None:
    studies = {(str(image.StudyInstanceUID), str(image.Modality)) for image in followed.images}
    found = ask(
        "select procedure_source_value, count(*) from omop.procedure_occurrence "
        f"where procedure_type_concept_id = 32817 and {visit} group by 1"
    )
    assert found == [(modality, 1) for _, modality in sorted(studies)]


def test_the_claim_costs_its_charge_and_its_coded_lines_theirs(ask: Ask, followed: Followed, visit: str) -> None:
    lines = [segment for segment in followed.claim if segment[0] in ("SV1", "SV2")]
    coded = [s[2] if s[0] == "SV2" else s[1] for s in lines]
    charges = [float(s[3] if s[0] == "SV2" else s[2]) for s in lines]
    id_of_visit = visit.removeprefix("visit_occurrence_id = ")
    whole = ask(f"select total_charge from omop.cost where cost_domain_id = 'Visit' and cost_event_id = {id_of_visit}")
    assert whole == [(float(followed.claim[0][2]),)]
    parts = ask(
        "select procedure_source_value, total_charge from omop.cost join omop.procedure_occurrence "
        f"on cost_event_id = procedure_occurrence_id where cost_domain_id = 'Procedure' and {visit} order by all"
    )
    expected = [(code.split(":")[1], charge) for code, charge in zip(coded, charges, strict=True) if code]
    assert parts == sorted(expected)


def test_every_number_of_the_reports_is_a_measurement_of_the_visit_once(
    ask: Ask, followed: Followed, visit: str
) -> None:
    last: dict[tuple[str, str], float] = {}
    for message in sorted(followed.reports, key=lambda m: field(m, "MSH", 6)):
        order = field(message, "OBR", 3)
        last |= {(order, s[3].split("^")[0]): float(s[5]) for s in message if s[0] == "OBX" and s[2] == "NM"}
    found = ask(f"select measurement_source_value, value_as_number from omop.measurement where {visit}")
    expected = Counter((code, value) for (_, code), value in last.items())
    assert expected and expected == Counter((c, v) for c, v in found if c in {code for _, code in last})


# -- what others publish


@pytest.fixture(scope="module")
def published(shared_data: Path) -> list[list[list[str]]]:
    return messages(shared_data / "hl7v2_simhospital" / "messages.out")


def test_every_person_of_the_published_messages_is_one_after_the_merge(
    ask: Ask, published: list[list[list[str]]]
) -> None:
    known = {field(m, "PID", 3) for m in published if not m[0][8].startswith("MDM")}
    retired = {field(m, "MRG", 1) for m in published if m[0][8].startswith("ADT^A34")}
    persons = ask("select count(*) from intermediate.int_person where site = 'samples' and feed = 'hl7v2'")
    named = ask("select count(*) from intermediate.int_person where site = 'samples' and feed is null")
    assert persons[0][0] + named[0][0] == len(known - retired)
    prior, into = retired.pop(), next(field(m, "PID", 3) for m in published if m[0][8].startswith("ADT^A34"))
    links = dict(ask("select reference_key, person_key from intermediate.int_person_link where site = 'samples'"))
    survivor = pseudonym(KEY, "SIMULATOR MRN", into)
    assert links[pseudonym(KEY, "SIMULATOR MRN", prior)] == links[survivor] == survivor


def test_every_visit_and_every_number_of_the_published_messages_is_in_omop(
    ask: Ask, published: list[list[list[str]]]
) -> None:
    visits = {field(m, "PV1", 19) for m in published if m[0][8].startswith("ADT")} - {""}
    assert ask("select count(*) from intermediate.int_visit where site = 'samples' and feed = 'hl7v2'") == [
        (len(visits),)
    ]
    numbers = [number_of(s) for m in published for s in m if s[0] == "OBX" and number_of(s) is not None]
    found = ask(
        "select count(*), round(sum(value_number), 3) from intermediate.int_measurement "
        "where site = 'samples' and feed = 'hl7v2' and value_number is not null"
    )
    assert found == [(len(numbers), round(sum(n for n in numbers if n is not None), 3))]


def number_of(obx: list[str]) -> float | None:
    """The number of an OBX: of type NM, or with a unit beside it; `<15` is 15 with a comparator."""
    found = re.fullmatch(r"\s*[<>=]*\s*([+-]?\d+(?:\.\d*)?)\s*", obx[5])
    is_number = obx[2] == "NM" or bool(obx[6].strip())
    return float(found[1]) if found and is_number else None


def test_the_published_images_are_procedures_where_they_name_a_patient(ask: Ask, shared_data: Path) -> None:
    headers = [pydicom.dcmread(path, force=True) for path in sorted((shared_data / "dicom").glob("*.dcm"))]
    whole = [
        header for header in headers if not str(header.filename).endswith("badVR.dcm")
    ]  # held back: a broken number
    named = {str(header.StudyInstanceUID) for header in whole if str(header.get("PatientID", ""))}
    found = ask("select count(*) from intermediate.int_dicom_study where site = 'samples' and left_out is null")
    assert found == [(len(named),)]


def test_published_claims_with_their_count_put_right_reach_cost(ask: Ask, shared_data: Path) -> None:
    claims = claims_of((shared_data / "x12_837" / "x12_valid.txt").read_text())
    whole = ask(
        "select total_charge from omop.cost join intermediate.int_visit on cost_event_id = visit_occurrence_id "
        "where site = 'samples' and cost_domain_id = 'Visit' order by 1"
    )
    assert whole == sorted((float(claim[0][2]),) for claim in claims)
    lines = [s for claim in claims for s in claim if s[0] == "SV1"]
    parts = ask(
        "select procedure_source_value, total_charge from omop.cost join omop.procedure_occurrence "
        "on cost_event_id = procedure_occurrence_id join intermediate.int_person using (person_id) "
        "where site = 'samples' and cost_domain_id = 'Procedure' order by 1"
    )
    assert parts == sorted((s[1].split(":")[1], float(s[2])) for s in lines)


# -- the way back


@pytest.fixture(scope="module")
def built(home: Path, ask: Ask) -> Settings:
    assert ask("select count(*) > 0 from omop.person") == [(True,)]
    shutil.copy(home / "whole" / "warehouse.duckdb", home / "warehouse.duckdb")
    return Settings(home, Environment.DEVELOPMENT, "", "", "")


@pytest.fixture(scope="module")
def sent(home: Path, shared_data: Path) -> dict[str, Path]:
    """Every file as its sender has it, by digest."""
    folders = (home / "drops", shared_data / "hl7v2_simhospital", shared_data / "dicom")
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in [*paths, home / "corrected.x12"]}


def records_of(built: Settings, identifier: str, table: str, contract: str) -> list[dict[str, Any]]:
    """The records of one lake table that a row leads to: digest, told name, contract and its version are all there."""
    found = [one for one in trace_row(built, identifier)["records"] if one["table"] == table]
    assert found and all(re.fullmatch(rf"{contract}@\d+\.\d+\.\d+(\+.*)?", one["contract"]) for one in found)
    assert all(one["file_name"] for one in found)
    return found


def test_a_result_leads_to_the_segment_that_says_it(built: Settings, ask: Ask, sent: dict[str, Path]) -> None:
    rows = ask(
        "select row_id, code, value_number from intermediate.int_measurement where feed = 'hl7v2' and "
        "omop_table = 'measurement' and value_number is not null and site = 'samples' order by hash(row_id) limit 5"
    )
    assert len(rows) == 5
    for row_id, code, value in rows:
        traced = records_of(built, f"omop.measurement:{row_id}", "hl7v2_oru", "hl7v2")
        said = []
        for one in traced:
            message = messages(sent[one["file"]])[one["line"] - 1]
            numbers = re.findall(r"OBX (\d+)", one["part"])
            said += [s for s in message if s[0] == "OBX" and s[1] in numbers]
        assert {s[3].split("^")[0] for s in said} == {code}
        assert value in [number_of(s) for s in said]


def test_a_visit_leads_to_all_its_messages_and_its_claim(
    built: Settings, sent: dict[str, Path], followed: Followed, visit: str
) -> None:
    row = f"omop.visit_occurrence:{visit.removeprefix('visit_occurrence_id = ')}"
    told = records_of(built, row, "hl7v2_adt", "hl7v2")
    found = {field(messages(sent[one["file"]])[one["line"] - 1], "MSH", 9) for one in told}
    assert found == {field(m, "MSH", 9) for m in followed.admissions}
    [claim] = {one["key"]: one for one in records_of(built, row, "x12_claim", "x12_837")}.values()
    assert followed.claim[0][1] in sent[claim["file"]].read_text()


def test_what_a_claim_costs_leads_to_its_line(built: Settings, ask: Ask, sent: dict[str, Path]) -> None:
    rows = ask(
        "select cost_id, total_charge, procedure_source_value, procedure_occurrence_id from omop.cost "
        "join omop.procedure_occurrence on cost_event_id = procedure_occurrence_id "
        "join intermediate.int_person using (person_id) where site = 'samples' and cost_domain_id = 'Procedure'"
    )
    assert len(rows) == 2
    for cost, charge, code, procedure in rows:
        [one] = records_of(built, f"omop.cost:{cost}", "x12_claim", "x12_837")
        claim = claims_of(sent[one["file"]].read_text())[one["line"] - 1]
        line = [s for s in claim if s[0] == "SV1"][int(one["part"].removeprefix("line ")) - 1]
        assert (line[1].split(":")[1], float(line[2])) == (code, charge)
        assert [
            p["part"] for p in records_of(built, f"omop.procedure_occurrence:{procedure}", "x12_claim", "x12_837")
        ] == [one["part"]]


def test_an_image_leads_to_its_files(built: Settings, ask: Ask, sent: dict[str, Path]) -> None:
    rows = ask(
        "(select 'procedure_occurrence', row_id, code from intermediate.int_procedure where feed = 'dicom' limit 9) "
        "union "
        "(select 'observation', row_id, value_code from intermediate.int_observation where feed = 'dicom' limit 9)"
    )
    assert {table for table, *_ in rows} == {"procedure_occurrence", "observation"}
    for table, row_id, modality in rows:
        traced = records_of(built, f"omop.{table}:{row_id}", "dicom_instance", "dicom")
        headers = [pydicom.dcmread(sent[one["file"]], force=True) for one in traced]
        studies = {str(header.get("StudyInstanceUID", "")) for header in headers}
        assert len(studies - {""}) == 1  # of a file without meta information, pydicom by itself reads nothing
        assert table == "procedure_occurrence" or modality in {str(header.get("Modality", "")) for header in headers}


@pytest.mark.parametrize(
    ("table", "contract"),
    [("unit_staffing", "staffing"), ("clinic_appointment", "appointments"), ("triage_note", "triage_notes"),
     ("roster_shift", "rosters"), ("unit_census", "census")],
)  # fmt: skip
def test_a_row_of_a_table_without_a_home_in_omop_leads_to_its_line(
    built: Settings, ask: Ask, sent: dict[str, Path], table: str, contract: str
) -> None:
    [(key, line, file)] = ask(
        f"select _key, _line, _file from lake.{table} where site = 'rural' order by hash(_key) limit 1"
    )
    found = records_of(built, f"lake.{table}:{key}", table, contract)
    assert (line, file) in {(one["line"], one["file"]) for one in found}
    assert len(sent[str(file)].read_bytes().splitlines()) > int(str(line))


def test_a_feature_leads_to_its_readings(built: Settings, ask: Ask, sent: dict[str, Path]) -> None:
    visits = ask(
        "select visit_occurrence_id, heart_rate from marts.triage_mart where site = 'rural' and heart_rate is not null "
        "order by hash(visit_key) limit 3"
    )
    assert len(visits) == 3
    for visit_id, rate in visits:
        traced = trace_row(built, f"triage_mart:{visit_id}:heart_rate")
        assert traced["row"]["value"] == rate and traced["records_are"] == "the readings of this feature"
        lines = [sent[r["file"]].read_text("utf-8", "replace").splitlines()[r["line"] - 1] for r in traced["records"]]
        assert any(json.loads(one)["valueQuantity"]["value"] == rate for one in lines if '"valueQuantity"' in one)

"""A mounted vocabulary in the tables: codes become its standard concepts, and these say which table a record is in."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from orchestration.vocabulary import load_vocabulary, mounted_folder
from tests.integration.tables.conftest import Ask, asking, build
from tests.integration.tables.lake import SmallLake
from tests.integration.tables.small_hospital import FIRST, ICD10, at, observation
from tests.unit.orchestration.vocabulary.small_download import concept, related, write_download

NEEDED = ("--indirect-selection", "cautious", "--exclude-resource-type", "unit_test", "--select")
MODELS = (
    "+lake_to_omop_fates",
    "+drug_era",
    "+cdm_source",
    "+mapping_coverage",
    "+source_to_concept_map",
    "concept_relationship",
    "drug_strength",
)
SNOMED, RXNORM = "http://snomed.info/sct", "http://www.nlm.nih.gov/research/umls/rxnorm"
VERSION = (
    "vocabulary_id\tvocabulary_name\tvocabulary_reference\tvocabulary_version\tvocabulary_concept_id\n"
    "None\tOMOP\tgenerated\tv5.0 30-AUG-24\t44819096\n"
)
ANCESTORS = (
    "ancestor_concept_id\tdescendant_concept_id\tmin_levels_of_separation\tmax_levels_of_separation\n"
    "501\t500\t1\t1\n501\t501\t0\t0\n502\t500\t2\t2\n"
)

pytestmark = pytest.mark.xdist_group("tables")


def _concepts() -> str:
    return (
        concept(100, "fever")
        + concept(101, "stress", domain="Observation")
        + concept(102, "ecg", domain="Measurement")
        + concept(103, "patch", domain="Device")
        + concept(104, "old", standard="", invalid="U")
        + concept(105, "kidney", domain="Spec Anatomic Site")
        + concept(106, "penicillin", domain="Drug", vocabulary="RxNorm", kind="Ingredient")
        + concept(200, "E11.21", vocabulary="ICD10CM", standard="")
        + concept(201, "I10", vocabulary="ICD10CM", standard="")
        + concept(202, "Z88.0", vocabulary="ICD10CM", standard="")
        + concept(300, "8867-4", vocabulary="LOINC", domain="Measurement")
        + concept(320128, "59621000", standard="", invalid="U")
        + concept(500, "pill", vocabulary="RxNorm", domain="Drug", kind="Clinical Drug")
        + concept(501, "ingredient", vocabulary="RxNorm", domain="Drug", kind="Ingredient")
        + concept(502, "class", vocabulary="ATC", domain="Drug", kind="ATC 5th", standard="C")
    )


def _relationships() -> str:
    return (
        related(104, 100)
        + related(200, 100)
        + related(200, 101)
        + related(202, 101)
        + related(202, 106, how="Maps to value")
        + related(320128, 100)
    )


def _land(lake: SmallLake) -> None:
    lake.land("fhir_patient", [{"patient_key": "ann", "gender": "female"}], site="city", arrived_at=FIRST)
    codes = {
        "fever": SNOMED, "stress": SNOMED, "kidney": SNOMED, "old": SNOMED, "59621000": SNOMED, "E11.21": ICD10,
        "I10": ICD10, "Z88.0": ICD10, "unheard of": SNOMED, "E11.9": ICD10,
    }  # fmt: skip
    conditions: list[dict[str, object]] = [
        {"condition_key": f"c {code}", "patient_key": "ann", "code": code, "code_system": system,
         "onset_at": at(1, "10:00"), "abatement_at": at(2, "10:00")}
        for code, system in codes.items()
    ]  # fmt: skip
    lake.land("fhir_condition", conditions, site="city", arrived_at=FIRST)
    done = {"patient_key": "ann", "status": "completed", "code_system": SNOMED, "started_at": at(1, "11:00")}
    procedures: list[dict[str, object]] = [
        {"procedure_key": "p ecg", "code": "ecg", **done},
        {"procedure_key": "p patch", "code": "patch", **done},
        {"procedure_key": "p unheard of", "code": "unheard of", **done},
    ]
    lake.land("fhir_procedure", procedures, site="city", arrived_at=FIRST)
    rate = observation("rate", "stay", "8867-4", at(1, "10:00"), value_number=80.0, value_unit="/min")
    answer = observation(
        "answer",
        "stay",
        "unheard of",
        at(1, "10:00"),
        value_code="fever",
        value_code_system=SNOMED,
        category_code="survey",
    )
    lake.land("fhir_observation", [rate, answer], site="city", arrived_at=FIRST)
    order: dict[str, object] = {
        "medication_request_key": "m pill", "patient_key": "ann", "status": "active", "intent": "order",
        "code": "pill", "code_system": RXNORM, "authored_at": at(1, "10:00"),
    }  # fmt: skip
    lake.land("fhir_medication_request", [order], site="city", arrived_at=FIRST)


@pytest.fixture(scope="module")
def ask_mounted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    home = tmp_path_factory.mktemp("mounted")
    source = write_download(home / "in", _concepts(), _relationships(), vocabulary=VERSION, concept_ancestor=ANCESTORS)
    load_vocabulary(source, home / "vocabulary", datetime(2026, 3, 1, tzinfo=UTC), lambda message: None)
    _land(SmallLake(home))
    built = build(home, "whole", *NEEDED, *MODELS, vocabulary=mounted_folder(home / "vocabulary"))
    assert built.returncode == 0, built.stdout[-4000:]
    yield from asking(home / "whole" / "warehouse.duckdb")


def test_a_condition_is_what_its_code_maps_to_and_lies_where_that_concept_belongs(ask_mounted: Ask) -> None:
    conditions = ask_mounted(
        "select condition_source_value, condition_concept_id, condition_source_concept_id, "
        "cast(condition_end_date as varchar) from omop.condition_occurrence order by all"
    )
    day = "2026-03-02"
    assert conditions == [
        ("59621000", 100, 320128, day),
        ("E11.21", 100, 200, day),
        ("E11.9", 201826, 0, day),
        ("I10", 100, 201, day),
        ("fever", 100, 100, day),
        ("old", 100, 104, day),
        ("unheard of", 0, 0, day),
    ]
    observations = ask_mounted(
        "select observation_source_value, observation_concept_id, observation_source_concept_id, value_as_concept_id "
        "from omop.observation order by all"
    )
    assert observations == [
        ("E11.21", 101, 200, None),
        ("Z88.0", 101, 202, 106),
        ("kidney", 105, 105, None),
        ("stress", 101, 101, None),
        ("unheard of", 0, 0, 100),
    ]


def test_a_procedure_may_be_a_measurement_or_a_device_and_keeps_its_day_and_kind(ask_mounted: Ask) -> None:
    assert ask_mounted(
        "select measurement_source_value, measurement_concept_id, cast(measurement_date as varchar), value_as_number, "
        "measurement_type_concept_id from omop.measurement order by all"
    ) == [("8867-4", 300, "2026-03-01", 80.0, 32817), ("ecg", 102, "2026-03-01", None, 32817)]
    assert ask_mounted("select device_source_value, device_concept_id, quantity from omop.device_exposure") == [
        ("patch", 103, 1)
    ]
    assert ask_mounted("select procedure_source_value, procedure_concept_id from omop.procedure_occurrence") == [
        ("unheard of", 0)
    ]


def test_every_key_has_one_fate_that_names_all_its_tables(ask_mounted: Ask) -> None:
    assert ask_mounted(
        "select omop_table, keys from intermediate.lake_to_omop_fates where lake_table = 'fhir_condition' order by 1"
    ) == [("condition_occurrence", 6), ("condition_occurrence and observation", 1), ("observation", 3)]


def test_the_era_of_a_drug_is_of_its_ingredient_by_the_mounted_ancestors(ask_mounted: Ask) -> None:
    assert ask_mounted("select drug_concept_id, drug_exposure_count from omop.drug_era") == [(501, 1)]


def test_the_source_says_which_vocabulary_it_is_in_and_concepts_are_there_to_be_asked(ask_mounted: Ask) -> None:
    assert ask_mounted("select vocabulary_version from omop.cdm_source") == [("v5.0 30-AUG-24",)]
    assert ask_mounted("select concept_code from omop.concept where concept_id in (101, 8507) order by 1") == [
        ("M",),
        ("stress",),
    ]
    assert ask_mounted("select count(*) from omop.concept_relationship") == [(6,)]
    assert ask_mounted("select count(*) from omop.drug_strength") == [(0,)]

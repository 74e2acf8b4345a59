"""A contract of many tables: which of them a file is of, and what happens to a file that is of none."""

import pytest

from orchestration.feeds import FeedStopped

CONDITIONS = "START,STOP,PATIENT,ENCOUNTER,SYSTEM,CODE,DESCRIPTION\n2026-01-02,,p1,e1,SNOMED-CT,80967001,Caries\n"
ALLERGIES = (
    "START,STOP,PATIENT,ENCOUNTER,CODE,SYSTEM,DESCRIPTION,TYPE,CATEGORY,REACTION1,DESCRIPTION1,SEVERITY1\n"
    "2026-01-02,,p1,e1,419199007,Unknown,Allergy,allergy,environment,,,\n"
)
SUPPLIES = "DATE,PATIENT,ENCOUNTER,CODE,DESCRIPTION,QUANTITY\n2026-01-02,p1,e1,337388004,Strips,50\n"


@pytest.mark.parametrize("name", ["{}.csv", "2026-01-02_{}.csv", "export.csv"])
@pytest.mark.parametrize(
    ("table", "stem", "content"),
    [
        ("synthea_condition", "conditions", CONDITIONS),
        ("synthea_allergy", "allergies", ALLERGIES),
        ("synthea_supply", "supplies", SUPPLIES),
    ],
)
def test_a_file_is_of_the_table_whose_columns_it_has_whatever_its_name(zone, name, table, stem, content) -> None:
    receipt = zone.one(name.format(stem), content.encode())
    assert (receipt.feed, receipt.landed) == ("synthea_csv", 1)
    assert len(zone.rows(table)) == 1


def test_a_row_counts_once_though_the_contract_has_many_tables(zone) -> None:
    receipts = zone.land({"conditions.csv": CONDITIONS.encode(), "allergies.csv": ALLERGIES.encode()})
    assert [(r.received, r.landed) for r in receipts] == [(1, 1), (1, 1)]
    assert [len(zone.rows(table)) for table in ("synthea_condition", "synthea_allergy")] == [1, 1]


def test_a_key_made_of_identifiers_is_a_pseudonym(zone, known_as) -> None:
    zone.one("conditions.csv", CONDITIONS.encode())
    [(key, patient, other)] = zone.rows("synthea_condition", "condition_key, patient_key, _key")
    assert patient == known_as("Patient", "p1") and key == other and len(key) == 32 and "p1" not in key


def test_a_file_of_the_feed_without_a_column_stops_it_with_what_its_own_table_wants(zone) -> None:
    content = CONDITIONS.replace("CODE,", "KODE,").encode()
    with pytest.raises(FeedStopped, match=r"Expected: CODE\. Came: START"):
        zone.one("conditions.csv", content, feed="synthea_csv")

"""A small download as Athena writes it. What does not belong here: expectations."""

from pathlib import Path

CONCEPT = (
    "concept_id\tconcept_name\tdomain_id\tvocabulary_id\tconcept_class_id\tstandard_concept\tconcept_code\t"
    "valid_start_date\tvalid_end_date\tinvalid_reason\n"
)
RELATIONSHIP = "concept_id_1\tconcept_id_2\trelationship_id\tvalid_start_date\tvalid_end_date\tinvalid_reason\n"


def concept(
    number: int,
    code: str,
    *,
    vocabulary: str = "SNOMED",
    domain: str = "Condition",
    standard: str = "S",
    name: str = "a concept",
    invalid: str = "",
    kind: str = "Clinical Finding",
) -> str:
    since = f"{domain}\t{vocabulary}\t{kind}\t{standard}\t{code}\t19700101\t20991231"
    return f"{number}\t{name}\t{since}\t{invalid}\n"


def related(first: int, second: int, how: str = "Maps to", invalid: str = "") -> str:
    return f"{first}\t{second}\t{how}\t19700101\t20991231\t{invalid}\n"


def write_download(folder: Path, concepts: str, relationships: str = "", **more: str) -> Path:
    """Write CONCEPT.csv, CONCEPT_RELATIONSHIP.csv and what else is named, header included."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "CONCEPT.csv").write_text(CONCEPT + concepts)
    (folder / "CONCEPT_RELATIONSHIP.csv").write_text(RELATIONSHIP + relationships)
    for table, text in more.items():
        (folder / f"{table.upper()}.csv").write_text(text)
    return folder

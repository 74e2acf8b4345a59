"""Identifiers of all 18 kinds of Safe Harbor, planted in every feed, followed to the end: scrubbed notes, tables,
snapshot, audit, reports, answers, logs and the stores of Dagster and MLflow hold none of them.

What the landing zone alone holds is looked at feed by feed in the unit tests of the feeds (test_planted_identifiers).
"""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from tests.unit.orchestration.feeds.test_planted_identifiers import (
    ALL,
    FEEDS,
    LAND,
    NAME,
    PLANTED,
    SITE,
    leaks,
    told_by,
)

pytestmark = pytest.mark.xdist_group("planted")  # one set-up for all of them

# The same values as clinicians would write them: a text of identifiers alone is withheld whole.
PROSE = "\n".join(
    [
        f"Patient {NAME} presents with chest pain and shortness of breath since this morning.",
        f"Lives at {PLANTED['B place']} 12, zip {PLANTED['B postal code']}, with two cats and no help at home.",
        f"Symptoms began on the {PLANTED['C date']} and have been getting worse with exertion.",
        f"Daughter called from {PLANTED['D telephone']}, records were faxed to {PLANTED['E fax']} by the clinic.",
        f"Instructions were sent to {PLANTED['F e-mail']}, social security {PLANTED['G social security']} was checked.",
        f"Chart {PLANTED['H record number']} and plan {PLANTED['I plan number']} were reviewed with the pharmacist.",
        f"Account {PLANTED['J account']} was opened, licence {PLANTED['K licence']} was shown at the desk.",
        f"The car with plate {PLANTED['L vehicle']} hit the left leg, no fracture on the radiograph.",
        f"Pacemaker {PLANTED['M device serial']} was interrogated, normal function and good battery.",
        f"Pictures of the rash are at {PLANTED['N web address']}, sent from {PLANTED['O network address']}.",
        f"Access by {PLANTED['P biometric']} was granted, photo {PLANTED['Q photo']} is in the chart.",
        f"There is a mark {PLANTED['R other']} on the right forearm; blood pressure 120/80, lungs clear.",
    ]
)
DAY = "2026-02-28T10:00:00Z"


def prose_of_every_kind() -> dict[str, bytes]:
    """Files with the prose as a document, a report, a message and a triage note of the planted patient."""
    subject = {"reference": f"Patient/{PLANTED['H record number']}"}
    form = {"contentType": "text/plain", "data": base64.b64encode(PROSE.encode()).decode()}
    document = {"resourceType": "DocumentReference", "id": "prose", "status": "current", "date": DAY,
                "subject": subject, "content": [{"attachment": form}]}  # fmt: skip
    report = {"resourceType": "DiagnosticReport", "id": "prose", "status": "final", "effectiveDateTime": DAY,
              "subject": subject, "code": {"text": "x"}, "presentedForm": [form]}  # fmt: skip
    lines = [f"OBX|{n}|TX|11506-3^Note^LN||{line}||||||F" for n, line in enumerate(PROSE.split("\n"), start=1)]
    pid = f"PID|1||{PLANTED['H record number']}^^^HOSP^MR||{NAME}^{NAME}"
    head = "MSH|^~\\&|ADT|CITY|||20260228100000||ORU^R01|9|P|2.5"
    message = [head, pid, "PV1|1|E", "OBR|1|||11506-3^Note^LN", *lines]
    visit = PLANTED["J account"]
    row = ["N-prose", visit, visit, PLANTED["H record number"], DAY, PROSE.replace("\n", " ")]
    table = ["note_id,encounter_id,visit_number,mrn,written_at,text", ",".join(f'"{cell}"' for cell in row)]
    return {
        "DocumentReference.ndjson": json.dumps(document).encode(),
        "DiagnosticReport.ndjson": json.dumps(report).encode(),
        "results.hl7": "\r".join([*message, ""]).encode(),
        "triage_notes.csv": "\n".join([*table, ""]).encode(),
    }


COMMANDS = {
    "scrub": ("scrub", "--site", SITE, "--json"),
    "run": ("run", "--site", SITE, "--json"),
    "tables": ("tables", "--json"),
    "audit": ("audit", "--site", SITE, "--json"),
    "report": ("report", "--json"),
    "status": ("status", "--json"),
    "quarantine": ("quarantine", "list", "--json"),
    "reviews": ("review", "list", "--json"),
}


class Ended:
    """A home after one whole run, and what each command told."""

    def __init__(self, home: Path, told: dict[str, str]) -> None:
        self.home, self.told = home, told

    def answer(self, command: str) -> dict:
        return json.loads(self.told[command].split("\0")[0])

    def stored(self) -> dict[str, str]:
        """Everything under the home but the encrypted bytes and the keys; the warehouse as rows too."""
        found = told_by(self.home)
        with duckdb.connect(str(self.home / "warehouse.duckdb"), read_only=True) as db:
            names = db.sql("select schema_name, table_name from duckdb_tables() where not temporary").fetchall()
            for schema, table in names:
                rows = db.sql(f'select * from "{schema}"."{table}"').fetchall()
                found[f"warehouse {schema}.{table}"] = json.dumps(rows, default=str)
        return found


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    root = tmp_path_factory.mktemp("planted")
    files = []
    planted = [(FEEDS[feed][0], FEEDS[feed][1]()) for feed in LAND]
    for n, (name, content) in enumerate([*planted, *prose_of_every_kind().items()]):
        path = root / "came" / str(n) / name
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        files.append(str(path))
    environment = os.environ | {"PILOTHOUSE_HOME": str(root / "home")}
    commands = {"ingest": ("ingest", *files, "--site", SITE, "--json"), **COMMANDS}
    told: dict[str, str] = {}
    for command, arguments in commands.items():
        done = subprocess.run(
            [sys.executable, "-m", "orchestration.cli", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (0, 3), f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        told[command] = f"{done.stdout}\0{done.stderr}"
    for name in files:  # who hands a file over is told of it under the name that they gave it
        told["ingest"] = told["ingest"].replace(json.dumps(Path(name).name), "")
    return Ended(root / "home", told)


def test_no_planted_identifier_is_told_or_stored_anywhere_but_in_the_encrypted_bytes(ended: Ended) -> None:
    assert leaks({**ended.told, **ended.stored()}) == []


def test_the_run_went_to_its_end(ended: Ended) -> None:
    stored = ended.stored()
    assert ended.answer("run")["succeeded"]
    assert ended.answer("tables")["omop"]["person"] > 0
    assert any(name.startswith("dagster/") for name in stored) and any(name.startswith("dbt/") for name in stored)
    assert any(name.startswith("reports/") and name.endswith(".html") for name in stored)
    assert any(name.startswith("snapshots/") for name in stored)


def test_the_notes_of_every_feed_came_through_scrubbed(ended: Ended) -> None:
    with duckdb.connect(str(ended.home / "warehouse.duckdb"), read_only=True) as db:
        told = dict(db.sql("select note_source_value, count(*) from omop.note group by 1").fetchall())
        text = " ".join(row[0] for row in db.sql("select note_text from omop.note").fetchall())
    assert {"triage_note", "hl7v2_oru", "fhir_document_reference"} <= told.keys() and sum(told.values()) >= 4
    assert text.count("presents with chest pain and shortness of breath") >= 4
    [site] = ended.answer("scrub")["sites"]
    assert site["scrubbed"] >= 4 and site["marks"] > 0


def test_the_search_finds_what_a_warehouse_holds(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as db:
        db.execute("create table note as select ? as note_text from range(2000)", [ALL])
    assert {kind for kind, _ in leaks(Ended(tmp_path, {}).stored())} == set(PLANTED)
    assert NAME in ALL

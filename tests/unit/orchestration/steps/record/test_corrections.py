"""A correction sets visits apart only where a person who may step up signed it, of files that did replace records."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml.usecases import load_use_case
from orchestration.feeds.receipt import StoredReceipt
from orchestration.steps.errors import WrongUsage
from orchestration.steps.record.actors import Actor
from orchestration.steps.record.corrections import NotCorrected, SentAgain, corrections_of, sent_again
from orchestration.steps.record.incidents import Seen, close_incident, list_incidents, open_incident
from orchestration.steps.record.people import revoke_person
from orchestration.steps.record.records import now, open_records
from orchestration.steps.record.replaced import Asked, Replaced, replaced_records
from tests.unit.orchestration.steps.conftest import digest
from tests.unit.orchestration.steps.governed import Governed

HOUR = timedelta(hours=1)
FILE = digest("sent again")
VERSION = datetime(2026, 3, 1, tzinfo=UTC)


def landed(
    city: Governed, file: str = FILE, superseded: int = 300, hours_ago: float = 0, first: float | None = None
) -> None:
    came = None if first is None else (now() - first * HOUR).isoformat()
    receipt = StoredReceipt(
        feed="ehr_fhir", contract="ehr_fhir@2.2.0", file="Observation.ndjson", sha256=file, received=superseded + 1,
        landed=1, duplicate=0, superseded=superseded, deleted=0, quarantined=0, reasons={}, attempt=1,
        arrived_at=(now() - hours_ago * HOUR).isoformat(), first_arrived_at=came, archive=None, tables={},
    )  # fmt: skip
    folder = city.settings.home / "receipts" / "city" / "ehr_fhir"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{file}.json").write_text(json.dumps(receipt.model_dump()))
    if superseded:
        reading(city, "earlier", 72, file=digest("earlier"), value="40")
        reading(city, file, hours_ago, file=file)


def reading(
    city: Governed,
    name: str,
    hours_ago: float,
    *,
    file: str,
    key: str = "one",
    value: str = "20",
    code: str = "9279-1",
    visit: str | None = "visit",
    version: datetime | None = None,
) -> None:
    """A reading in the lake, in a file of its own."""
    folder = city.settings.lake / "fhir_observation" / "site=city" / "day=2026-03-02"
    folder.mkdir(parents=True, exist_ok=True)
    row = {
        "_file": file, "_key": key, "_content": digest(value), "_arrived_at": now() - hours_ago * HOUR,
        "_version_at": version, "encounter_key": visit, "patient_key": "patient", "code": code,
    }  # fmt: skip
    schema = pa.schema([(one, pa.timestamp("us", "UTC") if one.endswith("_at") else pa.string()) for one in row])
    pq.write_table(pa.Table.from_pylist([row], schema), folder / f"{name}.parquet")


def breaths_replaced(city: Governed) -> Replaced:
    asked = Asked("city", "ehr_fhir", (FILE,), now() - 48 * HOUR)
    found = replaced_records(city.settings, load_use_case("triage"), asked, ("respiratory_rate",))
    return found["respiratory_rate"]


@pytest.mark.parametrize(
    ("earlier", "later", "visits"),
    [
        ({}, {}, {"visit"}),
        ({"key": "two"}, {}, set()),
        ({}, {"code": "8867-4"}, set()),
        ({}, {"value": "40"}, set()),
        ({"file": FILE}, {}, set()),
        ({"hours_ago": 0.5}, {}, set()),
        ({}, {"hours_ago": 49}, set()),
        ({}, {"file": digest("other")}, set()),
        ({"version": VERSION}, {"version": VERSION + HOUR}, {"visit"}),
        ({"version": VERSION + HOUR}, {"version": VERSION}, set()),
        ({"visit": None}, {"visit": None}, set()),
    ],
    ids=[
        "replaced", "another-reading", "another-code", "the-same-again", "in-the-file-itself", "arrived-later",
        "came-before-the-fault", "another-file", "newer-version", "older-version", "of-no-visit",
    ],
)  # fmt: skip
def test_a_record_is_replaced_by_another_version_of_it_that_came_in_the_file_after_the_fault(
    city: Governed, earlier: dict[str, Any], later: dict[str, Any], visits: set[str]
) -> None:
    reading(city, "a", **{"hours_ago": 72, "file": digest("earlier"), "value": "40", **earlier})
    reading(city, "b", **{"hours_ago": 1, "file": FILE, **later})
    assert breaths_replaced(city).visits == visits


def test_where_nothing_landed_nothing_was_replaced_and_patients_stand_for_tables_without_visits(city: Governed) -> None:
    assert not breaths_replaced(city)
    folder = city.settings.lake / "fhir_patient" / "site=city" / "day=2026-03-02"
    folder.mkdir(parents=True)
    for name, hours_ago, file in (("a", 72, digest("earlier")), ("b", 1, FILE)):
        row = {
            "_file": file, "_key": "k", "_content": name, "_arrived_at": now() - hours_ago * HOUR, "_version_at": None,
            "patient_key": "patient",
        }  # fmt: skip
        schema = pa.schema([(one, pa.timestamp("us", "UTC") if one.endswith("_at") else pa.string()) for one in row])
        pq.write_table(pa.Table.from_pylist([row], schema), folder / f"{name}.parquet")
    asked = Asked("city", "ehr_fhir", (FILE,), now() - 48 * HOUR)
    found = replaced_records(city.settings, load_use_case("triage"), asked, ("sex", "pain_score"))
    assert (found["sex"].patients, found["sex"].visits, bool(found["pain_score"])) == ({"patient"}, frozenset(), False)


def test_a_file_that_replaced_other_readings_corrects_nothing_of_this_fault(city: Governed) -> None:
    landed(city)
    with pytest.raises(NotCorrected, match="replaced no record of pain_score that came to city before"):
        close(city, opened(city), city.signs("ada"), "respiratory_rate", "pain_score")
    assert list_incidents(city.settings)[0]["is_open"]


def opened(city: Governed, name: str = "breaths", **seen: Any) -> str:
    began = Seen(**{"since": now() - 48 * HOUR, "feed": "ehr_fhir", **seen})
    detail = {"jumped": ["respiratory_rate"]}
    open_incident(
        city.settings, name, use_case="triage", site="city", severity="high", what="x", detail=detail, seen=began
    )
    return name


def close(city: Governed, name: str, actor: Actor, *features: str, file: str = FILE, until: timedelta = HOUR) -> None:
    stated = SentAgain(now() - until, (file,), features)
    words = {"cause": "A monitor.", "done": "Sent again.", "finding": "feed"}
    close_incident(city.settings, name, actor=actor, correction=stated, **words)


def test_a_correction_is_read_back_as_it_was_signed(city: Governed) -> None:
    landed(city)
    close(city, opened(city), city.signs("ada"))
    [found] = corrections_of(city.settings, "triage", "city")
    assert (found.incident, found.feed, found.features) == ("breaths", "ehr_fhir", {"respiratory_rate"})
    assert (found.files, found.by) == ((FILE,), "ada")
    assert found.wrong_until - found.wrong_from > 46 * HOUR
    assert list_incidents(city.settings)[0]["corrected"]["columns"] == ["respiratory_rate"]
    assert corrections_of(city.settings, "triage", "rural") == corrections_of(city.settings, "staffing", "city") == ()


@pytest.mark.parametrize(
    ("person", "said"),
    [("olga", "olga holds operator"), ("mia", "mia holds charge_nurse"), ("zoe", "zoe is not registered")],
)
def test_whoever_may_not_step_up_sets_no_visit_apart(city: Governed, person: str, said: str) -> None:
    landed(city)
    actor = city.signs(person) if person != "zoe" else Actor("zoe")
    with pytest.raises(NotCorrected, match=f"decides about a step up: {said}"):
        close(city, opened(city), actor)
    assert list_incidents(city.settings)[0]["is_open"]


def test_a_name_without_a_signature_sets_no_visit_apart(city: Governed) -> None:
    landed(city)
    with pytest.raises(NotCorrected, match="ada is claimed, not proven"):
        close(city, opened(city), Actor("ada"))


def test_an_entry_that_only_names_its_actor_sets_no_visit_apart_whoever_wrote_it(city: Governed) -> None:
    """As somebody with the ledger's key alone could write one."""
    at = now()
    corrected = {
        "feed": "ehr_fhir", "columns": ["respiratory_rate"], "files": [FILE],
        "wrong_from": (at - 48 * HOUR).isoformat(), "wrong_until": at.isoformat(),
    }  # fmt: skip
    payload = {
        "incident": opened(city), "use_case": "triage", "site": "city", "cause": "x", "done": "y", "finding": "feed",
        "detail": {}, "corrected": corrected,
    }  # fmt: skip
    open_records(city.settings).append(
        "incident_closed", "ada", Actor("ada").act("incident_closed", payload, at), at=at
    )
    assert corrections_of(city.settings, "triage", "city") == ()


def test_an_open_incident_and_one_closed_without_a_correction_set_no_visit_apart(city: Governed) -> None:
    opened(city)
    opened(city, "other")
    words = {"cause": "A monitor.", "done": "Nothing was sent again.", "finding": "feed"}
    close_incident(city.settings, "other", actor=city.signs("ada"), **words)
    assert corrections_of(city.settings, "triage", "city") == ()


def test_an_incident_that_came_back_sets_none_apart_until_it_is_closed_again(city: Governed) -> None:
    landed(city)
    close(city, opened(city), city.signs("ada"))
    opened(city)
    assert corrections_of(city.settings, "triage", "city") == ()


def test_a_signature_that_was_voided_sets_no_visit_apart(city: Governed) -> None:
    landed(city)
    since = now()
    close(city, opened(city), city.signs("ada"))
    revoke_person(city.settings, "ada", "The key was copied.", city.signs("noor"), since.isoformat())
    assert corrections_of(city.settings, "triage", "city") == ()


@pytest.mark.parametrize(
    ("receipt", "said"),
    [
        ({}, "is no landed file of ehr_fhir at city"),
        ({"superseded": 0}, "replaced no record"),
        ({"hours_ago": 48.1}, "came before the values went wrong"),
        ({"first": 48.1}, "came before the values went wrong"),
    ],
    ids=["never-landed", "replaced-nothing", "came-before", "came-before-and-taken-again"],
)
def test_only_a_landed_file_that_replaced_records_corrects(city: Governed, receipt: dict[str, Any], said: str) -> None:
    if receipt:
        landed(city, **receipt)
    with pytest.raises(NotCorrected, match=said):
        close(city, opened(city), city.signs("ada"))


@pytest.mark.parametrize("seen", [{"since": None}, {"feed": None}], ids=["since", "feed"])
def test_an_incident_that_does_not_say_since_when_and_of_which_feed_sets_none_apart(
    city: Governed, seen: dict[str, None]
) -> None:
    landed(city)
    with pytest.raises(NotCorrected, match="open incidents with --since and --feed"):
        close(city, opened(city, **seen), city.signs("ada"))


@pytest.mark.parametrize("until", [49 * HOUR, -HOUR], ids=["before-it-began", "in-the-future"])
def test_a_fault_ends_after_it_began_and_not_in_the_future(city: Governed, until: timedelta) -> None:
    landed(city)
    with pytest.raises(NotCorrected, match="--wrong-until must lie after"):
        close(city, opened(city), city.signs("ada"), until=until)


def test_what_was_wrong_is_a_feature_that_the_feed_brings(city: Governed) -> None:
    landed(city)
    with pytest.raises(NotCorrected, match="Of moon nothing is a feature of triage that ehr_fhir brings"):
        close(city, opened(city), city.signs("ada"), "moon")
    for name, hours_ago, file in (("pulse", 72, digest("earlier")), ("pulse again", 0, FILE)):
        reading(city, name, hours_ago, file=file, key="pulse", value=name, code="8867-4")
    close(city, "breaths", city.signs("ada"), "heart_rate")
    assert corrections_of(city.settings, "triage", "city")[0].features == {"heart_rate"}


@pytest.mark.parametrize(
    "given", [("2026-03-01T12:00:00+00:00", ()), (None, (FILE,)), (None, ())], ids=["time", "file", "name"]
)
def test_half_of_a_correction_is_wrong_usage(given: tuple[str | None, tuple[str, ...]]) -> None:
    with pytest.raises(WrongUsage, match="both"):
        sent_again(*given, ("x",))
    assert sent_again(None, (), ()) is None

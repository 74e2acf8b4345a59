"""A file whose form changed stops the feed at the door: it is held whole, the others land as if it had not come."""

import json

import pytest

from orchestration.feeds import FeedStopped, Limits

FEWEST = Limits().drift_from
CENSUS = "unit,at,occupied,staffed_beds,closed\n"


def beds(occupied: str, count: int, start: int = 0) -> str:
    return "".join(f"U{n},2026-03-01T12:00:00Z,{occupied},20,0\n" for n in range(start, start + count))


def readings(observation, count: int, **changes: object) -> list[dict[str, object]]:
    return [observation(f"o{n}", **changes) for n in range(count)]


def stopped(zone, files: dict[str, bytes]) -> FeedStopped:
    with pytest.raises(FeedStopped) as raised:
        zone.land(files)
    return raised.value


def test_a_column_that_changed_its_type_stops_the_feed_with_the_clause(zone) -> None:
    found = stopped(zone, {"census.csv": (CENSUS + beds("many", FEWEST)).encode()})
    [receipt] = found.receipts
    assert (receipt.received, receipt.quarantined, dict(receipt.reasons)) == (1, 1, {"file.schema_drift": 1})
    assert f"{FEWEST} of {FEWEST} records break Census.occupied.type" in str(found)
    assert "many" not in str(found)
    [(line, clause, reason)] = zone.quarantine()
    assert (line, clause) == (None, "file.schema_drift") and "Census.occupied.type" in reason


def test_below_the_share_of_the_contract_rows_are_held_one_by_one(zone) -> None:
    text = CENSUS + beds("many", FEWEST - 1) + beds("9", FEWEST, FEWEST)
    receipt = zone.one("census.csv", text.encode())
    assert (receipt.landed, dict(receipt.reasons)) == (FEWEST, {"Census.occupied.type": FEWEST - 1})


def test_at_the_share_of_the_contract_the_feed_stops(zone) -> None:
    stopped(zone, {"census.csv": (CENSUS + beds("many", FEWEST) + beds("9", FEWEST, FEWEST)).encode()})
    assert zone.rows("unit_census", "*", "_file is not null") == []


def test_a_small_file_may_be_bad_as_a_whole(zone) -> None:
    receipt = zone.one("census.csv", (CENSUS + beds("many", FEWEST - 1)).encode())
    assert receipt.quarantined == FEWEST - 1


def test_codes_and_ranges_are_no_change_of_form(zone) -> None:
    receipt = zone.one("census.csv", (CENSUS + beds("-1", FEWEST)).encode())
    assert dict(receipt.reasons) == {"Census.occupied.range": FEWEST}


@pytest.mark.parametrize(
    "changes",
    [
        {"valueQuantity": {"value": "80", "unit": "beats", "code": "/min"}},
        {"effectiveDateTime": "2026-02-28 10:00"},
        {"effectiveDateTime": "28.02.2026"},
        {"status": None},
        {"subject": {"reference": "Group/p1"}},
    ],
    ids=["number becomes text", "time loses its zone", "another format of dates", "element gone", "another reference"],
)
def test_an_element_that_changed_in_all_records_stops_the_feed(zone, ndjson, observation, changes) -> None:
    found = stopped(zone, {"Observation.ndjson": ndjson(*readings(observation, FEWEST, **changes))})
    assert dict(found.receipts[0].reasons) == {"file.schema_drift": 1}


def test_files_beside_it_land_as_if_it_had_not_come(zone, ndjson, observation) -> None:
    """A record that the stopped file held too is landed from the other, not called its duplicate."""
    good = observation("same")
    bad = [good, *readings(observation, FEWEST, effectiveDateTime="28.02.2026")]
    found = stopped(zone, {"Observation.1.ndjson": ndjson(*bad), "Observation.2.ndjson": ndjson(good)})
    assert [(r.landed, r.duplicate, r.quarantined) for r in found.receipts] == [(0, 0, 1), (1, 0, 0)]


def test_what_was_repeated_does_not_hide_in_a_share(zone, ndjson, observation) -> None:
    """A few bad records behind many duplicates are a few of many."""
    known = readings(observation, 3 * FEWEST)
    zone.one("Observation.ndjson", ndjson(*known))
    bad = [observation(f"bad{n}", effectiveDateTime="28.02.2026") for n in range(FEWEST)]
    receipt = zone.one("Observation.again.ndjson", ndjson(*known, *bad))
    assert (receipt.duplicate, receipt.quarantined) == (3 * FEWEST, FEWEST)


def test_one_object_of_a_bundle_that_changed_stops_the_feed(zone, patient, observation) -> None:
    entries = [patient(f"p{n}") for n in range(3 * FEWEST)]
    entries += readings(observation, FEWEST, valueQuantity={"value": "80"})
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in entries]}
    found = stopped(zone, {"bundle.json": json.dumps(bundle).encode()})
    assert "Observation.value_number.type" in str(found)


def test_the_same_file_is_judged_again_when_it_comes_again(zone) -> None:
    content = (CENSUS + beds("many", FEWEST)).encode()
    for _ in range(2):
        [receipt] = stopped(zone, {"census.csv": content}).receipts
        assert receipt.quarantined == 1


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("unit,at,beds_in_use,staffed_beds,closed\n", "Expected: occupied. Came: unit, at, beds_in_use"),
        ("unit,at,staffed_beds,closed\n", "Expected: occupied."),
        ("unit,at,occupied,occupied,staffed_beds\n", "Twice: occupied."),
    ],
    ids=["renamed", "removed", "doubled"],
)
def test_a_column_that_was_renamed_removed_or_doubled_stops_the_feed(zone, head: str, said: str) -> None:
    assert said in str(stopped(zone, {"census.csv": (head + "ED,2026-03-01T12:00:00Z,9,20,0\n").encode()}))


def test_an_added_column_stops_nothing(zone) -> None:
    text = CENSUS.replace("\n", ",mood\n") + "ED,2026-03-01T12:00:00Z,9,20,0,calm\n"
    assert zone.one("census.csv", text.encode()).landed == 1


def test_messages_that_had_their_answers_are_not_held_for_the_sake_of_others(zone) -> None:
    from orchestration.steps.intake.listening import ANSWERED

    receipt = zone.one("census.csv", (CENSUS + beds("many", FEWEST)).encode(), limits=ANSWERED)
    assert dict(receipt.reasons) == {"Census.occupied.type": FEWEST}


def test_a_long_file_that_is_landed_in_pieces_is_held_whole_too(zone, ndjson, observation) -> None:
    bad = ndjson(*readings(observation, 2 * FEWEST, effectiveDateTime="28.02.2026"))
    with pytest.raises(FeedStopped) as raised:
        zone.land({"Observation.ndjson": bad}, limits=Limits(piece=4096))
    assert dict(raised.value.receipts[0].reasons) == {"file.schema_drift": 1}
    assert zone.rows("fhir_observation", "*", "_file is not null") == []

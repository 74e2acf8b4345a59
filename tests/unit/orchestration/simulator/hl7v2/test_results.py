from collections import defaultdict

import pytest

from orchestration.simulator.hl7v2.results import order_numbers
from orchestration.simulator.panels import PANELS, TESTS

from ..conftest import SITES
from ..parsed import Feeds, Line, moment


@pytest.fixture(scope="module", params=SITES)
def site(request) -> str:
    return request.param


def loinc(line: Line) -> str:
    """The LOINC code of an OBX, first or alternate."""
    return line.get(3) if line.get(3, 3) == "LN" else line.get(3, 4)


def laboratory(wide: Feeds, site: str) -> list[dict]:
    found = {o["id"]: o for o in wide.resources(site, "Observation") if "subject" in o}
    return [o for o in found.values() if o["category"][0]["coding"][0]["code"] == "laboratory"]


def test_results_are_those_of_the_record_system(wide: Feeds, site: str):
    visits = {f"Encounter/{e['id']}": e["identifier"][0]["value"] for e in wide.resources(site, "Encounter")}
    sent: dict[tuple[str, str], tuple[float, str]] = {}
    for message in sorted(wide.last(site, "oru"), key=lambda m: (m.at("MSH", 7), m.control)):
        for line in message.all("OBX"):
            sent[message.visit, loinc(line)] = float(line.get(5)), line.get(6)
    last, compared = wide.summary.days[-1].isoformat(), 0
    for observation in laboratory(wide, site):
        key = visits[observation["encounter"]["reference"]], observation["code"]["coding"][0]["code"]
        if observation["issued"][:10] < last:
            amount = observation["valueQuantity"]
            assert sent[key] == (amount["value"], amount["code"])
            compared += 1
    assert compared > 100
    known = {(visits[o["encounter"]["reference"]], o["code"]["coding"][0]["code"]) for o in laboratory(wide, site)}
    assert set(sent) <= known | lost(wide, site, visits)


def lost(wide: Feeds, site: str, visits: dict[str, str]) -> set[tuple[str, str]]:
    """What only a line that lost its subject says."""
    return {
        (visits[o["encounter"]["reference"]], o["code"]["coding"][0]["code"])
        for o in wide.resources(site, "Observation")
        if "subject" not in o
    }


def test_times_of_a_result_are_those_of_the_record_system(wide: Feeds, site: str):
    visits = {f"Encounter/{e['id']}": e["identifier"][0]["value"] for e in wide.resources(site, "Encounter")}
    known = {
        (visits[o["encounter"]["reference"]], o["code"]["coding"][0]["code"]): (o["effectiveDateTime"], o["issued"])
        for o in laboratory(wide, site)
    }
    for message in wide.last(site, "oru"):
        for line in message.all("OBX"):
            if times := known.get((message.visit, loinc(line))):
                taken, issued = (moment(line.get(field), site).isoformat()[:16] for field in (14, 19))
                assert (taken, issued) == (times[0][:16], times[1][:16])
        assert message.at("OBR", 7) < message.at("OBR", 14) < message.at("OBR", 22) <= message.at("MSH", 7)


def test_a_correction_names_the_same_order_and_changes_one_result(wide: Feeds):
    corrected = 0
    for site in SITES:
        of_order = defaultdict(list)
        for message in sorted(wide.last(site, "oru"), key=lambda m: (m.at("MSH", 7), m.control)):
            of_order[message.get("OBR", 3)].append(message)
        for messages in of_order.values():
            for message in messages:
                statuses = [line.get(11) for line in message.all("OBX")]
                assert statuses.count("C") == (message.get("OBR", 25) == "C")
                corrected += message.get("OBR", 25) == "C"
            if messages[-1].get("OBR", 25) == "C":
                first, last = messages[-2], messages[-1]
                values = [[line.get(5) for line in m.all("OBX")] for m in (first, last)]
                changed = [n for n, pair in enumerate(zip(*values, strict=True)) if pair[0] != pair[1]]
                assert [n for n, line in enumerate(last.all("OBX")) if line.get(11) == "C"] == changed
                assert first.get("OBR", 2) == last.get("OBR", 2) and first.day == last.day
    total = sum(len(wide.last(site, "oru")) for site in SITES)
    assert 5 <= corrected < 0.04 * total


def test_each_site_writes_its_own_code_first_or_loinc(wide: Feeds):
    for site, system in (("city", "LN"), ("district", "L"), ("rural", "LN")):
        assert {m.get("OBX", 3, 3) for m in wide.last(site, "oru")} == {system}
        assert {m.get("OBR", 4, 3) for m in wide.last(site, "oru")} == {system}


def test_order_numbers_differ_by_visit_and_panel():
    numbers = [order_numbers(visit, panel) for visit in range(200) for panel in PANELS.values()]
    assert len({placer for placer, _ in numbers}) == len({filler for _, filler in numbers}) == len(numbers)
    assert {test.panel for test in TESTS.values()} == set(PANELS)

import json
from collections import Counter
from datetime import timedelta
from pathlib import Path

import numpy as np

from orchestration.simulator.damage import damage

from .conftest import DAYS, SITES, START, parse

LINES = [
    json.dumps({"id": str(n), "subject": {"reference": "Patient/é"}}, ensure_ascii=False).encode()
    for n in range(60_000)
]


def test_damage_is_rare_and_of_every_kind():
    sent = damage("Observation", LINES, np.random.default_rng(1))
    parsed = [parse(line.decode()) for line in sent.lines]
    cut = sum(resource is None for resource in parsed)
    no_subject = sum(resource is not None and "subject" not in resource for resource in parsed)
    repeated = len(sent.lines) - len(LINES)
    assert min(cut, no_subject, repeated) > 10
    assert 0.001 < (cut + no_subject + repeated) / len(LINES) < 0.003


def test_what_was_damaged_is_sent_again_intact():
    sent = damage("Observation", LINES, np.random.default_rng(1))
    assert set(sent.again) == set(LINES) - set(sent.lines)


def test_visits_and_patients_are_never_damaged_only_repeated():
    sent = damage("Encounter", LINES, np.random.default_rng(1))
    assert sent.again == [] and set(sent.lines) == set(LINES) and len(sent.lines) > len(LINES)


def test_the_next_drop_repairs_the_last_one(home: Path, read):
    for site in SITES:
        for day in (START + timedelta(days=n) for n in range(DAYS - 1)):
            path = home / "drops" / site / day.isoformat() / "Observation.ndjson"
            broken = [o["id"] for o in read(site, "Observation", day) if "subject" not in o]
            cut = [line for line in path.read_text("utf-8").splitlines() if parse(line) is None]
            following = {o["id"]: o for o in read(site, "Observation", day + timedelta(days=1))}
            assert all("subject" in following[identity] for identity in broken)
            assert sum(o["meta"]["lastUpdated"][:10] == day.isoformat() for o in following.values()) >= len(cut) + len(
                broken
            )


def test_about_three_lines_in_a_thousand_are_dirty_in_some_way(home: Path, summary):
    kinds: Counter[str] = Counter()
    for path in (home / "drops").rglob("*.ndjson"):
        seen: set[str] = set()
        for line in path.read_text("utf-8").splitlines():
            resource = parse(line)
            quantity = (resource or {}).get("valueQuantity", {})
            kinds["lines"] += 1
            kinds["cut"] += resource is None
            kinds["repeated"] += line in seen
            kinds["no subject"] += resource is not None and path.stem == "Observation" and "subject" not in resource
            kinds["unknown unit"] += quantity.get("code") == "unk"
            kinds["absurd"] += quantity.get("value", 0) > 950 and quantity.get("code") != "ng/L"
            seen.add(line)
    lines = kinds.pop("lines")
    assert min(kinds.values()) > 0
    assert 0.001 < sum(kinds.values()) / lines < 0.005

"""Any element of any real resource, put wrong: it is named, and what stands beside it lands."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.contracts import load_contract
from orchestration.contracts.compiler import shape_of
from orchestration.contracts.elements import described, first_wrong
from orchestration.contracts.path import BOOLEAN, LIST, NUMBER, OBJECT, TEXT, Shape
from orchestration.feeds.problems import REPEATED

CONTRACT = load_contract("ehr_fhir")
OF_KIND = {OBJECT: {"a": 1}, LIST: [{"a": 1}], TEXT: "a", NUMBER: 3, BOOLEAN: True}
FEW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _real(folder: Path) -> dict[str, list[dict[str, object]]]:
    """Some real resources of every type, by type."""
    found: dict[str, list[dict[str, object]]] = {}
    for path in sorted((folder / "synthea_fhir_bundles").glob("*.json"))[:3]:
        for entry in json.loads(path.read_bytes())["entry"]:
            found.setdefault(entry["resource"]["resourceType"], []).append(entry["resource"])
    known = {item.resource_type for item in CONTRACT.objects}
    return {kind: resources[:20] for kind, resources in found.items() if kind in known}


def places(
    value: object, shape: Shape, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], Shape]]:
    """Every element of an object that is there and is read."""
    for name, child in (shape.children or {}).items():
        came = value.get(name) if isinstance(value, dict) else None
        if came is None or name == "contained":
            continue
        yield (*path, name), child
        entries = list(enumerate(came)) if child.is_list else [(None, came)]
        for n, entry in entries:
            yield from places(entry, child, (*path, name) if n is None else (*path, name, n))


def changed(resource: dict[str, object], path: tuple[str | int, ...], value: object) -> dict[str, object]:
    copy = json.loads(json.dumps(resource))
    inner = copy
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return copy


@pytest.fixture(scope="module")
def resources(shared_data: Path) -> dict[str, list[dict[str, object]]]:
    return _real(shared_data)


@FEW
@given(seed=st.integers(0, 2**32))
def test_whatever_element_of_a_real_resource_has_another_kind_is_named_and_its_neighbours_land(
    make_zone, resources, seed
) -> None:
    draw = random.Random(seed)
    kind = draw.choice(sorted(resources))
    shape = shape_of(CONTRACT.object_for(kind))
    resource, *others = draw.sample(resources[kind], min(3, len(resources[kind])))
    path, element = draw.choice(list(places(resource, shape)))
    fits = {LIST} if element.is_list else {OBJECT} if element.children else element.kinds
    wrong = changed(resource, path, OF_KIND[draw.choice(sorted(OF_KIND.keys() - fits))])
    named = ".".join(step for step in path if isinstance(step, str))
    zone = make_zone()
    receipt = zone.one("x.ndjson", "".join(json.dumps(one) + "\n" for one in [wrong, *others]).encode())
    assert (receipt.landed, receipt.quarantined) == (len(others), 1)
    ((line, clause, _),) = zone.quarantine()
    assert line == 1
    assert clause == f"{kind}.{named}.element_type" or clause.endswith((".type", ".required"))


@FEW
@given(seed=st.integers(0, 2**32))
def test_whatever_member_of_a_real_resource_is_named_twice_is_named_and_its_neighbours_land(
    make_zone, resources, seed
) -> None:
    draw = random.Random(seed)
    kind = draw.choice(sorted(resources))
    resource, *others = draw.sample(resources[kind], min(3, len(resources[kind])))
    found = [
        p
        for p, _ in places(resource, shape_of(CONTRACT.object_for(kind)))
        if not any(isinstance(s, int) and s for s in p)
    ]
    path = draw.choice(found)
    marked = json.dumps(changed(resource, path, "\x00here"))
    text = marked.replace('"\\u0000here"', f'{draw.choice([1, "[]", "{}"])}, {json.dumps(path[-1])}: "x"')
    zone = make_zone()
    receipt = zone.one("x.ndjson", "".join(one + "\n" for one in [text, *map(json.dumps, others)]).encode())
    assert (receipt.landed, dict(receipt.reasons)) == (len(others), {REPEATED.clause: 1})
    named = ".".join(step for step in path if isinstance(step, str))
    assert zone.quarantine() == [(1, REPEATED.clause, f"{named} is named twice in one object. {REPEATED.reason}")]


def test_no_real_resource_is_wrong(resources) -> None:
    for kind, found in resources.items():
        shape = described(shape_of(CONTRACT.object_for(kind)))
        assert [first_wrong(json.dumps(one), shape) for one in found] == [None] * len(found)

"""A sound call with anything anywhere in it: an answer or a problem, never a failure, and one event for each answer."""

import copy
import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from serving_homes import SERVICE, Client, Home, call
from sqlalchemy import Engine, func, select

from ml.registry.stages import Stage
from ml.serving.tables import EVENT, open_database

ANSWERED = 200
REFUSED = {400, 412, 422}
TOGETHER = 64  # few enough that each is answered within its deadline, also on a machine that does other work
Place = tuple[Any, ...]

EXTREMES: list[Any] = [
    None, True, False, 0, -1, 2.5, 1e308, -1e308, 5e-324, 2**63, 2**64, 10**400, "", " ", "\0", "x" * 300, [], {}, [[]],
    "0000", "0001", "9999", "0001-01-01", "9999-12-31", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-14:00",
    "1582-10-10T00:00:00Z", "2026-03-02T24:00:00Z", "2026-03-02T11:59:60Z", "2026-03-02T11:20:00+99:99", "2026-02-30",
    "Patient/", "/", "#", "urn:uuid:", "%", "{", "{}", "no", "\u0130", "\U0001f691", "\ud7ff", "NaN", "١٢",
]  # fmt: skip
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12)
)
INNER = st.recursive(
    SCALARS | st.sampled_from(EXTREMES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KINDS = st.sampled_from(["replace", "replace", "replace", "delete", "copy from", "wrap"])
CHANGES = st.lists(st.tuples(KINDS, st.integers(0, 10_000), st.integers(0, 10_000), INNER), min_size=1, max_size=5)


def places(value: Any, path: Place = ()) -> list[Place]:
    """Every place of a document but the document itself."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for step, inner in steps for place in ((*path, step), *places(inner, (*path, step)))]


def at(document: Any, place: Place) -> Any:
    for step in place:
        document = document[step]
    return document


def changed(prefetch: Any, kind: str, place: Place, other: Place, value: Any) -> None:
    """Change a prefetch in one place; later changes may fall on what earlier ones put there."""
    target = at(prefetch, place[:-1])
    if kind == "delete":
        del target[place[-1]]
        return
    new = (
        copy.deepcopy(at(prefetch, other)) if kind == "copy from" else [target[place[-1]]] if kind == "wrap" else value
    )
    target[place[-1]] = new


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, Engine]]:
    """One running service for every example, and its event store."""
    home = Home.at(tmp_path_factory.mktemp("fuzz"))
    home.point(home.release(scope={"units": [], "shifts": ["night"]}), stage=Stage.DECISION_SUPPORT)
    with home.serving() as client:
        engine = open_database(home.config().event_store_url)
        yield client, engine
        engine.dispose()


def check(served: tuple[Client, Engine], bodies: list[dict[str, Any]]) -> None:
    """Every answer is allowed, and every answered call has its one event; a refused one has none."""
    client, engine = served
    responses = client.together(SERVICE, bodies)
    for body, response in zip(bodies, responses, strict=True):
        assert response.status_code in {ANSWERED, *REFUSED}, (response.text, body["prefetch"])
        if response.status_code == ANSWERED:
            assert isinstance(response.json()["cards"], list)
        else:
            assert response.headers["content-type"] == "application/problem+json"
    instances = {body["hookInstance"]: response.status_code for body, response in zip(bodies, responses, strict=True)}
    counted = select(EVENT.c.hook_instance, func.count()).where(EVENT.c.hook_instance.in_(instances))
    with engine.connect() as connection:
        written = {row[0]: row[1] for row in connection.execute(counted.group_by(EVENT.c.hook_instance))}
    assert written == {instance: 1 for instance, status in instances.items() if status == ANSWERED}


def test_extremes_in_every_place_of_a_sound_prefetch(served: tuple[Client, Engine]) -> None:
    """All of them in the visit and the patient, a third of them in each place of the many resources beside."""
    sound = call()
    bodies: list[dict[str, Any]] = []
    for number, place in enumerate(places(sound["prefetch"])):
        for value in EXTREMES if place[0] in ("patient", "encounter") else EXTREMES[number % 3 :: 3]:
            body = {**sound, "hookInstance": str(uuid4()), "prefetch": copy.deepcopy(sound["prefetch"])}
            changed(body["prefetch"], "replace", place, (), value)
            bodies.append(body)
    assert len(bodies) > 3000
    for start in range(0, len(bodies), TOGETHER):
        check(served, bodies[start : start + TOGETHER])


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=CHANGES)
def test_a_sound_prefetch_changed_in_several_places_at_any_depth(
    served: tuple[Client, Engine], changes: list[tuple[str, int, int, Any]]
) -> None:
    body = call(instance=str(uuid4()))
    for kind, here, there, value in changes:
        if found := places(body["prefetch"]):
            changed(body["prefetch"], kind, found[here % len(found)], found[there % len(found)], value)
    check(served, [json.loads(json.dumps(body))])

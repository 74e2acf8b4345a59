"""Whatever a prefetch holds, reading it ends in features or in a refusal."""

import copy
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from serving_homes import NOW, VOCABULARY, prefetch

from ml.features.request import RequestRefused, TriageRules
from ml.usecases import load_use_case

USE_CASE = load_use_case("triage")
RULES = TriageRules.of(
    (feature.name for feature in USE_CASE.expand(VOCABULARY.groups())), VOCABULARY, 18, ZoneInfo("Europe/Dublin")
)
WORDS = st.sampled_from(
    [
        "Patient",
        "Bundle",
        "Observation",
        "Condition",
        "http://loinc.org",
        "8867-4",
        "75636-1",
        "2026-03-02",
        "0001-01-01",
        "9999-12-31T23:59:59-14:00",
        "Patient/p1",
        "urn:uuid:",
        "/",
        "#",
        "%",
        "",
        "EMER",
        "2026-02-30",
        "0000",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=20)
NAMES = st.sampled_from(
    [
        "resourceType",
        "id",
        "entry",
        "resource",
        "code",
        "coding",
        "system",
        "value",
        "valueQuantity",
        "component",
        "start",
        "effectiveDateTime",
        "period",
        "subject",
        "reference",
        "location",
        "identifier",
        "class",
        "birthDate",
        "status",
    ]
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=4),
    max_leaves=15,
)


def check(sent: object) -> None:
    try:
        found = RULES.features(sent, NOW)
    except RequestRefused:
        return
    assert set(found.values) == set(RULES.names)
    assert all(value is None or isinstance(value, bool | int | float | str) for value in found.values.values())
    assert found.eligible == (found.ineligible_reason is None)


@given(sent=JSON)
@settings(max_examples=300, deadline=None)
def test_any_json_is_read_or_refused(sent: object) -> None:
    check(sent)


@given(parts=st.fixed_dictionaries({}, optional=dict.fromkeys(prefetch(), JSON)))
@settings(max_examples=300, deadline=None)
def test_any_json_under_any_key_is_read_or_refused(parts: dict[str, Any]) -> None:
    check({**prefetch(), **parts})


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for step, inner in steps for place in _places(inner, (*path, step)))]


PLACES = _places(prefetch())


@given(place=st.sampled_from(PLACES), replacement=JSON)
@settings(max_examples=500, deadline=None)
def test_a_sound_prefetch_with_anything_in_one_place_is_read_or_refused(
    place: tuple[Any, ...], replacement: Any
) -> None:
    if not place:
        check(replacement)
        return
    sent = copy.deepcopy(prefetch())
    target: Any = sent
    for step in place[:-1]:
        target = target[step]
    target[place[-1]] = replacement
    check(sent)


@pytest.mark.parametrize("value", [10**400, -(10**400), float("inf"), float("nan"), "9" * 400])
def test_a_number_beyond_numbers_is_missing(value: object) -> None:
    sent = prefetch()
    sent["vitals"]["entry"][0]["resource"]["valueQuantity"]["value"] = value
    assert RULES.features(sent, NOW).values["heart_rate"] is None

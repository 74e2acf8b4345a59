"""Elements of a FHIR document that are another kind of JSON value than the contract reads: a list for an object, say.

Here one document is looked at, in Python, and what is wrong with it is named; landing asks it of few (suspects.py).
What is JSON null is absent.

What does not belong here: values of the right kind (clauses.py).
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import cast

import duckdb
import pyarrow as pa
from duckdb.func import ARROW, SPECIAL

from orchestration.contracts import lenient_json
from orchestration.contracts.path import BOOLEAN, LIST, NUMBER, OBJECT, TEXT, Shape

NAME = "wrong_element"
KINDS = (OBJECT, LIST, TEXT, NUMBER, BOOLEAN)
ENTRIES, TYPE = "[]", "resourceType"
CONTAINED, CONTAINED_TYPE = "contained", "Medication"  # contracts read no other type there, and others differ in form


@dataclass(frozen=True)
class Element:
    """An element that a contract reads, or an entry of it where it repeats, and the kinds of value that it may be."""

    path: tuple[str, ...]
    is_entry: bool
    kinds: frozenset[str]

    @property
    def is_node(self) -> bool:
        """Whether others are read inside it."""
        return not self.kinds.isdisjoint((OBJECT, LIST))

    def told(self, item: str, found: str) -> str:
        """Return what was expected and what came."""
        name = ".".join((item, *self.path))
        wanted = " or ".join(kind for kind in KINDS if kind in self.kinds)
        return f"{'Each entry of ' if self.is_entry else ''}{name} must be {wanted}; it came as {found}."


Wrong = tuple[Element, str]  # what came of it


def wrongs(shape: Shape) -> tuple[Wrong, ...]:
    """Return everything that can be wrong, as `NAME` numbers it: elements with others inside first."""
    elements = sorted(_elements(shape, ()), key=lambda element: not element.is_node)
    return tuple((element, kind) for element in elements for kind in KINDS if kind not in element.kinds)


def _elements(shape: Shape, path: tuple[str, ...]) -> Iterator[Element]:
    for name, child in (shape.children or {}).items():
        if child.is_list:
            yield Element((*path, name), False, frozenset({LIST}))
        yield Element((*path, name), child.is_list, _value_kinds(child))
        yield from _elements(child, (*path, name))


def _value_kinds(shape: Shape) -> frozenset[str]:
    """Return the kinds that a value of an element, or an entry of it, may be."""
    return frozenset({OBJECT}) if shape.children else shape.kinds


def described(shape: Shape) -> str:
    """Return a shape as JSON text: an object of elements, a list of the kinds of a leaf, `[]` around what repeats."""
    return json.dumps(_described(shape))


def _described(shape: Shape) -> object:
    made = {n: _described(c) for n, c in shape.children.items()} if shape.children else sorted(shape.kinds)
    return {ENTRIES: made} if shape.is_list else made


@cache
def _of_description(text: str) -> tuple[Shape, dict[Wrong, int]]:
    shape = _shape(json.loads(text))
    return shape, {wrong: number for number, wrong in enumerate(wrongs(shape), start=1)}


def _shape(described: object) -> Shape:
    if isinstance(described, list):
        return Shape(kinds=frozenset(cast("list[str]", described)))
    elements = cast("dict[str, object]", described)
    if ENTRIES in elements:
        return replace(_shape(elements[ENTRIES]), is_list=True)
    return Shape(children={name: _shape(child) for name, child in elements.items()})


def first_wrong(document: str, description: str) -> int | None:
    """Return the number of the first thing that is wrong with a document (JSON text), null where nothing is, and for a
    document that Python cannot read: other clauses judge what DuckDB read of it."""
    shape, numbers = _of_description(description)
    try:
        read = lenient_json.loads(document)
    except (ValueError, RecursionError):
        return None
    return min((numbers[wrong] for wrong in _found(read, shape, ())), default=None)


def _found(value: object, shape: Shape, path: tuple[str, ...]) -> Iterator[Wrong]:
    """Return what is wrong inside of an object."""
    members = cast("dict[str, object]", value)
    for name, child in (shape.children or {}).items():
        came, way = members.get(name), (*path, name)
        if child.is_list and isinstance(came, list):
            for entry in cast("list[object]", came):
                yield from _of_value(entry, child, way)
        elif child.is_list and came is not None:
            yield Element(way, False, frozenset({LIST})), _kind(came)
        else:
            yield from _of_value(came, child, way)


def _of_value(value: object, shape: Shape, path: tuple[str, ...]) -> Iterator[Wrong]:
    kinds = _value_kinds(shape)
    if value is None:
        return
    if _kind(value) not in kinds:
        yield Element(path, shape.is_list, kinds), _kind(value)
    elif shape.children and not (
        path[-1] == CONTAINED and cast("dict[str, object]", value).get(TYPE) != CONTAINED_TYPE
    ):
        yield from _found(value, shape, path)


def _kind(value: object) -> str:
    match value:
        case bool():
            return BOOLEAN
        case str():
            return TEXT
        case int() | float():
            return NUMBER
        case list():
            return LIST
        case _:
            return OBJECT


def install(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `first_wrong` known to a connection, if it is not."""

    def wrong_element(documents: pa.ChunkedArray, descriptions: pa.ChunkedArray) -> pa.Array:
        pairs = zip(documents.to_pylist(), descriptions.to_pylist(), strict=True)
        return pa.array([first_wrong(document, description) for document, description in pairs], pa.int32())

    with suppress(duckdb.InvalidInputException):  # most connections do not know it yet
        connection.remove_function(NAME)
    connection.create_function(
        NAME, wrong_element, ["VARCHAR", "VARCHAR"], "INTEGER", type=ARROW, null_handling=SPECIAL
    )

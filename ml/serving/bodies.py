"""From the bytes of a body to its shape: JSON that says everything once, and the fields that it must have.

Here belong decoding and the problems of a body that cannot be. Its size is bounded before (`limits.py`).
"""

import json
from http import HTTPStatus
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from ml.registry.manifest import first_fault
from ml.serving import Problem

Shape = TypeVar("Shape", bound=BaseModel)


class _SaidTwice(ValueError):
    """An object names a member twice."""


def decoded(body: bytes) -> dict[str, Any]:
    """The JSON object of a body. Raises `Problem` 400.

    A member that is named twice is refused: of two readers each may take another one, and so another patient.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, "not-json", f"The body is no JSON: {error.msg}.") from error
    if not isinstance(document, dict):
        raise Problem(HTTPStatus.BAD_REQUEST, "not-json", "The body is no JSON object; see /openapi.json.")
    try:
        if not _comes_back(document, body):
            _ONCE.decode(body.decode())
    except (orjson.JSONEncodeError, RecursionError) as error:
        detail = "The body nests deeper than 250 levels; FHIR does not."
        raise Problem(HTTPStatus.BAD_REQUEST, "nested-too-deep", detail) from error
    except _SaidTwice as error:
        detail = "The body names a member of an object twice; send each once."
        raise Problem(HTTPStatus.BAD_REQUEST, "member-repeated", detail) from error
    except ValueError as error:  # what the two readers of JSON disagree on
        raise Problem(HTTPStatus.BAD_REQUEST, "not-json", "The body is no plain JSON (RFC 8259).") from error
    return document


def shaped(
    shape: type[Shape], document: dict[str, Any], subject: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST
) -> Shape:
    """The document in its shape. Raises `Problem` with the first field that is wrong, never with its value."""
    try:
        return shape.model_validate(document)
    except ValidationError as error:
        detail = first_fault(subject, error).replace("Write it again with this version.", "See /openapi.json.")
        raise Problem(status, "invalid-request", detail) from error


def _comes_back(document: dict[str, Any], body: bytes) -> bool:
    """Whether the body, but for white space, is what its document is written as: then it has no member twice.

    White space is left out inside strings too, on both sides: that leaves as many members as there were, and a document
    has fewer of them than a body that names one twice.
    """
    return orjson.dumps(document).translate(None, _WHITE_SPACE) == body.translate(None, _WHITE_SPACE)


def _once(members: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in members}) < len(members):
        raise _SaidTwice


_WHITE_SPACE = b" \t\r\n"
"""RFC 8259, section 2."""
_ONCE = json.JSONDecoder(object_pairs_hook=_once, parse_int=len, parse_float=len)
"""Walks the text for names only: numbers are not read, and nothing is kept."""

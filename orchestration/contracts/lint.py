"""Is a contract one that this house can keep: the ODCS schema first, then what landing needs beyond it.

What does not belong here: comparing versions (compare.py), and compiling for real data (compiler.py).
"""

import hashlib
import json
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb
import jsonschema_rs
import yaml

from orchestration.contracts import digests, elements, sql
from orchestration.contracts.compiler import compile_fhir, compile_tabular
from orchestration.contracts.errors import InvalidContract
from orchestration.contracts.load import SUFFIX, parse_contract, read_yaml
from orchestration.contracts.model import Contract, ContractObject, Reader

LARGEST = 4_000_000  # bytes of YAML: a contract is read by people
SLA = ("frequency", "retention")


def check_contract(path: Path) -> list[str]:
    """Return what is wrong with a contract's file, in the order of its lines where that is known; empty when nothing.

    Raises `InvalidContract` for what is no YAML mapping, too large or not there.
    """
    return list(_check(path.name, read_bytes(path)))


@lru_cache(maxsize=64)
def _check(name: str, content: bytes) -> tuple[str, ...]:
    """What is wrong with bytes under a file's name: the same for the same, so that it is found out once."""
    try:
        document = read_yaml(content.decode("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidContract(f"{name} is no YAML: {error}") from error
    if not isinstance(document, dict):
        raise InvalidContract(f"{name} holds no mapping; an ODCS contract begins with apiVersion and kind.")
    found = tuple(f"{_place(error)}: {error.message}" for error in _schema().iter_errors(document))
    return found or tuple(_house_rules(name, content, document))


def read_contract(path: Path) -> Contract:
    """Return the contract of a file anywhere; its feed is the name it gives itself. Raises `InvalidContract`."""
    content = read_bytes(path)
    try:
        document = read_yaml(content.decode("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidContract(f"{path.name} is no YAML: {error}") from error
    name = document.get("name") if isinstance(document, dict) else None
    if not isinstance(name, str):
        raise InvalidContract(f"{path.name} has no name; an ODCS contract names its feed.")
    return parse_contract(name, content)


def read_bytes(path: Path) -> bytes:
    """Return a contract file's bytes. Raises `InvalidContract` where it is missing or too large."""
    try:
        content = path.read_bytes() if path.stat().st_size <= LARGEST else None
    except OSError as error:
        raise InvalidContract(f"{path.name} cannot be read: {error.strerror}.") from error
    if content is None:
        raise InvalidContract(f"{path.name} is larger than {LARGEST:,} bytes; no contract is.")
    return content


@cache
def _schema() -> Any:
    packaged = resources.files("open_data_contract_standard") / "schema.json"
    return jsonschema_rs.validator_for(json.loads(packaged.read_bytes()))


def _place(error: Any) -> str:
    return "/".join(str(step) for step in error.instance_path) or "the document"


def _house_rules(name: str, content: bytes, document: dict[str, Any]) -> Iterator[str]:
    try:
        contract = parse_contract(str(document.get("name")), content)
    except InvalidContract as error:
        yield str(error)
        return
    if not name.startswith(contract.feed) or not name.endswith(SUFFIX):
        yield f"the file is called {name}, expected {contract.feed}{SUFFIX}"
    agreed = {item.get("property") for item in document.get("slaProperties") or ()}
    yield from (f"slaProperties: no {wanted}; say how it is agreed" for wanted in SLA if wanted not in agreed)
    with duckdb.connect() as db:
        key = hashlib.sha256(b"check").digest()
        sql.install(db, key)
        elements.install(db)
        digests.install(db, key)
        for item in contract.objects:
            yield from _object_rules(db, contract, item)


def _object_rules(db: duckdb.DuckDBPyConnection, contract: Contract, item: ContractObject) -> Iterator[str]:
    for found in item.properties:
        if not found.description:
            yield f"{item.name}.{found.name}: no description; say what it means and in which unit"
    try:
        _explain(db, contract, item)
    except (duckdb.Error, InvalidContract) as error:
        yield f"{item.name}: does not compile: {str(error).splitlines()[0]}"


def _explain(db: duckdb.DuckDBPyConnection, contract: Contract, item: ContractObject) -> None:
    """Let DuckDB bind the compiled object over an empty source."""
    carried = "1 as _file_no, 1 as _line, '' as _content, false as _is_deleted, now() as _arrived_at"
    if contract.reader is Reader.TABULAR:
        columns = sorted({name for p in item.properties for name in p.columns})
        source = ", ".join(f"'' as {sql.name(name)}" for name in columns)
        compiled = compile_tabular(item, {name.lower(): name for name in columns})
        query = compiled.query(f"(select {carried}, {source})")
    else:
        query = compile_fhir(item, is_foreign=contract.reader is Reader.FHIR).query(
            f"(select {carried}, '' as _id, '' as _type, '{{}}' as doc, '' as _base)"
        )
    db.execute(f"explain {query}")

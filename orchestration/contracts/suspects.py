"""Which documents may hold an element of another kind of JSON value than the contract reads, as SQL.

`from_json` reads such an element as if it was not there, and asking for the kind of every element costs a fifth of
landing. So what was read anyway is looked at first: what is there and empty, or is no list where its parent is there,
is suspect. Of suspects alone the kinds are asked, and what is really wrong is looked at once more to be named
(elements.py).

What does not belong here: values of the right kind (clauses.py).
"""

from collections.abc import Iterator, Mapping, Sequence

from orchestration.contracts import sql
from orchestration.contracts.elements import NAME, described
from orchestration.contracts.path import BOOLEAN, NUMBER, TEXT, Shape

# The first character of a JSON value tells its kind: '"' comes before '#', a digit and '-' from '-' to before ':'.
IS_NOT = {
    TEXT: "cast({0} as varchar) >= '#'",
    NUMBER: "cast({0} as varchar) not between '-' and ':'",
    BOOLEAN: "cast({0} as varchar) not in ('true', 'false')",
}


NAMES = "_names"  # of a record: the digest of the names in it, null where there is none
Naming = Mapping[str, Sequence[int]]  # by the JSON path of a list: the digests of names with which it is there


def suspicion(shape: Shape, root: str, naming: Naming | None = None) -> str:
    """Return SQL of the number of what is wrong with `doc`, null where nothing is; `root` is what was read of it.

    With `naming`, which tells of every list that is in no other, only records that name a list are asked why none was
    read of it; few documents have all the lists that a contract reads.
    """
    here = _Suspects(shape, root, naming)
    asked = f"{NAME}(cast(doc as varchar), {sql.text(described(shape))})"
    return f"case when {here.is_wrong} then {asked} end"


class _Suspects:
    """The conditions under which a document has to be looked at, gathered along its shape."""

    def __init__(self, shape: Shape, root: str, naming: Naming | None) -> None:
        self.naming = naming
        self.empty: dict[
            str, str
        ] = {}  # of objects that are in no list: their JSON paths, and whether they are suspect
        self.absent: dict[str, str] = {}  # of lists that are in no other
        self.others: list[str] = []
        self._gather(shape, root, "$", None)
        self.is_wrong = " or ".join([*_asked(self.empty, "OBJECT"), *_asked(self.absent, "ARRAY"), *self.others])

    def _gather(self, shape: Shape, here: str, way: str, parent: str | None) -> None:
        for name, child in (shape.children or {}).items():
            value, path = f"{here}.{sql.name(name)}", f"{way}.{name}"
            if child.is_list:
                self.absent[path] = (
                    f"{self._is_named(path)}{f'{parent} is not null and ' if parent else ''}{value} is null"
                )
                self.others.append(_list(child, value, path))
            elif child.children:
                self.empty[path] = _is_empty(child, value)
                self._gather(child, value, path, value)
            else:
                self.others.append(_leaf(child, value))

    def _is_named(self, path: str) -> str:
        if self.naming is None:
            return ""
        digests = [f"cast({digest} as ubigint)" for digest in self.naming[path]]
        return f"coalesce({NAMES} in ({', '.join(digests)}), true) and " if digests else f"{NAMES} is null and "


def _asked(suspects: dict[str, str], kind: str) -> list[str]:
    """Return whether any of what is suspect has another type, which is asked of all at once."""
    if not suspects:
        return []
    asked = f"json_type(doc, [{', '.join(map(sql.text, suspects))}])"
    return [f"case when {' or '.join(suspects.values())} then {_has_others(asked, kind)} end"]


def _has_others(types: str, kind: str) -> str:
    return f"len(list_filter({types}, lambda t: t not in ('{kind}', 'NULL'))) > 0"


def _list(shape: Shape, value: str, path: str) -> str:
    """Return whether an entry of a list is wrong, which is asked only where one is suspect."""
    nodes, leaves = _entry(shape, "e0", 0)
    asked = [_has_others(f"json_type(doc, {sql.text(way)})", kind) for way, kind in _ways(shape, f"{path}[*]")]
    sure = [_any(value, "e0", leaves)] if leaves else []
    return (
        f"case when len({value}) > 0 then case when {_any(value, 'e0', [*nodes, *leaves])} "
        f"then {' or '.join([*asked, *sure])} end end"
    )


def _any(values: str, entry: str, conditions: list[str]) -> str:
    return f"len(list_filter({values}, lambda {entry}: {' or '.join(conditions)})) > 0"


def _entry(shape: Shape, value: str, depth: int) -> tuple[list[str], list[str]]:
    """Return the conditions of a value: of what has others inside, and of what has not."""
    if not shape.children:
        return [], [_leaf(shape, value)]
    nodes, leaves = [_is_empty(shape, value)], list[str]()
    for name, child in shape.children.items():
        inner, at = f"{value}.{sql.name(name)}", depth
        if child.is_list:
            at, entry = depth + 1, f"e{depth + 1}"
            nodes.append(f"{value} is not null and {inner} is null")
            of_entries = _entry(child, entry, at)
            for found, of in zip((nodes, leaves), of_entries, strict=True):
                found.extend([_any(inner, entry, of)] if of else [])
        else:
            for found, of in zip((nodes, leaves), _entry(child, inner, at), strict=True):
                found.extend(of)
    return nodes, leaves


def _ways(shape: Shape, path: str) -> Iterator[tuple[str, str]]:
    """Return the JSON paths of what has others inside, with the type that it must have."""
    if shape.children:
        yield path, "OBJECT"
    for name, child in (shape.children or {}).items():
        if child.is_list:
            yield f"{path}.{name}", "ARRAY"
            yield from _ways(child, f"{path}.{name}[*]")
        elif child.children:
            yield from _ways(child, f"{path}.{name}")


def _is_empty(shape: Shape, value: str) -> str:
    """Return whether nothing was read inside of what is there."""
    return " and ".join(
        [f"{value} is not null", *(f"{value}.{sql.name(name)} is null" for name in shape.children or {})]
    )


def _leaf(shape: Shape, value: str) -> str:
    return " and ".join(IS_NOT[kind].format(value) for kind in sorted(shape.kinds))

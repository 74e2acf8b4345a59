"""The small path language of a FHIR contract, and its SQL over a parsed struct.

`a.b[0].c` an element, `x[?p=='v'].y` the first entry whose `p` is `v`, `x[?p=='v'|0].y` that one, else the first.
Alternatives are parted by ` | `. What does not belong here: types, rules, pseudonyms (compiler.py).
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from orchestration.contracts import sql
from orchestration.contracts.errors import InvalidContract

ALTERNATIVE = re.compile(r"\s+\|\s+")
STEP = re.compile(
    r"(?P<name>[A-Za-z][A-Za-z0-9]*)"
    r"(?:\[(?:(?P<index>\d+)|\?(?P<where>[A-Za-z0-9.\[\]]+)=='(?P<value>[^']*)'(?P<first>\|0)?)\])?(?:\.|$)"
)
LEAF = "JSON"
TEXT, NUMBER, BOOLEAN, OBJECT, LIST = "a string", "a number", "true or false", "an object", "a list"


@dataclass(frozen=True)
class Step:
    """One element name, and which entry of it where it repeats."""

    name: str
    index: int | None = None
    where: tuple["Step", ...] = ()
    value: str = ""
    or_first: bool = False

    @property
    def repeats(self) -> bool:
        return self.index is not None or bool(self.where)


@dataclass
class Shape:
    """The part of a document that a contract reads, as the structure that `from_json` wants."""

    is_list: bool = False
    children: "dict[str, Shape] | None" = None
    kinds: frozenset[str] = frozenset()  # of JSON values, that a leaf may be

    def add(self, steps: tuple[Step, ...], kind: str = TEXT) -> None:
        """Make room for a path to values of a kind. Raises `InvalidContract` where it contradicts another."""
        if not steps:
            self.kinds |= {kind}
            return
        head, rest = steps[0], steps[1:]
        self.children = {} if self.children is None else self.children
        child = self.children.setdefault(head.name, Shape(is_list=head.repeats))
        if child.is_list != head.repeats:
            raise InvalidContract(f"Paths disagree on whether {head.name!r} repeats.")
        if head.where:
            child.add(head.where)
        child.add(rest, kind)

    def graft(self, steps: tuple[Step, ...], branch: "Shape") -> None:
        """Put the shape of a repeating element where a path leads."""
        here = self
        for step in steps[:-1]:
            here.add((step,))
            here = (here.children or {})[step.name]
        here.children = {**(here.children or {}), steps[-1].name: branch}

    def names(self) -> frozenset[str]:
        """Return the names of all elements, at any depth."""
        children = self.children or {}
        return frozenset(children).union(*(child.names() for child in children.values()))

    def objects(self, way: str = "$") -> Iterator[str]:
        """Return the JSON paths of the objects that are read: this one, and those inside; of lists the first entry."""
        yield way
        for name, child in (self.children or {}).items():
            if child.children:
                yield from child.objects(f"{way}.{name}{'[0]' if child.is_list else ''}")

    def lists(self, way: str = "$") -> Iterator[str]:
        """Return the JSON paths of the lists that are in no other."""
        for name, child in (self.children or {}).items():
            if child.is_list:
                yield f"{way}.{name}"
            else:
                yield from child.lists(f"{way}.{name}")

    def structure(self) -> str:
        """Return the JSON text of the structure; every leaf stays a JSON fragment, so that its type can be judged."""
        return json.dumps(self._plain())

    def _plain(self) -> object:
        plain = LEAF if not self.children else {k: child._plain() for k, child in self.children.items()}
        return [plain] if self.is_list else plain


def alternatives(path: str) -> tuple[tuple[Step, ...], ...]:
    """Return the alternatives of a path, each as steps. Raises `InvalidContract` for what is no path."""
    return tuple(_steps(part) for part in ALTERNATIVE.split(path.strip()))


def _steps(path: str) -> tuple[Step, ...]:
    steps: list[Step] = []
    position = 0
    while position < len(path):
        found = STEP.match(path, position)
        if not found:
            raise InvalidContract(f"{path!r} is not a path: stuck at {path[position:]!r}.")
        where = _steps(found["where"]) if found["where"] else ()
        index = int(found["index"]) if found["index"] else None
        steps.append(Step(found["name"], index, where, found["value"] or "", bool(found["first"])))
        position = found.end()
    return tuple(steps)


def fragment(root: str, steps: tuple[Step, ...], depth: int = 0) -> str:
    """Return the SQL of the JSON fragment that steps lead to from the struct expression `root`."""
    for step in steps:
        root = _descend(f"{root}.{sql.name(step.name)}", step, depth)
        depth += 1
    return root


def _descend(root: str, step: Step, depth: int) -> str:
    if step.index is not None:
        return f"{root}[{step.index + 1}]"
    if not step.where:
        return root
    entry, head = f"e{depth}", f"{root}[1]"
    wanted = sql.text(json.dumps(step.value, ensure_ascii=False))
    first = f"list_filter({root}, lambda {entry}: {_matches(entry, step, wanted, depth)})[1]"
    found = f"coalesce({first}, {head})" if step.or_first else first
    # Most lists have the wanted entry first; only the others are searched.
    return f"case when {_matches(head, step, wanted, depth)} then {head} else {found} end"


def _matches(entry: str, step: Step, wanted: str, depth: int) -> str:
    return f"cast({fragment(entry, step.where, depth + 1)} as varchar) = {wanted}"


def coalesced(root: str, path: str, leaf: tuple[Step, ...] = ()) -> str:
    """Return the SQL of the first alternative of `path` that is there; `leaf` is appended to each."""
    parts = [fragment(root, steps + leaf) for steps in alternatives(path)]
    return parts[0] if len(parts) == 1 else f"coalesce({', '.join(parts)})"

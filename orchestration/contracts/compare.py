"""Two versions of a contract side by side: what changed, whether it breaks, and which version number it asks for.

A change breaks when a record that was valid may no longer be, or when a value that stays valid means something else:
the history in the lake and the new records would then disagree. What does not belong here: reading YAML (load.py).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeVar

from orchestration.contracts.errors import BreakingChange
from orchestration.contracts.model import Contract, ContractObject, Property, RowRule

SEMVER_PARTS = 3
SHOWN_CHANGES = 5
SHOWN = 40  # characters of a value that a sentence may quote
T = TypeVar("T")


class Impact(IntEnum):
    """The part of the version number that a change asks for."""

    PATCH = 0
    MINOR = 1
    MAJOR = 2


@dataclass(frozen=True)
class Change:
    """One difference. `where` is `Object.property`, empty for the contract itself."""

    where: str
    impact: Impact
    sentence: str

    @property
    def is_breaking(self) -> bool:
        return self.impact is Impact.MAJOR


@dataclass(frozen=True)
class Comparison:
    """All differences of two versions of one feed's contract."""

    old: Contract
    new: Contract
    changes: tuple[Change, ...]

    @property
    def impact(self) -> Impact | None:
        return max((change.impact for change in self.changes), default=None)

    @property
    def is_breaking(self) -> bool:
        return self.impact is Impact.MAJOR

    @property
    def is_version_enough(self) -> bool:
        """Whether the new version number rose by at least what the changes ask for."""
        if self.impact is None:
            return version_numbers(self.new) >= version_numbers(self.old)
        kept = SEMVER_PARTS - 1 - self.impact
        return version_numbers(self.new)[: kept + 1] > version_numbers(self.old)[: kept + 1]


def require_sound(old: Contract, new: Contract, advice: str) -> None:
    """Refuse a version that breaks the one before it without a new major version. Raises `BreakingChange`."""
    found = compare(old, new)
    breaking = [change for change in found.changes if change.is_breaking]
    if not breaking or found.is_version_enough:
        return
    told = "; ".join(f"{change.where or new.feed}: {change.sentence}" for change in breaking[:SHOWN_CHANGES])
    more = f"; and {len(breaking) - SHOWN_CHANGES} more" if len(breaking) > SHOWN_CHANGES else ""
    raise BreakingChange(
        f"{old.label} -> {new.label} is breaking and the version must rise by a major number: {told}{more}. {advice}"
    )


def compare(old: Contract, new: Contract) -> Comparison:
    """Compare two versions; the changes come in the order of the contract."""
    return Comparison(old, new, tuple(_contract_changes(old, new)))


def version_numbers(contract: Contract) -> tuple[int, ...]:
    """Return major, minor and patch of a version, to be ordered by."""
    parts = [int(part) if part.isdigit() else 0 for part in contract.version.split("-")[0].split(".")]
    return tuple((*parts, 0, 0, 0)[:SEMVER_PARTS])


def _contract_changes(old: Contract, new: Contract) -> Iterator[Change]:
    if old.feed != new.feed:
        yield Change("", Impact.MAJOR, f"the contract is of another feed: {old.feed} became {new.feed}")
    if old.reader is not new.reader:
        yield Change("", Impact.MAJOR, f"the reader {old.reader} became {new.reader}")
    yield from _choices("", "format", old.formats, new.formats)
    for label, before, after in (
        ("owner", old.owner, new.owner),
        ("fallback", old.fallback, new.fallback),
        ("service level", old.sla, new.sla),
        ("list of what may differ by environment", old.may_differ, new.may_differ),
        ("share of records that stops the feed", old.drift_share, new.drift_share),
    ):
        if before != after:
            yield Change("", Impact.PATCH, f"the {label} changed")
    yield from _matched(_named(old.objects), _named(new.objects), "", "object", _object_changes, lambda _: Impact.MINOR)


def _named(items: Sequence[ContractObject]) -> dict[str, ContractObject]:
    return {item.name: item for item in items}


def _matched(
    old: Mapping[str, T],
    new: Mapping[str, T],
    prefix: str,
    kind: str,
    changes: Callable[[str, T, T], Iterator[Change]],
    added: Callable[[T], Impact],
) -> Iterator[Change]:
    """Pair items by name: what vanished breaks, what is new has the impact that `added` says, the rest is compared."""
    for name, before in old.items():
        where = f"{prefix}{name}"
        if name in new:
            yield from changes(where, before, new[name])
        else:
            yield Change(where, Impact.MAJOR, f"the {kind} is gone")
    for name, after in new.items():
        if name not in old:
            impact = added(after)
            how = "required " if impact is Impact.MAJOR else ""
            yield Change(f"{prefix}{name}", impact, f"a {how}{kind} was added")


def _object_changes(where: str, old: ContractObject, new: ContractObject) -> Iterator[Change]:
    fixed = (("table", old.table, new.table), ("resource type", old.resource_type, new.resource_type))
    for label, before, after in (*fixed, ("key", old.key.name, new.key.name)):
        if before != after:
            yield Change(where, Impact.MAJOR, f"the {label} {before} became {after}")
    if old.grain != new.grain:
        yield Change(where, Impact.PATCH, "the grain is described differently")
    yield from _properties(where, old.properties, new.properties)
    rules = ({r.name: r for r in old.rules}, {r.name: r for r in new.rules})
    yield from _rules(where, *rules)


def _properties(where: str, old: Sequence[Property], new: Sequence[Property]) -> Iterator[Change]:
    before, after = {p.name: p for p in old}, {p.name: p for p in new}
    yield from _matched(before, after, f"{where}.", "property", _property_changes, _added)


def _added(item: Property) -> Impact:
    return Impact.MAJOR if item.is_required or item.column_required else Impact.MINOR


def _rules(where: str, old: Mapping[str, RowRule], new: Mapping[str, RowRule]) -> Iterator[Change]:
    for name in {**old, **new}:
        if name not in new:
            yield Change(where, Impact.MINOR, f"the rule {name} is gone")
        elif name not in old:
            yield Change(where, Impact.MAJOR, f"the rule {name} was added: records that were valid may break it")
        elif old[name].expression != new[name].expression:
            yield Change(where, Impact.MAJOR, f"the rule {name} judges differently")


def _property_changes(where: str, old: Property, new: Property) -> Iterator[Change]:
    yield from _meaning(where, old, new)
    yield from _bounds(where, old, new)
    yield from _choices(where, "column", old.columns, new.columns)
    yield from _codes(where, old.codes, new.codes)
    for label, before, after in (
        ("required", old.is_required, new.is_required),
        ("required as a column", old.column_required, new.column_required),
    ):
        if before != after:
            yield Change(
                where,
                Impact.MAJOR if after else Impact.MINOR,
                f"it is now {label}" if after else f"it is no longer {label}",
            )
    if old.description != new.description:
        yield Change(where, Impact.PATCH, "it is described differently")
    yield from _properties(where, old.items, new.items)


MEANING = {
    "logical_type": "type",
    "path": "path",
    "unit": "unit",
    "scale": "scale",
    "classification": "classification",
    "authority": "authority",
    "authority_path": "authority's path",
    "reference": "reference",
    "identifies": "kind of what it numbers",
    "transform": "transformation",
    "sentinels": "list of sentinels",
    "true_codes": "codes of true",
    "false_codes": "codes of false",
    "pattern": "pattern",
    "latest_after_arrival": "latest time after arrival",
    "form": "form",
    "ranges_by": "code that ranges go by",
    "file_name_pattern": "pattern of the file name",
    "is_landed": "landing",
    "is_key": "part in the key",
}
ADDED = ("identifies",)  # which says more of the same value
RULES = ("pattern", "latest_after_arrival", "form")  # which history may break, and nothing breaks when they go


def _meaning(where: str, old: Property, new: Property) -> Iterator[Change]:
    """What makes the same bytes another value, or another value the same field."""
    for member, label in MEANING.items():
        before, after = getattr(old, member), getattr(new, member)
        if before != after:
            eased = (member in RULES and after is None) or (member in ADDED and before is None)
            yield Change(where, Impact.MINOR if eased else Impact.MAJOR, f"its {label} changed{_said(before, after)}")


def _said(before: object, after: object) -> str:
    short = all(isinstance(value, str | float | bool | None) and len(str(value)) <= SHOWN for value in (before, after))
    return f" from {before} to {after}" if short else ""


def _bounds(where: str, old: Property, new: Property) -> Iterator[Change]:
    for label, before, after, tightens in (
        ("minimum", old.minimum, new.minimum, _is_above),
        ("maximum", old.maximum, new.maximum, _is_below),
        ("longest text", old.max_length, new.max_length, _is_below),
    ):
        if before != after:
            yield _bound(where, label, before, after, before is None or (after is not None and tightens(after, before)))
    ranges = ({r.code: r for r in old.ranges}, {r.code: r for r in new.ranges})
    for code in sorted({**ranges[0], **ranges[1]}):
        before, after = (side.get(code) for side in ranges)
        if before != after:
            is_inside = after is None or (
                before is not None and after.minimum <= before.minimum and before.maximum <= after.maximum
            )
            yield _bound(where, f"range for the code {code}", before, after, not is_inside)


def _bound(where: str, label: str, before: object, after: object, is_tightened: bool) -> Change:
    how, impact = ("tightened", Impact.MAJOR) if is_tightened else ("loosened", Impact.MINOR)
    return Change(where, impact, f"its {label} was {how}{_said(before, after)}")


def _is_above(one: str | int, other: str | int) -> bool:
    return _ordered(one) > _ordered(other)


def _is_below(one: str | int, other: str | int) -> bool:
    return _ordered(one) < _ordered(other)


def _ordered(bound: str | int) -> tuple[int, float, str]:
    """Numbers order as numbers, dates as their ISO text."""
    try:
        return (0, float(bound), "")
    except ValueError:
        return (1, 0.0, str(bound))


def _codes(where: str, old: Sequence[str], new: Sequence[str]) -> Iterator[Change]:
    if not old and new:
        yield Change(where, Impact.MAJOR, "a list of codes was added: values that were valid may not be on it")
    elif old and not new:
        yield Change(where, Impact.MINOR, "the list of codes is gone")
    else:
        yield from _choices(where, "code", old, new)


def _choices(where: str, kind: str, old: Sequence[str], new: Sequence[str]) -> Iterator[Change]:
    for gone in sorted(set(old) - set(new)):
        yield Change(where, Impact.MAJOR, f"the {kind} {gone} is no longer accepted")
    for added in sorted(set(new) - set(old)):
        yield Change(where, Impact.MINOR, f"the {kind} {added} is accepted too")

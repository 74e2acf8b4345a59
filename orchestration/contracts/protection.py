"""An older version as it may judge today: its clauses of then, and what leaves the landing zone as it is decided now.

Whether a record was right is a question about its own time. Whether a name may reach the lake is not: what has been
learned about privacy since holds for history that is landed late as well. So an older version lands no column that the
current one does not land, classifies none more loosely, and scrubs the text that the current one scrubs.

What does not belong here: which version judges what (timeline.py), and how a value is scrubbed (free_text.py).
"""

from collections.abc import Sequence
from dataclasses import replace

from orchestration.contracts.model import Classification, Contract, ContractObject, Property

LOOSEST_FIRST = (Classification.PUBLIC, Classification.QUASI, Classification.IDENTIFIER, Classification.DIRECT)
SCRUB = "clinical_text("


def protected(old: Contract, now: Contract) -> Contract:
    """Return an older version with the protection of the current one."""
    current = {item.name: item for item in now.objects}
    objects = [_object(item, current[item.name]) if item.name in current else item for item in old.objects]
    return replace(old, objects=tuple(objects))


def _object(old: ContractObject, now: ContractObject) -> ContractObject:
    return replace(old, properties=_properties(old.properties, now.properties))


def _properties(old: Sequence[Property], now: Sequence[Property]) -> tuple[Property, ...]:
    current = {p.name: p for p in now}
    return tuple(_property(p, current.get(p.name)) for p in old)


def _property(old: Property, now: Property | None) -> Property:
    """A property that the current version does not have is still looked at, and no longer landed."""
    if now is None:
        return replace(old, is_landed=old.is_key)
    strictest = max((old.classification, now.classification), key=LOOSEST_FIRST.index)
    return replace(
        old,
        classification=strictest,
        is_landed=old.is_landed and now.is_landed,
        authority=old.authority or now.authority,
        authority_path=old.authority_path or now.authority_path,
        reference=old.reference or now.reference,
        identifies=now.identifies,
        transform=_scrubbed(old, now),
        items=_properties(old.items, now.items),
    )


def _scrubbed(old: Property, now: Property) -> str | None:
    """Scrub what the current version scrubs, whatever the older one made of it."""
    if SCRUB not in (now.transform or "") or SCRUB in (old.transform or ""):
        return old.transform
    return f"{SCRUB}{old.transform or old.name})"

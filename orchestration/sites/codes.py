"""A site's own codes: `<site>.mappings/codes.yaml`, what its laboratory, wards and billing office call things.

Here belong the shape of that file and loading it. What does not belong here: what a code of everybody means
(orchestration/vocabulary, dbt's seeds), looking codes up in records (dbt_project), and columns of tables (mappings.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from importlib import resources
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from orchestration.contracts.mapping import SHORT, VERSION, Text, parse_of_site

PACKAGE = "orchestration.sites"
FILE = "codes.yaml"


def _as_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


class Target(BaseModel):
    """What a code stands for: a standard concept by its number, or the code of a system that everybody knows."""

    model_config = ConfigDict(frozen=True)

    concept_id: int | None = None
    system: str | None = None
    code: str | None = None


def _as_target(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return Target(concept_id=value)
    system, _, code = value.rpartition(" ") if isinstance(value, str) else ("", "", "")
    if not system.strip() or not code:
        raise ValueError(f"{value!r} is neither the number of a concept nor a system and its code, as 'LOINC 718-7'")
    return Target(system=system.strip(), code=code)


OneTarget = Annotated[Target, BeforeValidator(_as_target)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CodeMapping(_Frozen):
    """One code: `to` one or more targets; `name` is what the site calls it."""

    to: Annotated[tuple[OneTarget, ...], BeforeValidator(_as_list), Field(min_length=1)]
    name: Annotated[str, Field(max_length=255)] | None = None


class CodeSystem(_Frozen):
    """The codes of one system; `vocabulary` is its name in OMOP's source_to_concept_map, of at most 20 characters."""

    vocabulary: Annotated[str, Field(min_length=1, max_length=20)]
    codes: Annotated[dict[Annotated[Text, Field(min_length=1, max_length=50)], CodeMapping], Field(min_length=1)]


class SiteCodes(_Frozen):
    """All own codes of a site, by the name of their system as its feeds send it; the empty name is of codes that come
    without a system, and `UCUM` of units, which are looked up under that name whatever they are."""

    version: Annotated[str, Field(pattern=VERSION)]
    since: date
    systems: Annotated[dict[str, CodeSystem], Field(min_length=1)]
    site: str = ""
    digest: str = ""

    @model_validator(mode="after")
    def _vocabularies_are_told_apart(self) -> "SiteCodes":
        names = [one.vocabulary for one in self.systems.values()]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two systems have the vocabulary name {twice[0]!r}; give each its own")
        return self

    @property
    def label(self) -> str:
        """Site, version and digest, as a mapping of columns carries them."""
        return f"{self.site}.{self.version}.{self.digest[:SHORT]}"

    def rows(self) -> Iterator["SiteCode"]:
        """Return one row for each code and target, in the order of the file."""
        for system, held in self.systems.items():
            for code, mapping in held.codes.items():
                for target in mapping.to:
                    yield SiteCode(self, system, held.vocabulary, code, mapping.name, target)


@dataclass(frozen=True)
class SiteCode:
    """A code of a site and one of its targets."""

    of: SiteCodes
    system: str
    vocabulary: str
    code: str
    name: str | None
    target: Target


def load_codes(site_id: str) -> SiteCodes | None:
    """Return a site's own codes, None where it has none. Raises `InvalidMapping`."""
    file = resources.files(PACKAGE).joinpath(f"{site_id}.mappings", FILE)
    return parse_codes(site_id, file.read_bytes(), f"{site_id}.mappings/{FILE}") if file.is_file() else None


def parse_codes(site: str, content: bytes, where: str) -> SiteCodes:
    """Return the codes that YAML bytes hold. Raises `InvalidMapping` naming the field."""
    return parse_of_site(SiteCodes, site, content, where, "codes; expected version, since and systems")

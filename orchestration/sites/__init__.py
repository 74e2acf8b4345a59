"""Sites are data: one `<site>.yaml` each, with region, units, shifts, feeds and launch scope.

Here belong the shape of that file and loading it. What a use case may do at a site (releases, the ledger) and how
the simulator makes its patients (`simulator/profiles.py`) do not.

Errors::

    SiteError
    ├── UnknownSite      no such file
    └── InvalidSite      the file breaks the shape
"""

from datetime import date, time
from enum import StrEnum
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ml.bounded_yaml import load_bounded
from orchestration.sites.bulk_export import BulkExport
from orchestration.sites.deidentification import Deidentification, Standard

PACKAGE = "orchestration.sites"
FHIR_TYPES = ("Patient", "Encounter", "Person", "ServiceRequest")
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,31}$")]


class SiteError(Exception):
    """A site cannot be used; the message names it and says what to do."""


class UnknownSite(SiteError):
    """There is no file for this site."""


class InvalidSite(SiteError):
    """The site's file breaks the shape; the message names the field."""


class UnitKind(StrEnum):
    """What a unit is for; critical care is recognised by `icu`."""

    ED = "ed"
    ICU = "icu"
    WARD = "ward"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Unit(_Frozen):
    """A place with beds. `id` is the code by which every feed of the site names it."""

    id: Identifier
    kind: UnitKind
    name: str
    beds: int = Field(ge=0)


class Shift(_Frozen):
    """A working shift in local time; one that ends at or before its start ends on the next day."""

    id: Identifier
    starts: time
    ends: time

    def covers(self, local: time) -> bool:
        """Whether a local time of day falls in the shift; the start is in, the end is out."""
        if self.starts < self.ends:
            return self.starts <= local < self.ends
        return local >= self.starts or local < self.ends


class LaunchScope(_Frozen):
    """Where advice may appear at first: units and shifts by name, `all` (as when left out), or `none`: nowhere.

    `is_nowhere` is what `none` says of either; the lists are empty then, and mean nothing.
    """

    units: tuple[Identifier, ...] = ()
    shifts: tuple[Identifier, ...] = ()
    is_nowhere: bool = False

    @model_validator(mode="before")
    @classmethod
    def _all_and_none_are_said(cls, said: Any) -> Any:
        """An empty list would be read by one person as nowhere and by another as everywhere."""
        if not isinstance(said, dict):
            return said
        if "is_nowhere" in said:
            raise ValueError("is_nowhere is not written; write `units: none`")
        for part in ("units", "shifts"):
            if part in said and not said[part]:
                raise ValueError(
                    f"an empty list of {part} says neither everywhere nor nowhere; write `{part}: all`, or "
                    f"`{part}: none` for silence"
                )
        named = {part: value for part, value in said.items() if value not in ("all", "none")}
        return {**named, "is_nowhere": "none" in [said.get(part) for part in ("units", "shifts")]}


class Authorities(_Frozen):
    """Who numbers patients, visits and orders at a site: each authority under one name, with the other names that feeds
    call it by. One name may mean the issuer of record numbers in one place and of visit numbers in another."""

    patient: dict[str, tuple[str, ...]] = {}
    visit: dict[str, tuple[str, ...]] = {}
    order: dict[str, tuple[str, ...]] = {}

    @model_validator(mode="after")
    def _names_are_told_apart(self) -> "Authorities":
        for kind, names in self:
            others = [other for given in names.values() for other in given]
            twice = sorted({other for other in others if others.count(other) > 1} | set(others) & set(names))
            if twice:
                raise ValueError(f"{kind} names {twice} for more than one authority")
            if resources := sorted(other for other in others if other in FHIR_TYPES):
                raise ValueError(f"{kind} renames {resources}, under which FHIR ids are known")
        return self


class Site(_Frozen):
    """One hospital, or one public data set that stands for hospitals.

    `region` is the regulatory region (US, EU, JP). `scope` is where advice may appear at first, `scopes` the same for
    use cases that start elsewhere. `meeting` is the local time of the daily assignment meeting, before which plans are
    published; without one no plan is made by itself. `simulated` says that the simulator can make its records.
    `reproducible_pseudonyms` may be true only where the records carry no secret, because the pseudonym key is then
    derived from the site's name. `holdout_from` is the local day on which candidates stop learning and begin to be
    tested; without one it is the last third of what the site has sent. `authorities` are those that issue identifiers,
    whom feeds call by different names. `deidentification` is the standard by which its people are de-identified in what
    is published of them. `bulk_export` describes the FHIR server of the record system; `fhir_servers` are the base
    addresses of the site's others: what names a server that is neither is of another site's records (decision 0062).
    `takes_test_records` says that messages, claims and resources marked as training or test are taken as real here: for
    published samples, which are nothing else. `admitting_clinics` says which clinics of the appointments feed book
    beds, and on which unit: their appointments are booked admissions, all others are not.
    `adapts` names, for a use case, the site whose model a candidate here may start from: recalibrated or boosted
    further on this site's visits where that does better than training from scratch.
    """

    id: Identifier
    name: str
    region: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    timezone: str
    units: tuple[Unit, ...]
    shifts: tuple[Shift, ...]
    feeds: tuple[Identifier, ...]
    scope: LaunchScope = LaunchScope()
    scopes: dict[str, LaunchScope] = {}
    meeting: time | None = None
    simulated: bool = False
    reproducible_pseudonyms: bool = False
    holdout_from: date | None = None
    authorities: Authorities = Authorities()
    deidentification: Deidentification = Deidentification()
    fhir_servers: tuple[Annotated[str, Field(pattern=r"^https?://[^\s?#]+[^\s?#/]$", max_length=512)], ...] = ()
    bulk_export: BulkExport | None = None
    takes_test_records: bool = False
    admitting_clinics: dict[str, Identifier] = {}
    adapts: dict[str, Identifier] = {}

    @model_validator(mode="before")
    @classmethod
    def _dates_are_shifted_by_the_standard(cls, said: Any) -> Any:
        if isinstance(said, dict) and "date_shift" in said:
            raise ValueError(
                "date_shift is no setting of its own: dates are shifted, with ages and places, by "
                "`deidentification: {standard: safe_harbor, owner: ..., rationale: ..., date: ...}` (decision 0018)"
            )
        return said

    @field_validator("timezone")
    @classmethod
    def _timezone_is_known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{name!r} is not a time zone of the IANA database") from error
        return name

    @model_validator(mode="after")
    def _safe_harbor_needs_a_secret(self) -> "Site":
        if self.is_safe_harbor and self.reproducible_pseudonyms:
            raise ValueError(
                "reproducible_pseudonyms makes the site's keys from its name, so that anybody could take a date shift "
                "back; leave it out at a safe_harbor site, and land its records anew under the secret key"
            )
        return self

    @model_validator(mode="after")
    def _scope_names_own_units_and_shifts(self) -> "Site":
        for scope in (self.scope, *self.scopes.values()):
            strange = set(scope.units) - {u.id for u in self.units} | set(scope.shifts) - {s.id for s in self.shifts}
            if strange:
                raise ValueError(f"the launch scope names {sorted(strange)}, which the site does not have")
        return self

    @model_validator(mode="after")
    def _adapts_models_of_other_sites(self) -> "Site":
        if own := sorted(use_case for use_case, site in self.adapts.items() if site == self.id):
            raise ValueError(f"adapts takes {', '.join(own)} from the site itself; name another site")
        return self

    @model_validator(mode="after")
    def _clinics_admit_to_own_units(self) -> "Site":
        if strange := sorted(set(self.admitting_clinics.values()) - {unit.id for unit in self.units}):
            raise ValueError(f"admitting_clinics name {strange}, which are no units of the site")
        return self

    @property
    def is_safe_harbor(self) -> bool:
        return self.deidentification.standard is Standard.SAFE_HARBOR

    @property
    def aliases(self) -> dict[str, dict[str, str]]:
        """By what is numbered, every other name of an authority and the one that it is known by; and own servers."""
        named = {kind: names.items() for kind, names in self.authorities}
        aliases = {kind: {other: one for one, others in names for other in others} for kind, names in named.items()}
        # "server" is SERVERS of orchestration/contracts/sql.py, which loads DuckDB and is not imported for a word.
        exported = [self.bulk_export.base_url.rstrip("/")] if self.bulk_export else []
        servers = dict.fromkeys((*self.fhir_servers, *exported), self.id)
        return {**aliases, "server": servers} if servers else aliases

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def scope_of(self, use_case: str) -> LaunchScope:
        """Return where a use case may speak here."""
        return self.scopes.get(use_case, self.scope)

    def unit(self, unit_id: str) -> Unit:
        """Return one unit. Raises `SiteError` naming the units there are."""
        for unit in self.units:
            if unit.id == unit_id:
                return unit
        raise SiteError(f"Site {self.id} has no unit {unit_id!r}; it has {', '.join(u.id for u in self.units)}.")

    def units_of(self, kind: UnitKind) -> tuple[Unit, ...]:
        return tuple(unit for unit in self.units if unit.kind is kind)

    def shift_at(self, local: time) -> Shift | None:
        """Return the shift that covers a local time of day, or None."""
        return next((shift for shift in self.shifts if shift.covers(local)), None)


def list_sites() -> list[str]:
    """Return the ids of all sites, sorted."""
    files = resources.files(PACKAGE).iterdir()
    return sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml"))


@lru_cache
def load_site(site_id: str) -> Site:
    """Read `<site_id>.yaml`. Raises `UnknownSite`, `InvalidSite`."""
    if site_id not in list_sites():
        known = ", ".join(list_sites())
        raise UnknownSite(
            f"There is no site {site_id!r}; known are {known}. Add orchestration/sites/<site>.yaml for a new one."
        )
    return parse_site(site_id, resources.files(PACKAGE).joinpath(f"{site_id}.yaml").read_text("utf-8"))


def site_file(site_id: str) -> Path:
    """Where the file of a site lies, or would."""
    return Path(str(resources.files(PACKAGE))) / f"{site_id}.yaml"


def parse_site(site_id: str, text: str) -> Site:
    """Read a site from YAML text; its `id` must be the name of its file. Raises `InvalidSite`."""
    try:
        site = Site.model_validate(load_bounded(text))
    except yaml.YAMLError as error:
        raise InvalidSite(f"{site_id}.yaml is not YAML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise InvalidSite(f"{site_id}.yaml, {where}: {first['msg']}. Correct the site file.") from error
    if site.id != site_id:
        raise InvalidSite(f"{site_id}.yaml holds id {site.id!r}; the id must be the name of the file.")
    return site

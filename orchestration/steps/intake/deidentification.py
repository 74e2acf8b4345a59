"""What dbt is told of the sites whose people are de-identified by Safe Harbor: each one's key of dates and clock of
ages; and which use cases cannot be at such a site.

What does not belong here: how a date, an age or a place is published (dbt_project/macros/deidentification.sql).
"""

from datetime import date

from evaluation.canonical import document_digest
from ml.usecases import Declaration
from orchestration.settings import Settings
from orchestration.sites import list_sites, load_site
from orchestration.steps.errors import StepError
from orchestration.steps.intake.keys import date_key_file, key_mark


class DatesAreShifted(StepError):
    """A use case needs true dates of people, and the site publishes them shifted by person."""


def shifted_sites() -> list[str]:
    """Return the sites that publish each person's dates shifted."""
    return [site for site in list_sites() if load_site(site).is_safe_harbor]


def gives_dates_for(declared: Declaration, site: str) -> bool:
    """Say whether the dates that a site publishes are good enough for a use case."""
    return declared.person_dates.needs != "calendar" or site not in shifted_sites()


def why_no_dates(declared: Declaration, site: str) -> str:
    """Say why a use case cannot be at a site, in sentences; empty where it can."""
    if gives_dates_for(declared, site):
        return ""
    return (
        f"{declared.use_case} needs people's true dates (person_dates in ml/usecases/{declared.use_case}.yaml), "
        f"and {site} publishes each person's shifted by weeks of their own (deidentification: safe_harbor). Run "
        "it in a home where the site is a limited_data_set, and keep this one for what is handed out."
    )


def require_dates(declared: Declaration, site: str) -> None:
    """Raise `DatesAreShifted` where a use case compares people in calendar time and the site's dates are shifted."""
    if reason := why_no_dates(declared, site):
        raise DatesAreShifted(reason)


def ages_as_of(today: date) -> date:
    """Return the day as of which nobody's published age may be over 89: the last of this year.

    Whoever turns 90 this year is aggregated from its first day on, so that no age comes of age between two builds, and
    a build of touched persons gives what a full one does; a new year is a full build.
    """
    return date(today.year, 12, 31)


def deidentified_sites(settings: Settings, today: date) -> dict[str, dict[str, str]]:
    """Return, by safe_harbor site, the file of its key of dates and the day as of which ages are told."""
    sites = map(load_site, shifted_sites())
    clock = ages_as_of(today).isoformat()
    return {place.id: {"key": str(date_key_file(settings, place)), "ages_as_of": clock} for place in sites}


def deidentification_digest(settings: Settings, today: date) -> str:
    """Return a digest that another key, another year or another standard of a site changes; none: no such site."""
    told = {
        site: [key_mark(date_key_file(settings, load_site(site))), terms["ages_as_of"]]
        for site, terms in deidentified_sites(settings, today).items()
    }
    return document_digest(told) if told else "none"

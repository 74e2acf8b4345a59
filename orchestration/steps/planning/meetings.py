"""The assignment meeting of a site: when it is, whether a plan was there before it, and what is done when it was not.

What does not belong here: making plans (plans), and what starts that in time (defs/plans).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from ml.registry import RegistryError
from ml.registry.plan import Plan, plans_since
from ml.registry.signing import RELEASE_PUBLIC_KEY, load_public_key
from orchestration.settings import Settings
from orchestration.sites import Site, load_site
from orchestration.steps.intake.freshness import present_of
from orchestration.steps.present import own_clock
from orchestration.steps.record.incidents import incident_label, open_once
from orchestration.steps.record.records import now
from orchestration.steps.releases.proposal import current_pointer, served_sites
from orchestration.steps.rosters.shifts import local

READY_BEFORE, BETWEEN = 45, 15
"""Minutes before the meeting at which the first plan is started, and between one and the next that builds on it."""
FRESH = timedelta(hours=12)
"""A plan older than this at the meeting was made for the one before."""
PREFIX = "late-plan"


@dataclass(frozen=True)
class InTime:
    """Whether a plan for the meeting was published before it began; `newest` is the newest plan by then."""

    use_case: str
    site: str
    meeting: datetime
    newest: datetime | None
    fault: str = ""

    @property
    def is_met(self) -> bool:
        return not self.fault and self.newest is not None and _is_for(self.newest, self.meeting)

    @property
    def sentence(self) -> str:
        meets = f"the meeting of {self.site} on {self.meeting:%Y-%m-%d at %H:%M}"
        if self.fault:
            return f"{self.use_case}: whether a plan was there before {meets} cannot be said: {self.fault}"
        if self.is_met:
            return f"{self.use_case}: a plan was there before {meets}."
        last = f"the newest is of {self.newest:%Y-%m-%d %H:%M}" if self.newest else "none was published before it"
        return f"{self.use_case}: no plan was there for {meets}; {last}. People plan by themselves."


def meeting_on(site: Site, day: date) -> datetime | None:
    """Return when the assignment meeting of a local day begins; None at a site that declares none."""
    return None if site.meeting is None else local(site, day, site.meeting)


def time_to_plan(site: Site, day: date) -> datetime:
    """Return when the plan of a local day is started: before its meeting, or as the day begins where none is held."""
    meeting = meeting_on(site, day)
    return local(site, day, time()) if meeting is None else meeting - timedelta(minutes=READY_BEFORE)


def last_meeting(site: Site, at: datetime) -> datetime | None:
    """Return the newest meeting that has begun by `at`; None at a site that declares none."""
    here = at.astimezone(site.zone)
    found = [meeting_on(site, here.date() - timedelta(days=back)) for back in (0, 1)]
    return next((one for one in found if one is not None and one <= here), None)


def days_in_time(site: Site, plans: Iterable[Plan], first: date, until: datetime) -> list[bool]:
    """Say for every meeting from the day `first` on that began by `until` whether a plan of its day was there."""
    issued = [plan.issued_at for plan in plans]
    return [any(_is_for(one, meeting) for one in issued) for meeting in _meetings(site, first, until)]


def meetings_met(site: Site, plans: Sequence[Plan], since: datetime, until: datetime) -> list[tuple[datetime, bool]]:
    """Return every meeting from the day of `since` on, and whether a plan of its day was there."""
    first = since.astimezone(site.zone).date()
    return list(zip(_meetings(site, first, until), days_in_time(site, plans, first, until), strict=True))


def _meetings(site: Site, first: date, until: datetime) -> list[datetime]:
    days = range(max((until.astimezone(site.zone).date() - first).days + 1, 0))
    found = [meeting_on(site, first + timedelta(days=number)) for number in days]
    return [meeting for meeting in found if meeting is not None and meeting <= until]


def _is_for(issued: datetime, meeting: datetime) -> bool:
    return meeting - FRESH < issued <= meeting


def minutes_before(number: int) -> int:
    """Return how many minutes before the meeting the plan is started that `number` others come before."""
    return max(READY_BEFORE - BETWEEN * number, 1)


def daily_cron(site: Site, minutes: int) -> str:
    """Return the cron line, on the site's own clock, of so many minutes before its meeting."""
    assert site.meeting is not None, "only a site with a meeting has a deadline"
    at = datetime.combine(date(2000, 1, 2), site.meeting) - timedelta(minutes=minutes)
    return f"{at.minute} {at.hour} * * *"


def judge_meetings(settings: Settings, use_case: str, at: datetime | None) -> list[InTime]:
    """Judge the newest meeting of every site that the use case serves, and open an incident for each that had no plan.

    `at` is the time; each site's present where it is None. A release that is younger than the meeting was not due.
    """
    found: list[InTime] = []
    for site in served_sites(settings, use_case):
        judged = judge_meeting(settings, use_case, site, at or clock_of(settings, site, now()))
        if judged is not None and _was_due(settings, judged):
            tell_late(settings, judged)
            found.append(judged)
    return found


def _was_due(settings: Settings, judged: InTime) -> bool:
    pointer = current_pointer(settings, judged.use_case, judged.site)
    return judged.newest is not None or pointer is None or pointer.issued_at <= judged.meeting


def judge_meeting(settings: Settings, use_case: str, site: str, at: datetime) -> InTime | None:
    """Judge the newest meeting at a site by `at`; None where the site declares no meeting."""
    place = load_site(site)
    meeting = last_meeting(place, at)
    if meeting is None:
        return None
    try:
        key = load_public_key(settings.home / RELEASE_PUBLIC_KEY)
        plans = plans_since(settings.home, use_case, place.id, key, meeting - timedelta(days=2))
    except RegistryError as error:
        return InTime(use_case, place.id, meeting, None, str(error))
    issued = [plan.issued_at.astimezone(place.zone) for plan in plans]
    return InTime(use_case, place.id, meeting, max((one for one in issued if one <= meeting), default=None))


def tell_late(settings: Settings, judged: InTime) -> bool:
    """Open an incident for a meeting without a plan, once; returns whether one is open now."""
    if judged.is_met:
        return False
    name = incident_label(PREFIX, judged.use_case, judged.site, f"{judged.meeting:%Y%m%d}")
    open_once(settings, name, use_case=judged.use_case, site=judged.site, severity="medium", what=judged.sentence)
    return True


def clock_of(settings: Settings, site: str, wall: datetime) -> datetime:
    """Return the time at which a plan of a site is made now: the wall's, or where its simulator has come to.

    In a demo's home that is the home's own clock, which goes on after the last simulated day.
    """
    own = own_clock(settings)
    return own() if own else present_of(settings, site, wall)

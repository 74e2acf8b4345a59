"""What the age and the rows of the feeds about people do to a roster: told on the plan, and a step down by policy.

A feed is stale when its next file is overdue by its contract (cadence and time on the way). One that never sent
anything cannot be late: that is told, and steps nothing down. What does not belong here: the rosters feed's own age
(`roster_plan.py`), reading people (`roster_people.py`).
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from evaluation.policies import Tier
from ml.usecases import RosterUseCase
from orchestration.settings import Settings
from orchestration.sites import Site
from orchestration.steps.intake.freshness import Freshness, Verdict, site_freshness
from orchestration.steps.rosters.roster_inputs import STANDS, Row, Unit
from orchestration.steps.rosters.roster_people import FEEDS

UNKNOWN = {
    "workforce": "New contracts and licences since then are not known.",
    "leave": "Who was granted leave since then is not known.",
    "wishes": "Wishes since then are not known.",
}


def stale_people_feeds(settings: Settings, site: Site, at: datetime) -> list[Freshness]:
    """Return those feeds of people that a site lists and that are overdue at a time."""
    judged = site_freshness(settings, site.id, at)
    return [one for one in judged if one.feed in FEEDS and one.verdict is Verdict.STALE]


def by_people_feeds(
    settings: Settings, declared: RosterUseCase, site: Site, at: datetime, so_far: tuple[Tier, str]
) -> tuple[Tier, str]:
    """Return the highest tier that stale feeds leave of the one so far, and why it is lower."""
    allowed, why = so_far
    for one in stale_people_feeds(settings, site, at):
        most = Tier(declared.fallback.stale_feeds.get(one.feed, "model"))
        if most is not Tier.MODEL:
            allowed = max(allowed, most, key=lambda tier: tier.rank)
            why = f"{why} {one.sentence} {UNKNOWN[one.feed]}".strip()
    return allowed, why


def told_of_feeds(settings: Settings, declared: RosterUseCase, site: Site, at: datetime) -> Iterator[str]:
    """Say of every stale feed of people that it is, and of those that never sent anything."""
    for one in site_freshness(settings, site.id, at):
        if one.feed not in FEEDS:
            continue
        if one.verdict is Verdict.STALE:
            most = declared.fallback.stale_feeds.get(one.feed, "model")
            does = "is only told" if most == "model" else f"steps rosters down to {most}"
            yield f"{one.sentence} {UNKNOWN[one.feed]} By the rules in force this {does}."
        elif one.verdict is Verdict.NEVER_SENT:
            yield f"{one.feed} of {site.id}: no file has ever arrived, so that nothing is known of it."


def otherwise_employed(declared: RosterUseCase, site: Site, rows: Iterable[Row], unit: Unit) -> Iterator[str]:
    """Say how many people have nurses' duties and a contract in no nursing role alone: they are not guessed at.

    Guessing from past duties is for those of whom no contract is told at all."""
    since, people = unit.first - timedelta(days=declared.people.look_back_days), dict[str, Counter[str]]()
    for row in rows:
        if row.staff is not None and row.status in STANDS and since <= row.date < unit.first:
            contracts = unit.personnel.of(row.staff)
            if contracts and not any(one.skill for one in contracts):
                people.setdefault(row.unit, Counter())[row.staff] += 1
    for name, counts in sorted(people.items()):
        yield (
            f"{name}: {len(counts)} who have nurses' duties have no contract in a nursing role and are not rostered. "
            f"Have the workforce feed of {site.id} corrected if they are nurses."
        )

"""The draft of a plan from a site's rosters: needed and rostered by unit, shift and skill; what gave way; changes.

Nobody is named in a plan; the rosters with names are the draft's document, kept beside it. What does not belong
here: publishing (plans), making one unit's roster (`roster_making.py`), what is said beside it (`roster_notes.py`).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from evaluation.metrics.sample import MetricInputError
from evaluation.policies import Tier
from ml.registry.manifest import Nowhere
from ml.rostering import RosteringError
from ml.usecases import RosterUseCase
from orchestration.settings import Settings
from orchestration.steps.kinds.planned import Asked, Draft
from orchestration.steps.planning.board import Published
from orchestration.steps.releases.launching import launch_now
from orchestration.steps.rosters.people_feeds import by_people_feeds
from orchestration.steps.rosters.roster_agency import asked_of_agency
from orchestration.steps.rosters.roster_bundle import RosterModelRefused, released_rules
from orchestration.steps.rosters.roster_floats import with_floats
from orchestration.steps.rosters.roster_inputs import NotEnoughRoster, Row, Unit, read_rows, units_of
from orchestration.steps.rosters.roster_isolation import isolation_beds
from orchestration.steps.rosters.roster_judging import judge_across
from orchestration.steps.rosters.roster_making import Made, document_of, make_roster, problem_of_unit
from orchestration.steps.rosters.roster_needs import Needed, adjustments, demand_tier, needs_of, without
from orchestration.steps.rosters.roster_notes import notes_of_site, notes_of_units
from orchestration.steps.rosters.roster_people import read_personnel
from orchestration.steps.rosters.shifts import UnknownShift, span_of
from orchestration.steps.warehouse.tables import TablesError

NURSES = "nurses"
ANSWERS_AT_LEAST = timedelta(hours=24)
MOST_GIVEN_WAY = 40


def published_lines(declared: RosterUseCase) -> dict[str, Published]:
    """Return every line that a plan of the use case may hold, by its name there."""
    return {one.name: Published(one.label, NURSES) for one in declared.skills}


def draft_roster(settings: Settings, asked: Asked, now_declared: RosterUseCase) -> Draft:
    """Make the draft. What is wrong with its input is a lower tier that says so."""
    try:
        declared = released_rules(asked.release.model_folder, asked.release.manifest.model.digest)
        rows = read_rows(settings, declared, asked.site, asked.at)
        personnel = read_personnel(settings, declared, asked.site, asked.at)
        allowed, why = by_people_feeds(settings, declared, asked.site, asked.at, _by_age(declared, rows, asked))
        units = units_of(declared, asked.site, rows, asked.at.date(), declared.solving.days, personnel)
        scope = launch_now(now_declared.use_case, asked.site.id)
        if isinstance(scope, Nowhere):
            raise NotEnoughRoster(f"{asked.site.id}: {scope.why}.")
        units = [unit for unit in units if not scope.units or unit.name in scope.units]
        if not units:
            raise NotEnoughRoster(
                f"{asked.site.id}: the rosters feed tells of nobody with {declared.people.fewest_shifts} duties in "
                f"{declared.people.look_back_days} days. Land it, then make the plan again."
            )
        beds = isolation_beds(settings, declared, asked.site, asked.at)
        units = [replace(unit, isolation_beds=beds.get(unit.name, 0)) for unit in units]
        return _draft(settings, declared, asked, units, (allowed, why), rows)
    except (RosterModelRefused, NotEnoughRoster, TablesError, RosteringError, MetricInputError) as error:
        return Draft(Tier.MANUAL, str(error), asked.at, asked.at + ANSWERS_AT_LEAST)


def _by_age(declared: RosterUseCase, rows: Sequence[Row], asked: Asked) -> tuple[Tier, str]:
    """Return the highest tier that the age of the feed allows, and why it is not the solver's."""
    newest = max((row.known_at for row in rows), default=None)
    hours = (asked.at - newest).total_seconds() / 3600 if newest else float("inf")
    if hours <= declared.fallback.solver_hours:
        return asked.allowed, ""
    told = f"the newest of the rosters feed is of {newest:%Y-%m-%d %H:%M}" if newest else "the rosters feed is empty"
    lower = Tier.HISTORY if hours <= declared.fallback.pattern_hours else Tier.MANUAL
    return max(lower, asked.allowed, key=lambda one: one.rank), f"Who is away is not known: {told}."


def _draft(
    settings: Settings,
    declared: RosterUseCase,
    asked: Asked,
    units: Sequence[Unit],
    by_feeds: tuple[Tier, str],
    rows: Sequence[Row],
) -> Draft:
    allowed, why = by_feeds
    answered = asked.upstream.get(declared.demand.use_case)
    plan = answered.plan if answered and answered.is_usable else None
    own = adjustments(settings, declared, asked.site.id, asked.at)
    needs = {unit.name: needs_of(declared, unit, plan, own) for unit in units}
    made: list[Made] = []
    notes: list[str] = []
    for unit in units:
        try:
            problem = problem_of_unit(declared, asked.site, unit, needs[unit.name].nurses, asked.at)
        except RosteringError as error:
            notes.append(f"{unit.name}: no roster, since its data do not fit together: {error}"[:1000])
            continue
        made.append(make_roster(declared, asked.site, problem, unit, allowed))

    def again(unit: Unit) -> Made:
        problem = problem_of_unit(declared, asked.site, unit, needs[unit.name].nurses, asked.at)
        return make_roster(declared, asked.site, problem, unit, allowed)

    def judged(rosters: Sequence[Made]) -> list[str]:
        return judge_across(declared, asked.site, [(one.unit, one.roster) for one in rosters])

    made, of_floats = with_floats(asked.site, made, again, judged)
    lines = [
        line
        for one in made
        if one.tier is not Tier.MANUAL
        for line in _lines(declared, asked, one, needs[one.unit.name])
    ]
    tiers = [one.tier for one in made if one.tier is not Tier.MANUAL]
    tier = max([*tiers, allowed, demand_tier(answered)], key=lambda one: one.rank) if lines else Tier.MANUAL
    reasons = [why, without(declared, asked.upstream.values()), *(one.why for one in made)]
    return Draft(
        tier=tier,
        tier_reason=" ".join(one.strip() for one in reasons if one)[:1000] or None,
        as_of=asked.at,
        valid_until=max((line["ends"] for line in lines), default=asked.at + ANSWERS_AT_LEAST),
        lines=tuple({name: value for name, value in line.items() if name != "ends"} for line in lines),
        gave_way=tuple(_gave_way(made)),
        notes=(
            *notes,
            *of_floats,
            *notes_of_site(settings, declared, asked, rows, units[0]),
            *notes_of_units(declared, asked, made),
        ),
        document={"units": [document_of(one) for one in made]},
    )


def _lines(declared: RosterUseCase, asked: Asked, made: Made, needed: Needed) -> Iterable[dict[str, Any]]:
    """One line for each shift that is not over, with what is needed and who is rostered."""
    rostered, asked_for = _counts(declared, made), asked_of_agency(asked, made)
    for (day, shift, skill), nurses in sorted(needed.nurses.items()):
        try:
            span = span_of(asked.site, day, shift)
        except UnknownShift:
            continue
        if span.ends_at <= asked.at or span.hours <= 0:
            continue
        key, there = (day, shift, skill), rostered[(day - made.unit.first).days, shift, skill]
        line = needed.lines.get(key) if needed.said_by[key].startswith("forecast") else None
        low, middle, high = (line.lower, line.median, line.upper) if line else (nurses, nurses, nurses)
        yield {
            "unit": made.unit.name,
            "date": day.isoformat(),
            "shift": shift,
            "starts_at": span.starts_at.isoformat(),
            "ends_at": span.ends_at.isoformat(),
            "target": skill,
            "measure": NURSES,
            "lower": float(low),
            "median": float(middle),
            "upper": float(high),
            "planned": float(there),
            "reason": f"{nurses} needed ({needed.said_by[key]}), {there} rostered{_to_ask(asked_for.get(key, 0))}.",
            "ends": span.ends_at,
        }


def _to_ask(nurses: int) -> str:
    return f", {nurses} to ask an agency for" if nurses else ""


def _counts(declared: RosterUseCase, made: Made) -> Counter[tuple[int, str, str]]:
    """Who is there by day, shift and skill: the roster's, and people of other units who have a duty here already."""
    found = Counter((day, duty.shift, declared.counts_as(duty.skill)) for (_, day), duty in made.roster.duties.items())
    for (day, duty), nurses in made.problem.guests.items():
        found[day, duty.shift, duty.skill] += nurses
    return found


def _gave_way(made: Iterable[Made]) -> list[dict[str, Any]]:
    """What was not met and for which rule, by unit and rule: nobody is named."""
    costs, times = Counter[tuple[str, str, str]](), Counter[tuple[str, str, str]]()
    for one in made:
        rules = {rule.name for rule in one.problem.rules}
        for gone in one.answer.gave_way if one.answer else ():
            wish = next((name for name in rules if gone.wish.startswith(name)), "a rule")
            key = one.unit.name, wish, gone.rule
            costs[key] += gone.cost
            times[key] += 1
    return [
        {"wish": f"{unit}: {wish} (times: {times[unit, wish, rule]})", "rule": rule, "cost": float(cost)}
        for (unit, wish, rule), cost in costs.most_common(MOST_GIVEN_WAY)
    ]

"""The page of the release calendar, and its iCalendar file: freezes, windows, what was planned and what happened.

Here belongs what is shown and in which words. Geometry is in ``timeline.py``, the file's format in ``icalendar.py``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from evaluation.calendar import Calendar, Changes, Place, Planned, Rule, Span, Step, spans, told_when
from evaluation.policies import Stage
from evaluation.reports import words
from evaluation.reports.icalendar import Event, icalendar
from evaluation.reports.pages import render
from evaluation.reports.timeline import Lane, Mark, Panel, Stretch, horizon, panels

PAGE, FILE = "calendar.html", "calendar.ics"
UP = tuple(one for one in Stage if one is not Stage.OFF)
STEPS = {
    "promotion": "Promoted",
    "challenger": "Challenger put beside",
    "break_glass": "Break-glass",
    "rollback": "Rolled back",
}


@dataclass(frozen=True, slots=True)
class Where:
    """A use case at a site, with the clock on its wall."""

    use_case: str
    title: str
    site: str
    label: str
    zone: tzinfo

    def place(self, stage: Stage) -> Place:
        return Place(self.use_case, self.site, stage, self.zone)

    def told(self, at: datetime) -> str:
        return self.place(Stage.OFF).told(at)

    def told_span(self, span: Span) -> str:
        """A span by the site's clock; of one day, its date once."""
        start, end = span.start.astimezone(self.zone), span.end.astimezone(self.zone)
        if start.date() == end.date() and start.tzname() == end.tzname():
            return f"{start:%Y-%m-%d %H:%M}–{end:%H:%M %Z}"
        return f"{self.told(span.start)} to {self.told(span.end)}"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the list: when by the site's clock, where, what, what came of it (with a tone), by whom and why."""

    when: str
    site: str
    use_case: str
    what: str
    outcome: str
    tone: str
    why: str
    conflicts: str = ""


@dataclass(frozen=True, slots=True)
class CalendarView:
    """All that the page shows. ``problem``: why the calendar cannot be read; promotions wait until it can."""

    generated_at: datetime
    version: str
    calendar: Calendar | None
    panels: tuple[Panel, ...]
    ahead: tuple[Line, ...]
    past: tuple[Line, ...]
    rules: tuple[tuple[str, Rule, str], ...]
    problem: str = ""


def calendar_view(
    calendar: Calendar | None,
    changes: Changes,
    places: Sequence[Where],
    at: datetime,
    *,
    version: str,
    problem: str = "",
) -> CalendarView:
    """The page's content for these places (grouped by site) at ``at``."""
    known = {(one.use_case, one.site): one for one in places}
    planned = [one for one in changes.planned if (one.use_case, one.site) in known]
    steps = [one for one in changes.steps if (one.use_case, one.site) in known]
    ahead = sorted((one for one in planned if one.is_live(at)), key=lambda one: one.span.start)
    over = [
        (one.cancelled_at or one.span.end, _plan_line(known, one, changes, at))
        for one in planned
        if not one.is_live(at)
    ]
    over += [(one.at, _step_line(known, one)) for one in steps]
    lanes = tuple(_lane(one, calendar, planned, steps, at) for one in places)
    return CalendarView(
        generated_at=at,
        version=version,
        calendar=calendar,
        panels=panels(lanes, at),
        ahead=tuple(_plan_line(known, one, changes, at) for one in ahead),
        past=tuple(line for _, line in sorted(over, key=lambda one: one[0], reverse=True)),
        rules=tuple(_rules(calendar)) if calendar else (),
        problem=problem,
    )


def render_calendar(view: CalendarView) -> str:
    """The page as one self-contained HTML document."""
    return render("calendar.html", model=view, view=view, told_when=told_when, file=FILE)


def calendar_file(calendar: Calendar | None, changes: Changes, places: Sequence[Where], at: datetime) -> str:
    """The iCalendar file of the same content, over the weeks that the page draws; plans and steps of any time."""
    known = {(one.use_case, one.site): one for one in places}
    events = [*_frozen_events(calendar, places, at), *_plan_events(known, changes, at), *_step_events(known, changes)]
    return icalendar("Pilothouse releases", events, at)


def _rules(calendar: Calendar) -> Iterator[tuple[str, Rule, str]]:
    for kind, rules in (("Freeze", calendar.freezes), ("Window", calendar.windows)):
        for rule in rules:
            yield kind, rule, _scope(rule)


def _scope(rule: Rule) -> str:
    named = (
        ("sites", [*rule.scope.sites]),
        ("use cases", [*rule.scope.use_cases]),
        ("stages", [words.STAGE_TITLES[one.value].lower() for one in rule.scope.stages]),
    )
    return "; ".join(", ".join(found) if found else f"all {what}" for what, found in named)


def _lane(
    where: Where, calendar: Calendar | None, planned: Sequence[Planned], steps: Sequence[Step], at: datetime
) -> Lane:
    mine = (where.use_case, where.site)
    drawn = [*_closed(where, calendar, at)] if calendar else []
    drawn += [
        Stretch(f"plan {one.outcome(at)}", one.span, f"{_planned_words(one)}: {one.outcome(at)}")
        for one in planned
        if (one.use_case, one.site) == mine
    ]
    marks = [
        Mark(f"{one.kind} {'planned' if one.change else 'unplanned'}", one.at, _step_words(one))
        for one in steps
        if (one.use_case, one.site) == mine
    ]
    return Lane(where.label, where.title, tuple(drawn), tuple(marks))


def _closed(where: Where, calendar: Calendar, at: datetime) -> list[Stretch]:
    """Freezes, and the open time of windows, by the stages that they are about; what is frozen is not drawn as open."""
    frozen = [*_held(where, calendar.freezes, at, widest=True)]
    opened = [
        (rule, stages, span)
        for rule, stages, span in _held(where, calendar.windows, at, widest=False)
        if not any(set(stages) <= set(f) and e.start <= span.start and span.end <= e.end for _, f, e in frozen)
    ]
    drawn: list[Stretch] = []
    for kind, found in (("freeze", frozen), ("window", opened)):
        for rule, stages, span in found:
            names = ", ".join(words.STAGE_TITLES[one.value].lower() for one in stages)
            extent = "" if len(stages) == len(UP) else " partly"
            drawn.append(Stretch(f"{kind}{extent}", span, f"{rule.title} ({names})"))
    return drawn


def _held(
    where: Where, rules: Sequence[Rule], at: datetime, *, widest: bool
) -> Iterator[tuple[Rule, list[Stage], Span]]:
    shown = horizon(at)
    for rule in rules:
        if stages := [stage for stage in UP if rule.scope.covers(where.place(stage))]:
            for span in spans(rule.when, where.zone, shown.start, shown.end, widest=widest):
                yield rule, stages, span


def _to(one: Planned) -> str:
    return f"{'challenger ' * one.is_challenger}to {words.STAGE_TITLES[one.stage.value].lower()}"


def _planned_words(one: Planned) -> str:
    return f"{one.use_case} at {one.site} {_to(one)}"


def _moved(one: Step) -> str:
    return f"{one.use_case} at {one.site} to {words.STAGE_TITLES[one.stage.value].lower()}"


def _step_words(one: Step) -> str:
    how = f"planned, {one.change}" if one.change else "unplanned"
    return f"{STEPS[one.kind]}: {_moved(one)}, {how}"


def _plan_line(known: dict[tuple[str, str], Where], one: Planned, changes: Changes, at: datetime) -> Line:
    where, outcome = known[one.use_case, one.site], one.outcome(at)
    others = [b if a is one else a for a, b in changes.conflicts(at) if one in (a, b)]
    tones = {"missed": "bad", "open": "good", "done": "good", "planned": "warn"}
    return Line(
        when=where.told_span(one.span),
        site=where.label,
        use_case=where.title,
        what=f"{_to(one).capitalize()} ({one.change})",
        outcome={"open": "open now", "missed": "missed: it did not happen"}.get(outcome, outcome),
        tone=tones.get(outcome, ""),
        why=f"{one.reason} ({one.by}, {'signed' if one.proof == 'signature' else 'claimed'})",
        conflicts=", ".join(f"{other.change} ({other.use_case})" for other in others),
    )


def _step_line(known: dict[tuple[str, str], Where], one: Step) -> Line:
    where = known[one.use_case, one.site]
    named = f" ({one.change})" if one.change else ""
    past = "".join(f" Past the calendar: {each}." for each in one.past if each not in one.reason)
    return Line(
        when=where.told(one.at),
        site=where.label,
        use_case=where.title,
        what=f"{STEPS[one.kind]}: {words.STAGE_TITLES[one.stage.value].lower()}{named}",
        outcome="planned" if one.change else "unplanned",
        tone="bad" if one.past else "good" if one.change else "",
        why=f"{one.reason or 'By the gate'} ({one.by}){past}",
    )


def _frozen_events(calendar: Calendar | None, places: Sequence[Where], at: datetime) -> Iterator[Event]:
    shown = horizon(at)
    sites = {one.site: one for one in places}
    for rule in calendar.freezes if calendar else ():
        for where in sites.values():
            if rule.scope.sites and where.site not in rule.scope.sites:
                continue
            for span in spans(rule.when, where.zone, shown.start, shown.end, widest=True):
                uid = f"{rule.id}-{where.site}-{span.start:%Y%m%dT%H%M}@pilothouse"
                about = f"{rule.rationale} Held up: {_scope(rule)}. Owner: {rule.owner}."
                yield Event(uid, span.start, span.end, f"Change freeze: {rule.title}", about, where.label, "FREEZE")


def _plan_events(known: dict[tuple[str, str], Where], changes: Changes, at: datetime) -> Iterator[Event]:
    for one in changes.planned:
        where = known.get((one.use_case, one.site))
        if where is not None:
            outcome = one.outcome(at)
            prefix = "" if outcome in ("planned", "open") else f" ({outcome})"
            title = f"{where.title}{',' * one.is_challenger} {_to(one)}{prefix}"
            about = f"{one.reason} Planned by {one.by}."
            status = "CANCELLED" if outcome == "cancelled" else "CONFIRMED"
            uid = f"{one.change}@pilothouse"
            yield Event(uid, one.span.start, one.span.end, title, about, where.label, "CHANGE", status)


def _step_events(known: dict[tuple[str, str], Where], changes: Changes) -> Iterator[Event]:
    for one in changes.steps:
        where = known.get((one.use_case, one.site))
        if where is not None:
            title = f"{STEPS[one.kind]}: {where.title}, {words.STAGE_TITLES[one.stage.value].lower()}"
            about = (
                f"{one.reason or 'By the gate.'} {'Planned' if one.change else 'Unplanned'}. Ledger entry {one.seq}."
            )
            yield Event(f"ledger-{one.seq}@pilothouse", one.at, None, title, about, where.label, "DONE")

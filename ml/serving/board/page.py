"""The huddle board as a page: server-rendered, readable without a script, by a screen reader, on a phone and at night.

Here belong its words and its drawing. What is on it (`visits.py`, `shifts.py`) does not.
"""

from datetime import date, datetime, tzinfo
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from jinja2 import Environment, FileSystemLoader

from ml.registry.stages import Stage, Tier
from ml.serving.board.shifts import Demand, Shift
from ml.serving.board.visits import Board
from ml.serving.config import SiteContext

STAGE_WORDS = {
    Stage.OFF: ("Off", "No model is in use here."),
    Stage.SHADOW: ("Shadow", "The model is being observed. Its scores are shown to nobody."),
    Stage.ASSISTIVE: ("Assistive", "Cards appear in the record. They advise; you decide."),
    Stage.DECISION_SUPPORT: ("Decision support", "Cards suggest a step. You decide."),
}
TIER_WORDS = {
    Tier.MODEL: "Model",
    Tier.REDUCED: "Reduced model instead of the model",
    Tier.RULE: "Rule instead of the model",
    Tier.HISTORY: "Historical average instead of the model",
    Tier.REFERENCE: "No score: the guideline instead of the model",
    Tier.MANUAL: "Manual: no advice",
}
SCALE_HEADROOM = 1.15
NONCE = "00000000-0000-0000-0000-000000000000"
LARGE, HALF_A_TENTH = 30, 0.05
"""From 30 on a tenth of a patient means nothing to anybody."""
NIGHT_BEGINS = 19
"""Local hour from which a shift is called tonight's."""


def board_page(board: Board, site: SiteContext, note: str = "") -> str:
    """The board as a page for people, with the site's name for itself, times of its own clock, and a note."""
    word, meaning = STAGE_WORDS[board.stage]
    return (
        _pages()
        .get_template("board.html")
        .render(
            board=board,
            note=note,
            site=site.name or board.site,
            unit_name=site.units.get(board.unit, board.unit),
            zone=site.zone,
            stage=word,
            meaning=meaning,
            tier=None if board.tier is None else TIER_WORDS[board.tier],
            is_fallback=board.tier not in (None, Tier.MODEL),
            updated=board.updated_at.astimezone(site.zone),
            last=None if board.last_call_at is None else board.last_call_at.astimezone(site.zone),
            tier_words=TIER_WORDS,
            stage_words=STAGE_WORDS,
            nonce=NONCE,
        )
    )


def with_nonce(page: str, nonce: UUID) -> str:
    """The page for one viewer: what they click is told apart from what others click on the same page."""
    return page.replace(NONCE, str(nonce))


def when(shift: Shift, now: datetime, zone: tzinfo) -> str:
    """Tonight, today, tomorrow, or the day: how people at a huddle call a shift."""
    today = now.astimezone(zone).date()
    begins = shift.starts_at.astimezone(zone)
    if shift.starts_at <= now:
        return "Now"
    if begins.date() == today:
        return "Tonight" if begins.hour >= NIGHT_BEGINS else "Today"
    return "Tomorrow" if (begins.date() - today).days == 1 else day_name(begins.date())


def day_name(day: date) -> str:
    return f"{day:%a} {day.day} {day:%b}"


def number(value: float) -> str:
    """A figure as people write it: whole where it is whole or large, else with one decimal."""
    return f"{value:z.0f}" if abs(value) >= LARGE or abs(value - round(value)) < HALF_A_TENTH else f"{value:z.1f}"


def signed(value: float) -> str:
    """A change as people write it."""
    size = number(abs(value))
    return size if size == "0" else f"{'+' if value > 0 else '−'}{size}"


def bar(demand: Demand) -> dict[str, float]:
    """Where interval, median and roster lie on a bar, in percent of its width."""
    top = SCALE_HEADROOM * max(demand.upper, demand.planned or 0, demand.adjusted or 0, 1)
    share = {"lower": demand.lower, "upper": demand.upper, "median": demand.median, "planned": demand.planned or 0}
    return {name: round(100 * value / top, 1) for name, value in share.items()}


@cache
def _pages() -> Environment:
    pages = Environment(loader=FileSystemLoader(Path(__file__).parents[1] / "templates"), autoescape=True)
    filters: dict[str, Any] = {"number": number, "signed": signed, "bar": bar, "day_name": day_name, "when": when}
    pages.filters.update(filters)
    return pages

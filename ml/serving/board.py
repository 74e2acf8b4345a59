"""The huddle board of a unit: what is in use, and how many visits were at which risk in the last hours.

Here belong the board's data and its page. No identifier is ever on it; in shadow it shows no score.
"""

from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated

from jinja2 import Environment, FileSystemLoader
from pydantic import BaseModel, Field

from ml.registry.stages import Stage, Tier
from ml.serving.config import SiteContext
from ml.serving.counts import BoardCounts
from ml.serving.releases import Live, SiteState

WINDOW = timedelta(hours=12)
STAGE_WORDS = {
    Stage.OFF: ("Off", "No model is in use here."),
    Stage.SHADOW: ("Shadow", "The model is being observed. Its scores are shown to nobody."),
    Stage.ASSISTIVE: ("Assistive", "Cards appear in the record. They advise; you decide."),
    Stage.DECISION_SUPPORT: ("Decision support", "Cards suggest a step. You decide."),
}
TIER_WORDS = {
    Tier.MODEL: "Model",
    Tier.RULE: "Rule instead of the model",
    Tier.HISTORY: "Historical average instead of the model",
    Tier.MANUAL: "Manual: no advice",
}


class BandCount(BaseModel):
    """Visits whose latest score lies in one band of risk."""

    band: str
    visits: Annotated[int, Field(ge=0)]
    share: Annotated[float, Field(ge=0, le=1)]


class Board(BaseModel):
    """A unit's board: visits, and how often the service was asked about them.

    `bands` is null while no score may be shown.
    """

    use_case: str
    site: str
    unit: str
    stage: Stage
    tier: Tier | None
    tier_reason: str | None
    release: str | None
    model_version: str | None
    accountable: str | None
    problem: str | None
    window_hours: int
    visits: int
    calls: int
    cards_displayed: int | None
    bands: list[BandCount] | None
    last_call_at: datetime | None
    updated_at: datetime


def board_of(use_case: str, site: str, unit: str, state: SiteState, counts: BoardCounts, now: datetime) -> Board:
    """Put a unit's board together."""
    live = state if isinstance(state, Live) else None
    stage = live.stage if live is not None else Stage.OFF
    is_shown = live is not None and stage.rank >= Stage.ASSISTIVE.rank
    return Board(
        use_case=use_case,
        site=site,
        unit=unit,
        stage=stage,
        tier=live.tier if live is not None else None,
        tier_reason=live.tier_reason if live is not None else None,
        release=live.release.digest if live is not None else None,
        model_version=live.release.manifest.model.version if live is not None else None,
        accountable=live.release.manifest.accountable if live is not None else None,
        problem=None if live is not None else getattr(state, "reason", None),
        window_hours=int(WINDOW.total_seconds() // 3600),
        visits=counts.visits,
        calls=counts.calls,
        cards_displayed=counts.displayed if is_shown else None,
        bands=_bands(live, counts) if live is not None and is_shown else None,
        last_call_at=counts.last_at,
        updated_at=now,
    )


def _bands(live: Live, counts: BoardCounts) -> list[BandCount]:
    names = [band.name for band in live.release.card.bands]
    total = sum(counts.by_band.get(name, 0) for name in names)
    return [
        BandCount(band=name, visits=counts.by_band.get(name, 0), share=counts.by_band.get(name, 0) / (total or 1))
        for name in names
    ]


def board_page(board: Board, site: SiteContext) -> str:
    """The board as a page for people, with the site's name for itself and times of its own clock."""
    word, meaning = STAGE_WORDS[board.stage]
    return (
        _pages()
        .get_template("board.html")
        .render(
            board=board,
            site=site.name or board.site,
            stage=word,
            meaning=meaning,
            tier=None if board.tier is None else TIER_WORDS[board.tier],
            is_fallback=board.tier not in (None, Tier.MODEL),
            updated=board.updated_at.astimezone(site.zone),
            last=None if board.last_call_at is None else board.last_call_at.astimezone(site.zone),
        )
    )


@cache
def _pages() -> Environment:
    return Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)

"""The huddle board of a unit as data: what is in use, how many visits were at which risk, and the coming shifts.

Here belong the counts of triage and putting the board together. No identifier is ever on it; in shadow, no score.
"""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, Field

from ml.registry.stages import Stage, Tier
from ml.serving.board.shifts import Section
from ml.serving.counts import BoardCounts
from ml.serving.live import Live, SiteState
from ml.serving.notices import glass_of, told

WINDOW = timedelta(hours=12)


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
    is_outside: bool = False
    notice: str | None = None
    break_glass: str | None = None
    sections: list[Section] = Field(default_factory=list[Section])


def board_of(
    use_case: str,
    site: str,
    unit: str,
    state: SiteState,
    counts: BoardCounts,
    now: datetime,
    wall: datetime,
    *,
    sections: list[Section],
    is_outside: bool,
) -> Board:
    """Put a unit's board together. `wall` is the world's time, which notices go by; `is_outside`: the release of triage
    is not for this unit."""
    live = state if isinstance(state, Live) and not is_outside else None
    stage = live.stage if live is not None else Stage.OFF
    is_shown = live is not None and stage.rank >= Stage.ASSISTIVE.rank
    said = None if is_outside else told(state.pointer, live.tier if live else None, wall)
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
        is_outside=is_outside,
        notice=said.text if said else None,
        break_glass=glass_of(live),
        sections=sections,
    )


def _bands(live: Live, counts: BoardCounts) -> list[BandCount]:
    names = [band.name for band in live.release.card.bands]
    total = sum(counts.by_band.get(name, 0) for name in names)
    return [
        BandCount(band=name, visits=counts.by_band.get(name, 0), share=counts.by_band.get(name, 0) / (total or 1))
        for name in names
    ]

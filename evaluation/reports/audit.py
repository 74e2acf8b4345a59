"""The audit page of a site: what its sources send, how complete, fresh and well coded, and what to mend first.

Here belong the values of the page, their charts and the printing. Counting them is the caller's; what must be mended is
derived from them in ``audit_findings``. Times are UTC, shares lie between 0 and 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from evaluation.reports.charts import Bar, Chart, Tick
from evaluation.reports.pages import environment, write_page

_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 300.0, 10.0, 182.0


@dataclass(frozen=True, slots=True)
class FieldFacts:
    """One column of a lake table: how it is classified, and the share of newest records in which it is empty."""

    name: str
    classification: str
    is_required: bool
    empty: float


@dataclass(frozen=True, slots=True)
class TableFacts:
    """One lake table: every version that landed, the keys that are live, and its columns."""

    table: str
    versions: int
    live_keys: int
    fields: tuple[FieldFacts, ...]


@dataclass(frozen=True, slots=True)
class FeedFacts:
    """One feed as agreed and as it came. ``records`` are the counts of its receipts; ``volume`` is by arrival day."""

    feed: str
    is_agreed: bool
    contract: str
    contracts_seen: tuple[str, ...]
    owner: str
    reader: str
    formats_seen: tuple[tuple[str, int], ...]
    files: int
    records: dict[str, int]
    reasons: dict[str, int]
    last_arrival: datetime | None
    age_hours: float | None
    due_hours: float | None
    classified: dict[str, int]
    volume: tuple[tuple[date, int], ...]
    tables: tuple[TableFacts, ...]

    @property
    def is_late(self) -> bool:
        """Whether the last file is older than cadence and latency allow; unknown without either is not late."""
        return self.age_hours is not None and self.due_hours is not None and self.age_hours > self.due_hours


@dataclass(frozen=True, slots=True)
class CodingFacts:
    """The codes of one system in one lake table; ``mapped`` is None before tables are built."""

    table: str
    system: str
    records: int
    codes: int
    mapped: float | None
    unmapped: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class LinkFacts:
    """How many records name a patient or visit that the record system has not sent."""

    table: str
    names: str
    records: int
    unknown: int


@dataclass(frozen=True, slots=True)
class CheckFacts:
    """One check of the Data Quality Dashboard that its table misses; ``is_of_site``: by this site's own rows."""

    check: str
    table: str
    field: str
    severity: str
    violated: int
    rows: int
    threshold_pct: float
    is_of_site: bool = True


@dataclass(frozen=True, slots=True)
class QualityFacts:
    """The checks of the last build: ``of_site`` over this site's rows, the others over tables that are of no site."""

    checks: int
    of_site: int
    missed: tuple[CheckFacts, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to mend, with the figures it stands on; ``weight`` ranks it, highest first."""

    weight: float
    says: str


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Everything on the page. ``quality`` is None, and no coding is mapped, before tables are built; ``standard``
    says by which standard people are de-identified."""

    site: str
    name: str
    as_of: datetime
    generated_at: datetime
    version: str
    vocabulary: str
    feeds: tuple[FeedFacts, ...]
    coding: tuple[CodingFacts, ...]
    links: tuple[LinkFacts, ...]
    quality: QualityFacts | None
    findings: tuple[Finding, ...]
    standard: str = ""

    @property
    def records(self) -> int:
        return sum(feed.records.get("received", 0) for feed in self.feeds)


def write_audit(folder: Path, page: AuditPage) -> Path:
    """Write ``audit-<site>.html`` into ``folder``; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    text = environment().get_template("audit.html").render(model=page, page=page, volume_chart=volume_chart)
    return write_page(folder / f"audit-{page.site}.html", text)


def volume_chart(feed: FeedFacts) -> Chart | None:
    """Return records by day of arrival as bars; None where they came on one day or never."""
    days = [day for day, _ in feed.volume]
    if len(days) < 2:
        return None
    most = max(records for _, records in feed.volume)
    span = (days[-1] - days[0]).days + 1
    step = (_RIGHT - _LEFT) / span
    return Chart(
        title="Records by day of arrival",
        summary=f"{len(days)} of {span} days brought records, at most {most:,} on one day.",
        x_label="",
        y_label="Records",
        x_ticks=_ends(days),
        y_ticks=tuple(Tick(_height(most * part, most), f"{round(most * part):,}") for part in (0.0, 0.5, 1.0)),
        bars=tuple(
            Bar(
                round(_LEFT + (day - days[0]).days * step, 2),
                _height(records, most),
                round(max(step - 0.5, 0.5), 2),
                round(_BOTTOM - _height(records, most), 2),
            )
            for day, records in feed.volume
        ),
    )


def _ends(days: Sequence[date]) -> tuple[Tick, ...]:
    return (Tick(_LEFT + 24, days[0].isoformat()), Tick(_RIGHT - 24, days[-1].isoformat()))


def _height(value: float, most: float) -> float:
    return round(_BOTTOM - (_BOTTOM - _TOP) * value / most, 2)

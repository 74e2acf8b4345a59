"""What a pack prints: sections of tables whose every row names the documents it rests on.

Here belongs the rule of the pack: a row without a source has no text of its own, it reads NOT EVIDENCED. What is
claimed belongs in the modules of the sections, how it looks in the template.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from evaluation.reports.board.facts import Source
from evaluation.reports.charts import Chart
from evaluation.reports.words import NOT_EVIDENCED

Tone = Literal["", "good", "bad", "warn"]


@dataclass(frozen=True, slots=True)
class Cell:
    """A text to print; None is not evidenced. ``is_number`` sets it to the right. ``is_asked``: words of the question
    or of the policy and no claim, which stand whether anything is evidenced or not."""

    text: str | None
    tone: Tone = ""
    is_number: bool = False
    is_asked: bool = False

    @property
    def is_absent(self) -> bool:
        return not self.is_asked and (self.text is None or self.text == NOT_EVIDENCED)


@dataclass(frozen=True, slots=True)
class Row:
    """A label, what is claimed of it, and on what it rests."""

    label: str
    cells: tuple[Cell, ...]
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under heads; the first head names the label, the last column is the evidence. ``is_folded``: detail that a
    page opens on demand; paper says how much there is, and in which document."""

    heads: tuple[str, ...]
    rows: tuple[Row, ...]
    caption: str = ""
    is_folded: bool = False

    @property
    def cited(self) -> tuple[Source, ...]:
        """The sources of all rows, each once."""
        return tuple({one.stem: one for row in self.rows for one in row.sources}.values())

    @property
    def shared(self) -> tuple[Source, ...]:
        """The sources of every row, where they are the same for all and there is more than one row."""
        first = self.rows[0].sources if len(self.rows) > 1 else ()
        return first if all(row.sources == first for row in self.rows) else ()


@dataclass(frozen=True, slots=True)
class ChartLine:
    """Charts side by side, and what they were drawn from."""

    title: str
    charts: tuple[Chart, ...]
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One heading of the pack. ``absent`` says what is not evidenced where the section has no table."""

    anchor: str
    title: str
    tables: tuple[Table, ...] = ()
    lead: str = ""
    charts: tuple[ChartLine, ...] = ()
    absent: str = ""
    banner: str = ""

    @property
    def is_absent(self) -> bool:
        """Whether anything in it is not evidenced."""
        cells = [one for each in self.tables for row in each.rows for one in row.cells]
        return not self.tables or any(one.is_absent for one in cells)

    @property
    def sources(self) -> tuple[Source, ...]:
        """Everything the section cites, each once, in the order of citing."""
        cited = [one for line in self.charts for one in line.sources]
        cited += [one for table in self.tables for row in table.rows for one in row.sources]
        return tuple({one.stem: one for one in cited}.values())


def claim(label: str, *values: "Cell | str | None", on: Iterable[Source]) -> Row:
    """A row that rests on documents; with none, every claim reads NOT EVIDENCED, whatever it says."""
    sources = tuple(on)
    cells = tuple(one if isinstance(one, Cell) else Cell(one or None) for one in values)
    return Row(label, cells if sources else tuple(one if one.is_asked else Cell(None) for one in cells), sources)


def table(heads: Sequence[str], rows: Iterable[Row], caption: str = "", *, is_folded: bool = False) -> Table:
    """A table of claims."""
    return Table(tuple(heads), tuple(rows), caption, is_folded)


def number(text: str | None, tone: Tone = "") -> Cell:
    """A number, set to the right."""
    return Cell(text or None, tone, is_number=True)

"""Evidence as Markdown, for places that show no page: the metadata of an asset, a message.

Here belongs layout. Rows and words are those of the pages.
"""

from collections.abc import Sequence

from evaluation.evidence import Evidence
from evaluation.reports import words
from evaluation.reports.sections import drift_rows

HEAD = ("Feature", "Verdict", "Difference (SD)", "Distance", "Missing before → now", "Evidently's own verdict")


def drift_markdown(evidence: Evidence) -> str:
    """One sentence and one table about a document of kind drift: drifted features first, then those that moved most."""
    features = evidence.detail.get("features")
    judged = len(features) if isinstance(features, Sequence) else 0
    rows = [(r.feature, r.verdict, r.effect, r.distance, r.missing, r.evidently) for r in drift_rows(evidence)]
    drifted = sum(row[1] == "drifted" for row in rows)
    old, new = (_count(evidence, name) for name in ("reference_rows", "current_rows"))
    said = f"**{drifted or 'None'} of {judged} features drifted.** {old} visits before, {new} since."
    more = "" if len(rows) == judged else f"The {len(rows)} that moved most:"
    lines = [HEAD, ("---",) * len(HEAD), *rows]
    return f"{f'{said} {more}'.strip()}\n\n" + "".join(_line(cells) for cells in lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _count(evidence: Evidence, name: str) -> str:
    value = evidence.detail.get(name)
    return words.count(value if isinstance(value, int) else None)

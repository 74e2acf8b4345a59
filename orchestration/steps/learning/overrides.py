"""What people did with the cards that were shown, and who was right: evidence of kind overrides.

Reads the published snapshot: displayed cards and the mart's outcomes. Cards that still wait for an answer are left out;
ignored ones count as displayed. What does not belong here: the judgement of groups (evaluation/metrics/overrides).
"""

from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from evaluation.evidence import Evidence, Figure, Json
from evaluation.metrics.overrides import OVERRIDDEN, Cards, GroupOverrides, Verdict, judge_overrides, rates
from ml.usecases import UseCase
from orchestration.contracts.sql import name, text
from orchestration.steps.learning.evidence import head_of
from orchestration.steps.learning.stores import CandidateRecord
from orchestration.steps.warehouse.tables import Snapshot, TablesError

GROUPED_BY = ("unit", "shift")
TABLE = "card_response"
SHOWN = """
    select cards.response, cards.reason_code, cards.unit, cards.shift, cards.shown_at,
        cast(mart.{label} as double) as outcome
    from {cards} as cards
    left join {mart} as mart on cards.site = mart.site and cards.visit_key = mart.{key}
    where cards.site = $site and cards.use_case = $use_case and cards.response <> 'waiting'
        and cards.release_digest in (select unnest($releases))
    order by cards.shown_at, cards.card_uuid
"""

WITH_CARD = (
    "select distinct visit_key from {cards} where site = $site and use_case = $use_case and visit_key is not null"
)


@dataclass(frozen=True)
class Shown:
    """The displayed cards of a model's releases at a site: one row per card."""

    rows: pa.Table

    @property
    def cards(self) -> Cards:
        groups = {column: _texts(self.rows, column) for column in GROUPED_BY}
        outcome = np.array([np.nan if one is None else one for one in self.rows["outcome"].to_pylist()], dtype=float)
        return Cards(_texts(self.rows, "response"), outcome, groups)


def shown_cards(snapshot: Snapshot, use_case: UseCase, site: str, releases: list[str]) -> Shown:
    """Return the cards that releases of a use case showed at a site.

    Raises `TablesError` where the snapshot is of a version that had no such table.
    """
    cards, mart = _cards(snapshot), text(str(snapshot.table(f"{use_case.use_case}_mart")))
    label = next(one.label_column for one in use_case.outcomes if one.name == use_case.card.outcome)
    query = SHOWN.format(cards=cards, mart=mart, label=name(label), key=name(use_case.grain.key))
    given = {"site": site, "use_case": use_case.use_case, "releases": releases}
    with duckdb.connect() as connection:
        return Shown(connection.sql(query, params=given).to_arrow_table())


def visits_with_card(snapshot: Snapshot, use_case: UseCase, site: str) -> pa.Array:
    """Return the keys of the visits at a site where any release of a use case showed a card. Raises `TablesError`."""
    query, given = WITH_CARD.format(cards=_cards(snapshot)), {"site": site, "use_case": use_case.use_case}
    with duckdb.connect() as connection:
        return connection.sql(query, params=given).to_arrow_table()["visit_key"].combine_chunks()


def _cards(snapshot: Snapshot) -> str:
    if TABLE not in snapshot.rows:
        raise TablesError(f"Snapshot {snapshot.digest[:12]} has no table {TABLE}; run the tables again.")
    return text(str(snapshot.table(TABLE)))


def overrides_evidence(record: CandidateRecord, shown: Shown, window: dict[str, str]) -> Evidence:
    """Evidence of kind overrides: shares of displayed cards, units and shifts that disagree, and reasons given."""
    cards = shown.cards
    judged = judge_overrides(cards, GROUPED_BY)
    disagreeing = sum(one.verdict is Verdict.DISAGREEMENT for one in judged)
    count = Figure(float(disagreeing), n=len(judged)) if cards.response.size else Figure(None, n=0)
    figures = {f"overrides.{kind}": figure for kind, figure in rates(cards).items()}
    figures["overrides.disagreeing_groups"] = count
    detail: dict[str, Json] = {"groups": [_group(one) for one in judged], "reasons": _reasons(shown.rows)}
    return head_of(record, window).evidence("overrides", figures, detail)


def _group(one: GroupOverrides) -> dict[str, Json]:
    return {
        "by": one.by,
        "value": one.value,
        "cards": one.rate.n,
        "rate": one.rate.value,
        "elsewhere": one.elsewhere.value,
        "p_adjusted": one.p_adjusted,
        "came_overridden": one.came_overridden.value,
        "came_accepted": one.came_accepted.value,
        "verdict": one.verdict.value,
    }


def _reasons(rows: pa.Table) -> list[dict[str, Json]]:
    """Reasons of overrides, the most frequent first, with how often the outcome came."""
    found: dict[str, list[Any]] = {}
    for response, code, outcome in zip(
        *(rows[c].to_pylist() for c in ("response", "reason_code", "outcome")), strict=True
    ):
        if response == OVERRIDDEN:
            found.setdefault(code or "none given", []).append(outcome)
    ordered = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    return [
        {
            "reason": code,
            "cards": len(ends),
            "known": sum(e is not None for e in ends),
            "came": sum(e == 1 for e in ends),
        }
        for code, ends in ordered
    ]


def _texts(rows: pa.Table, column: str) -> np.ndarray[Any, np.dtype[np.str_]]:
    return np.array([str(one or "") for one in rows[column].to_pylist()], dtype=np.str_)

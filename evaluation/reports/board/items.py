"""Checklists and readiness: questions in YAML that evidence, ledger or figures answer, never a hand.

Here belongs reading the questions and answering them. An item that nothing speaks to is NOT EVIDENCED; one that is
spoken against is open, with what was seen. The questions themselves are ``governance/checklists.yaml`` and
``governance/readiness.yaml``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from evaluation import EvaluationError
from evaluation.evidence import Figure
from evaluation.reports import words
from evaluation.reports.board.claims import Cell, Row, Section, claim, table
from evaluation.reports.board.facts import BoardFacts, Source
from evaluation.strict_yaml import first_fault, read_one

FOLDER = Path(__file__).parents[2] / "governance"
FILES = {"checklists": "checklists.yaml", "readiness": "readiness.yaml"}
State = Literal["ticked", "open", "not evidenced"]
Text = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]{0,62}$")]


class ItemsError(EvaluationError):
    """A file of questions that cannot be read; the message names the file and the place."""


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TickedBy(_Form):
    """What answers an item: exactly one of a kind of evidence (with a figure and a bound, if need be), an approval that
    stands, an entry of the ledger, a clause of the policy that the gate found met, a member of the declaration, or a
    measured fact."""

    evidence: Name | None = None
    approval: Name | None = None
    ledger: Name | None = None
    clause: Name | None = None
    declared: Name | None = None
    measured: Name | None = None
    figure: str | None = None
    bound: Literal["value", "lower", "upper"] = "value"
    at_least: float | None = None
    at_most: float | None = None
    at_most_days: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _one_answer(self) -> Self:
        named = [
            one for one in ("evidence", "approval", "ledger", "clause", "declared", "measured") if getattr(self, one)
        ]
        if len(named) != 1:
            raise ValueError("give exactly one of evidence, approval, ledger, clause, declared, measured")
        if self.figure and not self.evidence:
            raise ValueError("a figure belongs to a kind of evidence")
        return self


class Item(_Form):
    """One question, what answers it, and what to do where it is not answered well."""

    id: Name
    asks: Text
    ticked_by: TickedBy
    to_meet: Text


class Questions(_Form):
    """A file of questions in parts: phases of a launch, or areas of readiness."""

    schema_: Literal["pilothouse.questions/1"] = Field(alias="schema")
    title: Text
    owner: Name
    date: date
    rationale: Text
    parts: Mapping[Name, Annotated[tuple[Item, ...], Field(min_length=1)]]


@dataclass(frozen=True, slots=True)
class Answered:
    """One item with its answer and what it rests on."""

    item: Item
    state: State
    says: str
    sources: tuple[Source, ...]


@lru_cache(maxsize=4)
def load_questions(name: str, folder: Path = FOLDER) -> Questions:
    """Read ``checklists`` or ``readiness``. Raises :class:`ItemsError`."""
    path = folder / FILES[name]
    try:
        return Questions.model_validate(read_one(path.read_text("utf-8")))
    except ValidationError as error:
        raise ItemsError(f"{path.name}: {first_fault(error)} Correct the file.") from error
    except (OSError, yaml.YAMLError) as error:
        raise ItemsError(f"{path.name} cannot be read: {error}") from error


def answer(item: Item, facts: BoardFacts) -> Answered:
    """Answer an item from the facts; what nothing speaks to is not evidenced."""
    asked = item.ticked_by
    state, says, sources = _ANSWERS[next(name for name in _ANSWERS if getattr(asked, name))](asked, facts)
    return Answered(item, state if sources else "not evidenced", says if sources else words.NOT_EVIDENCED, sources)


Found = tuple[State, str, tuple[Source, ...]]
NOTHING: Found = ("not evidenced", "", ())


def _by_evidence(asked: TickedBy, facts: BoardFacts) -> Found:
    kind = str(asked.evidence)
    document, on = facts.site.evidence_of(kind), facts.evidence(kind)
    if document is None:
        return NOTHING
    days = (facts.generated_at - document.created_at).total_seconds() / 86400
    if asked.at_most_days is not None and days > asked.at_most_days:
        return "open", f"made {days:.0f} days ago; at most {asked.at_most_days:g}", on
    if asked.figure is None:
        return "ticked", f"made {words.moment(document.created_at)}", on
    figure = document.figures.get(asked.figure, Figure(None))
    value = getattr(figure, asked.bound)
    if value is None:
        return NOTHING
    return (*_held(asked, value, words.figure_name(asked.figure, facts.use_case.outcomes), asked.figure), on)


def _held(asked: TickedBy, value: float, label: str, figure: str) -> tuple[State, str]:
    said = f"{label}{'' if asked.bound == 'value' else f', {asked.bound} bound'}: {words.number(figure, value)}"
    if asked.at_least is not None and value < asked.at_least:
        return "open", f"{said}; at least {words.number(figure, asked.at_least)}"
    if asked.at_most is not None and value > asked.at_most:
        return "open", f"{said}; at most {words.number(figure, asked.at_most)}"
    return "ticked", said


def _by_approval(asked: TickedBy, facts: BoardFacts) -> Found:
    of_kind = [one for one in facts.approvals if one.kind == asked.approval]
    good = [one for one in of_kind if one.until is not None and one.verdict == "approve"]
    if good:
        last = good[-1]
        return "ticked", f"{last.person}, until {words.moment(last.until)}", (last.entry.source,)
    if of_kind:
        last = of_kind[-1]
        why = last.void or ("refused" if last.verdict == "refuse" else "holds up nothing that is served")
        return "open", f"{last.person}: {why}", (last.entry.source,)
    return NOTHING


def _by_ledger(asked: TickedBy, facts: BoardFacts) -> Found:
    found = facts.of_kind(str(asked.ledger))
    if not found:
        return NOTHING
    days = (facts.generated_at - found[-1].at).total_seconds() / 86400
    if asked.at_most_days is not None and days > asked.at_most_days:
        return "open", f"last {days:.0f} days ago; at most {asked.at_most_days:g}", (found[-1].source,)
    return "ticked", f"{words.moment(found[-1].at)}, by {found[-1].who}", (found[-1].source,)


def _by_clause(asked: TickedBy, facts: BoardFacts) -> Found:
    clauses = facts.site.decision.clauses if facts.site.decision else ()
    found = next((one for one in clauses if one.clause == asked.clause), None)
    if found is None:
        return NOTHING
    seen = words.NOT_EVIDENCED if found.observed is None else words.number(found.figure, found.observed)
    name = words.figure_name(found.figure, facts.use_case.outcomes)
    return "ticked" if found.met else "open", f"{name}: {seen}", facts.source("decision")


def _by_declaration(asked: TickedBy, facts: BoardFacts) -> Found:
    value = facts.document("declaration").get(str(asked.declared))
    if not value:
        return NOTHING
    says = f"{len(value)} in writing" if isinstance(value, Sequence) and not isinstance(value, str) else "in writing"
    return "ticked", says, facts.source("declaration")


def _by_measure(asked: TickedBy, facts: BoardFacts) -> Found:
    found = facts.measured.get(str(asked.measured))
    if found is None or found.value is None:
        return NOTHING
    above = asked.at_least is not None and found.value < asked.at_least
    below = asked.at_most is not None and found.value > asked.at_most
    return "open" if above or below else "ticked", found.says, facts.source(*found.sources)


_ANSWERS = {
    "evidence": _by_evidence,
    "approval": _by_approval,
    "ledger": _by_ledger,
    "clause": _by_clause,
    "declared": _by_declaration,
    "measured": _by_measure,
}


def answered(name: str, facts: BoardFacts) -> dict[str, tuple[Answered, ...]]:
    """Every part of ``checklists`` or ``readiness`` with its items answered."""
    return {part: tuple(answer(item, facts) for item in items) for part, items in load_questions(name).parts.items()}


def checklists(facts: BoardFacts) -> Section:
    """Before, during and after a launch: each item ticked by evidence, open, or NOT EVIDENCED."""
    return _section("checklists", facts)


def readiness(facts: BoardFacts) -> Section:
    """Data, infrastructure, staff and governance: ready where every item is ticked."""
    return _section("readiness", facts)


def _section(name: str, facts: BoardFacts) -> Section:
    questions = load_questions(name)
    tables = tuple(
        table(
            (words.plain(part), "Answer", "Seen", "What would meet it"),
            [_row(one) for one in found],
            f"{sum(one.state == 'ticked' for one in found)} of {len(found)} ticked.",
        )
        for part, found in answered(name, facts).items()
    )
    return Section(name, questions.title, tables, lead=questions.rationale)


def _row(one: Answered) -> Row:
    tone = "good" if one.state == "ticked" else "bad"
    to_meet = "nothing" if one.state == "ticked" else one.item.to_meet
    return claim(one.item.asks, Cell(one.state, tone), one.says, Cell(to_meet, is_asked=True), on=one.sources)


def answers_document(name: str, facts: BoardFacts) -> dict[str, Any]:
    """The answers as plain JSON: what the pack's section says."""
    parts = {
        part: [
            {
                "id": one.item.id,
                "asks": one.item.asks,
                "state": one.state,
                "says": one.says,
                "evidence": [{"file": source.path, "digest": source.digest} for source in one.sources],
                "to_meet": one.item.to_meet,
            }
            for one in found
        ]
        for part, found in answered(name, facts).items()
    }
    ready = {part: all(one["state"] == "ticked" for one in found) for part, found in parts.items()}
    return {"schema": f"pilothouse.{name}/1", "complete": all(ready.values()), "parts_complete": ready, "parts": parts}

"""Release notes: what changed between two releases, by digest, why, and which feedback it answers.

Here belongs the comparison of two manifests and of what is on the ledger between them. A release answers a reason or an
incident where somebody who approved it signed that it does: a note that says ``answers:NAME`` (decision 0032). Nothing
is taken for an answer because it came later.
"""

import re
from typing import Any

from evaluation.evidence import Json
from evaluation.reports import words
from evaluation.reports.board.challenger import figures_of, replaced
from evaluation.reports.board.claims import Cell, Row, Section, claim, number, table
from evaluation.reports.board.facts import ApprovalFact, BoardFacts, Source, mapping, records

PARTS = ("model", "data", "contracts", "policy", "card", "intended_use", "features", "scope")
ANSWERS = re.compile(r"answers:([a-z0-9][a-z0-9_.-]{0,63})")


def release_notes(facts: BoardFacts) -> Section:
    """What changed since the release before, why, and what of the feedback on record it answers."""
    if "release" not in facts.sources:
        return Section("notes", "Release notes", absent="nothing is released here.")
    tables = [
        table(("Part", "Before", "Now", "Changed"), [_part(facts, name) for name in PARTS], _between(facts)),
        *[table(("Contract", "Before", "Now"), rows) for rows in [_contracts(facts)] if rows],
        table(("Why", "Said by", "Stage"), [_why(one) for one in signed(facts)] or [claim("Why", None, None, on=())]),
    ]
    tables += replaced(facts)
    if facts.site.challenger is not None:
        tables.append(table(("Beside this release", "What is so"), [_beside(facts)]))
    answered = [_answer(facts, *one) for one in feedback(facts)]
    if answered:
        tables.append(
            table(("Feedback on record when it was approved", "How often", "Answered by this release"), answered)
        )
    return Section("notes", "Release notes", tuple(tables))


def _beside(facts: BoardFacts) -> Row:
    """That another model scores beside this one; the section of the challenger says the rest."""
    view = facts.site.challenger
    if view is None:
        return claim("Challenger", None, on=())
    came = tuple(one.source for one in facts.entries if one.hash == view.entry)
    version = view.model_version or words.NOT_EVIDENCED
    return claim("Challenger", f"Model version {version}, since {words.moment(view.since)}, shown to nobody", on=came)


def _between(facts: BoardFacts) -> str:
    now = facts.document("release")
    before = facts.document("previous_release")
    what = (
        f"{words.short(facts.site.release or '')}, {now.get('stage')}, of {words.instant(str(now.get('created_at')))}"
    )
    if not before:
        return f"Release {what}; the first at this site."
    return f"Release {what}, against {before.get('stage')} of {words.instant(str(before.get('created_at')))}."


def _part(facts: BoardFacts, name: str) -> Row:
    now = mapping(facts.document("release").get("subject")).get(name)
    before = mapping(facts.document("previous_release").get("subject")).get(name)
    is_first = "previous_release" not in facts.sources
    changed = (
        Cell("first release", "warn") if is_first else Cell("yes", "warn") if now != before else Cell("no", "good")
    )
    return claim(
        words.plain(name),
        "none" if is_first else _digest(before),
        _digest(now),
        changed,
        on=facts.source("release", "previous_release"),
    )


def _digest(value: Json) -> str:
    return words.short(value) if isinstance(value, str) else "not bound"


def _contracts(facts: BoardFacts) -> list[Row]:
    """Contracts of which another version, or another text, is released than before."""
    now = mapping(facts.document("release").get("contracts"))
    before = mapping(facts.document("previous_release").get("contracts"))
    if not before:
        return []
    changed = [feed for feed in sorted({*now, *before}) if now.get(feed) != before.get(feed)]
    versions = [
        (feed, *(str(mapping(one.get(feed)).get("version") or "none") for one in (before, now))) for feed in changed
    ]
    return [claim(*one, on=facts.source("release", "previous_release")) for one in versions]


def signed(facts: BoardFacts) -> list[ApprovalFact]:
    """The approvals that the release rests on."""
    hashes = {str(one.get("ledger_hash")) for one in records(facts.document("release").get("approvals"))}
    return [one for one in facts.approvals if one.entry.hash in hashes]


def _why(one: ApprovalFact) -> Row:
    said = f"{one.person}, {words.plain(one.kind).lower()}"
    return claim(one.note or words.NOT_EVIDENCED, said, words.STAGE_TITLES.get(one.stage), on=(one.entry.source,))


def feedback(facts: BoardFacts) -> list[tuple[str, int, tuple[Source, ...]]]:
    """What was on record when the release was approved: reasons of overrides, other figures, incidents, each with how
    often; the newest document of overrides counts where it is older than the promotion."""
    promotion = facts.promotion
    if promotion is None:
        return []
    found: dict[str, tuple[int, tuple[Source, ...]]] = {}
    document = facts.site.evidence_of("overrides")
    if document is not None and document.created_at <= promotion.at:
        for one in records(document.detail.get("reasons")):
            found[str(one.get("reason"))] = (int(str(one.get("cards") or 0)), facts.evidence("overrides"))
    for entry in facts.of_kind("adjustment", "incident_opened"):
        if entry.at <= promotion.at:
            name = entry.text("reason") or entry.text("incident")
            count, sources = found.get(name, (0, ()))
            found[name] = (count + 1, (*sources, entry.source))
    return [(name, *one) for name, one in sorted(found.items(), key=lambda item: (-item[1][0], item[0]))]


def answers_of(facts: BoardFacts) -> dict[str, list[ApprovalFact]]:
    """What those who approved the release signed that it answers."""
    found: dict[str, list[ApprovalFact]] = {}
    for one in signed(facts):
        for name in ANSWERS.findall(one.note):
            found.setdefault(name, []).append(one)
    return found


def _answer(facts: BoardFacts, name: str, count: int, sources: tuple[Source, ...]) -> Row:
    by = answers_of(facts).get(name, [])
    said = (
        Cell(f"yes, signed by {', '.join(one.person for one in by)}", "good")
        if by
        else Cell("nobody signed so", "warn")
    )
    on = (*sources, *(one.entry.source for one in by))
    return claim(words.plain(name.replace("-", " ")), number(words.count(count)), said, on=on)


def _challenger_document(facts: BoardFacts) -> dict[str, Any] | None:
    view = facts.site.challenger
    if view is None:
        return None
    return {
        "release": view.release,
        "model_version": view.model_version,
        "since": view.since.isoformat(),
        "beside": view.beside,
        "compared": figures_of(view.evidence),
        "in_its_way": None if view.unmet is None else [one.to_json() for one in view.unmet],
    }


def notes_document(facts: BoardFacts) -> dict[str, Any]:
    """The notes as plain JSON: what the pack's section says."""
    now = mapping(facts.document("release").get("subject"))
    before = mapping(facts.document("previous_release").get("subject"))
    by = answers_of(facts)
    return {
        "schema": "pilothouse.release_notes/1",
        "release": facts.site.release,
        "previous": facts.document("release").get("previous"),
        "changed": [name for name in PARTS if now.get(name) != before.get(name)] if before else list(now),
        "before": dict(before),
        "now": dict(now),
        "compared": figures_of(facts.compared),
        "challenger": _challenger_document(facts),
        "why": [{"person": one.person, "kind": one.kind, "note": one.note} for one in signed(facts)],
        "feedback": [
            {"name": name, "count": count, "answered_by": [one.person for one in by.get(name, [])]}
            for name, count, _ in feedback(facts)
        ],
    }

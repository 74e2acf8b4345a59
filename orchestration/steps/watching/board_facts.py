"""What a board pack rests on, gathered from the stores: documents with their digests, ledger entries, counted facts.

Each part is read by itself: what cannot be read is left out, so that the pack prints NOT EVIDENCED in its place, and
its first page says why. What does not belong here: what is claimed of it (evaluation/reports/board).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from evaluation.calendar import KINDS, Calendar, Changes, Place, changes_of, told_when
from evaluation.evidence import Json
from evaluation.gates import Decision
from evaluation.ledger import Entry, Readable, RecordedApproval, proof_of
from evaluation.policies import Policy, Stage, load_policy
from evaluation.reports import LedgerView, ReportModel, SiteView, UseCaseView, words
from evaluation.reports.board import (
    ApprovalFact,
    BoardFacts,
    LedgerFact,
    Measured,
    RuleFact,
    Source,
    factors,
    load_value,
    risk_register,
)
from evaluation.reports.board.facts import mapping
from ml.registry.signing import load_public_key
from ml.registry.store import VerifiedRelease, load_release
from ml.usecases import load_declaration
from orchestration.settings import Settings
from orchestration.steps.errors import said
from orchestration.steps.learning.stores import evidence_folder
from orchestration.steps.record.agreement import Present, read_present
from orchestration.steps.record.changes import calendar_in_force
from orchestration.steps.record.incidents import ALL_SITES, ALL_USE_CASES
from orchestration.steps.record.records import who
from orchestration.steps.releases.proposal import released
from orchestration.steps.releases.standing import court_of, standing_of
from orchestration.steps.slo.telling import document as level_document
from orchestration.steps.watching.board_comparison import Compared, challenger_sources, compared_before
from orchestration.steps.watching.board_counts import SiteCounts


@dataclass
class Gathering:
    """One pack in the making: what was found so far, and what could not be read."""

    settings: Settings
    records: Readable
    use_case: UseCaseView
    site: SiteView
    at: datetime
    ledger: LedgerView | None
    entries: tuple[LedgerFact, ...]
    counts: SiteCounts
    sources: dict[str, Source] = field(default_factory=dict[str, Source])
    measured: dict[str, Measured] = field(default_factory=dict[str, Measured])
    approvals: tuple[ApprovalFact, ...] = ()
    problems: list[str] = field(default_factory=list[str])
    changes: Changes = field(default_factory=Changes)
    rules: tuple[RuleFact, ...] = ()
    compared: Compared | None = None

    @property
    def place(self) -> tuple[str, str]:
        return self.use_case.name, self.site.site

    def keep(self, role: str, title: str, document: Mapping[str, Json], digest: str | None = None) -> None:
        """Keep a document under a role; its file is named by the role."""
        found = Source.of(role.replace(":", "-"), title, document)
        self.sources[role] = found if digest is None else replace(found, digest=digest)

    def count(self, name: str, value: float | None, says: str, *roles: str) -> None:
        self.measured[name] = Measured(value, says, roles)


def board_facts(
    counts: SiteCounts, records: Readable, model: ReportModel, use_case: UseCaseView, site: SiteView
) -> BoardFacts:
    """Everything that the pack of a use case at a site may say; never raises for what one store holds."""
    entries = _entries(records, use_case.name, site.site)
    made = Gathering(counts.settings, records, use_case, site, model.generated_at, model.ledger, entries, counts)
    for part in (_evidence, _in_writing, _ledger, _decision, _release, _challenger, _levels, _counts, _calendar):
        try:
            part(made)
        except Exception as error:  # noqa: BLE001 - what one store holds must not cost the rest; the pack says what is wrong
            made.problems.append(f"Not all could be read: {said(error)}")
    facts = BoardFacts(
        use_case=use_case,
        site=site,
        generated_at=model.generated_at,
        version=model.version,
        ledger=model.ledger,
        sources=made.sources,
        entries=entries,
        approvals=made.approvals,
        measured=made.measured,
        problems=tuple(made.problems),
        changes=made.changes,
        rules=made.rules,
        compared=made.compared and made.compared.evidence,
        compared_by=made.compared and made.compared.by,
    )
    return replace(facts, measured={**made.measured, **_valued(facts)})


def _entries(records: Readable, use_case: str, site: str) -> tuple[LedgerFact, ...]:
    return tuple(_fact(one) for one in records.everything() if _is_about(one, use_case, site))


def _is_about(entry: Entry, use_case: str, site: str) -> bool:
    about = entry.payload.get("statement")
    told = about if isinstance(about, Mapping) else entry.payload
    return told.get("use_case") in (use_case, ALL_USE_CASES) and told.get("site") in (site, ALL_SITES)


def _fact(entry: Entry) -> LedgerFact:
    return LedgerFact(entry.seq, entry.at, entry.kind, who(entry.actor, proof_of(entry)), entry.payload, entry.hash)


def _evidence(made: Gathering) -> None:
    for one in made.site.evidence:
        made.sources[f"evidence:{one.kind}"] = Source.of_evidence(one, words.KIND_TITLES[one.kind])


def _in_writing(made: Gathering) -> None:
    """What is in writing: the declaration, the policy, the risk register, the value model."""
    declared, policy = load_declaration(made.use_case.name), load_policy(made.use_case.name)
    made.keep("declaration", f"Use case {declared.version}", declared.document())
    made.count("declared.intended_use", None, declared.intended_use_digest, "declaration")
    made.keep("policy", f"Policy {policy.version}", _policy(policy), policy.digest)
    asked = sum(len(rules.clauses) for _, rules in policy.stages.in_order())
    made.count("policy.clauses", asked, f"{asked} clauses", "policy")
    _risks(made)
    value = load_value(made.use_case.name)
    if value is not None:
        made.keep("value", "Assumptions of value", value.model_dump(mode="json", by_alias=True))


def _policy(policy: Policy) -> dict[str, Any]:
    return policy.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _risks(made: Gathering) -> None:
    register = risk_register(made.use_case.name)
    if register is None:
        return
    made.keep("risks", "Risk register", register.document())
    hazards, bare, above = register.hazards, register.uncontrolled, register.above_acceptable
    ahead = (register.review_by - made.at.date()).days
    made.count("risks.hazards", len(hazards), f"{len(hazards)} hazards, of {register.date}", "risks")
    made.count("risks.without_control", len(bare), f"without: {', '.join(bare)}" if bare else "all have one", "risks")
    made.count("risks.above_acceptable", len(above), f"above: {', '.join(above)}" if above else "none is", "risks")
    made.count("risks.days_to_review", ahead, f"to be reviewed by {register.review_by}", "risks")


def _ledger(made: Gathering) -> None:
    found, entries = made.ledger, made.entries
    if found is None:
        return
    head = entries[-1].hash if entries else None
    made.keep(
        "ledger",
        "Verification of the ledger",
        {"ok": found.ok, "entries": found.entries, "first_bad": found.first_bad, "last_about_this_place": head},
    )
    made.count("ledger.verified", float(found.ok), f"{found.entries} entries", "ledger")
    closed = {one.text("incident") for one in entries if one.kind == "incident_closed"}
    high = [
        one.text("incident")
        for one in entries
        if one.kind == "incident_opened" and one.text("severity") == "high" and one.text("incident") not in closed
    ]
    made.count("incidents.high_open", len(high), ", ".join(high) or "none is open", "ledger")
    _people(made)


def _people(made: Gathering) -> None:
    """Who is registered for what the next stage asks, and to step it down."""
    policy, people = load_policy(made.use_case.name), made.records.people()
    above = [one for one in Stage if one.rank == Stage(made.site.stage).rank + 1] or [Stage.DECISION_SUPPORT]
    holders = {need.kind: people.holding(need.roles, made.at) for need in policy.needs_for(above[0])}
    stoppers = people.holding(policy.rights.step_down_roles, made.at)
    made.keep("people", "Registered people", {"for": above[0].value, "may_approve": holders, "may_step_down": stoppers})
    lacking = [kind for kind, found in holders.items() if not found]
    said_so = f"nobody for {', '.join(lacking)}" if lacking else f"all kinds of {above[0].value}"
    made.count("people.kinds_without_anybody", len(lacking), said_so, "people")
    made.count("people.may_step_down", len(stoppers), f"{len(stoppers)} people", "people")


def _calendar(made: Gathering) -> None:
    """What of the calendar holds here, and every plan and step on record."""
    made.changes = changes_of(made.records.entries(kinds=KINDS, use_case=made.place[0], site=made.place[1]))
    calendar = calendar_in_force(made.settings)
    plain = calendar.model_dump(mode="json", by_alias=True, exclude_unset=True)
    made.keep("calendar", f"Release calendar {calendar.version}", plain, calendar.digest)
    made.rules = tuple(_rules(calendar, *made.place))


def _rules(calendar: Calendar, use_case: str, site: str) -> Iterator[RuleFact]:
    places = [Place(use_case, site, stage, UTC) for stage in Stage]
    for kind, rules in (("freeze", calendar.freezes), ("window", calendar.windows)):
        for rule in rules:
            if held := [words.STAGE_TITLES[one.stage.value].lower() for one in places if rule.scope.covers(one)]:
                yield RuleFact(kind, rule.title, told_when(rule), ", ".join(held), rule.rationale)


def _decision(made: Gathering) -> None:
    found = made.site.decision
    if found is None:
        return
    path = evidence_folder(made.settings, *made.place) / "decisions" / f"{found.stage}.json"
    decision = Decision.from_json(json.loads(path.read_bytes()))
    made.keep("decision", f"Decision on {decision.stage.value}", decision.to_json(), decision.digest)
    said_so = f"{decision.stage.value} {'allowed' if decision.allowed else 'refused'}"
    if made.site.stage == "off":
        said_so += "; nothing is served here"
    made.count("gate.allowed", float(decision.allowed), said_so, "decision")


def _release(made: Gathering) -> None:
    """The pointer, the signed release, the one before it, the layout, and what its approvals are worth now."""
    present = read_present(made.settings, *made.place)
    made.keep("pointer", "Release pointer", _pointer(made.site, present))
    days = (made.site.next_review - made.at.date()).days if made.site.next_review else None
    ahead = "not set" if days is None else f"in {days} days"
    made.count("review.days_ahead", days, ahead, "policy", "pointer")
    release = released(made.settings, present.pointer)
    if release is not None:
        _signed(made, release)
    made.approvals = _approvals(made, present, release)


def _challenger(made: Gathering) -> None:
    """What scores beside the release, and what its model was compared with before it took another's place."""
    subject = mapping(made.sources["release"].document.get("subject")) if "release" in made.sources else {}
    made.compared = compared_before(made.settings, made.place, made.entries, subject.get("model"))
    if made.compared is not None and made.compared.evidence is not None:
        made.sources["compared"] = Source.of_evidence(made.compared.evidence, "Both on the same visits, before it came")
    for role, source in challenger_sources(made.settings, made.site):
        made.sources[role] = source


def _pointer(site: SiteView, present: Present) -> dict[str, Any]:
    pointer = present.pointer
    plain = None if pointer is None else pointer.model_dump(mode="json", by_alias=True)
    return {"stage": site.stage, "tier": site.tier, "release": site.release, "pointer": plain}


def _signed(made: Gathering, release: VerifiedRelease) -> None:
    manifest = release.manifest
    made.keep("release", "Release manifest", manifest.to_json(), release.digest)
    layout = release.layout.model_dump(mode="json", by_alias=True)
    made.keep("layout", "What people are shown", layout)
    if manifest.previous is not None:
        before = load_release(
            made.settings.home, manifest.previous, load_public_key(made.settings.keys / "release.pub.pem")
        )
        made.keep("previous_release", "Release before", before.manifest.to_json(), before.digest)


def _approvals(made: Gathering, present: Present, release: VerifiedRelease | None) -> tuple[ApprovalFact, ...]:
    by_hash = {one.hash: one for one in made.entries}
    given = [one for one in made.records.approvals(*made.place) if one.ledger_hash in by_hash]
    watched = standing_of(made.records, present.pointer, release, made.at)
    pointer = present.pointer
    court = court_of(made.records, release, Stage(pointer.stage.value), made.at) if pointer and release else None
    until = {kind.kind: kind for kind in (watched.every if watched else ())}

    def fact(one: RecordedApproval) -> ApprovalFact:
        statement, standing = one.statement, until.get(one.statement.kind)
        void = "nothing is served" if court is None else court.why_not_bound(statement)
        if court is not None and made.records.people().is_void(one.signed.public_key, one.seq, one.recorded_at):
            void = "was signed with a key that was revoked"
        holds = not void and standing is not None and statement.person in standing.people
        return ApprovalFact(
            kind=statement.kind,
            person=statement.person,
            role=statement.role,
            stage=statement.stage.value,
            verdict=statement.verdict,
            note=statement.note,
            subject=statement.subject.to_json(),
            entry=by_hash[one.ledger_hash],
            until=standing.until if holds and standing else None,
            void=void,
        )

    return tuple(fact(one) for one in given)


def _levels(made: Gathering) -> None:
    levels = made.site.levels
    if not levels:
        return
    made.keep("levels", "Service levels", {"levels": [level_document(made.site.site, one) for one in levels]})
    missed = [one.objective.title for one in levels if one.is_met is False]
    made.count("levels.promised", len(levels), f"{len(levels)} promises", "levels")
    made.count("levels.missed", len(missed), "; ".join(missed) or "all that were counted are met", "levels")


def _counts(made: Gathering) -> None:
    """What was counted at the site, the same for each of its use cases."""
    found = made.counts.of(made.site.site)
    for role, (title, document) in found.documents.items():
        made.keep(role, title, document)
    made.measured.update(found.measured)


def _valued(facts: BoardFacts) -> dict[str, Measured]:
    model = load_value(facts.use_case.name)
    if model is None or "value" not in facts.sources:
        return {}
    known = factors(model, facts).values()
    measured = [one.assumption.label for one in known if one.source]
    says = f"{len(measured)} of {len(known)} factors measured"
    return {"value.measured_factors": Measured(len(measured), says, ("value",))}

"""Where the release stands, for whom it is, and who approved what: the first pages of the pack.

Here belongs what is claimed. On what it rests is named with each row.
"""

from collections.abc import Mapping, Sequence

from evaluation.reports import words
from evaluation.reports.board.claims import Cell, Row, Section, Table, claim, table
from evaluation.reports.board.facts import ApprovalFact, BoardFacts, mapping, records

SEEN = {
    "off": "Nothing: it is off.",
    "shadow": "Nothing: it is scored and logged, and shown to nobody.",
    "assistive": "Advice that acts on nothing",
    "decision_support": "Advice that orders the work",
}
VOICE = {"approve": "approved", "refuse": "refused"}


def stands(facts: BoardFacts) -> Section:
    """Stage, tier, what clinicians see, the gate's last answer, the signed release."""
    site, release = facts.site, facts.source("pointer", "release")
    rows = [
        claim("Stage", Cell(words.STAGE_TITLES[site.stage], "good" if site.stage != "off" else ""), on=release[:1]),
        claim("Tier", words.plain(site.tier) if site.tier else "None: nothing answers", on=release[:1]),
        claim("Clinicians see", _seen(facts), on=(*release[:1], *facts.source("layout"))),
        claim("Release", _release(facts), on=facts.source("release")),
        claim("In this stage since", words.moment(site.since) if site.since else "Never", on=release[:1]),
        claim("Units and shifts", _scope(facts), on=facts.source("release")),
        claim("Accountable", facts.use_case.accountable, on=facts.source("declaration")),
        claim("Next review", words.moment(site.next_review) if site.next_review else None, on=facts.source("policy")),
        claim("The gate, asked last", _gate(facts), on=facts.source("decision")),
        claim("Ledger", _ledger(facts), on=facts.source("ledger")),
    ]
    return Section("stands", "Where the release stands", (table(("", "What is so"), rows),))


def _seen(facts: BoardFacts) -> str:
    stage = facts.site.stage
    if stage in ("off", "shadow"):
        return SEEN[stage]
    layout = facts.document("layout")
    shown = layout.get("display_threshold")
    if isinstance(shown, float):
        warned = words.brief_percent(float(str(layout.get("warning_threshold"))))
        return (
            f"{SEEN[stage]}: a card from {words.brief_percent(shown)} risk of {layout.get('outcome_label')} on, "
            f"a warning from {warned} on{_again(layout)}. {layout.get('not_for')}"
        )
    return f"{SEEN[stage]}: {layout.get('title', 'a board')}, {layout.get('window', '')}. {layout.get('not_for', '')}"


def _again(layout: Mapping[str, object]) -> str:
    """For how long an unanswered card comes back (decision 0056); nothing where it never does."""
    minutes = layout.get("shown_again_minutes")
    return f"; unanswered, again where the chart is opened within {minutes} minutes" if minutes else ""


def _release(facts: BoardFacts) -> str | None:
    if facts.site.release is None:
        return None
    return f"{words.short(facts.site.release)}, model version {facts.site.model_version}"


def _scope(facts: BoardFacts) -> str:
    scope = mapping(facts.document("release").get("scope"))
    parts = [", ".join(str(one) for one in found) for name in ("units", "shifts") if (found := _texts(scope, name))]
    return "; ".join(parts) or "Every unit and shift of the site"


def _texts(scope: Mapping[str, object], name: str) -> list[str]:
    found = scope.get(name)
    return [str(one) for one in found] if isinstance(found, list | tuple) else []


def _gate(facts: BoardFacts) -> Cell:
    found = facts.site.decision
    if found is None:
        return Cell(None)
    met = sum(one.met for one in found.clauses)
    said = "allowed" if found.allowed else "refused"
    text = f"{words.STAGE_TITLES[found.stage]} {said}: {met} of {len(found.clauses)} clauses met"
    return Cell(f"{text}, {words.moment(found.decided_at)}", "good" if found.allowed else "bad")


def _ledger(facts: BoardFacts) -> Cell:
    found = facts.ledger
    if found is None:
        return Cell(None)
    if found.ok:
        return Cell(f"{words.count(found.entries)} entries, chain and signatures verified", "good")
    return Cell(f"Broken at entry {found.first_bad}", "bad")


def intended(facts: BoardFacts) -> Section:
    """Intended use, population, contraindications and non-goals in writing; whether the release is bound to them."""
    declared, use_case = facts.source("declaration"), facts.document("declaration")
    rows = [claim("Intended use", facts.use_case.intended_use, on=declared)]
    rows.append(claim("Population", facts.use_case.population, on=declared))
    rows += [claim("Contraindication", text, on=declared) for text in _listed(use_case.get("contraindications"))]
    rows += [claim("Non-goal", text, on=declared) for text in facts.use_case.non_goals]
    rows += [
        claim("Owner", facts.use_case.owner, on=declared),
        claim("Reviewers", _people(facts), on=declared),
        claim("Bound to the release", _bound(facts), on=facts.source("release", "declaration")),
    ]
    return Section("intended", "Intended use", (table(("", "As written"), rows),))


def _listed(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list | tuple) else []


def _people(facts: BoardFacts) -> str:
    found = records(facts.document("declaration").get("reviewers"))
    return "; ".join(f"{one.get('name')} ({words.plain(str(one.get('role'))).lower()})" for one in found)


def _bound(facts: BoardFacts) -> Cell:
    """Whether what is written now is what approvals were given for."""
    subject = mapping(facts.document("release").get("subject"))
    digest = facts.measured.get("declared.intended_use")
    if "release" not in facts.sources or digest is None:
        return Cell(None)
    signed = subject.get("intended_use")
    if signed is None:
        return Cell("No: released before approvals were bound to the intended use", "warn")
    if signed == digest.says:
        return Cell(f"Yes, digest {words.short(str(signed))}", "good")
    return Cell("No: the text was changed after it was approved; approvals for a next release are void", "bad")


def approvals(facts: BoardFacts) -> Section:
    """Who approved or refused what, until when it stands, and which digests they signed."""
    found = facts.approvals[::-1]
    rows = [_approval(one) for one in found]
    broken = [
        claim(words.plain(one.kind), one.who, words.moment(one.at), one.text("reason"), on=(one.source,))
        for one in facts.entries
        if one.kind.startswith("break_glass")
    ]
    tables = [table(("Decision", "Stage", "Person", "Given", "Stands"), rows, "Newest first.")] if rows else []
    if broken:
        tables.append(table(("Break-glass", "Who", "When", "Reason"), broken))
    tables += _digests(found)
    return Section("approvals", "Approvals", tuple(tables), absent="nobody has approved or refused anything here.")


def _approval(one: ApprovalFact) -> Row:
    verdict = VOICE.get(one.verdict, one.verdict)
    stands = (
        Cell(f"Until {words.moment(one.until)}", "good") if one.until else Cell(one.void or "Not asked of it", "warn")
    )
    return claim(
        f"{words.plain(one.kind)}: {verdict}",
        words.STAGE_TITLES.get(one.stage, one.stage),
        f"{one.person}, {words.plain(one.role).lower()}",
        words.moment(one.entry.at),
        stands if one.verdict == "approve" else Cell("A refusal stands until its author takes it back", "bad"),
        on=(one.entry.source,),
    )


def _digests(found: Sequence[ApprovalFact]) -> list[Table]:
    """What the newest approvals that count are bound to, digest by digest; of another release where none counts."""
    if not found:
        return []
    newest = next((one for one in found if not one.void), found[0])
    same = [one for one in found if one.subject == newest.subject]
    people = ", ".join(dict.fromkeys(one.person for one in same))
    rows = [
        claim(words.plain(name), words.short(digest), on=[one.entry.source for one in same])
        for name, digest in newest.subject.items()
    ]
    return [table(("Bound to", "Digest signed"), rows, f"Signed by {people}; any change of one of these voids it.")]

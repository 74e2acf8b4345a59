"""The challenger in the pack: who stands beside the release, both on the same visits, and what is still in its way; and
what was compared when the release took another's place.

Here belongs what is claimed of a comparison. How both are compared, and whether it suffices, is the gate's.
"""

from collections.abc import Mapping

from evaluation.evidence import Evidence, Figure, Json
from evaluation.gates.refusal import Refusal
from evaluation.reports import words
from evaluation.reports.board.claims import Cell, Row, Section, Table, claim, number, table
from evaluation.reports.board.facts import BoardFacts, Source, mapping
from evaluation.reports.model import ChallengerView

KIND, BESIDE = "side_by_side", "beside-the-release-it-replaces"
SIDES, BEFORE = ("Challenger", "Release"), ("This model", "The one before")
REST, MARGIN = ("Difference", "95 % interval", "Visits", "Events"), "Margin of the policy"
ENDS = (".challenger", ".release")


def challenger(facts: BoardFacts) -> Section:
    """What scores beside the release, shown to nobody; and what the release was compared with before it came."""
    tables = [*_standing(facts), *replaced(facts)]
    if facts.site.challenger is None:
        none = claim("Challenger", "None: no other model scores beside what is served", on=facts.source("ledger"))
        tables = [table(("", "What is so"), [none]), *tables]
    return Section("challenger", "Challenger", tuple(tables))


def _standing(facts: BoardFacts) -> list[Table]:
    view = facts.site.challenger
    if view is None:
        return []
    on = facts.source("challenger_comparison")
    return [
        table(("", "What is so"), _who(facts, view)),
        _paired(facts, facts.challenged, on, _margins(facts), SIDES, "The challenger minus the release, same visits"),
        table(("In its way to the release's place", "Seen", "Asked", "What would meet it"), _unmet(facts, view)),
    ]


def _who(facts: BoardFacts, view: ChallengerView) -> list[Row]:
    came = tuple(one for one in facts.entries if one.hash == view.entry)
    on, by = tuple(one.source for one in came), "; ".join(one.who for one in came)
    manifest = facts.source("challenger_release")
    return [
        claim("Challenger", _version(view.model_version, view.release), on=manifest),
        claim("Scores beside", _beside(facts, view), on=on),
        claim("Since", f"{words.moment(view.since)}, put there by {by}", on=on),
        claim("Seen by", "Nobody: it scores the same calls after the answer", on=(*manifest, *on)),
        _approved(facts, view),
        claim(
            "Calls of the release that it scored, too",
            _share(facts.challenged),
            on=facts.source("challenger_comparison"),
        ),
        claim("The gate, asked for assistive", _gate(view), on=facts.source("challenger_decision")),
    ]


def _version(version: str | None, release: str) -> str | None:
    return None if version is None else f"Model version {version}, release {words.short(release)}"


def _beside(facts: BoardFacts, view: ChallengerView) -> str | None:
    if view.beside is None:
        return None
    now = "which is served" if view.beside == facts.site.release else "which is not served any more"
    return f"Release {words.short(view.beside)}, {now}"


def _approved(facts: BoardFacts, view: ChallengerView) -> Row:
    given = [one for one in facts.approvals if one.entry.hash in view.approvals]
    said = "; ".join(
        f"{one.person}, {words.plain(one.role).lower()} ({words.plain(one.kind).lower()})" for one in given
    )
    return claim("Approved for shadow by", said, on=tuple(one.entry.source for one in given))


def _gate(view: ChallengerView) -> Cell:
    if view.decision is None:
        return Cell(None)
    met, every = sum(one.met for one in view.decision.results), len(view.decision.results)
    return Cell(f"{met} of {every} clauses of the evidence met", "good" if met == every else "bad")


def _share(evidence: Evidence | None) -> str | None:
    if evidence is None:
        return None
    name = f"{KIND}.share_of_calls"
    figure = evidence.figures.get(name, Figure(None))
    if figure.value is None:
        return None
    told = f"{words.number(name, figure.value)} ({words.interval_text(name, figure)})"
    return f"{told} of {words.count(figure.n)} calls" if figure.n else told


def _paired(
    facts: BoardFacts,
    evidence: Evidence | None,
    on: tuple[Source, ...],
    margins: Mapping[str, Json],
    sides: tuple[str, str],
    what: str,
) -> Table:
    """Each outcome's AUROC, and cards per 100, of both; NOT EVIDENCED without a comparison."""
    asked = [(f"AUROC, {label}", f"{KIND}.{name}.auroc", _at_least(margins)) for name, label in facts.use_case.outcomes]
    asked.append(("Cards per 100 visits", f"{KIND}.alerts_per_100", _at_most(margins)))
    if evidence is None:
        absent = [claim(label, None, Cell(margin, is_asked=True), on=()) for label, _, margin in asked]
        return table(("Figure", what, MARGIN), absent)
    rows = [_pair(label, evidence, stem, on, margin) for label, stem, margin in asked]
    return table(("Figure", *sides, *REST, MARGIN), rows, _window(evidence, what))


def _pair(label: str, evidence: Evidence, stem: str, on: tuple[Source, ...], margin: str) -> Row:
    found = evidence.figures
    sides = [found.get(f"{stem}{end}", Figure(None)) for end in ENDS]
    gap = found.get(f"{stem}_difference", Figure(None))
    return claim(
        label,
        *(number(words.figure_text(stem, one) if one.value is not None else None) for one in sides),
        number(words.figure_text(stem, gap) if gap.value is not None else None),
        words.interval_text(stem, gap) or None,
        number(None if gap.n is None else words.count(gap.n)),
        number(_events(stem, gap)),
        Cell(margin, is_asked=True),
        on=on,
    )


def _events(stem: str, gap: Figure) -> str | None:
    if gap.n_events is None:
        return None
    return f"{words.count(gap.n_events)} differ" if "alerts" in stem else words.count(gap.n_events)


def _at_least(margins: Mapping[str, Json]) -> str:
    margin = margins.get("auroc_margin")
    return "no margin in the policy" if margin is None else f"lower bound \u2265 \u2212{float(str(margin)):g}"


def _at_most(margins: Mapping[str, Json]) -> str:
    margin = margins.get("alerts_per_100_margin")
    return "no margin in the policy" if margin is None else f"upper bound \u2264 {float(str(margin)):g} more"


def _margins(facts: BoardFacts) -> Mapping[str, Json]:
    return mapping(facts.document("policy").get("replacing"))


def _window(evidence: Evidence, what: str) -> str:
    window = mapping(evidence.detail.get("window"))
    ends = [words.instant(str(window[name])) for name in ("served_from", "served_until") if name in window]
    beside = f"beside version {evidence.detail.get('beside_version')}"
    return ", ".join((what, beside, *((" to ".join(ends),) if ends else ()))) + "."


def _unmet(facts: BoardFacts, view: ChallengerView) -> list[Row]:
    """Everything in the way, each on what says so; what could not be judged is not evidenced."""
    if view.unmet is None:
        return [claim("What stands in its way", None, None, Cell("; ".join(view.missing), is_asked=True), on=())]
    if not view.unmet:
        return [claim("Nothing", "all is met", "all is there", "nothing", on=facts.source("challenger_decision"))]
    return [_refused(facts, one) for one in view.unmet]


def _refused(facts: BoardFacts, one: Refusal) -> Row:
    compared = (*facts.source("challenger_comparison"), *facts.source("policy"))
    decided = {"approval": facts.source("policy", "ledger"), "compared": compared}
    kind = "compared" if one.clause == BESIDE else one.clause.partition(".")[0]
    on = decided.get(kind, facts.source("challenger_decision"))
    seen, asked = (told.replace("_", " ") for told in (one.figure, one.threshold))
    to_meet = one.to_meet.replace("_", " ") if kind == "approval" else one.to_meet  # elsewhere it holds commands
    return claim(one.clause, seen, asked, Cell(to_meet, is_asked=True), on=on)


def replaced(facts: BoardFacts) -> list[Table]:
    """What was compared before the release took the place of another model; none where it took nobody's."""
    if facts.compared_by is None:
        return []
    by = facts.compared_by
    same = mapping(facts.document("release").get("subject")).get("policy") == _policy_digest(facts)
    margins, what = _margins(facts) if same else {}, "This model minus the one before, same visits"
    named = f"{words.moment(by.at)}, on evidence {words.short(str(mapping(by.payload.get('detail')).get(KIND)))}"
    return [
        table(("", "What is so"), [claim("Compared before its model took another's place", named, on=(by.source,))]),
        _paired(facts, facts.compared, facts.source("compared"), margins, BEFORE, what),
    ]


def _policy_digest(facts: BoardFacts) -> str | None:
    return facts.sources["policy"].digest if "policy" in facts.sources else None


def figures_of(evidence: Evidence | None) -> Mapping[str, Mapping[str, Json]] | None:
    """A comparison as plain JSON: what the notes say of it."""
    return None if evidence is None else {name: one.to_json() for name, one in evidence.figures.items()}

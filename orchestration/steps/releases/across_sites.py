"""Sites are compared before the next one shows advice: the same clauses, held against what stands at each site.

A release is shown to people at one site at a time. Before it is at another, everything that the stage asks for is asked
of the sites that show it already, of their own releases and by the policy in force now; who approves sees both, and the
promotion keeps it. What cannot be compared refuses. What does not belong here: what a clause is worth (gates).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evaluation.canonical import document_digest
from evaluation.evidence import Subject
from evaluation.gates import ClauseResult, Decision, Refusal, decide
from evaluation.policies import Stage
from ml.registry import RegistryError
from ml.registry.store import VerifiedRelease
from orchestration.settings import Settings
from orchestration.steps.errors import said
from orchestration.steps.learning.stores import read_all_evidence
from orchestration.steps.record.records import now
from orchestration.steps.releases.proposal import Proposal, current_pointer, released, served_sites

CLAUSE = "compared-across-sites"
NOT_THERE = "not asked"


@dataclass(frozen=True)
class Beside:
    """Another site that shows the use case: its stage and release, and each clause there; or why it cannot be told."""

    site: str
    stage: str
    release: str
    results: tuple[ClauseResult, ...] = ()
    problem: str = ""

    @property
    def unmet(self) -> list[str]:
        return [one.clause for one in self.results if not one.met]


@dataclass(frozen=True)
class Comparison:
    """What is proposed beside every site that shows the use case already; empty where none does, or in shadow."""

    here: tuple[ClauseResult, ...]
    others: tuple[Beside, ...]

    @property
    def reasons(self) -> tuple[Refusal, ...]:
        """Why the step up waits: a site that shows it cannot be compared with."""
        return tuple(
            Refusal(
                CLAUSE,
                f"{one.site} shows it ({one.stage}) and cannot be compared: {one.problem.rstrip('.')}",
                "every site that shows it compared, clause by clause",
                f"Repair what is on record of {one.site}, or take it back there: pilothouse status --site {one.site}",
            )
            for one in self.others
            if one.problem
        )

    def to_json(self) -> list[dict[str, Any]]:
        """One object for each site, with each clause here and there."""
        return [
            {"site": one.site, "stage": one.stage, "release": one.release, "problem": one.problem, "clauses": rows}
            for one, rows in zip(self.others, map(self._rows, self.others), strict=True)
        ]

    def on_record(self) -> dict[str, Any]:
        """What the promotion keeps of it: which sites, what was not met there, and the digest of all of it."""
        if not self.others:
            return {}
        unmet: dict[str, Any] = {one.site: one.unmet for one in self.others}
        return {"across_sites": {"digest": document_digest({"across_sites": self.to_json()}), "unmet": unmet}}

    def lines(self) -> list[str]:
        """For people: each site on a line, and below it every clause, here and there."""
        told: list[str] = []
        for one in self.others:
            told.append(f"beside {one.site} ({one.stage}): {one.problem or f'{len(one.unmet)} clauses not met there'}")
            told += [f"  {row['clause']}: here {row['here']}, there {row['there']}" for row in self._rows(one)]
        return told

    def _rows(self, other: Beside) -> list[dict[str, Any]]:
        there = {one.clause: one for one in other.results}
        return [
            {
                "clause": one.clause,
                "here": one.found,
                "there": there[one.clause].found if one.clause in there else NOT_THERE,
                "met_here": one.met,
                "met_there": one.clause in there and there[one.clause].met,
            }
            for one in self.here
            if not other.problem
        ]


def compare_sites(settings: Settings, proposal: Proposal, decision: Decision) -> Comparison:
    """Hold a proposal, of which the gate said `decision`, beside every other site where the use case is shown."""
    here = _of_policy(proposal, decision.results)
    if proposal.stage.rank < Stage.ASSISTIVE.rank:
        return Comparison(here, ())
    sites = [one for one in served_sites(settings, proposal.use_case.use_case) if one != proposal.site.id]
    found = [_beside(settings, proposal, site) for site in sites]
    return Comparison(here, tuple(one for one in found if one is not None))


def _beside(settings: Settings, proposal: Proposal, site: str) -> Beside | None:
    use_case = proposal.use_case.use_case
    pointer = current_pointer(settings, use_case, site)
    if pointer is None or pointer.release is None or Stage(pointer.stage.value).rank < Stage.ASSISTIVE.rank:
        return None
    stage, names = pointer.stage.value, pointer.release
    try:
        release = released(settings, pointer)
    except RegistryError as error:
        return Beside(site, stage, names, problem=said(error))
    evidence = read_all_evidence(settings, use_case, site)
    if release is None or evidence.unreadable:
        return Beside(site, stage, names, problem=" ".join(evidence.unreadable) or "its release is gone")
    there = decide(proposal.policy, proposal.stage, evidence.readable, _subject(release), site=site, now=now())
    return Beside(site, stage, names, _of_policy(proposal, there.results))


def _subject(release: VerifiedRelease) -> Subject:
    return Subject(**release.manifest.subject.model_dump())


def _of_policy(proposal: Proposal, results: Sequence[ClauseResult]) -> tuple[ClauseResult, ...]:
    """The results of the policy's own clauses: whose policy it was, and what could be read, is no figure of a site."""
    asked = {one.id for one in proposal.policy.clauses_for(proposal.stage)}
    return tuple(one for one in results if one.clause in asked)

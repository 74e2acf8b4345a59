"""A site whose people and watches give every order in any sequence, while clocks go both ways and power fails.

The steps are the real ones, over a home on disk. What must hold is counted here from the ledger's plain entries and
from what this machine did itself, by rules of its own; where an order leads is held against the table of steps.
"""

import atexit
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from evaluation import EvaluationError
from evaluation.calendar import SHIPPED
from evaluation.canonical import document_digest
from evaluation.evidence import Evidence, Figure, Subject
from evaluation.gates import NOTHING_READ, Order, Reading, Stands, answer
from evaluation.gates.transitions import REFUSALS
from evaluation.ledger import (
    ApprovalStatement,
    Certificate,
    Entry,
    RefusedEntryError,
    load_private_key,
    record_approval,
    sign_approval,
)
from evaluation.policies import Stage, Tier, Trigger, load_policy
from ml.registry.pointer import Pointer
from ml.registry.store import model_files
from ml.training.bundle import write_bundle
from ml.usecases import load_declaration, load_use_case
from orchestration.answers import Answer
from orchestration.settings import Settings
from orchestration.sites import load_site
from orchestration.steps.errors import StepError
from orchestration.steps.learning.stores import (
    CandidateRecord,
    bundle_folder,
    read_candidate,
    save_candidate,
    save_evidence,
)
from orchestration.steps.record.agreement import Present, read_present
from orchestration.steps.record.pending import waiting
from orchestration.steps.record.people import new_person, revoke_person
from orchestration.steps.record.records import open_records, verify_ledger
from orchestration.steps.releases.breaking import break_glass
from orchestration.steps.releases.going_down import roll_back
from orchestration.steps.releases.proposal import propose
from orchestration.steps.releases.release import promote_release
from orchestration.steps.releases.tiers import change_tier
from orchestration.steps.watching.approval_watch import watch_approvals
from orchestration.steps.watching.trigger_watch import watch_triggers
from tests.unit.evaluation.gates.conftest import meeting
from tests.unit.ml.serving.homes import tiny_model
from tests.unit.orchestration.steps.governed import Governed

from .ledgers import InFiles
from .power import Killed, Power

POLICY = load_policy("triage")
WHY = "A surge: forty are waiting, and the board meets on Monday."
OTHERS = {
    "safety": "patient_safety_officer",
    "privacy": "privacy_officer",
    "security": "security_officer",
    "compliance": "compliance_officer",
    "ethics": "ethics_chair",
    "regulatory": "regulatory_affairs_lead",
    "training": "nurse_educator",
    "champions": "chief_nursing_officer",
}
PEOPLE = {"model": ["ada"], "workflow": ["nia", "noor"]} | {kind: [f"{kind}.one"] for kind in OTHERS}
ROLES = {"model": "clinical_safety_lead", "workflow": "nursing_lead", **OTHERS}
UP = [Stage.SHADOW, Stage.ASSISTIVE, Stage.DECISION_SUPPORT]
PROMOTED = ("promotion", "break_glass")
ORDERS = (*PROMOTED, "rollback", "tier_change")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
VALID = 30 * DAY
"""For how long a comparison counts, and what people saw: written down here, to be held against the policy's."""
WAITS = [HOUR / 60, HOUR, -HOUR, 13 * HOUR, -DAY, 8 * DAY, 31 * DAY, -40 * DAY, 183 * DAY]
"""Around the ends of a glass, an approval and a review, and back; an hour is also what daylight saving does."""
RECORDED = (
    "ledger.db commit",
    "ledger.checkpoint.part open",
    "ledger.checkpoint.part sync",
    "ledger.checkpoint replace",
)
POINTED = ("pointers open", "pointers sync", "pointers replace", "pointers sync-folder")
KEPT = ("pending open", "pending sync", "pending replace", "pending sync-folder", "pending unlink")
WRITTEN = ("releases mkdir", "releases sync", "releases replace", "releases rename", "releases sync-folder")
"""Before which effects the power fails."""
KEYED = [("keys link", 0), *((f"keys {what}", turn) for what in ("open", "sync", "sync-folder") for turn in range(4))]
"""Of a first promotion alone: both halves of two keys are made, of releases and of models."""


def deaths(*points: str) -> st.SearchStrategy[tuple[str, int] | None]:
    """Nothing fails, or the power does at one of these points, when it comes there first or (rarely) again."""
    return st.none() | st.tuples(st.sampled_from(points), st.sampled_from([0, 0, 0, 1]))


UPWARD = deaths(*WRITTEN, *RECORDED, *POINTED, *POINTED)
DOWNWARD = deaths(*POINTED, *KEPT, *RECORDED)


@cache
def another_bundle() -> tuple[str, Path]:
    """A second model, of more rounds: its digest, and where it lies for as long as the tests run."""
    folder = Path(tempfile.mkdtemp(prefix="pilothouse-bundle-")) / "bundle"
    atexit.register(shutil.rmtree, folder.parent, ignore_errors=True)
    write_bundle(tiny_model(rounds=13), folder)
    return document_digest(model_files(folder)), folder


@dataclass
class Clock:
    """What `now` says, wherever it is asked."""

    at: datetime

    def now(self, _zone: object = None) -> datetime:
        self.at += timedelta(microseconds=1)
        return self.at

    @staticmethod
    def fromisoformat(text: str) -> datetime:
        return datetime.fromisoformat(text)


def make_home(settings: Settings, candidate: CandidateRecord, at: datetime) -> Governed:
    """A home with people, a candidate that meets every clause of the policy, and a calendar that is always open."""
    home = settings.home
    home.mkdir()
    calendar = yaml.safe_load(SHIPPED.read_text("utf-8"))
    (home / "calendar.yaml").write_text(yaml.safe_dump({**calendar, "freezes": [], "windows": []}), "utf-8")
    one = Governed.at(settings)
    for kind, people in PEOPLE.items():
        for person in people:
            if not one.key(person).exists():
                new_person(one.settings, person, (ROLES[kind],), one.key(person))
    save_candidate(one.settings, candidate)
    write_bundle(tiny_model(), bundle_folder(one.settings, candidate))
    measure(one, at)
    return one


def measure(one: Governed, at: datetime, model: str | None = None, *, good: bool = True) -> None:
    """Put down evidence of every kind about a candidate: all of it good enough, or its performance not."""
    made = read_candidate(one.settings, "triage", "city", model)
    for kind, figures in meeting(POLICY).items():
        bad = {name: Figure(0.0, 0.0, 0.0, n=9999, n_events=999) for name in figures}
        found = figures if good or kind != "performance" else bad
        save_evidence(one.settings, Evidence(kind, "triage", "city", made.model, made.data, at, found, {}))  # type: ignore[arg-type]


def put_side_by_side(one: Governed, at: datetime, model: str, beside: str, *, good: bool) -> None:
    """File both models on the same visits: inside the policy's margins, or with too many cards."""
    made, kind = read_candidate(one.settings, "triage", "city", model), "side_by_side"
    names = [f"{kind}.{each.name}.auroc_difference" for each in load_use_case("triage").outcomes]
    alerts = Figure(0.0, -1.0, 1.0, 900) if good else Figure(9.0, 8.0, 10.0, 900)
    figures = {
        **{name: Figure(0.01, -0.01, 0.02, 900, 90) for name in names},
        f"{kind}.alerts_per_100_difference": alerts,
        f"{kind}.share_of_calls": Figure(1.0, n=900),
        f"{kind}.visits": Figure(900.0, n=900),
    }
    detail = {"beside_model": beside, "beside_version": "1"}
    save_evidence(one.settings, Evidence(kind, "triage", "city", made.model, made.data, at, figures, detail))


@dataclass
class Seen:
    """What a run of the machine came by, over all its examples."""

    commands: int = 0
    killed: int = 0
    cells: Counter[tuple[str, str, str]] = field(default_factory=Counter[tuple[str, str, str]])


class Rollout(RuleBasedStateMachine):
    """The machine; a test gives it the home to begin with, where ledgers lie, the clock, the power, and where it
    counts what it saw."""

    clock: Clock
    power: Power
    seen: Seen
    folder: Path
    ledgers: InFiles
    begins: datetime

    @initialize(climbed=st.sampled_from([0, 1, 2, 2, 3]))
    def open(self, climbed: int) -> None:
        """Begin where a release stands in a stage, by its number; the first to come there leaves a copy for others."""
        home, copy = self.folder / f"home-{self.seen.commands}", self.folder / str(climbed)
        if climbed and not copy.exists():
            self.open(climbed - 1)
            self.go_up(None, False)
            self.ledgers.copy(self.one.settings.home, copy)
            self.stop()
        self.one, self.clock.at = Governed(self.ledgers.copy(copy, home)), self.begins + climbed * DAY
        made = read_candidate(self.one.settings, "triage", "city").model
        self.measured, self.known = {made: (self.begins, True)}, [entry.hash for entry in self._entries()]
        self.models, self.side_by_side = [made], dict[str, tuple[datetime, bool]]()
        self.at_most, self.differs, self.fired = 0, "", None

    # orders up

    @rule(stage=st.sampled_from(UP), less=st.sampled_from(["", "", "model", "workflow"]))
    def people_approve(self, stage: Stage, less: str) -> None:
        kinds = [need.kind for need in POLICY.needs_for(stage) if need.kind != less]
        self._say(stage, dict.fromkeys(kinds, "approve"))

    @rule(stage=st.sampled_from(UP), kind=st.sampled_from(["model", "workflow"]))
    def somebody_refuses(self, stage: Stage, kind: str) -> None:
        self._say(stage, {kind: "refuse"})

    @rule(stage=st.sampled_from(list(Stage)), death=UPWARD, again=st.booleans())
    def promote(self, stage: Stage, death: tuple[str, int] | None, again: bool) -> None:
        def order() -> Answer:
            return promote_release(self.one.settings, "triage", "city", stage.value, self.one.signs("ada"))

        killed = self._do(Order.PROMOTE, stage, order, death)
        if killed and again:
            self._do(Order.PROMOTE, stage, order)

    @rule(death=UPWARD, again=st.booleans())
    def go_up(self, death: tuple[str, int] | None, again: bool) -> None:
        """What a board does, once its clock is right: measure, sign everything, and promote to the next stage."""
        self.clock.at = max(self.clock.at, self._entries()[-1].at)
        present = self._present().pointer
        now = present.stage.rank if present and present.glass is None else 0
        stage = list(Stage)[min(now + 1, 3)]
        self.people_measure(True)
        self.people_approve(stage, "")
        self.promote(stage, death, again)

    @rule(stage=st.sampled_from(list(Stage)), hours=st.sampled_from([-1.0, 0.5, 2.0, 12.0, 12.5]), death=UPWARD)
    def break_the_glass(self, stage: Stage, hours: float, death: tuple[str, int] | None) -> None:
        def order() -> Answer:
            return break_glass(self.one.settings, "triage", "city", stage.value, hours, WHY, self.one.signs("ada"))

        self._do(Order.BREAK_GLASS, stage, order, death)

    # orders down

    @rule(stage=st.sampled_from(list(Stage)), death=DOWNWARD)
    def roll_back_to(self, stage: Stage, death: tuple[str, int] | None) -> None:
        self._do(
            Order.ROLL_BACK_TO, stage, lambda: roll_back(self.one.settings, "triage", "city", stage.value, "a"), death
        )

    @rule(death=DOWNWARD)
    def take_back(self, death: tuple[str, int] | None) -> None:
        self._do(Order.TAKE_BACK, None, lambda: roll_back(self.one.settings, "triage", "city", None, "b"), death)

    @rule(tier=st.sampled_from([Tier.MODEL, Tier.RULE, Tier.MANUAL]), is_signed=st.booleans(), death=DOWNWARD)
    def change_the_tier(self, tier: Tier, is_signed: bool, death: tuple[str, int] | None) -> None:
        actor = self.one.signs("ada") if is_signed else None
        self._do(None, None, lambda: change_tier(self.one.settings, "triage", "city", tier.value, "c", actor), death)

    @rule(fires=st.sampled_from([None, None, *(one.id for one in POLICY.triggers)]), death=DOWNWARD)
    def triggers_are_watched(self, fires: str | None, death: tuple[str, int] | None) -> None:
        self.fired = fires
        self._do(None, None, lambda: watch_triggers(self.one.settings, self.clock.now()), death)
        self.fired = None

    @rule(death=DOWNWARD)
    def approvals_are_watched(self, death: tuple[str, int] | None) -> None:
        self._do(None, None, lambda: watch_approvals(self.one.settings, self.clock.now()), death)

    @rule()
    def everything_is_switched_off(self) -> None:
        """It works whatever was killed before, and sets the record right."""
        self._do(Order.ROLL_BACK_TO, Stage.OFF, lambda: roll_back(self.one.settings, "triage", "city", "off", "stop"))
        pointer = self._present().pointer
        assert pointer is None or pointer.release is None
        verdict = verify_ledger(self.one.settings)
        assert verdict.exit_code == 0 or self._is_behind(), verdict.document

    def _is_behind(self) -> bool:
        """Whether the clock is behind the ledger, which then takes nothing; what goes down waits beside it."""
        entries = self._entries()
        return bool(entries) and self.clock.at < entries[-1].at

    # what happens around them

    @rule(wait=st.sampled_from(WAITS))
    def the_clock_moves(self, wait: timedelta) -> None:
        self.clock.at += wait

    @rule(good=st.booleans())
    def people_measure(self, good: bool) -> None:
        self.clock.at += HOUR / 60
        for model in self.models:
            measure(self.one, self.clock.now(), model, good=good)
            self.measured[model] = (self.clock.at, good)

    @rule(data=st.sampled_from(["data two", "data three"]))
    def a_candidate_is_trained(self, data: str) -> None:
        made = read_candidate(self.one.settings, "triage", "city")
        changed = Subject("1" * 64, data.encode().hex().ljust(64, "0"), "3" * 64, "4" * 64, "5" * 64).data
        save_candidate(self.one.settings, CandidateRecord(**{**made.__dict__, "data": changed}))
        self.measured[made.model] = (self.clock.at, False)
        self.side_by_side.pop(made.model, None)

    @rule()
    def the_other_model_is_trained(self) -> None:
        """The newest candidate is of the other of two models from now on."""
        made = read_candidate(self.one.settings, "triage", "city")
        if len(self.models) == 1:
            other, bundle = another_bundle()
            changed = CandidateRecord(**{**made.__dict__, "model": other})
            shutil.copytree(bundle, bundle_folder(self.one.settings, changed))
            self.models.append(other)
            self.measured[other] = (self.clock.at, False)
        else:
            other = next(one for one in self.models if one != made.model)
            changed = read_candidate(self.one.settings, "triage", "city", other)
        save_candidate(self.one.settings, changed)

    @rule(good=st.booleans())
    def both_models_are_compared(self, good: bool) -> None:
        """Each is put beside the other: within the margins, or not."""
        self.clock.at += HOUR / 60
        for model, other in zip(self.models, self.models[::-1], strict=True):
            if model != other:
                put_side_by_side(self.one, self.clock.now(), model, other, good=good)
                self.side_by_side[model] = (self.clock.at, good)

    @rule(since=st.sampled_from([None, 30 * DAY]))
    def a_key_is_revoked(self, since: timedelta | None) -> None:
        void = None if since is None else (self.clock.at - since).isoformat()
        try:
            revoke_person(self.one.settings, "noor", "stolen", None, void)
        except EvaluationError:
            return
        finally:
            self._look(self._present(), None)

    @rule()
    def the_service_restarts(self) -> None:
        open_records.cache_clear()

    def teardown(self) -> None:
        if hasattr(self, "one"):
            self.everything_is_switched_off()
            self.stop()

    def stop(self) -> None:
        open_records.cache_clear()
        self.ledgers.remove(self.one.settings.home)

    @property
    def stands(self) -> Stage:
        """The stage that the pointer says."""
        return _state(self._present().pointer).stage

    def reading(self, trigger: Trigger) -> Reading:
        """What the signal of a trigger says: past its threshold where it is the one that fires."""
        past = {">": 1.0, ">=": 1.0, "<": -1.0, "<=": -1.0}[trigger.comparison]
        return Reading(trigger.threshold + past, 10**6) if trigger.id == self.fired else NOTHING_READ

    # doing, and what must hold after it

    def _do(
        self, order: Order | None, named: Stage | None, call: Callable[[], Any], death: tuple[str, int] | None = None
    ) -> bool:
        """Run one command in a process; says whether it was killed. What it answers and leaves is looked at."""
        before, was_in_order = self._present(), not self.differs and not waiting(self.one.settings)
        result: Any = None
        self.seen.commands += 1
        try:
            with self.power.running(self.one.settings.home, death):
                result = call()
        except Killed:
            open_records.cache_clear()
            self.seen.killed += 1
            self._look(before, None)
            return True
        except (StepError, EvaluationError) as error:
            result = error
        self._look(before, result)
        if order is not None and was_in_order:
            self._by_the_table(order, named, _state(before.pointer), result)
        return False

    def _by_the_table(self, order: Order, named: Stage | None, stood: Stands, result: Any) -> None:
        after = _state(self._present().pointer)
        cells = {answer(order, stood, one) for one in ([named] if named else Stage)}
        self.seen.cells[order.value, stood.name, named.value if named else "any"] += 1
        refused = {one["clause"] for one in _reasons(result)}
        if refused:
            assert after == stood
            if cells <= set(REFUSALS):
                assert refused & cells, (refused, cells)
        else:
            assert not isinstance(result, Exception) or self._is_behind(), result
            assert after.name in (cells | {stood.name} if isinstance(result, Exception) else cells), (
                order,
                stood.name,
                named,
                after.name,
                cells,
            )

    def _look(self, before: Present, result: Any) -> None:
        entries, present = self._entries(), self._present()
        hashes = [entry.hash for entry in entries]
        assert hashes[: len(self.known)] == self.known, "nothing recorded is lost"
        verdict = open_records(self.one.settings).verify()
        assert verdict.ok, verdict.reason
        new = entries[len(self.known) :]
        self.known = hashes
        for entry in new:
            if entry.kind == "promotion":
                self._require_entitled(entry, entries)
            if entry.kind == "break_glass":
                self._require_glass(entry, before.pointer)
        self._require_answered(result, hashes)
        self._require_pointer(before.pointer, present, new, entries)
        self.differs = self._differs(entries, present.pointer)
        self._require_told()

    def _require_entitled(self, entry: Entry, entries: list[Entry]) -> None:
        """A promotion stands on evidence that is good and fresh, and on an approval of every kind that counts."""
        payload: Any = entry.payload
        measured_at, good = self.measured[payload["subject"]["model"]]
        assert good and timedelta(0) <= entry.at - measured_at <= 90 * DAY
        before = [one for one in entries if one.seq < entry.seq]
        for need in POLICY.needs_for(Stage(payload["stage"])):
            assert self._voices(need.kind, payload, before, entry.at, need.valid_days), need.kind
        self._require_compared(payload, before, entry.at)

    def _require_compared(self, payload: Mapping[str, Any], before: list[Entry], at: datetime) -> None:
        """Another model than people saw last came before them on a fresh comparison with it, inside the margins."""
        model, (seen, until) = payload["subject"]["model"], _seen(before)
        if payload["stage"] == "shadow" or seen in (None, model) or (until and until <= at - VALID):
            return
        compared_at, good = self.side_by_side.get(model, (at, False))
        assert good and timedelta(0) <= at - compared_at <= VALID, "people see another model that nobody compared"
        assert payload["detail"]["side_by_side"]

    def _voices(
        self, kind: str, payload: Mapping[str, Any], before: list[Entry], at: datetime, valid_days: float
    ) -> set[str]:
        voices: set[str] = set()
        last_rollback = max((one.seq for one in before if one.kind == "rollback"), default=0)
        revoked = {str(one.payload["person"]): one for one in before if one.kind == "key_revoked"}
        for one in before:
            said: Any = one.payload.get("statement") if one.kind == "approval" else None
            if said is None or (said["kind"], said["stage"]) != (kind, payload["stage"]):
                continue
            if said["verdict"] == "refuse" and said["subject"] == payload["subject"]:
                voices.discard(said["person"])
                continue
            age = at - datetime.fromisoformat(said["decided_on"])
            void: Any = revoked[said["person"]].payload.get("void_since") if said["person"] in revoked else None
            is_void = void is not None and one.at >= datetime.fromisoformat(void)
            is_fresh = timedelta(0) <= age <= timedelta(days=valid_days) and one.seq > last_rollback
            if said["subject"] == payload["subject"] and is_fresh and not is_void:
                voices.add(said["person"])
        return voices

    def _require_glass(self, entry: Entry, before: Pointer | None) -> None:
        payload: Any = entry.payload
        until = datetime.fromisoformat(payload["until"])
        assert entry.actor == "ada" and timedelta(0) < until - entry.at <= timedelta(
            hours=POLICY.break_glass.at_most_hours
        )
        assert before is None or before.glass is None, "no glass upon a glass"
        assert Stage(payload["stage"]).rank == (before.stage.rank if before else 0) + 1

    def _require_answered(self, result: Any, hashes: list[str]) -> None:
        """Who was told that something is done finds it on the ledger, or kept beside it."""
        documents = [result.document if isinstance(result, Answer) else result]
        documents += getattr(result, "stepped_down", ())
        for one in documents:
            if isinstance(one, Mapping) and "hash" in one:
                assert one["hash"] in hashes
            if isinstance(one, Mapping) and one.get("recorded") is False:
                kept = {each.order.record for each in waiting(self.one.settings) if each.order}
                assert one["payload"]["detail"]["record"] in kept

    def _require_pointer(
        self, before: Pointer | None, present: Present, new: list[Entry], entries: list[Entry]
    ) -> None:
        after = present.pointer
        assert not present.fault, "no pointer is ever torn"
        assert all(one.order is not None for one in waiting(self.one.settings)), "no order that waits is torn"
        if before is None and after is None:
            return
        assert after is not None, "no pointer is lost"
        assert after.generation >= self.at_most, "the generation never falls"
        assert before is None or after.digest == before.digest or after.generation > before.generation
        self.at_most = after.generation
        was = before.stage.rank if before else 0
        put_up = [one for one in new if one.kind in PROMOTED and one.payload["release"] == after.release]
        if after.stage.rank > was:
            assert [one.payload["stage"] for one in put_up] == [after.stage.value], "up by an entry of its own alone"
        if after.release is None:
            return
        by = [one for one in entries if one.kind in PROMOTED and one.payload["release"] == after.release]
        assert by, "what is pointed to was recorded first"
        assert after.stage.rank <= max(Stage(str(one.payload["stage"])).rank for one in by)
        if all(one.kind == "break_glass" for one in by):
            assert after.glass is not None, "a release that nobody approved has a glass that ends"
            assert after.glass.until == datetime.fromisoformat(str(by[-1].payload["until"]))
        if before is not None and after.tier.rank < before.tier.rank and not put_up:
            signed = [one for one in new if one.kind == "tier_change" and one.payload.get("actor_proof")]
            assert signed or after.release is None, "a tier steps up by a signature alone"

    def _require_told(self) -> None:
        """Where pointer and ledger differ, people are told, and nothing goes up from there."""
        if self.differs:
            verdict = verify_ledger(self.one.settings)
            assert verdict.exit_code == 1 and "triage at city" in str(verdict.document["reason"]), self.differs

    def _differs(self, entries: list[Entry], pointer: Pointer | None) -> str:
        """How the pointer differs from the last order on the ledger; empty where it does not, or an order waits."""
        if waiting(self.one.settings):
            return ""
        orders = [one for one in entries if one.kind in ORDERS and not one.payload.get("is_automatic")]
        if not orders:
            return "" if pointer is None else "a pointer without an order"
        last: Any = orders[-1].payload
        lies = None if pointer is None else (pointer.generation, pointer.release, pointer.tier.value)
        ordered = (last["generation"], last["release"], last.get("tier", "model"))
        if pointer is not None and pointer.release is None and last["release"] is None:
            return "" if lies is not None and lies[0] == ordered[0] else f"{lies} {ordered}"
        return "" if lies == ordered else f"{lies} {ordered}"

    def _say(self, stage: Stage, said: Mapping[str, str]) -> None:
        """Sign and record verdicts by kind about what is proposed for a stage."""
        ledger, subject = open_records(self.one.settings), propose(self.one.settings, "triage", "city", stage).subject
        people = ledger.people()
        for kind, verdict in said.items():
            person = next((one for one in reversed(PEOPLE[kind]) if people.at(one, self.clock.at)), None)
            if person is None:
                assert self._is_behind(), "there is somebody for every kind, unless the clock is behind them"
                continue
            statement = self._statement(stage, kind, person, verdict, subject)
            signed = sign_approval(statement, load_private_key(self.one.key(person)))
            try:
                record_approval(ledger, signed, at=self.clock.now())
            except RefusedEntryError:
                assert self._is_behind()
        self._look(self._present(), None)

    def _statement(self, stage: Stage, kind: str, person: str, verdict: str, subject: Subject) -> ApprovalStatement:
        use, region = load_declaration("triage").intended_use, load_site("city").region
        last_day = (self.clock.at + 300 * DAY).date()
        is_certified = kind == "regulatory" and verdict == "approve"
        return ApprovalStatement(
            use_case="triage",
            site="city",
            stage=stage,
            kind=kind,
            person=person,
            role=ROLES[kind],
            subject=subject,
            verdict=verdict,  # type: ignore[arg-type]
            decided_on=self.clock.now(),
            certificate=Certificate("K-1", region, use, last_day) if is_certified else None,
        )

    def _entries(self) -> list[Entry]:
        return open_records(self.one.settings).entries()

    def _present(self) -> Present:
        return read_present(self.one.settings, "triage", "city")


def _seen(entries: list[Entry]) -> tuple[str | None, datetime | None]:
    """The model that the gate let people see last, and until when (None: they see it), told by plain entries."""
    models: dict[str, str | None] = {}
    seen, until = None, None
    for one in sorted(entries, key=lambda each: (each.effective_at, each.seq)):
        if one.kind not in (*PROMOTED, "rollback"):
            continue
        told: Any = one.payload
        if one.kind != "rollback":
            models[told["release"]] = told["subject"]["model"] if one.kind == "promotion" else None
        shown = models.get(told["release"]) if told["stage"] in ("assistive", "decision_support") else None
        if shown is not None:
            seen, until = shown, None
        elif until is None:
            until = one.effective_at
    return seen, until


def _state(pointer: Pointer | None) -> Stands:
    if pointer is None or pointer.release is None:
        return Stands(Stage.OFF)
    before = pointer.glass.before if pointer.glass else None
    return Stands(Stage(pointer.stage.value), None if before is None else Stage(before.stage.value))


def _reasons(result: Any) -> list[dict[str, str]]:
    if isinstance(result, Answer):
        return list(result.document.get("reasons", [])) if result.exit_code else []
    found = getattr(result, "reasons", ()) if isinstance(result, Exception) else ()
    return [one.to_json() for one in found]

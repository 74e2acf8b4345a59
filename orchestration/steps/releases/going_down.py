"""Going down: a rollback, a lower tier, off. It works whatever is damaged, and needs neither key nor ledger.

The pointer is moved first, so that serving stops or steps down; then what happened is recorded, or kept beside the
ledger until it works again (pending). Whatever stood in the way is a warning in the answer. The one step down that the
ledger precedes is going back to the release before: if that cannot be done soundly, it ends in off. What does not
belong here: going up (release), which fails closed. Decision 0004.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from evaluation.gates import Refusal
from evaluation.ledger import InForce, Ledger
from evaluation.policies import Stage, Tier
from ml.registry.pointer import Pointer, publish_lower, publish_pointer, withdraw_pointer
from ml.registry.stages import Stage as ServedStage
from ml.registry.stages import Tier as ServedTier
from ml.usecases import load_declaration, use_case_names
from orchestration.settings import Settings
from orchestration.sites import list_sites, load_site
from orchestration.steps.errors import Refused, StepError, said
from orchestration.steps.patience import held_within
from orchestration.steps.record.actors import Actor, actor_of
from orchestration.steps.record.agreement import Present, agreement_at, orders, pointed_places, read_present
from orchestration.steps.record.pending import write
from orchestration.steps.record.records import has_ledger, now, open_records
from orchestration.steps.releases.recording import Recorder, safe_reason
from orchestration.steps.releases.release_keys import release_signer
from orchestration.steps.releases.served import ServedTierUnknown, served_tier
from orchestration.steps.releases.telling import words_for
from orchestration.steps.releases.way_back import way_back

LOCK_SECONDS = 5.0
LONGEST_POINTER_REASON = 1000


class NothingToTakeBack(Refused):
    """The site serves no release, or a step asked for is not a step down."""


class NotStopped(StepError):
    """Nothing could be written where the pointer lies; the message says how to stop serving without it."""


@dataclass(frozen=True)
class Descent:
    """One order to go down at one place."""

    settings: Settings
    use_case: str
    site: str
    recorder: Recorder

    @staticmethod
    def begin(
        settings: Settings,
        use_case: str,
        site: str,
        reason: str,
        actor: Actor | None,
        about: Mapping[str, Any] | None = None,
    ) -> "Descent":
        """Take the order; its entry keeps what it is `about`. Raises only for a use case or a site nobody knows."""
        _require_place(settings, use_case, site)
        acting, words = actor or actor_of(None, None), safe_reason(reason)
        recorder = Recorder(settings, use_case, site, words, acting, about or {})
        if acting.problem:
            recorder.warnings.append(f"{acting.problem} The step is recorded without proof of who took it.")
        if words != reason.strip():
            recorder.warnings.append("The reason could not be recorded as it was given.")
        return Descent(settings, use_case, site, recorder)

    @property
    def actor(self) -> Actor:
        return self.recorder.actor

    @contextmanager
    def turn(self) -> Generator[Present]:
        """Wait a little for another release step here to end, then go on regardless; yields what lies there."""
        with held_within(self.settings.home, f"release-{self.use_case}-{self.site}", LOCK_SECONDS) as held:
            if not held:
                self.recorder.warnings.append(
                    "Another release step has not ended; this one did not wait for it any longer."
                )
            yield read_present(self.settings, self.use_case, self.site)

    def step(self, present: Present, stage: Stage, tier: Tier | None) -> dict[str, Any]:
        """Go down to a stage and tier of what is released, or off; record it; return the entry with the warnings."""
        at = now()
        if present.pointer is None:
            lay = f"could not be trusted ({present.fault})" if present.fault else "was gone"
            self.recorder.warnings.append(f"The pointer {lay}: switched off.")
        pointer = self._publish(stage, tier, at)
        try:
            ledger, ordered = self._on_record()
        except BaseException:  # an interrupt: somebody would not wait for the ledger any longer
            self.recorder.keep_unrecorded(present, pointer, at)
            raise
        if ledger is not None and pointer is not None:
            pointer = self._above_what_is_known(ledger, ordered, present, pointer, at)
        return self.recorder.record(ledger, self.recorder.order(ledger, ordered, present, pointer, at))

    def is_needed(self, present: Present) -> bool:
        """Whether there is anything to stop, as far as anybody can know."""
        if present.fault or (present.pointer is not None and present.pointer.release is not None):
            return True
        if not has_ledger(self.settings):
            return False
        ledger, ordered = self._on_record()
        if ledger is None:
            return present.pointer is None
        return ordered is not None and ordered.stage is not Stage.OFF

    def back(self, pointer: Pointer) -> dict[str, Any] | None:
        """Go back to the release before, soundly and in no higher stage; None where only off is left."""
        try:
            return self._back(pointer)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the way back, off remains
            self.recorder.warnings.append(
                f"The release before could not be brought back ({said(error)}): switched off instead."
            )
            return None

    def lowest_tier(self, pointer: Pointer) -> Tier:
        """The tier that answers now: the pointer's, or the lower one that serving stepped down to by itself."""
        try:
            return served_tier(self.settings, pointer)
        except ServedTierUnknown as error:
            self.recorder.warnings.append(f"{error} The tier of the pointer is kept.")
            return Tier(pointer.tier.value)

    def _back(self, pointer: Pointer) -> dict[str, Any] | None:
        ledger, at = open_records(self.settings), now()
        way = way_back(self.settings, ledger, pointer, self.lowest_tier(pointer), at)
        if way is not None and way.lowered:
            self.recorder.warnings.append(way.lowered)
        if way is None or way.stage is Stage.OFF:
            return None
        found = agreement_at(self.settings, ledger, self.use_case, self.site)
        if found.problem:
            raise StepError(found.problem)
        above = found.ordered.generation if found.ordered else 0
        counted = max(above, pointer.generation) + 1
        members = self.recorder.rollback(pointer, way.stage, way.release, way.tier, counted, at)
        entry = write(ledger, self.recorder.signed("rollback", members, at, ledger), at)
        publish_pointer(
            self.settings.home,
            use_case=self.use_case,
            site=self.site,
            release=way.release,
            stage=ServedStage(way.stage.value),
            tier=ServedTier(way.tier.value),
            reason=self.recorder.reason[:LONGEST_POINTER_REASON],
            issued_at=at,
            signer=release_signer(self.settings),
            rollback_ledger_hash=entry.hash,
            follows=pointer.generation,
            above=above,
            notice=words_for(self.use_case),
        )
        return self.recorder.told(entry)

    def _publish(self, stage: Stage, tier: Tier | None, at: datetime, above: int = 0) -> Pointer | None:
        """Put the lower pointer in place; if that fails, take away what lies there, and try off; None: nothing lies."""
        try:
            return self._lower(stage, tier, at, above)
        except Exception as error:  # noqa: BLE001 - whatever keeps a pointer from being signed, the stop goes on
            self.recorder.warnings.append(
                f"No pointer could be signed ({said(error)}): what lay there was set aside; nothing is served."
            )
        try:
            withdraw_pointer(self.settings.home, self.use_case, self.site, at)
        except OSError as error:
            raise NotStopped(
                f"The pointer of {self.use_case} at {self.site} can be neither replaced nor set aside "
                f"({error.strerror}). Stop the service itself, then give this user the right to write in pointers/."
            ) from error
        try:
            return self._lower(Stage.OFF, None, at, above)
        except Exception:  # noqa: BLE001 - told above; without a pointer nothing is served
            return None

    def _lower(self, stage: Stage, tier: Tier | None, at: datetime, above: int) -> Pointer:
        return publish_lower(
            self.settings.home,
            use_case=self.use_case,
            site=self.site,
            stage=ServedStage(stage.value),
            tier=None if tier is None else ServedTier(tier.value),
            reason=self.recorder.reason[:LONGEST_POINTER_REASON],
            issued_at=at,
            signer=release_signer(self.settings),
            above=above,
            notice=words_for(self.use_case),
        )

    def _on_record(self) -> tuple[Ledger | None, InForce | None]:
        """The ledger, if it works, and what it orders here."""
        try:
            ledger = open_records(self.settings)
            return ledger, orders(self.settings, ledger).get((self.use_case, self.site))
        except Exception:  # noqa: BLE001 - told when the step cannot be recorded
            return None, None

    def _above_what_is_known(
        self, ledger: Ledger, ordered: InForce | None, present: Present, pointer: Pointer, at: datetime
    ) -> Pointer | None:
        """The pointer, or one that is off where an old one had been put back: that one's stage was not in force."""
        if ordered is None or present.pointer is None:
            return pointer
        found = agreement_at(self.settings, ledger, self.use_case, self.site, present)
        if present.generation >= ordered.generation or not found.differs:
            return pointer
        self.recorder.warnings.append(
            f"An old pointer (generation {present.generation}) lay where the ledger knows generation "
            f"{ordered.generation}: switched off. Find out who put it back."
        )
        return self._publish(Stage.OFF, None, at, above=ordered.generation)


def roll_back(
    settings: Settings, use_case: str, site: str, to: str | None, reason: str, actor: Actor | None = None
) -> dict[str, Any]:
    """Take a release back: to the release before it, or, with `to`, to a lower stage of the same release.

    Raises `NothingToTakeBack`, `NotStopped`, and for an unknown use case or site.
    """
    descent = Descent.begin(settings, use_case, site, reason, actor)
    with descent.turn() as present:
        return _taken_back(descent, present, to)


def roll_back_if(
    settings: Settings,
    use_case: str,
    site: str,
    judge: Callable[[Pointer], tuple[Stage | None, str] | None],
    actor: Actor,
) -> dict[str, Any] | None:
    """Take a release back where `judge`, asked about the pointer that lies there under the lock of the place, names a
    stage (None: the release before) and a reason; None where it names nothing. Raises as `roll_back` and `judge` do.

    Whoever judged before waiting for the lock may have judged another release.
    """
    descent = Descent.begin(settings, use_case, site, "", actor)
    with descent.turn() as present:
        found = judge(present.pointer) if present.pointer is not None and present.pointer.release else None
        if found is None:
            return None
        stage, reason = found
        return _taken_back(Descent.begin(settings, use_case, site, reason, actor), present, stage and stage.value)


def _taken_back(descent: Descent, present: Present, to: str | None) -> dict[str, Any]:
    if not descent.is_needed(present):
        raise nothing_served(descent.use_case, descent.site)
    stage = Stage.OFF if to is None else Stage(to)
    pointer = present.pointer
    if pointer is None or pointer.release is None:
        return descent.step(present, Stage.OFF, None)
    if stage.rank >= Stage(pointer.stage.value).rank:
        raise NothingToTakeBack(_not_down(pointer, stage))
    back = descent.back(pointer) if to is None else None
    return back or descent.step(present, stage, descent.lowest_tier(pointer) if stage is not Stage.OFF else None)


def nothing_served(use_case: str, site: str) -> NothingToTakeBack:
    """Return the refusal for a place where nothing is served."""
    found = f"{use_case} serves no release at {site}"
    return NothingToTakeBack(
        Refusal("something-to-change", found, "a release that is served", "There is nothing to do.")
    )


def _not_down(pointer: Pointer, stage: Stage) -> Refusal:
    found, what = f"{pointer.stage} to {stage}", "To go up: pilothouse promote"
    return Refusal("down-only", found, f"a stage below {pointer.stage}", what)


def _require_place(settings: Settings, use_case: str, site: str) -> None:
    """Raise for a use case or site that is neither declared nor pointed to: a broken declaration holds nothing up."""
    if (use_case, site) in pointed_places(settings):
        return
    if use_case not in use_case_names():
        load_declaration(use_case)
    if site not in list_sites():
        load_site(site)

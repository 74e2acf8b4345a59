"""Taking a challenger away: it works whatever is damaged, and needs neither key nor ledger. Decisions 0004 and 0045.

The pointer is replaced first; then the order is recorded, or kept beside the ledger until it works again. What is
served is not touched. A challenger whose model goes into service leaves here, too. What does not belong here: bringing
one (challenging).
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from evaluation.gates import Refusal
from evaluation.ledger import WITHDRAWN, Entry, Ledger, instant_text
from ml.registry import RegistryError
from ml.registry.challenger import Challenger, challenger_path, withdraw_challenger
from ml.registry.signing import Signer
from orchestration.settings import Settings
from orchestration.steps.errors import StepError, said
from orchestration.steps.patience import held_within
from orchestration.steps.record.actors import Actor
from orchestration.steps.record.lanes import Lane, lane_at, lies_at
from orchestration.steps.record.records import has_ledger, now, open_records
from orchestration.steps.releases.going_down import LOCK_SECONDS, Descent, NothingToTakeBack
from orchestration.steps.releases.release_keys import release_signer


class ChallengerNotTakenAway(StepError):
    """Its model was put into service, and its pointer beside it could not be replaced."""


class ChallengerStays(StepError):
    """Nothing could be written where the pointer lies; the message says how to end it without."""


def withdraw(settings: Settings, use_case: str, site: str, reason: str, actor: Actor | None = None) -> dict[str, Any]:
    """Take the challenger away; return the entry with the warnings.

    Raises `NothingToTakeBack` where there is none, `ChallengerStays`, and for an unknown use case or site.
    """
    descent = Descent.begin(settings, use_case, site, reason, actor)
    with held_within(settings.home, f"release-{use_case}-{site}", LOCK_SECONDS) as held:
        if not held:
            descent.recorder.warnings.append("Another release step has not ended; this one did not wait any longer.")
        return _withdrawn(descent)


def withdraw_if(
    settings: Settings, use_case: str, site: str, judge: Callable[[], str | None], actor: Actor
) -> dict[str, Any] | None:
    """Take the challenger away where `judge`, asked under the lock of the place, names a reason; None where it does
    not. Raises as `withdraw` and `judge` do.

    Whoever judged before waiting for the lock may have judged another challenger.
    """
    with held_within(settings.home, f"release-{use_case}-{site}", LOCK_SECONDS):
        reason = judge()
        return None if reason is None else _withdrawn(Descent.begin(settings, use_case, site, reason, actor))


def _withdrawn(descent: Descent) -> dict[str, Any]:
    settings, use_case, site = descent.settings, descent.use_case, descent.site
    present, at = lies_at(settings, use_case, site), now()
    ledger, lane = _on_record(settings, use_case, site)
    if not _is_needed(present, lane):
        raise NothingToTakeBack(_none(use_case, site))
    pointer = _taken_away(descent, lane, at)
    members = {
        "use_case": use_case,
        "site": site,
        "release": present.release if isinstance(present, Challenger) else None,
        "generation": pointer.generation if pointer is not None else (lane.above if lane else 0) + 1,
        "reason": descent.recorder.reason,
        "effective_at": instant_text(at),
    }
    return descent.recorder.record(ledger, descent.recorder.signed(WITHDRAWN, members, at, ledger))


def leave_if_promoted(settings: Settings, use_case: str, site: str, entry: Entry, at: datetime, signer: Signer) -> None:
    """Take the challenger away whose model was put into service by `entry`. Raises `ChallengerNotTakenAway`."""
    lane = lane_at(settings, open_records(settings), use_case, site)
    ordered = lane.ordered
    if ordered is None or ordered.ledger_hash != entry.hash or lane.generation >= ordered.generation:
        return
    try:
        withdraw_challenger(
            settings.home,
            use_case=use_case,
            site=site,
            reason=f"in service, ledger entry {entry.seq}",
            issued_at=at,
            signer=signer,
            above=ordered.generation - 1,
            ledger_hash=entry.hash,
        )
    except (RegistryError, OSError) as error:
        raise ChallengerNotTakenAway(
            f"The release is in service, recorded as entry {entry.seq}; the challenger's pointer could not be replaced "
            f"({said(error)}). Take it away: pilothouse rollback {use_case} --site {site} --challenger --reason TEXT"
        ) from error


def _on_record(settings: Settings, use_case: str, site: str) -> tuple[Ledger | None, Lane | None]:
    """The ledger, if there is one and it works, and what it says of the challenger."""
    try:
        if not has_ledger(settings):
            return None, None
        ledger = open_records(settings)
        return ledger, lane_at(settings, ledger, use_case, site)
    except Exception:  # noqa: BLE001 - told when the step cannot be recorded
        return None, None


def _is_needed(present: Challenger | str | None, lane: Lane | None) -> bool:
    """Whether there is anything to take away, as far as anybody can know."""
    if isinstance(present, Challenger):
        is_there = present.release is not None
        return is_there or (lane is not None and bool(lane.problem))
    return present is not None or (lane is not None and lane.ordered is not None and lane.ordered.release is not None)


def _none(use_case: str, site: str) -> Refusal:
    found = f"{use_case} has no challenger at {site}"
    return Refusal("something-to-change", found, "a challenger", "There is nothing to do.")


def _taken_away(descent: Descent, lane: Lane | None, at: datetime) -> Challenger | None:
    """Put a pointer to nothing there; where none can be signed, set aside what lies there."""
    settings, above = descent.settings, lane.above if lane else 0
    try:
        return withdraw_challenger(
            settings.home,
            use_case=descent.use_case,
            site=descent.site,
            reason=descent.recorder.reason,
            issued_at=at,
            signer=release_signer(settings),
            above=above,
        )
    except Exception as error:  # noqa: BLE001 - whatever keeps a pointer from being signed, the challenger goes
        descent.recorder.warnings.append(f"No pointer could be signed ({said(error)}): what lay there was set aside.")
    path = challenger_path(settings.home, descent.use_case, descent.site)
    try:
        if path.exists() or path.is_symlink():
            path.rename(path.with_name(f"{path.stem}.withdrawn-{at:%Y%m%dT%H%M%S%fZ}"))
    except OSError as error:
        raise ChallengerStays(
            f"The challenger of {descent.use_case} at {descent.site} can be neither replaced nor set aside "
            f"({error.strerror}). Give this user the right to write in challengers/; it is shown to nobody meanwhile."
        ) from error
    return None

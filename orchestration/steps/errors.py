"""The exceptions that a person may meet, and how they are said.

::

    StepError                      a step cannot be done; the message says why and what to do
    ├── WrongUsage                 what was asked for cannot be understood (exit code 2)
    │   ├── TimeNotUnderstood, ActorNotUsable, NothingSelected, NotALineage, ExceptionNotUnderstood, PublicKeyMissing,
    │   │   CertificateNotUsable
    ├── Refused                    it is understood and not allowed; carries the reasons, clause by clause
    │   ├── NothingToTakeBack, NotAllowed
    ├── KeyFileError, TablesError, NoCandidate, NotEnoughVisits, NothingServed, UnknownApprover, RehearsalFailed,
    │   NotOnRecord, InterfaceStopped, UnknownIncident, BacktestOverlaps, UnknownRole, ReservedName, NotStopped,
    │   PortTaken, ServedTierUnknown, LedgerKeyGone, ReleaseKeyGone, EvidenceKeyGone, NotAnOrderDown,
    │   RowNotFound, ErasureNotUnderstood, NoServer, NotTheReviewer, ReviewChanged, UnknownReview,
    │   ForecastOverlaps, RosterNotWritten, SiteNotNamed, DatesAreShifted, NotEnoughRoster, RosterModelRefused,
    │   NotEnoughDays, NothingToPlan, NothingToRehearse, LineNotPublished, UnknownShift, BackupRefused, BackupBroken,
    │   KeyKept, KeyHalvesDiffer, HomeNotUsable, NoChallenger, ChallengerStays, ChallengerNotTakenAway
    └── DemoHomeTaken, DemoStopped

Every room has one root of its own; `known_errors` gathers them. What does not belong here: catching.
"""

from collections.abc import Sequence
from typing import Any

from evaluation.gates import Refusal
from orchestration.steps.answer import FAILED, FEED_STOPPED, Answer


class StepError(Exception):
    """Root of what steps raise on purpose; its message is a sentence that a person can act on."""


class WrongUsage(StepError):
    """What was asked for cannot be understood; the command ends as for any other wrong usage."""


class NothingSelected(WrongUsage):
    """The selection of a run names nothing that there is."""


class Refused(StepError):
    """What was asked for is not allowed. `reasons` name the rule, what was found, what was wanted and the way on."""

    def __init__(self, *reasons: Refusal) -> None:
        super().__init__(" ".join(f"{one.clause}: {one.figure}. {one.to_meet}" for one in reasons))
        self.reasons = reasons


def known_errors() -> tuple[type[Exception], ...]:
    """Return the roots of all rooms' exceptions: what the command line says in a sentence, not as a traceback."""
    from evaluation import EvaluationError
    from ml.features import FeatureError
    from ml.forecasting import ForecastError
    from ml.overbooking.errors import OverbookingError
    from ml.registry import RegistryError
    from ml.rostering.errors import RosteringError
    from ml.serving import ServingError
    from ml.training import TrainingError
    from ml.usecases import UseCaseError
    from orchestration.contracts import ContractError
    from orchestration.feeds import FeedError
    from orchestration.settings import SettingsError
    from orchestration.sites import SiteError
    from orchestration.vocabulary import VocabularyError

    return (
        StepError,
        SettingsError,
        SiteError,
        ContractError,
        FeedError,
        VocabularyError,
        UseCaseError,
        FeatureError,
        ForecastError,
        OverbookingError,
        TrainingError,
        RegistryError,
        RosteringError,
        ServingError,
        EvaluationError,
    )


def said(error: Exception) -> str:
    """Return what may be shown of an error: a known one's sentence; of any other its kind, since a message that
    nobody wrote for people may hold an identifier."""
    if isinstance(error, known_errors()):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{type(error).__name__}: {error.strerror}"
    return f"{type(error).__name__}"


def refusal_of(error: Exception) -> Answer:
    """Return an exception as the answer of a command: its sentence, its kind, exit code 1 (3 for a stopped feed)."""
    from orchestration.feeds import FeedStopped

    code = FEED_STOPPED if isinstance(error, FeedStopped) else FAILED
    document: dict[str, Any] = {"error": str(error), "kind": type(error).__name__}
    if isinstance(error, Refused):
        return refused(error.reasons, document)
    return Answer(document, text=f"{type(error).__name__}: {error}", exit_code=code)


def refused(reasons: Sequence[Refusal], more: dict[str, Any]) -> Answer:
    """Return a refusal with every reason, as a document and as lines that nothing is cut from."""
    document = {"refused": True, "reasons": [reason.to_json() for reason in reasons], **more}
    lines = [f"- {one.clause}: {one.figure}; wanted: {one.threshold}. {one.to_meet}" for one in reasons]
    heading = f"{more['kind']}: refused" if "kind" in more else "Refused"
    return Answer(document, text="\n".join([f"{heading}.", *lines]), exit_code=FAILED)

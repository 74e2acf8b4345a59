"""The exceptions that a person may meet, and how they are said.

::

    StepError                      a step cannot be done; the message says why and what to do
    ├── KeyFileError, TablesError, NoCandidate, NotEnoughVisits, NothingServed, NothingToTakeBack, NotAllowed,
    │   UnknownApprover, RehearsalFailed, NotOnRecord, TimeNotUnderstood, InterfaceStopped,
    │   UnknownIncident, BacktestOverlaps
    └── DemoHomeTaken, DemoStopped

Every room has one root of its own; `known_errors` gathers them. What does not belong here: catching.
"""

from orchestration.steps.answer import FAILED, FEED_STOPPED, Answer


class StepError(Exception):
    """Root of what steps raise on purpose; its message is a sentence that a person can act on."""


def known_errors() -> tuple[type[Exception], ...]:
    """Return the roots of all rooms' exceptions: what the command line says in a sentence, not as a traceback."""
    from evaluation import EvaluationError
    from ml.features import FeatureError
    from ml.registry import RegistryError
    from ml.serving import ServingError
    from ml.training import TrainingError
    from ml.usecases import UseCaseError
    from orchestration.contracts import ContractError
    from orchestration.feeds import FeedError
    from orchestration.settings import SettingsError
    from orchestration.sites import SiteError

    return (
        StepError,
        SettingsError,
        SiteError,
        ContractError,
        FeedError,
        UseCaseError,
        FeatureError,
        TrainingError,
        RegistryError,
        ServingError,
        EvaluationError,
    )


def refusal_of(error: Exception) -> Answer:
    """Return an exception as the answer of a command: its sentence, its kind, exit code 1 (3 for a stopped feed)."""
    from orchestration.feeds import FeedStopped

    code = FEED_STOPPED if isinstance(error, FeedStopped) else FAILED
    document = {"error": str(error), "kind": type(error).__name__}
    return Answer(document, text=f"{type(error).__name__}: {error}", exit_code=code)

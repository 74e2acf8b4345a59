"""What a person may meet is said in a sentence with its kind, and an exit code that means something."""

import inspect
import pkgutil
from importlib import import_module

import pytest

import orchestration.steps
from evaluation import EvaluationError
from evaluation.gates import Refusal
from ml.features import FeatureError
from ml.forecasting import ForecastError
from ml.overbooking.errors import OverbookingError
from ml.registry import RegistryError
from ml.rostering import RosteringError
from ml.serving import ServingError
from ml.training import TrainingError
from ml.usecases import UseCaseError
from orchestration.contracts import ContractError
from orchestration.feeds import FeedError, FeedStopped
from orchestration.settings import SettingsError
from orchestration.sites import SiteError, UnknownSite
from orchestration.steps import errors
from orchestration.steps.errors import Refused, StepError, known_errors, refusal_of, said
from orchestration.vocabulary import VocabularyError

ROOTS = (StepError, SettingsError, SiteError, ContractError, FeedError, UseCaseError, FeatureError, TrainingError)
ROOTS += (
    RegistryError,
    ServingError,
    EvaluationError,
    VocabularyError,
    RosteringError,
    ForecastError,
    OverbookingError,
)


def test_every_rooms_root_is_known_and_nothing_that_would_hide_a_defect() -> None:
    assert set(known_errors()) == set(ROOTS)
    for defect in (Exception, ValueError, KeyError, TypeError, OSError, AssertionError):
        assert not issubclass(defect, known_errors())


def test_a_refusal_is_its_sentence_its_kind_and_exit_code_1() -> None:
    answer = refusal_of(UnknownSite("There is no site 'x'."))
    assert answer.document == {"error": "There is no site 'x'.", "kind": "UnknownSite"}
    assert (answer.exit_code, answer.text) == (1, "UnknownSite: There is no site 'x'.")


def test_what_is_not_allowed_says_every_reason_in_full() -> None:
    reasons = [Refusal(f"rule-{n}", "what was found " * 9, "what was wanted", "The way on.") for n in range(2)]
    answer = refusal_of(Refused(*reasons))
    assert answer.exit_code == 1 and answer.document["kind"] == "Refused" and answer.document["refused"] is True
    assert answer.document["reasons"] == [reason.to_json() for reason in reasons]
    assert all(str(value) in str(answer.text) for reason in reasons for value in reason.to_json().values())


def test_of_an_error_that_nobody_wrote_for_people_only_its_kind_is_said() -> None:
    assert said(UnknownSite("There is no site 'x'.")) == "There is no site 'x'."
    assert said(KeyError("MRN 4711")) == "KeyError"
    assert said(OSError(28, "No space left on device", "MRN-4711.csv")) == "OSError: No space left on device"


def test_a_stopped_feed_is_exit_code_3() -> None:
    assert refusal_of(FeedStopped("A column is missing.", ())).exit_code == 3
    assert refusal_of(FeedError("Another fault of the feed.")).exit_code == 1


def _own_exceptions() -> list[type[Exception]]:
    modules = [
        import_module(f"orchestration.steps.{one.name}") for one in pkgutil.iter_modules(orchestration.steps.__path__)
    ]
    found = {
        each
        for module in modules
        for _, each in inspect.getmembers(module, inspect.isclass)
        if issubclass(each, Exception) and each.__module__ == module.__name__
    }
    return sorted(found, key=lambda each: each.__name__)


@pytest.mark.parametrize("error", _own_exceptions(), ids=lambda error: error.__name__)
def test_every_exception_of_the_steps_is_known_and_drawn_in_the_tree(error: type[Exception]) -> None:
    assert issubclass(error, known_errors())
    assert error.__name__ in (errors.__doc__ or "")

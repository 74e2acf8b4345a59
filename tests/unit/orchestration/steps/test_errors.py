"""What a person may meet is said in a sentence with its kind, and an exit code that means something."""

import inspect
import pkgutil
from importlib import import_module

import pytest

import orchestration.steps
from evaluation import EvaluationError
from ml.features import FeatureError
from ml.registry import RegistryError
from ml.serving import ServingError
from ml.training import TrainingError
from ml.usecases import UseCaseError
from orchestration.contracts import ContractError
from orchestration.feeds import FeedError, FeedStopped
from orchestration.settings import SettingsError
from orchestration.sites import SiteError, UnknownSite
from orchestration.steps import errors
from orchestration.steps.errors import StepError, known_errors, refusal_of

ROOTS = (StepError, SettingsError, SiteError, ContractError, FeedError, UseCaseError, FeatureError, TrainingError)
ROOTS += (RegistryError, ServingError, EvaluationError)


def test_every_rooms_root_is_known_and_nothing_that_would_hide_a_defect() -> None:
    assert set(known_errors()) == set(ROOTS)
    for defect in (Exception, ValueError, KeyError, TypeError, OSError, AssertionError):
        assert not issubclass(defect, known_errors())


def test_a_refusal_is_its_sentence_its_kind_and_exit_code_1() -> None:
    answer = refusal_of(UnknownSite("There is no site 'x'."))
    assert answer.document == {"error": "There is no site 'x'.", "kind": "UnknownSite"}
    assert (answer.exit_code, answer.text) == (1, "UnknownSite: There is no site 'x'.")


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

"""Reading a policy file. What a policy is belongs in ``policy.py``."""

from pathlib import Path

import yaml
from pydantic import ValidationError

from evaluation import EvaluationError
from evaluation.policies.policy import Policy
from evaluation.strict_yaml import first_fault, read_one

FOLDER = Path(__file__).parent


class PolicyError(EvaluationError):
    """A policy that cannot be decided by: the message names the file, the field and what was expected."""


def load_policy(use_case: str, folder: Path = FOLDER) -> Policy:
    """The policy of a use case from ``<folder>/<use_case>.yaml``. Raises :class:`PolicyError`."""
    policy = read_policy(folder / f"{use_case}.yaml")
    if policy.use_case != use_case:
        raise PolicyError(f"{use_case}.yaml is the policy of {policy.use_case!r}; rename the file or the use case.")
    return policy


def read_policy(path: Path) -> Policy:
    """Read and check one policy file. Raises :class:`PolicyError`."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError as error:
        raise PolicyError(f"{path.name}: no such policy file; a use case without a policy is not released.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path.name}: cannot be read as UTF-8 text ({error}).") from error
    return parse_policy(text, path.name)


def parse_policy(text: str, name: str) -> Policy:
    """Parse the text of a policy file called ``name`` in messages. Raises :class:`PolicyError`."""
    try:
        return Policy.model_validate(read_one(text))
    except yaml.YAMLError as error:
        raise PolicyError(f"{name}: is not YAML: {error}") from error
    except ValidationError as error:
        raise PolicyError(f"{name}: {first_fault(error)} ({error.error_count()} such in all).") from error

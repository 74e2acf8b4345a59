"""The exceptions of the gates; the tree is drawn in the package's docstring. A refusal is a value, not an
error."""

from evaluation import EvaluationError


class GateError(EvaluationError):
    """A gate was asked something that has no answer; nothing may be released."""


class DecisionError(GateError):
    """A decision document that was changed after it was made, or is none."""


class StageError(GateError):
    """A place is said to stand where no order leads."""

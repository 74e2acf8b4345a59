"""The room that judges: evidence in, decisions out.

Here belong metrics, drift, policies, gates, the ledger and reports: functions of data, a clock and a
seed. Nothing here moves records, trains or serves; nothing imports ``ml`` or ``orchestration``.

Every exception of this room descends from :class:`EvaluationError`::

    EvaluationError
    ├── EvidenceError       evidence.py   a document that does not follow its schema or its digest
    ├── MetricInputError    metrics/      arrays that no metric can be computed from
    ├── NotEstimableError   metrics/      sound arrays on which this one figure has no value
    ├── DriftInputError     drift/        windows or features that cannot be compared
    └── (gates, ledger, policies add theirs below the same root)
"""


class EvaluationError(Exception):
    """Root of the exceptions of this room; catch it at the border, never inside."""

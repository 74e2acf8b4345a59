"""Training: split by time, fit, calibrate, explain, bundle, track.

Here belongs everything between a mart and a model bundle. Judging a model (`evaluation`), releasing one
(`ml/registry`) and serving one (`ml/serving`) do not. Only `tracking.py` knows MLflow.

Every exception of this package descends from :class:`TrainingError`::

    TrainingError
    ├── TooFewEvents    an outcome has too few settled events before the cut-off to learn from
    ├── BundleRefused   a model folder that is not exactly what it says it is
    ├── RebuildRefused  a run that cannot be rebuilt, or that rebuilds into another model
    └── AdaptationRefused  another site's model that cannot be brought to this one
"""


class TrainingError(Exception):
    """Root of the exceptions of this package; its message is a sentence that a person can act on."""


class TooFewEvents(TrainingError):
    """An outcome has too few settled events before the cut-off to learn from."""


class BundleRefused(TrainingError):
    """A model folder that is not exactly what it says it is."""


class RebuildRefused(TrainingError):
    """A run that cannot be rebuilt, or that rebuilds into another model."""


class AdaptationRefused(TrainingError):
    """Another site's model looks at other features, words or outcomes than a model of this site would."""

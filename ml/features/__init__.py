"""Features: one declaration per use case, two implementations, the mart's and the live request's.

Here belong the vocabulary, the encoding that both share, and how each side fills it. Learning from features
(`ml/training`) and declaring them (`ml/usecases`) do not.

Exceptions of the mart side, and of the encoding, descend from :class:`FeatureError`::

    FeatureError
    ├── ColumnMissing     a declared feature, a label or a key that is not there
    ├── ColumnUnknown     a feature that nobody declared
    ├── ValueUnreadable   a value that cannot be a number, a boolean or a declared level
    └── SnapshotRefused   a snapshot whose files are not what its pointer says
"""


class FeatureError(Exception):
    """Root of the exceptions of this package; its message is a sentence that a person can act on."""


class ColumnMissing(FeatureError):
    """A declared feature, a label or a key that is not there."""


class ColumnUnknown(FeatureError):
    """A feature that nobody declared."""


class ValueUnreadable(FeatureError):
    """A value that cannot be a number, a boolean or a declared level."""


class SnapshotRefused(FeatureError):
    """A snapshot whose files are not what its pointer says."""

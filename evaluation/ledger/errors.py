"""The exceptions of the ledger; the tree is drawn in the package's docstring."""

from evaluation import EvaluationError


class LedgerError(EvaluationError):
    """Root of what the ledger raises."""


class KeyFileError(LedgerError):
    """A key file that cannot be trusted or read; the message says what to run."""


class PayloadError(LedgerError):
    """An entry whose content does not follow its kind, or holds what may not be written down for ever."""


class ApprovalError(LedgerError):
    """A statement of approval that is malformed."""


class RefusedEntryError(LedgerError):
    """An entry that is well formed but contradicts what the ledger already says."""


class LedgerStoreError(LedgerError):
    """The database cannot be opened, or it was changed by somebody else since the last entry was written."""


class LedgerSchemaError(LedgerStoreError):
    """The store was written by another version of the schema."""


class CheckpointError(LedgerError):
    """A checkpoint that is malformed, missing where one must be, or not signed by the ledger's key."""

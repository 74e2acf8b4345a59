"""Releases: what may be served, in writing, signed, and the pointer that says which one is.

Here belong canonical JSON, signatures, the release manifest, the card layout, the release folder and the
pointer. Whether a release *should* exist (evidence, approvals) and how it is served do not.

Every exception of this package descends from :class:`RegistryError`::

    RegistryError
    ├── KeyFileError         a key file that cannot be trusted or would be overwritten
    ├── SignatureError   a signature that is missing, malformed, by another key, or does not fit
    ├── ManifestError    a manifest or card of an unknown schema, or that breaks its schema
    ├── ReleaseError     a release folder that is not exactly what its manifest says
    ├── PointerError     a pointer that is unreadable, goes back, or goes back without a ledger entry
    └── PlanError        a plan for a unit that is unreadable, breaks its schema, or is older than the one in place
"""


class RegistryError(Exception):
    """Root of the exceptions of this package; its message is a sentence that a person can act on."""


class KeyFileError(RegistryError):
    """A key file that cannot be trusted, is not an Ed25519 key, or would be overwritten."""


class SignatureError(RegistryError):
    """A signature that is missing, malformed, made by another key, or does not fit the content."""


class ManifestError(RegistryError):
    """A manifest or card of an unknown schema, or one that breaks its schema; the message names the field."""


class ReleaseError(RegistryError):
    """A release folder that is not exactly what its signed manifest says."""


class PointerError(RegistryError):
    """A pointer that is unreadable, of an unknown schema, or that goes back without a rollback entry."""


class PlanError(RegistryError):
    """A plan that is unreadable, of an unknown schema, breaks its schema, or is older than the one in place."""

"""The exceptions of this package.

ContractError
├── UnknownContract   no contract of that name
├── InvalidMapping    a site's mapping that does not fit its contract
└── InvalidContract   a contract that cannot be read or compiled
    └── BreakingChange  a version that breaks history without a new major version
"""


class ContractError(Exception):
    """A contract cannot be used; the message says which one, where, and what was expected."""


class InvalidMapping(ContractError):
    """A site's mapping says what cannot be, or is written for another version of the contract."""


class UnknownContract(ContractError):
    """No contract of that name exists; the message lists those that do."""


class InvalidContract(ContractError):
    """The YAML is not ODCS, or says something that cannot be compiled to SQL."""


class BreakingChange(InvalidContract):
    """A version breaks what the one before it accepted, and its number does not say so; the message says what."""

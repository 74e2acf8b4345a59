"""The exceptions of this package.

ContractError
├── UnknownContract   no contract of that name
└── InvalidContract   a contract that cannot be read or compiled
"""


class ContractError(Exception):
    """A contract cannot be used; the message says which one, where, and what was expected."""


class UnknownContract(ContractError):
    """No contract of that name exists; the message lists those that do."""


class InvalidContract(ContractError):
    """The YAML is not ODCS, or says something that cannot be compiled to SQL."""

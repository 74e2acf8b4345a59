"""Contracts: one ODCS document per feed, read once and compiled to DuckDB SQL.

What does not belong here: files and records (orchestration/feeds). The public face is `load_contracts`,
`load_contract`, `Contract` and its parts, and the compiler's functions.
"""

from orchestration.contracts.errors import ContractError, InvalidContract, UnknownContract
from orchestration.contracts.load import CONTRACTS_DIR, list_contracts, load_contract, load_contracts
from orchestration.contracts.model import Contract, ContractObject, Property, Reader

__all__ = [
    "CONTRACTS_DIR",
    "Contract",
    "ContractError",
    "ContractObject",
    "InvalidContract",
    "Property",
    "Reader",
    "UnknownContract",
    "list_contracts",
    "load_contract",
    "load_contracts",
]

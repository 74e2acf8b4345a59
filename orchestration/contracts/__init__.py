"""Contracts: one ODCS document per feed and version, read once and compiled to DuckDB SQL.

What does not belong here: files and records (orchestration/feeds). The public face is `load_contracts`,
`load_contract` (the current versions), `load_timelines` (all of them, with the times from which they are in force),
`Contract` and its parts, and the compiler's functions.
"""

from orchestration.contracts.errors import BreakingChange, ContractError, InvalidContract, UnknownContract
from orchestration.contracts.load import CONTRACTS_DIR, list_contracts
from orchestration.contracts.model import Contract, ContractObject, Property, Reader
from orchestration.contracts.timeline import Timeline, in_force, load_contract, load_contracts, load_timelines

__all__ = [
    "CONTRACTS_DIR",
    "BreakingChange",
    "Contract",
    "ContractError",
    "ContractObject",
    "InvalidContract",
    "Property",
    "Reader",
    "Timeline",
    "UnknownContract",
    "in_force",
    "list_contracts",
    "load_contract",
    "load_contracts",
    "load_timelines",
]

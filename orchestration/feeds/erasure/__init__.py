"""Erasure: everything that a landing zone holds of one person found, destroyed, and kept from coming back.

What does not belong here: who may ask for it, the ledger, and what was derived from the lake (orchestration/steps). The
public face is `plan_erasure`, `carry_out`, `read_journals`, `close_journal`, `expire`, `is_past_term` and what they
take and return.
"""

from orchestration.feeds.erasure.carrying_out import (
    Erased,
    Expired,
    carry_out,
    close_journal,
    expire,
    is_past_term,
    read_journals,
)
from orchestration.feeds.erasure.plan import Plan, plan_erasure
from orchestration.feeds.erasure.scanning import Reader

__all__ = [
    "Erased",
    "Expired",
    "Plan",
    "Reader",
    "carry_out",
    "close_journal",
    "expire",
    "is_past_term",
    "plan_erasure",
    "read_journals",
]

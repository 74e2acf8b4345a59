"""The board pack of one use case at one site: what a governance board reads before it decides.

Here belong claims that rest on documents, and printing them; a claim with no document reads NOT EVIDENCED. Gathering
the documents from stores is the caller's.
"""

from evaluation.reports.board.facts import ApprovalFact, BoardFacts, LedgerFact, Measured, RuleFact, Source
from evaluation.reports.board.items import ItemsError, load_questions
from evaluation.reports.board.pack import PAGE, PRINTED, BoardPack, board_pack, render_pack, write_pack
from evaluation.reports.board.register import risk_register
from evaluation.reports.board.value import AssumptionsError, factors, load_value

__all__ = [
    "PAGE",
    "PRINTED",
    "ApprovalFact",
    "AssumptionsError",
    "BoardFacts",
    "BoardPack",
    "ItemsError",
    "LedgerFact",
    "Measured",
    "RuleFact",
    "Source",
    "board_pack",
    "factors",
    "load_questions",
    "load_value",
    "render_pack",
    "risk_register",
    "write_pack",
]

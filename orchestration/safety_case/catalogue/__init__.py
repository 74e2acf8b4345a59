"""The catalogue: every named fault, family by family, in the order in which the scoreboard shows them."""

from orchestration.safety_case.catalogue.evidence import EVIDENCE
from orchestration.safety_case.catalogue.feeds import FEEDS
from orchestration.safety_case.catalogue.people import PEOPLE_FAULTS
from orchestration.safety_case.catalogue.record import RECORD
from orchestration.safety_case.catalogue.serving import SERVING
from orchestration.safety_case.faults import Fault

CATALOGUE: tuple[Fault, ...] = (*FEEDS, *EVIDENCE, *PEOPLE_FAULTS, *RECORD, *SERVING)

__all__ = ["CATALOGUE"]

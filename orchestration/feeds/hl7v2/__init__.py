"""HL7 v2 messages as JSON documents, whatever their type, version, separators, framing or character set.

What does not belong here: what is landed of them (the contract) and the network (orchestration/feeds/mllp.py).
"""

from orchestration.feeds.hl7v2.problems import PROBLEMS
from orchestration.feeds.hl7v2.reading import read

__all__ = ["PROBLEMS", "read"]

"""HL7 v2 over MLLP: a listener that acknowledges what is durable and judged, and nothing else.

What does not belong here: what messages mean (orchestration/contracts) and reading files (orchestration/feeds/hl7v2).
The public face is `listen`, `ListenLimits`, `Ack`, `AckCode`, `Inbox`, `Grouping` and `Pace`.
"""

from orchestration.feeds.mllp.acknowledgement import Ack, AckCode
from orchestration.feeds.mllp.grouping import Grouping, Pace
from orchestration.feeds.mllp.inbox import Inbox
from orchestration.feeds.mllp.listener import ListenLimits, listen

__all__ = ["Ack", "AckCode", "Grouping", "Inbox", "ListenLimits", "Pace", "listen"]

"""HL7 v2 over MLLP: a listener that acknowledges what is durably landed, and nothing else.

What does not belong here: what messages mean (orchestration/contracts) and reading files (orchestration/feeds/hl7v2).
The public face is `listen`, `ListenLimits`, `Ack`, `AckCode`, `Inbox` and `rejects_of`.
"""

from orchestration.feeds.mllp.acknowledgement import Ack, AckCode
from orchestration.feeds.mllp.inbox import Inbox, rejects_of
from orchestration.feeds.mllp.listener import ListenLimits, listen

__all__ = ["Ack", "AckCode", "Inbox", "ListenLimits", "listen", "rejects_of"]

"""Asset keys and metadata labels that several stages share; it imports nothing heavy.

What does not belong here: keys that one stage alone uses.
"""

from dagster import AssetKey

EVENTS, REPORT = AssetKey(["monitoring", "events"]), AssetKey(["monitoring", "report"])
DRIFT, OPERATIONS = AssetKey(["monitoring", "drift"]), AssetKey(["monitoring", "operations"])
REASONS, LEDGER_ENTRY = "reasons", "ledger_entry"


def landing_key(feed: str) -> AssetKey:
    """Return the key of what lands of a feed."""
    return AssetKey(["landing", feed])


def release_key(use_case: str) -> AssetKey:
    """Return the key of a use case's release."""
    return AssetKey([use_case, "release"])


def plan_key(use_case: str) -> AssetKey:
    """Return the key of what a use case publishes for the assignment meeting."""
    return AssetKey([use_case, "plan"])


def adjustments_key(use_case: str) -> AssetKey:
    """Return the key of what people changed beside a use case's plans."""
    return AssetKey([use_case, "adjustments"])

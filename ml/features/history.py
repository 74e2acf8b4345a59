"""What was known of a patient before the visit, from the Conditions of a CDS Hooks prefetch.

Here belong which conditions count and the groups they fall in. What is observed at the visit is `observed.py`.
"""

from datetime import UTC, datetime
from typing import Final

from ml.features.complaint import Matcher
from ml.features.fhir import Json, Origin, first_code, first_coding, instant, mapping, originals
from ml.features.observed import FeatureValue, Note

IGNORED_CONDITIONS: Final = frozenset({"entered-in-error", "refuted"})


def history_groups(
    matcher: Matcher, sent: Json, patient_id: str, arrived: datetime, notes: list[Note]
) -> set[str] | None:
    """The groups of every condition known before arrival; None when conditions were not sent.

    `arrived` is in the site's zone, of which a day alone is the midnight.
    """
    bundle = mapping(sent.get("conditions"))
    if bundle.get("resourceType") != "Bundle":
        notes.append(Note("history_count", "the conditions were not sent as a searchset"))
        return None
    conditions = originals(bundle, "Condition", Origin.of_call(sent))
    earlier = (item for item, origin in conditions if _is_earlier(item, origin, patient_id, arrived))
    return matcher.of_codes(coding for condition in earlier for coding in first_coding(condition.get("code")))


def histories(matcher: Matcher, matched: set[str] | None) -> dict[str, FeatureValue]:
    """One feature for each group, and their number; None where the history is not known."""
    flags: dict[str, FeatureValue] = {
        f"history_{group}": None if matched is None else group in matched for group in matcher.groups
    }
    return {**flags, "history_count": None if matched is None else len(matched)}


def _is_earlier(condition: Json, origin: Origin, patient_id: str, arrived: datetime) -> bool:
    if first_code(condition.get("verificationStatus")) in IGNORED_CONDITIONS:
        return False
    if origin.refers_elsewhere(condition.get("subject"), "Patient", patient_id):
        return False
    onset = (condition.get("onsetDateTime"), mapping(condition.get("onsetPeriod")).get("start"))
    written = (condition.get("recordedDate"), *onset)  # an old onset first written down now is a finding of this visit
    zone = arrived.tzinfo or UTC
    known_at = next((at for one in written if (at := instant(one, zone)) is not None), None)
    return known_at is not None and known_at < arrived

"""The words of the rollback plan for the signed pointer: what clinicians are told after a step down.

What does not belong here: the plan (evaluation/policies), and when serving tells it (ml/serving/notices).
"""

from evaluation.policies import Policy, load_policy
from ml.registry.notice import Notice


def notice_of(policy: Policy) -> Notice:
    """Return what the plan of a policy has told to clinicians."""
    words = policy.rollback.message
    return Notice(
        summary=words.withdrawn_summary,
        withdrawn=words.withdrawn,
        lowered=words.lowered,
        shown_minutes=words.shown_minutes,
    )


def words_for(use_case: str) -> Notice | None:
    """Return the words as they are now; None where the policy cannot be read, which must not hold up a stop."""
    try:
        return notice_of(load_policy(use_case))
    except Exception:  # noqa: BLE001 - the pointer then keeps the words that it was released with
        return None

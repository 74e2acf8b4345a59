"""OperationOutcomes: what may be told of them is their codes; texts may quote records.

What does not belong here: landing the files of them.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator

CODE = re.compile(r"[A-Za-z][A-Za-z-]{0,40}")
SEVERE = frozenset({"error", "fatal"})


def issues_of(document: object) -> Iterator[tuple[str, str]]:
    """Yield severity and code of each issue; `unknown` for what is none of the standard's."""
    issues = document.get("issue") if isinstance(document, dict) else None
    for issue in issues if isinstance(issues, list) else []:
        if isinstance(issue, dict):
            yield _code(issue.get("severity")), _code(issue.get("code"))


def codes_of(body: bytes) -> str:
    """Return the codes of an OperationOutcome, as something to put behind a status; empty where there are none."""
    try:
        codes = sorted({code for _, code in issues_of(json.loads(body))})
    except (ValueError, RecursionError):
        return ""
    return f" ({', '.join(codes[:5])})" if codes else ""


def count_issues(content: bytes) -> Counter[tuple[str, str]]:
    """Count the issues of OperationOutcomes as NDJSON by severity and code."""
    found = Counter[tuple[str, str]]()
    for line in content.splitlines():
        try:
            found.update(issues_of(json.loads(line)) if line.strip() else ())
        except (ValueError, RecursionError):
            found["error", "unknown"] += 1
    return found


def _code(value: object) -> str:
    return value if isinstance(value, str) and CODE.fullmatch(value) else "unknown"

"""Matching complaints and conditions to the groups of a vocabulary, as the mart's SQL does.

Here belong the two rules (a term matched whole in normalised text; a code by its prefix). Which groups exist
is the vocabulary that the model was trained with; where text and codes come from is `request.py`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ml.features.fhir import Coding

SHORT_NAMES: Mapping[str, str] = {
    "http://loinc.org": "LOINC",
    "urn:oid:2.16.840.1.113883.6.1": "LOINC",
    "http://snomed.info/sct": "SNOMED",
    "urn:oid:2.16.840.1.113883.6.96": "SNOMED",
    "http://hl7.org/fhir/sid/icd-10-cm": "ICD-10-CM",
    "urn:oid:2.16.840.1.113883.6.90": "ICD-10-CM",
}
"""Code systems as the vocabulary writes them; another keeps its own name (macro code_system_name)."""

MAX_TEXT_LENGTH = 200
"""A chief complaint is cut to this length where it is landed, so it is cut here too."""

_NOT_A_WORD = re.compile(r"[^a-z0-9/]+", flags=re.ASCII)


@dataclass(frozen=True)
class Pattern:
    """One line of a vocabulary: a term (`system` empty) or the prefix of a code in `system`."""

    group: str
    system: str
    pattern: str


def normalised(text: str) -> str:
    """Lower case, every run of characters outside [a-z0-9/] one space, trimmed (macro normalised_text)."""
    return _NOT_A_WORD.sub(" ", "".join(letter.lower()[:1] for letter in text[:MAX_TEXT_LENGTH])).strip()


class Matcher:
    """The patterns of one vocabulary, arranged for matching one visit at a time."""

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        listed = tuple(patterns)
        self.groups = tuple(sorted({entry.group for entry in listed}))
        self._terms = tuple((entry.group, f" {entry.pattern} ") for entry in listed if not entry.system)
        self._prefixes: dict[str, dict[str, tuple[str, ...]]] = {}
        for entry in listed:
            if entry.system:
                groups = self._prefixes.setdefault(entry.system, {})
                groups[entry.group] = (*groups.get(entry.group, ()), entry.pattern)

    def in_text(self, text: str) -> set[str]:
        """The groups of which a term occurs whole in `text`."""
        padded = f" {normalised(text)} "
        return {group for group, term in self._terms if term in padded}

    def of_codes(self, codings: Iterable[Coding]) -> set[str]:
        """The groups of which a pattern is the prefix of a code in its system."""
        matched: set[str] = set()
        for coding in set(codings):
            system = SHORT_NAMES.get(coding.system, coding.system)
            groups = self._prefixes.get(system, {})
            matched.update(group for group, prefixes in groups.items() if coding.code.startswith(prefixes))
        return matched

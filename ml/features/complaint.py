"""Matching complaints and conditions to the groups of a vocabulary, as the mart's SQL does.

Here belong the two ways to a group: what a text states (`wording.py` has the rule), and a code by its prefix. Which
groups exist is the vocabulary that the model was trained with; where text and codes come from is `request.py`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ml.features.fhir import Coding
from ml.features.wording import MAX_TEXT_LENGTH, TERM, Phrase, Wording, normalised

__all__ = ["MAX_TEXT_LENGTH", "SHORT_NAMES", "Matcher", "Pattern", "normalised"]

SHORT_NAMES: Mapping[str, str] = {
    "http://loinc.org": "LOINC",
    "urn:oid:2.16.840.1.113883.6.1": "LOINC",
    "http://snomed.info/sct": "SNOMED",
    "urn:oid:2.16.840.1.113883.6.96": "SNOMED",
    "http://hl7.org/fhir/sid/icd-10-cm": "ICD-10-CM",
    "urn:oid:2.16.840.1.113883.6.90": "ICD-10-CM",
}
"""Code systems as the vocabulary writes them; another keeps its own name (macro code_system_name)."""


@dataclass(frozen=True)
class Pattern:
    """One line of a vocabulary: a term (`system` empty) or the prefix of a code in `system`."""

    group: str
    system: str
    pattern: str


class Matcher:
    """The patterns of one vocabulary, with its cues, arranged for matching one visit at a time."""

    def __init__(self, patterns: Iterable[Pattern], cues: Iterable[Phrase] = ()) -> None:
        listed = tuple(patterns)
        self.groups = tuple(sorted({entry.group for entry in listed}))
        terms = (Phrase(TERM, entry.pattern, entry.group) for entry in listed if not entry.system)
        self._wording = Wording((*terms, *cues))
        self._prefixes: dict[str, dict[str, tuple[str, ...]]] = {}
        for entry in listed:
            if entry.system:
                groups = self._prefixes.setdefault(entry.system, {})
                groups[entry.group] = (*groups.get(entry.group, ()), entry.pattern)

    def in_text(self, text: str) -> set[str]:
        """The groups that `text` states."""
        return self._wording.groups(text)

    def of_codes(self, codings: Iterable[Coding]) -> set[str]:
        """The groups of which a pattern is the prefix of a code in its system."""
        matched: set[str] = set()
        for coding in set(codings):
            system = SHORT_NAMES.get(coding.system, coding.system)
            groups = self._prefixes.get(system, {})
            matched.update(group for group, prefixes in groups.items() if coding.code.startswith(prefixes))
        return matched

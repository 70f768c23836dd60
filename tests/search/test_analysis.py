"""Texts and queries meet in the same index terms."""

import pytest

from bot.search.index import analysis


@pytest.mark.parametrize(
    ("typed", "text", "language"),
    [
        ("elections", "Les élections présidentielles", "fr"),
        ("Présidentielle", "les élections PRÉSIDENTIELLES", "fr"),
        ("satellite", "Three satellites were launched", "en"),
        ("covid", "La Covid-19 recule", "fr"),
        ("Verträge", "Der Vertrag wurde geschlossen", "de"),
    ],
)
def test_a_query_word_meets_its_inflections(typed, text, language):
    (word,) = analysis.words(typed)
    assert analysis.query_stems(word, ("en", "fr", "de")) & set(analysis.stems(text, language))


def test_each_term_tells_where_its_word_stands():
    text = "😀 L’été, les élections"
    assert [text[start:end] for _, start, end in analysis.word_spans(text)] == [
        "L",
        "été",
        "les",
        "élections",
    ]
    assert [text[start:end] for _, start, end in analysis.spans(text, "fr")] == ["élections"]
    assert analysis.places("Le secteur du sel", "fr", {"secteur", "sel"}) == [
        (3, 10, "secteur"),
        (14, 17, "sel"),
    ]


def test_small_words_are_those_of_the_language_of_the_query():
    assert analysis.small_words(analysis.words("prix de l’or")) == {"de", "l"}
    assert analysis.small_words(analysis.words("cats or dogs")) == {"or"}
    assert analysis.small_words(analysis.words("Où est la tour Eiffel ?")) == {"ou", "est", "la"}


def test_words_are_what_the_engine_makes_of_a_text():
    for code in range(0, 0x2600, 3):
        text = f"Der Œuvre {chr(code)} L’a{chr(code)}b"
        assert analysis.words(text) == analysis.word_analyzer().analyze(text), hex(code)
    assert analysis.words("a" * 39 + " " + "É" * 40 + " b") == ["a" * 39, "b"]


@pytest.mark.parametrize(
    ("text", "language", "line"),
    [
        ("Les élections de l’été", "fr", "_les elect _de _l _ete"),
        ("Cats or dogs", "en", "cat _or dog"),
        ("Der Hund und die Katzen", "de", "_der hund _und _die katz"),
        ("Γάτα και σκύλος", "el", "γατ κα σκυλ"),
    ],
)
def test_the_index_has_stems_and_marks_small_words(text, language, line):
    assert analysis.Terms(language).line(f"{text} {'É' * 40}").split() == line.split()


@pytest.mark.parametrize("language", [*analysis.LANGUAGES, "pl", "xx", None])
def test_a_text_of_any_language_has_terms(language):
    assert analysis.stems("Telex 2026 zwyczajny ordinateur", language)

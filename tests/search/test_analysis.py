"""Tokens, stems and stop words of texts and queries."""

from bot.search.index import text_analysis
from tests.support.cases import check_cases


@check_cases(
    ("query", "text", "language"),
    [
        ("elections", "Les élections présidentielles", "fr"),
        ("Présidentielle", "les élections PRÉSIDENTIELLES", "fr"),
        ("satellite", "Three satellites were launched", "en"),
        ("covid", "La Covid-19 recule", "fr"),
        ("Verträge", "Der Vertrag wurde geschlossen", "de"),
    ],
)
def test_query_word_matches_inflections(query, text, language):
    (word,) = text_analysis.tokenize(query)
    assert text_analysis.find_query_stems(word, ("en", "fr", "de")) & set(text_analysis.stem_tokens(text, language))


def test_stems_have_spans_of_their_words():
    text = "😀 L’été, les élections"
    assert [text[start:end] for _, start, end in text_analysis.find_token_spans(text)] == [
        "L",
        "été",
        "les",
        "élections",
    ]
    assert [text[start:end] for _, start, end in text_analysis.find_stems_with_spans(text, "fr")] == ["élections"]
    assert text_analysis.find_stem_spans("Le secteur du sel", "fr", {"secteur", "sel"}) == [
        (3, 10, "secteur"),
        (14, 17, "sel"),
    ]


def test_stop_words_depend_on_query_language():
    assert text_analysis.find_stop_words(text_analysis.tokenize("prix de l’or")) == {"de", "l"}
    assert text_analysis.find_stop_words(text_analysis.tokenize("cats or dogs")) == {"or"}
    assert text_analysis.find_stop_words(text_analysis.tokenize("Où est la tour Eiffel ?")) == {
        "ou",
        "est",
        "la",
    }


def test_tokenizer_agrees_with_engine():
    for code in range(0, 0x2600, 3):
        text = f"Der Œuvre {chr(code)} L’a{chr(code)}b"
        assert text_analysis.tokenize(text) == text_analysis.load_word_analyzer().analyze(text), hex(code)
    assert text_analysis.tokenize("a" * 39 + " " + "É" * 40 + " b") == ["a" * 39, "b"]


@check_cases(
    ("text", "language", "line"),
    [
        ("Les élections de l’été", "fr", "_les elect _de _l _ete"),
        ("Cats or dogs", "en", "cat _or dog"),
        ("Der Hund und die Katzen", "de", "_der hund _und _die katz"),
        ("Γάτα και σκύλος", "el", "γατ κα σκυλ"),
    ],
)
def test_index_text_has_stems_and_marked_stop_words(text, language, line):
    assert text_analysis.TermCache(language).build_index_text(f"{text} {'É' * 40}").split() == line.split()


@check_cases("language", [*text_analysis.STEMMER_NAME_BY_LANGUAGE, "pl", "xx", None])
def test_any_language_has_stems(language):
    assert text_analysis.stem_tokens("Telex 2026 zwyczajny ordinateur", language)

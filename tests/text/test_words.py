"""Folding and splitting of words."""

from hypothesis import given
from hypothesis import strategies as st

from bot.search.index import text_analysis
from bot.text.words import fold, iter_word_spans, split_words
from tests.support.cases import check_cases


@check_cases(
    ("text", "folded"),
    [
        ("ÉLYSÉE", "elysee"),
        ("Œuvre", "oeuvre"),
        ("l’IA", "l'ia"),
        ("Straße", "strasse"),
        ("Łódź", "lodz"),
        ("İstanbul", "istanbul"),
        ("ＡＢＣ ﬁn", "abc fin"),
        ("cafe\u0301", "cafe"),
        ("がん 한국", "がん 한국"),
        ("co\xadop\u200b", "coop"),
    ],
)
def test_folding_ignores_case_accents_and_letter_forms(text, folded):
    assert fold(text) == folded


def test_punctuation_separates_words():
    assert split_words("L'IA d’États-Unis: covid-19, R&D_x 3.12!") == [
        "l", "ia", "d", "etats", "unis", "covid", "19", "r", "d", "x", "3", "12"
    ]  # fmt: skip


@given(st.text())
def test_spans_cover_their_words(text):
    position = 0
    for word, start, end in iter_word_spans(text):
        assert position <= start < end <= len(text)
        assert fold(text[start:end]) == word
        position = end


@given(st.text(alphabet=st.sampled_from("aB é'’-.&_1ÇœßÅ \n")))
def test_words_equal_tokens_of_search_engine(text):
    assert split_words(text) == text_analysis.tokenize(text)

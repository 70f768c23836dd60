from __future__ import annotations

import gzip
import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.text import excerpts, terms
from bot.text.safe import length
from tests.shared import shared

TEXTS = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(
            ["M. ", "U.S. ", "A", "été", "Le ", " ", ". ", " ! ", "« ", " »", "…", "\n", "3.12", "👩\u200d🚀"]
        )
    ).map("".join),
)


@pytest.mark.parametrize(
    "sentence",
    [
        "M. Macron et Mme Borne ont parlé.",
        "M. Le Maire l'a dit.",
        "Me Dupond-Moretti plaide.",
        "The U.S. Congress met Dr. Smith.",
        "J. K. Rowling wrote it with J. A. Smith.",
        "J.-C. Mitterrand arrive.",
        "Apple Inc. Chief Executive Tim Cook spoke.",
        "Python 3.12 est sorti, après la 3.11.4.",
        "It costs 3.5 million euros, e.g. Apple pays, i.e. Everyone.",
        "Il a dit « Non ! » puis est parti.",
        "Vraiment ? demande-t-il.",
        "Il hésite… puis part.",
        "Voir p. 12 et fig. 3, art. 5, No. 7.",
        "Le 10 sept. 2020, à St. Louis, av. J.-C.",
        "Yahoo! Japan grows.",
        "Node.js et ASP.NET sur example.com marchent.",
        "1. Premier point.",
        "Il en reste, p. ex. Google.",
    ],
)
def test_a_full_stop_within_a_sentence_does_not_end_it(sentence):
    assert excerpts.sentences(sentence) == [sentence]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("One. Two! Three? Four… Five", ["One.", "Two!", "Three?", "Four…", "Five"]),
        ("Il part. « Pourquoi ? » Elle reste.", ["Il part.", "« Pourquoi ? »", "Elle reste."]),
        ('He said "no." Then he left.', ['He said "no."', "Then he left."]),
        ("Elle dit “oui”. Il rit.", ["Elle dit “oui”.", "Il rit."]),
        ("They moved to the U.S. The firm grew.", ["They moved to the U.S.", "The firm grew."]),
        ("He works at Apple Inc. He likes it.", ["He works at Apple Inc.", "He likes it."]),
        ("Vis, clous, etc. Nous partons.", ["Vis, clous, etc.", "Nous partons."]),
        ("He said no. Then he left.", ["He said no.", "Then he left."]),
        ("It came with me. Then it broke.", ["It came with me.", "Then it broke."]),
        ("Il est né en 1987. Il vit à Paris.", ["Il est né en 1987.", "Il vit à Paris."]),
        ("Sales fell. iPhone sales rose.", ["Sales fell.", "iPhone sales rose."]),
        ("Titre sans point\nTexte.\n\nFin", ["Titre sans point", "Texte.", "Fin"]),
        ("同社は発表した。価格は未定。", ["同社は発表した。", "価格は未定。"]),
        ("Quoi ?! Rien.", ["Quoi ?!", "Rien."]),
        ("", []),
        (" \n ", []),
    ],
)
def test_sentences_end_where_they_end(text, found):
    assert excerpts.sentences(text) == found


@given(TEXTS)
def test_sentences_hold_every_character_but_white_space(text):
    assert "".join("".join(excerpts.sentences(text)).split()) == "".join(text.split())


@given(TEXTS, st.integers(0, 80))
@example("a" * 300, 10)
@example("👩\u200d🚀" * 30, 9)
def test_an_excerpt_is_the_beginning_within_its_limit(text, limit):
    shown = excerpts.excerpt(text, limit)
    whole = " ".join(text.split())
    assert length(shown) <= limit
    assert "\n" not in shown
    if length(whole) <= limit:
        assert shown == whole
    else:
        assert whole.startswith(shown.removesuffix("…").rstrip())


def test_an_excerpt_ends_with_a_sentence_where_one_ends():
    text = "Amazon suspend la vente. La police attendra un an. Puis on verra bien ce que la loi dira."
    assert excerpts.excerpt(text, 60) == "Amazon suspend la vente. La police attendra un an."
    assert excerpts.excerpt(text, 24) == "Amazon suspend la vente."
    assert excerpts.excerpt(text, 20) == "Amazon suspend la…"
    assert excerpts.excerpt("x" * 50, 10) == "x" * 9 + "…"


@given(TEXTS, st.lists(st.tuples(st.integers(0, 50), st.integers(1, 9))), st.integers(0, 80))
def test_around_never_exceeds_its_limit(text, pairs, limit):
    spans = sorted((start, start + size) for start, size in pairs if start + size <= len(text))
    shown, moved = excerpts.around(text, spans, limit)
    assert length(shown) <= limit
    assert "\n" not in shown
    assert all(0 <= start <= end <= len(shown) for start, end in moved)


def test_around_shows_where_most_matches_are():
    text = "Un début. " * 40 + "La police a suspendu Rekognition. Rekognition reste. " + "Une fin. " * 40
    spans = excerpts.marks(text, set(terms.alternatives("rekognition")), "fr")
    shown, marked = excerpts.around(text, spans, 80)
    assert [shown[start:end] for start, end in marked] == ["Rekognition", "Rekognition"]
    assert shown.count("Rekognition") == 2
    assert shown.startswith("…")
    assert shown.endswith("…")


@given(
    st.lists(st.sampled_from(["été", "robot", "a", "œ", "3\xa0000", "😀", "fin."]), max_size=60), st.data()
)
def test_spans_lie_around_the_same_words_in_the_stretch(words, data):
    gaps = data.draw(st.lists(st.sampled_from([" ", "  ", "\n", " \n\n"]), min_size=61, max_size=61))
    text = "".join(gap + word for gap, word in zip(gaps, words, strict=False)) + gaps[-1]
    assert_spans_move(text)


def test_spans_lie_around_the_same_words_where_a_long_text_begins_with_white_space():
    assert_spans_move(" \n robot" + "  été" * 60)
    assert_spans_move("été" * 30 + " \n robot" + "  été" * 60)


def assert_spans_move(text):
    spans = [match.span() for match in re.finditer("robot|3\xa0000", text)]
    shown, moved = excerpts.around(text, spans, 80)
    assert [shown[start:end] for start, end in moved] == re.findall("robot|3 000", shown)
    assert bool(moved) is bool(spans)


@pytest.mark.parametrize(
    ("query", "text", "marked"),
    [
        (
            "reconnaissance",
            "La Reconnaissance faciale, l’reconnaissances",
            ["Reconnaissance", "reconnaissances"],
        ),
        ("IA", "L’IA et l'ia", ["IA", "ia"]),
        ("etats", "aux États-Unis", ["États"]),
        ("gpt4o", "voici GPT-4o, GPT 4o et GPT4o", ["GPT-4o", "GPT 4o", "GPT4o"]),
        ("iphone", "un iPhone15", ["iPhone15"]),
        ("wifi", "le Wi-Fi", ["Wi-Fi"]),
        ("1000", "1 000 et 1,000", ["1 000", "1,000"]),
        ("US", "the U.S. and us", ["U.S"]),
        ("智能", "人工智能", ["智能"]),
        ("人工智能", "人工智能", ["人工智能"]),
        ("e\u0301te", "rien", []),
        ("œuvre", "les Oeuvres, l'œuvre", ["Oeuvres", "œuvre"]),
        ("the", "the", []),
    ],
)
def test_marks_lie_on_the_words_that_were_found(query, text, marked):
    wanted = {form for word in terms.words(query) for form in terms.alternatives(word)}
    for language in (None, "fr"):
        spans = excerpts.marks(text, wanted, language)
        assert [text[start:end] for start, end in spans] == marked


@given(TEXTS)
def test_marks_are_in_order_and_apart(text):
    wanted = {form for word in terms.words(text) for form in terms.alternatives(word)}
    position = 0
    for start, end in excerpts.marks(text, wanted):
        assert position <= start < end <= len(text)
        position = end


def test_a_megabyte_is_no_effort():
    text = "M. Dupont. Il part à l'U.S. Open " * 30_000
    assert length(excerpts.excerpt(text, 300)) <= 300
    shown, _ = excerpts.around(text, [(900_000, 900_003)], 300)
    assert length(shown) <= 300
    assert len(excerpts.sentences(text)) >= 30_000
    excerpts.sentences("." * 1_000_000)
    excerpts.sentences("a." * 500_000)
    excerpts.excerpt(" " * 1_000_000 + "a", 300)


def test_the_sentences_of_real_articles_are_of_sensible_length():
    lengths: list[int] = []
    for language in ("fr", "en"):
        with gzip.open(shared(f"articles/{language}.jsonl.gz"), "rt", encoding="utf-8") as file:
            for line in list(file)[::20]:
                lengths += map(len, excerpts.sentences(json.loads(line)["text"]))
    lengths.sort()
    assert 80 < lengths[len(lengths) // 2] < 180
    assert lengths[len(lengths) * 99 // 100] < 500

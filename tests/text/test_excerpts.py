"""Sentences and excerpts of texts."""

from __future__ import annotations

import gzip
import json
import re

from hypothesis import example, given
from hypothesis import strategies as st

from bot.text import excerpts
from bot.text.discord_text import count_utf16_units
from tests.support.cases import check_cases
from tests.support.shared_data import require_shared_path

TEXTS = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(
            ["M. ", "U.S. ", "A", "été", "Le ", " ", ". ", " ! ", "« ", " »", "…", "\n", "3.12", "👩\u200d🚀"]
        )
    ).map("".join),
)


@check_cases(
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
def test_full_stop_of_abbreviation_does_not_split_sentence(sentence):
    assert excerpts.split_sentences(sentence) == [sentence]


@check_cases(
    ("text", "sentences"),
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
def test_text_is_split_into_sentences(text, sentences):
    assert excerpts.split_sentences(text) == sentences


@given(TEXTS)
def test_splitting_keeps_all_visible_characters(text):
    assert "".join("".join(excerpts.split_sentences(text)).split()) == "".join(text.split())


@given(TEXTS, st.integers(0, 80))
@example("a" * 300, 10)
@example("👩\u200d🚀" * 30, 9)
def test_excerpt_is_beginning_of_text_within_limit(text, limit):
    excerpt = excerpts.make_excerpt(text, limit)
    single_line = " ".join(text.split())
    assert count_utf16_units(excerpt) <= limit
    assert "\n" not in excerpt
    if count_utf16_units(single_line) <= limit:
        assert excerpt == single_line
    else:
        assert single_line.startswith(excerpt.removesuffix("…").rstrip())


def test_lead_excerpt_skips_sentences_of_title():
    post = "The cable works again. The splice took eleven days. Gotland noticed little."
    title = "The cable works again. The splice took eleven days."
    assert excerpts.make_lead_excerpt((post,), title, 200) == "Gotland noticed little."
    assert excerpts.make_lead_excerpt((post,), "The cable", 200) == post
    assert excerpts.make_lead_excerpt((title,), title, 200) == ""


def test_excerpt_ends_at_sentence_if_possible():
    text = "Amazon suspend la vente. La police attendra un an. Puis on verra bien ce que la loi dira."
    assert excerpts.make_excerpt(text, 60) == "Amazon suspend la vente. La police attendra un an."
    assert excerpts.make_excerpt(text, 24) == "Amazon suspend la vente."
    assert excerpts.make_excerpt(text, 20) == "Amazon suspend la…"
    assert excerpts.make_excerpt("x" * 50, 10) == "x" * 9 + "…"


@given(TEXTS, st.lists(st.tuples(st.integers(0, 50), st.integers(1, 9))), st.integers(0, 80))
def test_excerpt_around_matches_stays_within_limit(text, pairs, limit):
    text = " ".join(text.split())
    spans = sorted((start, start + size) for start, size in pairs if start + size <= len(text))
    excerpt, shifted_spans = excerpts.make_excerpt_around(text, spans, limit)
    assert count_utf16_units(excerpt) <= limit
    assert "\n" not in excerpt
    assert all(0 <= start <= end <= len(excerpt) for start, end in shifted_spans)


def test_excerpt_around_matches_shows_densest_part():
    text = "Un début. " * 40 + "La police a suspendu Rekognition. Rekognition reste. " + "Une fin. " * 40
    spans = [match.span() for match in re.finditer("Rekognition", text)]
    excerpt, marked = excerpts.make_excerpt_around(text, spans, 80)
    assert [excerpt[start:end] for start, end in marked] == ["Rekognition", "Rekognition"]
    assert excerpt.count("Rekognition") == 2
    assert excerpt.startswith("…")
    assert excerpt.endswith("…")


@given(st.lists(st.sampled_from(["été", "robot", "a", "œ", "3\xa0000", "😀", "fin."]), max_size=80))
def test_spans_in_excerpt_cover_same_words(words):
    text = " ".join(words)
    spans = [match.span() for match in re.finditer("robot|3\xa0000", text)]
    excerpt, shifted_spans = excerpts.make_excerpt_around(text, spans, 80)
    assert [excerpt[start:end] for start, end in shifted_spans] == re.findall("robot|3\xa0000", excerpt)
    assert bool(shifted_spans) is bool(spans)


def test_huge_text_is_excerpted():
    text = "M. Dupont. Il part à l'U.S. Open " * 30_000
    assert count_utf16_units(excerpts.make_excerpt(text, 300)) <= 300
    excerpt, _ = excerpts.make_excerpt_around(text, [(900_000, 900_003)], 300)
    assert count_utf16_units(excerpt) <= 300
    assert len(excerpts.split_sentences(text)) >= 30_000
    excerpts.split_sentences("." * 1_000_000)
    excerpts.split_sentences("a." * 500_000)
    excerpts.make_excerpt(" " * 1_000_000 + "a", 300)


def test_sentences_of_real_articles_have_plausible_lengths():
    lengths: list[int] = []
    for language in ("fr", "en"):
        with gzip.open(require_shared_path(f"articles/{language}.jsonl.gz"), "rt", encoding="utf-8") as file:
            for line in list(file)[::20]:
                lengths += map(len, excerpts.split_sentences(json.loads(line)["text"]))
    lengths.sort()
    assert 80 < lengths[len(lengths) // 2] < 180
    assert lengths[len(lengths) * 99 // 100] < 500

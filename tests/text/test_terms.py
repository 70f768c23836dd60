from __future__ import annotations

import re
import sqlite3
import threading
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.text import terms
from bot.text.stopwords import EMPTY
from tests.shared import shared

PARTS = st.sampled_from(
    ["l'", "d’", "É", "été", "U.S.", "GPT-4o", "C++", "C#", ".NET", "AT&T", "R&D", "1,000", "12 000",
     "50 %", "3.12.1", "人工智能", "한국어", "हिन्दी", "ไทย", "IT", "'s", " ", "-", ".", "_", "&", "+", "#",
     "ﬁ", "™", "ß", "İ", "a", "\ud800", "²"]
)  # fmt: skip
TEXTS = st.one_of(st.text(), st.lists(PARTS).map("".join))


@given(TEXTS)
@example("c'+")
@example("a&'s")
@example("İ'İ-İ.İ")
def test_every_word_is_folded_and_lies_where_spans_says(text):
    found = list(terms.spans(text))
    assert [word for word, _, _ in found] == terms.words(text)
    position = 0
    for word, start, end in found:
        assert word
        assert len(word) <= 48
        assert 0 <= start < end <= len(text)
        assert start >= position - 1  # pairs of characters overlap
        position = end


@given(TEXTS)
def test_terms_survive_the_tokenizer_of_the_index_whole(text):
    for language in ("fr", "en", None):
        for term in terms.stems(text, language):
            assert term.isalnum()
            assert term == term.lower() or not term.isascii()
            assert not any(unicodedata.category(character).startswith("M") for character in term)


@given(TEXTS)
def test_what_a_text_says_is_found_by_a_query_for_it(text):
    """Each word of a text, asked for, has a form among the terms of the text in either language."""
    for language in ("fr", "en"):
        held = set(terms.stems(text, language))
        for word in terms.words(text):
            forms = terms.alternatives(word)
            assert not forms or held.intersection(forms)


def test_the_index_itself_keeps_terms_as_they_are():
    text = "L'IA de GPT-4o, C++, .NET 9.0, 人工智能, États-Unis, 5G, U.S., d'or, 1,000 €, हिन्दी"
    given_terms = terms.stems(text, "fr")
    database = sqlite3.connect(":memory:")
    database.execute(
        "CREATE VIRTUAL TABLE t USING fts5(x, content='', tokenize='unicode61 remove_diacritics 0')"
    )
    database.execute("CREATE VIRTUAL TABLE v USING fts5vocab('t', 'row')")
    database.execute("INSERT INTO t (rowid, x) VALUES (1, ?)", (" ".join(given_terms),))
    assert {row[0] for row in database.execute("SELECT term FROM v")} == set(given_terms)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("L'IA aujourd'hui", ["l", "ia", "aujourdhui"]),
        ("l’été aux États-Unis", ["l", "l'ete", "aux", "etats", "unis"]),
        ("qu'il jusqu'à lorsqu'elle puisqu'on", ["qu", "il", "jusqu", "a", "lorsqu", "elle", "puisqu", "on"]),
        ("prud'hommes, presqu'île", ["prudhommes", "presquile"]),
        ("va-t-il", ["va", "t", "il"]),
        ("Apple's companies' O'Reilly don't", ["apple", "s", "companies", "oreilly", "dont"]),
        ("IBM Œuvre ﬁn Straße", ["ibm", "oeuvre", "fin", "strasse"]),
        ("GPT-4o 5G H.264 F-35 F35", ["gpt", "4o", "5g", "h", "264", "f35", "f35"]),
        ("C++ C# .NET ASP.NET Canal+ 10+", ["c++", "c#", ".net", "asp", "net", "canal+", "10"]),
        ("1,000 1 000 1\u202f000 1000 1.5 1,5", ["1000", "1000", "1000", "1000", "1.5", "1.5"]),
        ("50 % 50% $3.5bn v3.12", ["50", "50", "3.5", "bn", "3.12"]),
        ("1.500 25.000 1,500.5 0.500 3.14", ["1500", "25000", "1.500.5", "0.500", "3.14"]),
        ("GPT-3.5 GPT3.5 Claude-3.5's H.264", ["gpt", "3.5", "gpt", "3.5", "claude", "3.5", "s", "h", "264"]),
        ("80km/h 10M€ 5-7kg 5G 3D M4", ["80", "km", "h", "10", "mln", "5", "7", "kg", "5g", "3d", "m4"]),
        ("c'est C, j'ai AI, l'AI", ["c'", "est", "c", "j", "'ai", "ai", "l", "ai"]),
        ("d'aujourd'hui O'Brien's Ph.D. M.Sc", ["d", "aujourdhui", "obrien", "s", "phd", "msc"]),
        ("2020-06-10 10/06/2020", ["2020", "06", "10", "10", "06", "2020"]),
        ("AT&T R&D S&P black&white", ["att", "rd", "sp", "black", "white"]),
        ("Wi-Fi wifi e-mail email cyber-attaque", ["wifi", "wifi", "email", "email", "cyberattaque"]),
        ("the US, the U.S. and us", ["the", "usa", "the", "usa", "and", "us"]),
        ("x.com t.me M.Macron J.K.Rowling", ["x", "com", "t", "me", "m", "macron", "jk", "rowling"]),
        ("IT, the EU and the WHO", ["IT", "the", "EU", "and", "the", "WHO"]),
        ("人工智能 AI 猫", ["人工", "工智", "智能", "ai", "猫"]),
        ("snake_case camelCase", ["snake", "case", "camelcase"]),
        ("🎉 — …", []),
        ("", []),
    ],
)
def test_words_are_cut_as_people_ask_for_them(text, found):
    assert terms.words(text) == found


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("été", "Un bel ÉTE de l'été"),
        ("etats unis", "aux États-Unis"),
        ("états-unis", "aux Etats Unis"),
        ("gpt4o", "GPT-4o est là"),
        ("gpt-4o", "le modèle GPT4o"),
        ("gpt 4o", "le modèle GPT-4o"),
        ("rtx4090", "une RTX 4090 chère"),
        ("iphone 15", "l'iPhone15"),
        ("wifi", "le Wi-Fi"),
        ("wi-fi", "le wifi"),
        ("python 3", "Python 3.12.1"),
        ("python 3.12", "Python 3.12.1"),
        ("nodejs", "Node.js 22"),
        ("c++", "en C++ moderne"),
        (".net", "ASP.NET et .NET"),
        ("1000", "1 000 employés"),
        ("1,000", "1000 employés"),
        ("US", "the U.S. government"),
        ("IT", "les métiers de l'IT"),
        ("l'or", "le cours de l'or"),
        ("IA", "L’IA générative"),
        ("interdictions", "une interdiction"),
        ("智能", "人工智能"),
        ("attaque", "une cyber-attaque"),
        ("canal", "chez Canal+"),
        ("at&t", "AT&T's network"),
        ("1500", "1.500 euros"),
        ("1.500", "1 500 euros"),
        ("gpt 3.5", "GPT-3.5"),
        ("GPT3.5", "GPT 3.5"),
        ("80 km/h", "80km/h"),
        ("80km/h", "80 km/h"),
        ("$3bn", "3 billion"),
        ("10M€", "10 millions"),
        ("saint-denis", "St-Denis"),
        ("St-Denis", "saint-denis"),
        ("o'brien", "O'Brien's"),
        ("aujourd'hui", "d'aujourd'hui"),
        ("PhD", "a Ph.D."),
        ("weekend", "l'après-midi du week-end"),
        ("gpt4", "a GPT-4-class model"),
        ("canal+", "Canal +, a-t-il dit"),
        ("email", "l'e-mail"),
    ],
)
def test_a_query_finds_what_people_mean(query, text):
    for language in ("fr", "en"):
        held = set(terms.stems(text, language))
        asked = [forms for word in terms.words(query) if (forms := terms.alternatives(word))]
        assert asked or query == "été"
        assert all(held.intersection(forms) for forms in asked)


@pytest.mark.parametrize(
    ("language", "forms"),
    [
        ("fr", "annonce annoncé annoncée annoncés annoncées annoncer"),
        ("fr", "créer créé créée créées crée"),
        ("fr", "employé employés employée employées"),
        ("fr", "député députés députée députées"),
        ("fr", "arrivée arrivées arriver arrivé"),
        ("fr", "jeu jeux"),
        ("fr", "travail travaux"),
        ("fr", "œil yeux"),
        ("fr", "nouveau nouvel nouvelle nouveaux nouvelles"),
        ("fr", "beau belle beaux belles"),
        ("fr", "public publics publique publiques"),
        ("fr", "actif actifs active actives"),
        ("fr", "directeur directeurs directrice directrices"),
        ("fr", "acteur actrice actrices"),
        ("fr", "interdit interdite interdits interdites interdire"),
        ("fr", "produit produite produire"),
        ("fr", "vend vendu vendue vendus vendre vendent"),
        ("fr", "perdu perdues perdre"),
        ("fr", "musée musées"),
        ("en", "child children"),
        ("en", "woman women"),
        ("en", "GPU GPUs"),
        ("en", "analysis analyses"),
        ("en", "buy buys buying bought"),
        ("en", "steal stole stolen stealing"),
        ("en", "sell sold"),
    ],
)
def test_every_inflection_finds_every_other_with_and_without_accents(language, forms):
    for query in (*forms.split(), *terms.fold(forms).split()):
        (word,) = terms.words(query)
        for form in forms.split():
            assert set(terms.alternatives(word)) & set(terms.stems(form, language)), (query, form)


@pytest.mark.parametrize("word", ["referee", "trustee", "coffee", "committee", "guarantee"])
def test_an_english_word_that_ends_like_a_participle_is_none(word):
    assert terms.alternatives(word) == (terms.alternatives(f"{word}s")[0],)


def test_empty_words_of_both_languages_are_not_indexed_and_not_asked_for():
    assert terms.stems("le la les the of and qu'il n'est or but pour", "fr") == []
    assert terms.stems("le la les the of and qu'il n'est or but pour", "en") == []
    assert terms.alternatives("the") == ()
    assert terms.alternatives("les") == ()


@pytest.mark.parametrize(
    "word",
    ["ai", "ia", "computer", "microsoft", "system", "nouveau", "force", "page", "web", "data", "uk", "tv",
     "état", "new", "mars", "US", "IT"],
)  # fmt: skip
def test_what_tech_news_is_about_is_never_an_empty_word(word):
    assert not EMPTY.intersection(terms.words(word))


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("GPT-5", "GPT-3.5"),
        ("EU", "il a eu lieu, elle les a eus"),
        ("AI", "j'ai dit qu'on n'ai pas"),
        ("langage C", "c'est un langage"),
    ],
)
def test_a_query_does_not_find_what_only_looks_alike(query: str, text: str) -> None:
    held = set(terms.stems(text, "fr"))
    asked = [forms for word in terms.words(query) if (forms := terms.alternatives(word))]
    assert not all(held.intersection(forms) for forms in asked)


def test_stems_are_of_the_language_of_the_text_and_a_query_tries_both():
    assert terms.stems("interdictions", "fr") != terms.stems("companies", "fr")
    assert set(terms.alternatives("companies")) == {
        *terms.stems("companies", "en"),
        *terms.stems("companies", "fr"),
    }
    assert terms.stems("companies", None) == terms.stems("companies", "en") == terms.stems("companies", "de")


@pytest.mark.parametrize(
    "text", ["d'avant-première", "l’avant-première", "avant-premières", "Avant-première"]
)
def test_a_hyphenated_word_with_an_empty_part_is_found_in_one(text: str) -> None:
    assert set(terms.written_in_one("avant-première")) & set(terms.stems(text, "fr"))


def test_what_is_inverted_or_says_nothing_is_no_compound() -> None:
    assert terms.stems("est-il, celui-ci, eux-mêmes, peut-être, 49-3", "fr") == ["49", "3"]
    assert not any(
        map(terms.written_in_one, ("est-il", "celui-ci", "peut-être", "49-3", "e-mail", "a-t-il", "week"))
    )


def test_a_capital_beside_a_word_makes_a_name_that_is_no_plural() -> None:
    held = set(terms.stems("Tesla Model S, John F. Kennedy, Y Combinator, AT & T and models", "en"))
    assert {"model0s", "y0combinator", "att"} < held
    assert "john0f" not in held
    assert "model0s" not in terms.stems("the models’ S", "en")


def test_stemmers_are_not_shared_by_threads():
    words = [
        f"{stem}{ending}" for stem in ("interd", "compan", "reconn") for ending in ("ies", "ment", "ation")
    ]
    expected = [terms.stems(word, "fr") for word in words]
    seen = []

    def work():
        terms.alternatives.cache_clear()
        seen.append([terms.stems(word, "fr") for word in words * 200] == expected * 200)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 4


def test_names_are_found_whatever_their_case_accents_and_spaces():
    assert terms.outlet_tokens("Le Monde") == ("ole", "omonde", "olemonde")
    assert terms.outlet_tokens("LE  MONDÉ")[-1] == terms.outlet_tokens("lemonde")[-1]
    assert terms.author_tokens("") == ()
    assert terms.tag_tokens("C++") == ("tcplusplus",)


@pytest.mark.parametrize(
    "names",
    [
        "car Cars",
        "science sciences",
        "réseau réseaux",
        "story stories",
        "technology technologies technologie",
    ],
)
def test_a_tag_is_the_same_in_singular_and_plural(names: str):
    assert len({terms.tag_tokens(name) for name in names.split()}) == 1
    assert terms.outlet_tokens("Sciences") != terms.outlet_tokens("Science")


def test_meta_holds_what_filters_ask_for():
    everything = terms.index_terms(
        title="A", body="", language="fr", feed_id=7, outlet="01net", author="J. K. Rowling",
        tags=("Hardware", "Écran"), published=1591747200, image="x",
    ).meta.split()  # fmt: skip
    assert {
        "f7",
        "d202006",
        "f7d202006",
        "lfr",
        "o01net",
        "arowling",
        "thardware",
        "tecran",
        "hasimage",
    } <= set(everything)
    assert all(re.fullmatch("[a-z0-9]+", token) for token in everything)


def pairs_of(title: str, body: str) -> list[str]:
    return terms.index_terms(
        title=title, body=body, language="en", feed_id=1, outlet="", author=None, tags=(), published=0,
        image=None,
    ).pairs.split()  # fmt: skip


def test_words_beside_each_other_are_a_pair_in_their_order_and_within_their_text():
    pairs = pairs_of("Police chief", "Chief police\nKansas")
    (titled,) = terms.pair_tokens(("police", "chief"))
    assert pairs == [terms.title_pair(titled), titled, *terms.pair_tokens(("chief", "police", "kansas"))]
    assert len(set(pairs)) == 4


def test_empty_words_are_told_apart_beside_a_word_and_are_left_out_between_two():
    republic = terms.pair_tokens(terms.words("L’ASSEMBLÉE de la République"))
    assert set(terms.pair_tokens(("assemblee", "republique"))) < set(republic)
    assert len(set(republic)) == 4  # with l’assemblée, assemblée de, and la république
    assert terms.pair_tokens(("the", "chief")) not in {
        terms.pair_tokens(("a", "chief")),
        terms.pair_tokens(("chief", "the")),
        (),
    }
    assert terms.pair_tokens(("of", "the")) == ()


@pytest.mark.parametrize(
    "text",
    [
        "L’État d’urgence n’est pas l'été : c’est-à-dire qu’aujourd’hui on n’y a pas d’e-mail.",
        "The U.S. Army and us, the EU's wi-fi, AT&T's 5G, iPhone15 and C++ of the 1,500 at 3.12.1 were it.",
        "C'est d'aujourd'hui que j'ai 80km/h, O'Brien's 1.500 Ph.D. à St-Denis : GPT-3.5 et C.",
        "Recep Erdoğan à Mærsk, œuvre et ça. “To be or not to be”—and the (very) end.",
    ],
)
def test_a_text_is_found_by_any_words_of_it_in_a_row(text: str):
    words = terms.words(text)
    held = set(pairs_of("", text))
    for start in range(len(words)):
        for end in range(start + 2, len(words) + 1):
            assert held.issuperset(terms.pair_tokens(words[start:end])), words[start:end]


def test_a_huge_word_is_cut_and_a_huge_text_is_no_effort():
    assert terms.words("a" * 100_000) == ["a" * 48]
    assert len(terms.stems("a-" * 50_000, "fr")) <= 60_000
    terms.stems("1 000 " * 50_000, "fr")
    terms.stems("l'" * 100_000, "fr")
    terms.stems("a.b." * 50_000, "en")
    terms.stems("人" * 100_000, "zh")


def test_the_article_of_the_seed_is_found_by_what_people_ask():
    held = set(terms.stems(shared("seed/article.fr.txt").read_text(encoding="utf-8"), "fr"))
    for asked in ("reconnaissance faciale", "Rekognition", "IBM", "un an", "États-Unis", "george floyd"):
        for word in terms.words(asked):
            forms = terms.alternatives(word)
            assert not forms or held.intersection(forms)


@pytest.mark.parametrize("name", ["OpenAI", "Dubai", "Hyundai"])
def test_a_name_that_ends_as_a_french_verb_may_finds_itself_alone(name: str) -> None:
    assert terms.alternatives(terms.fold(name)) == (terms.fold(name),)
    assert set(terms.stems(f"{name} open dub", "fr")) >= {terms.fold(name)}


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Meta", "met"),
        ("Gaza", "gaz"),
        ("NASA", "nas"),
        ("data", "date"),
        ("villa", "ville"),
        ("Santa", "santé"),
    ],
)
def test_a_short_name_in_a_is_no_past_tense(name: str, other: str) -> None:
    (found,) = terms.alternatives(terms.fold(name))
    assert found not in terms.alternatives(terms.fold(other))
    for language in ("en", "fr"):
        assert terms.stems(name, language) == terms.stems(f"{name}s", language) == [found]


@pytest.mark.parametrize(
    "forms",
    [
        "euro euros",
        "élu élus élue élues",
        "loi lois",
        "emploi emplois",
        "info infos",
        "bleu bleus",
        "détenu détenus",
        "chinois chinoise",
        "mauvais mauvaise",
        "confus confuse",
    ],
)
def test_a_french_plural_is_its_singular_after_any_vowel(forms: str) -> None:
    assert len({tuple(terms.stems(form, "fr")) for form in forms.split()}) == 1


@pytest.mark.parametrize(
    ("one", "other"), [("Paris", "pari"), ("fois", "foi"), ("abus", "Abu"), ("avis", "avi")]
)
def test_a_french_word_in_s_that_is_no_plural_stays_itself(one: str, other: str) -> None:
    assert terms.stems(one, "fr") != terms.stems(other, "fr")


@pytest.mark.parametrize("text", ["start-up", "start-ups", "startup", "startups", "Start-Up"])
def test_a_compound_whose_second_part_is_empty_is_one_word(text: str) -> None:
    assert {"startup"} == {terms.alternatives(*terms.words(text))[0]}
    for language in ("en", "fr"):
        assert "startup" in terms.stems(text, language)


@pytest.mark.parametrize("forms", ["win won", "run ran running", "meet met", "wear wore worn"])
def test_irregular_english_verbs_are_one(forms: str) -> None:
    assert len({tuple(terms.stems(form, "en")) for form in forms.split()}) == 1

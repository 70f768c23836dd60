"""What is read fast is read as the slow way reads it, but for what the module says."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text import excerpts, skimming, terms


def marked(text: str, query: str, language: str) -> list[str]:
    forms = {form for word in terms.words(query) for form in terms.alternatives(word)}
    found = skimming.Marker(forms).marks(text, language)
    assert found == excerpts.marks(text, forms, language)
    return [text[start:end] for start, end in found]


@pytest.mark.parametrize(
    ("text", "query", "language", "words"),
    [
        ("Les vaccins, le vaccin et la vaccination", "vaccin", "fr", ["vaccins", "vaccin", "vaccination"]),
        ("L’État et les états", "etats", "fr", ["État", "états"]),
        ("Il a mal au cœur, aux cœurs", "coeur", "fr", ["cœur", "cœurs"]),
        ("An e-mail, or email", "email", "en", ["e-mail", "email"]),
        ("An iPhone 15 and an iPhone15", "iphone 15", "en", ["iPhone", "15", "iPhone15"]),
        ("It cost 25,000 euros", "25000", "en", ["25,000"]),
        ("Il y en a 1 500, ou 1.500, en 1500", "1500", "fr", ["1 500", "1.500", "1500"]),
        ("À 80km/h sur 3 km", "80 km", "fr", ["80", "km", "km"]),
        ("À St-Denis, Saint-Denis", "saint", "fr", ["St", "Saint"]),
        ("Les Français heureux, heureuse année", "heureuse", "fr", ["heureux", "heureuse"]),
        ("Une fréquence, des fréquences", "fréquences", "fr", ["fréquence", "fréquences"]),
        ("Cities in a city", "cities", "en", ["Cities", "city"]),
        ("He cries, they cry", "cry", "en", ["cries", "cry"]),
        ("The skies, a sky", "sky", "en", ["skies", "sky"]),
        ("Plan C, l’an C et des ans", "c", "fr", ["C", "C"]),
        ("Une vie, des vies, une ville", "vies", "fr", ["vie", "vies"]),
        ("Les yeux, un œil", "yeux", "fr", ["yeux", "œil"]),
        ("Une actrice, des acteurs", "acteur", "fr", ["actrice", "acteurs"]),
        ("Des travaux nouveaux, une nouvelle", "nouveau", "fr", ["nouveaux", "nouvelle"]),
        ("It bought, it buys", "buying", "en", ["bought", "buys"]),
        ("Mice and a mouse", "mouse", "en", ["Mice", "mouse"]),
        ("The US and the U.S. told us", "US", "en", ["US", "U.S"]),
        ("Erdoğan in a Škoda, Erdoğan’s", "erdogan", "en", ["Erdoğan", "Erdoğan"]),
        ("Des navires Mærsk", "maersk", "fr", ["Mærsk"]),
        ("Nothing here", "robots", "en", []),
        ("東京の大学", "東京", "en", ["東京"]),
    ],
)
def test_marks_lie_where_the_slow_way_puts_them(text, query, language, words):
    assert marked(text, query, language) == words


@given(st.text(), st.sampled_from(["robots", "l'été", "wi-fi", "C++", "3.12", "œuvre", "東京"]))
def test_no_text_breaks_a_mark(text, query):
    forms = {form for word in terms.words(query) for form in terms.alternatives(word)}
    found = skimming.Marker(forms).marks(text, "fr")
    assert all(0 <= start < end <= len(text) for start, end in found)
    assert all(one[1] <= other[0] for one, other in pairwise(found))


def test_lines_hold_the_terms_of_sentences():
    text = (
        "Les policiers n’ont aucun droit. Mme Dupont interdit\nla caméra à Lyon ! Où ? Au cœur de la ville."
    )
    assert skimming.lines(text, "fr") == [
        terms.stems(sentence, "fr")
        for sentence in ("Les policiers n’ont aucun droit.", "Mme Dupont interdit", "la caméra à Lyon !")
    ] + [terms.stems("Au cœur de la ville.", "fr")]


@given(st.text(), st.sampled_from(["en", "fr", "de", None]))
def test_no_text_breaks_a_line(text, language):
    assert all(line and all(line) for line in skimming.lines(text, language))


@pytest.mark.parametrize(
    ("text", "words", "held"),
    [
        ("La reconnaissance faciale, interdite", ("reconnaissance", "faciale"), True),
        ("Les reconnaissances faciales", ("reconnaissance", "faciale"), False),
        ("faciale, la reconnaissance", ("reconnaissance", "faciale"), False),
        ("Les États-Unis d'Amérique", ("etats", "unis"), True),
        ("La reconnaissance — faciale !", ("reconnaissance", "faciale"), True),
        (f"La reconnaissance {skimming.APART} faciale", ("reconnaissance", "faciale"), False),
        ("Reconnaissance faciale", ("reconnaissance", "faciale"), True),
        ("The US Army and its men", ("usa", "army"), True),
        ("The U.S. Army and its men", ("usa", "army"), True),
        ("The U.S.A. Today", ("usa", "today"), True),
        ("Give us army boots", ("usa", "army"), False),
        ("The EU Commission", ("EU", "commission"), True),
        ("Il a eu commission", ("EU", "commission"), False),
        ("Recep Erdoğan said", ("recep", "erdogan"), True),
        (f"{'It’s 5 €? ' * 12} Recep Erdoğan", ("recep", "erdogan"), True),
        ("Send an email, e-mail me", ("an", "email", "email"), None),
        ("The fi\xadn of a fish", ("the", "fin", "of"), True),
        ("Cyril Hanouna anime, à Paris", ("cyril", "hanouna", "a"), False),
        (f"{'It’s 5 €? ' * 40} Recep Erdoğan", ("recep", "erdogan"), True),
        (f"{'It’s 5 €? ' * 12} Recep Erdogan, café Erdal", ("recep", "erdal"), False),
        ("Mærsk ships", ("maersk", "ships"), True),
        ("Għawdex, Ŋ and ƒ", ("gozo", "and"), False),
        ("Au cœur de l’Œuvre", ("coeur", "de"), True),
        ("An e-mail address", ("email", "address"), None),
        ("An email and an e-mail address", ("email", "address"), None),
        ("An œuvre of the heart", ("oeuvre", "of"), True),
        ("It’s planned. An e-mail of its address", ("its", "planned"), None),
        ("Planned of it. An e-mail, it’s an address", ("its", "planned"), False),
        ("Python 3.12 is out", ("python", "3.12"), None),
        ("Oui, c’est la vie", ("c'", "est", "la"), None),
        ("Oui, cet été-là", ("c'", "est", "la"), False),
        ("Plan C est là", ("plan", "c", "est"), True),
        ("Sur 80km d’autoroute", ("km", "d", "autoroute"), None),
    ],
)
def test_a_phrase_is_there_or_not_or_only_the_slow_way_can_tell(text, words, held):
    assert skimming.has_phrase(text, words) is held

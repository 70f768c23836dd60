"""Forms of one word are found by each other, and words of different meaning stay apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text import inflections, terms
from bot.text.stopwords import EMPTY

_LETTERS = st.text(alphabet="abcdefghijklmnopqrstuvwxyzé", min_size=1, max_size=48)
_ENDINGS = st.sampled_from(
    "ers ents iere euses ies iees trices ouvertes vendra izing yzed pcs ours its ais".split()
)


def stems(words: str, language: str) -> set[str]:
    return {" ".join(terms.stems(word, language)) for word in words.split()}


@pytest.mark.parametrize(
    "forms",
    [
        "premier première premiers premières",
        "policier policière policières",
        "chanteur chanteuse chanteurs chanteuses",
        "chercheur chercheuse",
        "joueur joueuse",
        "nageur nageuse",
        "ambassadeur ambassadrice",
        "gros grosse grosses",
        "bas basse",
        "nul nulle nuls",
        "juif juive juifs",
        "neuf neuve",
        "bref brève",
        "léger légère légers",
        "étranger étrangère étrangers",
        "conseiller conseillère conseillers",
        "fou folle folles",
        "franc franche",
        "sec sèche",
        "frais fraîche",
        "naïf naïve",
        "clé clef clés clefs",
        "monsieur messieurs",
        "matériau matériaux",
    ],
)
def test_a_feminine_or_a_plural_of_french_is_its_masculine(forms):
    assert len(stems(forms, "fr")) == 1


@pytest.mark.parametrize(
    "forms",
    [
        "petit petits petite petites",
        "conflit conflits",
        "danger dangers",
        "leader leaders",
        "cancer cancers",
        "délai délais",
        "retrait retraits",
        "souvenir souvenirs",
        "opinion opinions",
        "vrai vrais vraie",
        "foyer foyers",
    ],
)
def test_what_looks_like_a_verb_in_the_singular_is_found_by_its_plural(forms):
    assert len(stems(forms, "fr")) == 1


@pytest.mark.parametrize(
    "forms",
    [
        "annoncer annonce annoncent annoncé",
        "penser pensent",
        "laisser laissent",
        "affirmer affirment",
        "multiplier multiplient multiplie",
        "publier publie publié publiée",
        "identifier identifie identifiée",
        "venir vient viennent venu viendra",
        "devenir devient devenue",
        "mettre met mis mettent mettra",
        "permettre permis permettrait",
        "prendre pris prennent prend",
        "ouvrir ouvert ouverte",
        "découvrir découvert découvre",
        "recevoir reçu reçoit",
        "vendre vend vendu vendra",
        "répondre répond répondu répondent",
        "interdire interdit interdites interdisent",
        "voir vu vue voit",
        "savoir sait savent",
        "vouloir veut voulait",
        "écrire écrit écrivent",
        "craindre craint craignent",
        "produire produit produisent",
        "construire construit",
        "mourir meurt",
        "née nées nés naître",
        "courir courent couru",
    ],
)
def test_forms_of_a_french_verb_are_one(forms):
    assert len(stems(forms, "fr")) == 1


@pytest.mark.parametrize(
    "forms",
    [
        "think thinks thought",
        "find finds found",
        "leave left leaving",
        "rise rose risen rising",
        "speak spoke spoken",
        "drink drank",
        "forget forgot forgotten",
        "bite bitten",
        "flee fled",
        "go went gone goes going",
        "come came",
        "make made",
        "wolf wolves",
        "knife knives",
        "tooth teeth",
        "lens lenses",
        "gas gases",
        "hypothesis hypotheses",
        "bacterium bacteria",
        "analysis analyses analyze analyse",
        "LLM LLMs",
        "PC PCs",
        "VPN VPNs",
        "SSD SSDs",
        "colour color colours colored",
        "behaviour behavior",
        "defence defense",
        "centre center centers centres",
        "organise organize organisation organization organised",
        "catalogue catalog",
        "programme program programs",
        "tyre tire tyres",
    ],
)
def test_english_forms_and_both_spellings_are_one(forms):
    assert len(stems(forms, "en")) == 1


@pytest.mark.parametrize(
    "words",
    [
        "parti partie partir part",
        "mer mère",
        "police poli",
        "courir cours",
        "loi loyer",
        "foi foyer",
        "voir voire",
        "étrange étranger",
        "passage passager",
        "usage usager",
        "argent arguer",
        "président présider",
        "agent agir",
        "accident accéder",
        "franc France",
        "base basse",
        "petition petite",
        "vit vite",
        "retrait retraite",
        "revenir revenu",
        "contenir contenu",
        "prendre entreprise",
        "maintenir maintenant",
        "tiers tir",
        "divers divan",
        "fier fi",
        "fil fils",
        "honteuse hauteur",
    ],
)
def test_french_words_of_different_meaning_stay_apart(words):
    assert len(stems(words, "fr")) == len(words.split())


@pytest.mark.parametrize(
    "words",
    [
        "cm CMS",
        "gp GPS",
        "found founded",
        "led lead",
        "fed feed",
        "hour for",
        "four for",
        "tour tor",
        "revise revize",
        "promise promize",
        "life live",
        "woke wake",
    ],
)
def test_english_words_of_different_meaning_stay_apart(words):
    assert len(stems(words, "en")) == len(words.split())


@pytest.mark.parametrize("french", [False, True])
def test_the_tables_agree_with_themselves(french):
    irregular = inflections.IRREGULAR[french]
    assert EMPTY.isdisjoint(irregular)
    assert EMPTY.isdisjoint(irregular.values())
    assert irregular.keys().isdisjoint(irregular.values())
    assert {inflections.base(form, french=french) for form in irregular} == set(irregular.values())


@given(_LETTERS, _ENDINGS, st.booleans())
def test_the_base_of_a_base_is_itself(word, ending, french):
    for each in (word, word + ending):
        base = inflections.base(each, french=french)
        assert inflections.base(base, french=french) == base


@pytest.mark.parametrize("letters", ["a", "s", "ers", "ent", "our", "ise", "iz", "ie", "é", "bs"])
@pytest.mark.parametrize("french", [False, True])
def test_a_huge_word_has_a_base_in_no_time(letters, french):
    assert inflections.base(letters * 200_000, french=french)

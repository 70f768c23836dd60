"""Questions as people type them: what is left out of the words that only ask is put back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answers.shorthand import written_out


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("que s'est il passé en decembre 2019", "que s'est-il passé en decembre 2019"),
        ("Que s est il passé hier ?", "Que s'est-il passé hier ?"),
        ("parle moi de delevoye", "parle-moi de delevoye"),
        ("Salut, dis moi tout sur la tempete fabien", "Salut, dis-moi tout sur la tempete fabien"),
        ("résume moi l’affaire Matzneff", "résume-moi l’affaire Matzneff"),
        ("macron a t il démissionné", "macron a-t-il démissionné"),
        ("y a t'il eu des morts", "y a-t-il eu des morts"),
        ("qu'est ce que le retrofit", "qu'est-ce que le retrofit"),
        ("quest ce qui s’est passé", "qu'est-ce qui s’est passé"),
        ("est ce que c’est vrai", "est-ce que c’est vrai"),
        ("est ce vrai que hollande a pas le brevet", "est-ce vrai que hollande a pas le brevet"),
        ("que sait on de Pelikan", "que sait-on de Pelikan"),
        ("que sais tu de Pelikan", "que sais-tu de Pelikan"),
        ("où est elle", "où est-elle"),
        ("c quoi le cybertruck", "c'est quoi le cybertruck"),
        ("C koi le cybertruck", "C'est quoi le cybertruck"),
        ("cest qui Sibeth Ndiaye", "c'est qui Sibeth Ndiaye"),
        ("c'est koi le numero 113", "c'est quoi le numero 113"),
        ("ya quoi de neuf sur les retraites", "il y a quoi de neuf sur les retraites"),
        ("pk elisabeth borne est critiquée", "pourquoi elisabeth borne est critiquée"),
        ("et pk ?", "et pourquoi ?"),
        ("cb coute le smic", "combien coute le smic"),
        ("cmb de trains supprimés", "combien de trains supprimés"),
        ("kel age a carlos ghosn", "quel age a carlos ghosn"),
        ("a koi sert le 113", "a quoi sert le 113"),
        ("whats new today", "what's new today"),
        ("and whos tory bruno", "and who's tory bruno"),
        ("wtf is going on with ram", "what is going on with ram"),
    ],
)
def test_a_question_typed_in_haste_reads_as_what_it_stands_for(typed: str, meant: str) -> None:
    assert written_out(typed) == meant
    assert written_out(meant) == meant


@pytest.mark.parametrize(
    "question",
    [
        "Qui est ce mystérieux acheteur ?",
        "PQ: what did the party say?",
        "Is C a dead language?",
        "What does vitamin C do?",
        "la carte cb est refusée",
        "Why is the koi pond closed?",
        "Parle-t-on de moi ?",
        "Que s’est-il passé hier ?",
        "Who is Ki Bo-bae?",
        "",
    ],
)
def test_what_is_written_out_already_stays(question: str) -> None:
    """Capitals are a name, and a word that does not ask is a word."""
    assert written_out(question) == question


@given(st.text(max_size=80))
def test_nothing_breaks_it(text: str) -> None:
    assert len(written_out(text)) <= 8 * len(text) + 8

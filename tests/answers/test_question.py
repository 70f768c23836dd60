import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answers.question_analysis import Kind, may_tell_cause, present, tells_life, understood


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("When was Rekognition launched?", Kind.TIME),
        ("Quand le logiciel a-t-il été lancé ?", Kind.TIME),
        ("En quelle année ?", Kind.TIME),
        ("What is the date of the launch?", Kind.TIME),
        ("What happened when Amazon stopped?", Kind.OTHER),
        ("Combien de temps dure l'interdiction ?", Kind.PERIOD),
        ("How long is the ban?", Kind.PERIOD),
        ("Combien d'employés ?", Kind.NUMBER),
        ("How many employees signed?", Kind.NUMBER),
        ("Quel est le prix de Rekognition ?", Kind.PRICE),
        ("Combien coûte Rekognition ?", Kind.PRICE),
        ("How much does it cost?", Kind.PRICE),
        ("Combien ça coûte ?", Kind.PRICE),
        ("Ça coûte combien ?", Kind.PRICE),
        ("À combien est-elle vendue ?", Kind.PRICE),
        ("À combien de kilomètres de Paris est-ce ?", Kind.NUMBER),
        ("À combien d’abonnés s’adresse-t-il ?", Kind.NUMBER),
        ("Combien est-ce que ça coûte ?", Kind.PRICE),
        ("How much is an iPhone?", Kind.PRICE),
        ("Pourquoi Amazon l'interdit-il ?", Kind.REASON),
        ("Why?", Kind.REASON),
        ("Où se trouve le siège ?", Kind.PLACE),
        ("In which country is it?", Kind.PLACE),
        ("Qui est le patron d'IBM ?", Kind.LEADER),
        ("Who runs IBM?", Kind.LEADER),
        ("Who bought IBM?", Kind.PERSON),
        ("Who is Sam Altman?", Kind.DEFINITION),
        ("C'est quoi le DMA ?", Kind.DEFINITION),
        ("What is the answer?", Kind.OTHER),
        ("What does it weigh?", Kind.WEIGHT),
        ("How much does it weigh?", Kind.WEIGHT),
        ("How tall is the tower?", Kind.LENGTH),
        ("Quel âge a-t-il ?", Kind.AGE),
        ("What is Nvidia worth?", Kind.MONEY),
        ("How much was Google fined?", Kind.MONEY),
        ("Combien gagne le patron ?", Kind.MONEY),
        ("How much is Disney investing in OpenAI?", Kind.MONEY),
        ("how much is nick reiner's bail", Kind.MONEY),
        ("How much did Amazon offer for iRobot?", Kind.MONEY),
        ("How much does Instacart pay its drivers?", Kind.MONEY),
        ("How much did Netflix pay for Warner?", Kind.PRICE),
        ("De quoi est mort Jacques Chirac ?", Kind.REASON),
        ("Combien de postes doivent disparaître ?", Kind.NUMBER),
        ("Qu'est-ce qui a changé ?", Kind.OTHER),
        ("Quelle entreprise s'est retirée ?", Kind.NAME),
        ("Amazon et la police", Kind.OTHER),
    ],
)
def test_a_question_is_not_taken_for_another_kind(question: str, kind: Kind) -> None:
    assert understood(question).kind is kind


@pytest.mark.parametrize(
    ("question", "office", "of"),
    [
        ("Who is the president of Mexico?", "president", ("mexico",)),
        ("who is the mexican president now", "president", ("mexican",)),
        ("Who is the NASA administrator?", "administrator", ("nasa",)),
        ("who's the new head of nasa now", "head", ("nasa",)),
        ("who is the chairman of the fcc", "chairman", ("fcc",)),
        ("qui est le ministre de l'intérieur", "ministre", ("interieur",)),
        ("qui est premier ministre", "ministre", ()),
        ("qui est le premier ministre britannique ?", "ministre", ("britannique",)),
        ("qui est la maire de Paris actuellement", "maire", ("paris",)),
        ("What is the capital of Peru?", "capital", ("peru",)),
        ("what is venture capital", "", ()),
        ("who is stephen king", "", ()),
        ("who is suing the president", "", ()),
        ("who is the vice president of Mexico", "", ()),
        ("who is the chief of staff", "", ()),
        ("who is the head", "", ()),
        ("who is president trump", "", ()),
        ("qui est le président macron", "", ()),
        ("who is the head coach of Lyon", "", ()),
    ],
)
def test_who_holds_an_office_is_known_to_be_asked(question: str, office: str, of: tuple[str, ...]) -> None:
    asked = understood(question)
    assert (asked.office, asked.of) == (office, of)
    assert asked.held is (office not in {"", "capital"})


@pytest.mark.parametrize(
    ("question", "now"),
    [
        ("who is the ceo of ula", True),
        ("qui est le ministre de l'intérieur", True),
        ("who was the ceo of ula", False),
        ("qui était le ministre de l'intérieur en 2018", False),
        ("who is the ceo that left in 2019", False),
        ("who is Sam Altman", False),
    ],
)
def test_who_leads_now_is_told_from_who_led(question: str, now: bool) -> None:
    assert understood(question).now is now


def test_what_somebody_does_is_no_name() -> None:
    assert understood("Who is buying Warner Bros?").kind is Kind.PERSON
    assert understood("Who is King Charles?").kind is Kind.DEFINITION


@pytest.mark.parametrize(
    ("question", "word"),
    [("À quel prix est vendue la Polestar 2 ?", "vendue"), ("How much does it sell for?", "sell")],
)
def test_what_tells_a_price_need_not_say_that_it_is_sold(question: str, word: str) -> None:
    assert word in understood(question).implied


@pytest.mark.parametrize(
    ("kind", "text", "held"),
    [
        (Kind.TIME, "Ce mercredi 10 juin, Amazon a pris la décision.", True),
        (Kind.TIME, "It began in the nineteenth century.", True),
        (Kind.TIME, "It may begin at some point.", False),
        (Kind.PERIOD, "L'interdiction vaut pendant un an.", True),
        (Kind.PERIOD, "It began in 2016.", False),
        (Kind.NUMBER, "Une centaine d’employés", True),
        (Kind.PRICE, "It costs $20.", True),
        (Kind.PRICE, "vendu deux millions d’euros", True),
        (Kind.MONEY, "deux millions d’euros", True),
        (Kind.WEIGHT, "It weighs 48 grams.", True),
        (Kind.WEIGHT, "With 5G and 16 GB", False),
        (Kind.LENGTH, "330 mètres de haut", True),
        (Kind.AGE, "morte à 80 ans", True),
        (Kind.AGE, "a 32-year-old man", True),
        (Kind.AGE, "Mick Schumacher (20 ans)", True),
        (Kind.AGE, "Bruno had a 30-year career.", False),
        (Kind.AGE, "Après quatre ans de relation", False),
        (Kind.AGE, "condamné à cinq ans de prison il y a dix ans", False),
        (Kind.NUMBER, "treize colonies", True),
        (Kind.NUMBER, "sixty passengers", True),
        (Kind.NUMBER, "On December 16, in 2019", False),
        (Kind.PRICE, "Le 10 juin 2020", False),
        (Kind.PERSON, "Le logiciel de Jeff Bezos", True),
        (Kind.PERSON, "Le logiciel", False),
        (Kind.REASON, "Because of the protests", True),
    ],
)
def test_a_text_without_an_answer_of_the_kind_does_not_pass_for_one(
    kind: Kind, text: str, held: bool
) -> None:
    assert present(kind, text, ()) is held


def test_what_the_question_says_itself_is_no_answer() -> None:
    assert not present(Kind.TIME, "It happened in 2016.", {"2016"})
    assert not present(Kind.PERSON, "So said Bezos.", {"bezos"})


@given(st.text(max_size=200), st.sampled_from(Kind))
def test_no_text_breaks_it(text: str, kind: Kind) -> None:
    understood(text)
    present(kind, text, {"a"})


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("How many users does TikTok have?", ("users",)),
        ("How many French soldiers were killed?", ("soldiers",)),
        ("How many homes lost power?", ("homes", "lost")),
        ("Combien d'habitants à Paris ?", ("habitants",)),
        ("Combien de nouveaux postes ?", ("postes",)),
        ("How often?", ()),
    ],
)
def test_what_a_question_counts_is_known(question: str, named: tuple[str, ...]) -> None:
    assert understood(question).counts == named


def test_of_people_also_what_they_do_is_counted() -> None:
    named = understood("How many people died in the blackout?").counts
    assert {"people", "died", "victims"} <= set(named)
    assert "blackout" not in named


@pytest.mark.parametrize(
    ("question", "event"),
    [
        ("Quand est né Markus Duesmann ?", "birth"),
        ("quand est ne markus duesmann", "birth"),
        ("When was Tory Bruno born?", "birth"),
        ("When is Vince Zampella's birthday?", "birth"),
        ("Pourquoi Amazon ne vend plus ?", ""),
        ("De quoi est mort Chirac ?", "death"),
        ("Quand est mort Chirac ?", ""),
    ],
)
def test_a_birth_is_asked_for_whatever_small_word_its_form_looks_like(question: str, event: str) -> None:
    assert understood(question).life == event


@pytest.mark.parametrize(
    ("event", "text", "told"),
    [
        ("birth", "Né à Lyon en 1969, il dirige Audi.", True),
        ("birth", "Molière (1622 – 1673)", True),
        ("birth", "Il sera nommé le 1er avril.", False),
        ("death", "emporté par un cancer", True),
        ("death", "He died in a crash.", True),
        ("death", "mort jeudi à l'âge de 86 ans", False),
        ("death", "la mort de Jacques Chirac", False),
    ],
)
def test_only_what_speaks_of_a_birth_or_a_cause_of_death_tells_it(event: str, text: str, told: bool) -> None:
    assert tells_life(event, text) is told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Pour échapper aux violences, ils ont fui.", True),
        ("which led to the outage", True),
        ("Des flashs bleus dans le ciel de Cergy.", False),
    ],
)
def test_a_text_without_a_word_of_cause_is_told_from_one_that_may_tell_it(text: str, told: bool) -> None:
    assert may_tell_cause(text) is told

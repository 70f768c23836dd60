import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answers.conversation import leaves_open, whole


@pytest.mark.parametrize(
    ("before", "text", "meant"),
    [
        (
            "How many iPhones did Apple sell in Germany?",
            "and in France?",
            "How many iPhones did Apple sell in France",
        ),
        ("Quel est le prix de Rekognition ?", "et Watson ?", "Quel est le prix de Watson"),
        ("Who is the CEO of Apple?", "What about Microsoft?", "Who is the CEO of Microsoft"),
        ("what happened to Intel this week", "and last week?", "what happened to Intel last week"),
        ("what happened to Intel this week", "and AMD?", "what happened to AMD this week"),
        ("what happened to intel this week", "and amd?", "what happened to amd this week"),
        ("les nouveautés de Mistral depuis lundi", "et OpenAI ?", "les nouveautés de OpenAI depuis lundi"),
        ("les nouveautés de Mistral depuis lundi", "et hier ?", "les nouveautés de Mistral hier"),
        ("What is Rekognition?", "combien ça coûte ?", "combien ça coûte ? Rekognition"),
        ("Qui a lancé Rekognition ?", "et son prix ?", "quel est son prix ? Rekognition"),
        ("Who launched Rekognition?", "and its price?", "what is its price? Rekognition"),
        ("Who is the CEO of Apple?", "When was he born?", "When was he born? Apple"),
        ("who is tory bruno", "and the ceo of openai?", "who is the ceo of openai"),
        ("qui est markus duesmann", "et le patron de Renault ?", "qui est le patron de Renault"),
        ("Who is the CEO of Apple?", "and the CFO?", "Who is the CFO of Apple"),
        ("who is the ceo of apple", "and of amd", "who is the ceo of amd"),
        ("combien coute le cybertruck", "et sa date de sortie", "quel est sa date de sortie cybertruck"),
        ("combien coute le cybertruck", "et le fisker ocean", "combien coute le fisker ocean"),
        ("c'est quoi le rétrofit", "ca coute combien", "ca coute combien retrofit"),
        ("c koi le rétrofit", "pk", "pourquoi retrofit"),
        ("Quand Rekognition a-t-il été lancé ?", "Pourquoi ?", "Pourquoi ? rekognition lance"),
    ],
)
def test_a_follow_up_takes_what_it_leaves_unsaid_from_the_question_before(
    before: str, text: str, meant: str
) -> None:
    assert whole(text, [before]) == meant


@pytest.mark.parametrize(
    "text",
    [
        "Why did Amazon ban the police from using Rekognition?",
        "Combien d'employés ont signé la pétition contre Rekognition ?",
        "who runs intel",
        "Merci",
        "thanks",
    ],
)
def test_a_question_that_is_whole_takes_nothing(text: str) -> None:
    assert whole(text, ["Who is the CEO of Apple?"]) == text


def test_a_chain_of_follow_ups_keeps_its_topic() -> None:
    assert (
        whole("how old is he?", ["Who is the CEO of Apple?", "and Microsoft?"]) == "how old is he? Microsoft"
    )


@pytest.mark.parametrize(
    ("text", "open_"),
    [
        ("and when was it launched?", True),
        ("et quand a-t-elle été lancée ?", True),
        ("Who founded them?", True),
        ("When was Rekognition launched? Is it banned?", False),
        ("How much does the new phone cost and does it fold?", False),
        ("Que se passe-t-il à lyon ?", False),
        ("Que s’est-il passé en 1942 ?", False),
        ("y a-t-il une pénurie ?", False),
        ("is there a shortage?", False),
        ("combien pèse un pixel ?", False),
    ],
)
def test_a_question_that_only_points_at_its_thing_is_known(text: str, open_: bool) -> None:
    """A word like "launched" alone finds an answer about anything."""
    assert leaves_open(text) is open_


def test_without_earlier_questions_nothing_is_added() -> None:
    assert whole("et en France ?", []) == "et en France ?"


@given(st.lists(st.text(max_size=40), max_size=4), st.text(max_size=40))
def test_no_conversation_breaks_it(earlier: list[str], text: str) -> None:
    assert len(whole(text, earlier)) <= 1000
    whole(f"et {text} ?", ["what happened to Intel this week", *earlier])

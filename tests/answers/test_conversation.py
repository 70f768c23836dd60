"""Follow-up questions, completed from the previous ones."""

from hypothesis import given
from hypothesis import strategies as st

from bot.answers.conversing.follow_up_questions import extract_names, resolve_question
from tests.support.cases import check_cases


@check_cases(
    ("previous_question", "text", "resolved_question"),
    [
        (
            "How many iPhones did Apple sell in Germany?",
            "and in France?",
            "How many iPhones did Apple sell in France",
        ),
        ("Quel est le prix de Rekognition ?", "et Watson ?", "Quel est le prix de Watson"),
        ("Who is the CEO of Apple?", "What about Microsoft?", "Who is the CEO of Microsoft"),
        ("what happened to intel this week", "and amd?", "what happened to amd this week"),
        ("combien coute le cybertruck", "et le fisker ocean", "combien coute le fisker ocean"),
        ("who runs intel now", "and ibm?", "who runs ibm now"),
        ("quoi de neuf sur les gilets jaunes", "et sur macron ?", "quoi de neuf sur macron"),
        ("combien coute le cybertruck", "et en France", "combien coute le cybertruck en France"),
    ],
)
def test_bare_follow_up_replaces_topic_of_previous_question(previous_question, text, resolved_question):
    assert resolve_question(text, [previous_question]) == resolved_question


@check_cases(
    ("previous_question", "text", "added_words"),
    [
        ("How long will the Nordwave repair take?", "when will it be repaired?", "nordwave"),
        ("What is Rekognition?", "combien ça coûte ?", "rekognition"),
        ("Qui a lancé Rekognition ?", "et son prix ?", "rekognition"),
        ("Who is the CEO of Apple?", "When was he born?", "apple"),
        ("le métro de Lyon est en panne", "quand sera-t-il réparé ?", "metro lyon"),
        ("who bought Slack?", "and when?", "slack"),
        ("who bought Slack?", "how many people work there?", "slack"),
    ],
)
def test_pronoun_question_takes_words_of_previous_one(previous_question, text, added_words):
    completed_question = resolve_question(text, [previous_question])
    assert completed_question.startswith(text)
    assert set(added_words.split()) <= set(completed_question.removeprefix(text).split())


@check_cases(
    "text",
    [
        "Why did Amazon ban the police from using Rekognition?",
        "Combien d'employés ont signé la pétition contre Rekognition ?",
        "who runs intel",
        "Merci",
        "thanks",
    ],
)
def test_complete_question_is_unchanged(text):
    assert resolve_question(text, ["Who is the CEO of Apple?"]) == text


def test_follow_up_chain_keeps_topic():
    assert "Microsoft" in resolve_question("and Microsoft?", ["Who is the CEO of Apple?"])
    assert "microsoft" in resolve_question("how old is he?", ["Who is the CEO of Apple?", "and Microsoft?"])


@given(st.text(max_size=60), st.lists(st.text(max_size=60), max_size=3))
def test_resolved_question_has_bounded_length(text, earlier):
    assert len(resolve_question(text, earlier)) <= 400


@check_cases(
    ("question", "names"),
    [
        ("How much does the new iPhone cost?", ["iPhone"]),
        ("Combien coûte l’iPhone 17 Pro ?", ["iPhone 17 Pro"]),
        ("What did Emmanuel Macron sell on eBay?", ["Emmanuel Macron", "eBay"]),
    ],
)
def test_names_keep_lower_case_prefix(question, names):
    assert extract_names(question) == names

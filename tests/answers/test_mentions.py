"""Intents and languages of messages that mention the bot."""

from bot.answers.conversing.message_intents import (
    MessageIntent,
    MessageKind,
    detect_intent,
    detect_message_language,
)
from tests.support.cases import check_cases

NOW = 1_780_000_000


@check_cases(
    "text",
    [
        "what happened with Intel",
        "Intel?",
        "quoi de neuf sur Intel",
        "les nouveautés de Mistral depuis lundi",
        "and why?",
        "Qu’en dit-on",
        "find out who bought Slack?",
        "what about Intel since:7d",
        "search",
        "wow - crazy",
    ],
)
def test_question_is_answered(text):
    assert detect_intent(text, NOW, is_addressed=True) == MessageIntent(MessageKind.ANSWER, text)


@check_cases(
    ("text", "query"),
    [
        ("search: intel since:7d", "intel since:7d"),
        ("Search intel", "intel"),
        ("cherche puces depuis:lundi", "puces depuis:lundi"),
        ("recherche : puces ?", "puces ?"),
        ("intel since:7d", "intel since:7d"),
        ("titre:intel", "titre:intel"),
        ('"facial recognition"', '"facial recognition"'),
        ("intel -amd", "intel -amd"),
        ("intel OR amd", "intel OR amd"),
    ],
)
def test_search_syntax_is_searched(text, query):
    assert detect_intent(text, NOW, is_addressed=True) == MessageIntent(MessageKind.SEARCH, query)


@check_cases("text", ["", "lol nice", "this is -really- bad", "thanks", "price since:ever"])
def test_comment_in_reply_is_ignored(text):
    assert detect_intent(text, NOW, is_addressed=False).kind is MessageKind.NOTHING


@check_cases("text", ["who is behind this", "vraiment ?", "et pourquoi"])
def test_question_in_reply_to_post_is_answered(text):
    assert detect_intent(text, NOW, is_addressed=False) == MessageIntent(MessageKind.ANSWER, text)


@check_cases("text", ["  \n ", "hello!", "Bonjour", "aide ?", "search:", "cherche :"])
def test_bare_mention_or_greeting_asks_for_help(text):
    assert detect_intent(text, NOW, is_addressed=True).kind is MessageKind.HELP
    assert detect_intent(text, NOW, is_addressed=False).kind is MessageKind.NOTHING


@check_cases("text", ["thanks!", "Merci beaucoup", "thank you Telex"])
def test_thanks_are_ignored(text):
    assert detect_intent(text, NOW, is_addressed=True).kind is MessageKind.NOTHING


@check_cases(
    ("text", "expected"),
    [
        ("Quand ?", "fr"),
        ("combien coûte le Pixel 9 ?", "fr"),
        ("cherche puces", "fr"),
        ("Boeing and Intel jusqu'a:2020", "fr"),
        ("The Ring JUSQU’À:2020", "fr"),
        ("Intel a:image", "fr"),
        ("plan a:intel", None),
        ("search chips", "en"),
        ("Salut !", "fr"),
        ("hello", None),
        ("What happened with Intel", "en"),
        ("Intel?", None),
    ],
)
def test_language_of_short_text_is_detected(text, expected):
    assert detect_message_language(text) == expected


@check_cases(
    ("text", "language"),
    [
        ("cherche mistral", "fr"),
        ("trouve : titre:ia", "fr"),
        ("search mistral", "en"),
        ("mistral since:7d", None),
        ("titre:mistral", "fr"),
        ("langue:en mistral", "fr"),
        ("https://avant:8080", None),
    ],
)
def test_search_verb_or_filter_decides_language(text, language):
    assert detect_intent(text, NOW, is_addressed=True).language == language

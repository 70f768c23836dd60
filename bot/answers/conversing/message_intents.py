"""Intents of messages that mention the bot: a request for help, a search, a question, or none."""

import re
from dataclasses import dataclass, field
from enum import Enum

from bot.search.query.query_filters import uses_french_alias
from bot.search.query.query_parser import parse_query
from bot.search.query.query_tree import Query, Word, iter_required_nodes
from bot.text.language import detect_language
from bot.text.words import fold

_LEADING_WORDS_REGEX = r"(?:(?:and|et|but|mais|so|alors|donc|hey|hi|hello|ok|bonjour|salut|please|svp|stp)\b\W*)*"
_ENGLISH_QUESTION_PATTERN = re.compile(
    _LEADING_WORDS_REGEX + r"(?:what|which|who|whom|whose|when|where|why|how|tell me|explain|summari[sz]e|any news)\b"
)
_FRENCH_QUESTION_PATTERN = re.compile(
    _LEADING_WORDS_REGEX
    + r"(?:combien|comment|pourquoi|quand|ou|qui|que|quoi|quels?|quelles?|lequel|laquelle|est-ce|qu'|dis-moi"
    r"|explique|raconte|resume|parle|les (?:nouvelles|nouveautes|actus|actualites))(?!\w)"
)
_SEARCH_VERB_PATTERN = re.compile(
    r"(?:search|find|look for|(?P<french>(?:re)?cherche[rz]?|trouve[rz]?))\b(?P<colon>\s*:)?\s*",
    re.IGNORECASE,
)
_GREETING_ONLY_PATTERN = re.compile(
    r"(?:hi|hello|hey|help|test|ping|(?P<french>bonjour|bonsoir|salut|coucou|aide))\W*", re.IGNORECASE
)
_THANKS_ONLY_PATTERN = re.compile(r"(?:thanks?|thank you|thx|merci)\b[^?]{0,30}", re.IGNORECASE)


class MessageKind(Enum):
    """Kind of request that a message makes: for help, for a search, for an answer, or none."""

    HELP = "help"
    SEARCH = "search"
    ANSWER = "answer"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class MessageIntent:
    """Intent of a message: its kind, the text of the question, search or request for help, and the language.

    `language` is an ISO 639-1 code, or None if it is unclear.
    """

    kind: MessageKind
    text: str = ""
    language: str | None = field(default=None, compare=False)


def detect_intent(text: str, now: int, *, is_addressed: bool) -> MessageIntent:
    """Return the intent of a message, given its text without the mention.

    A search begins with a verb such as "search" or "cherche", or is not a question and uses search syntax: a
    filter ("since:7d"), a phrase, an exclusion or alternatives. `is_addressed` is false if the Discord client
    added the mention, as it does to every reply; then only a question, or a search verb with a colon, has an
    intent. `now` is Unix time in seconds, from which relative dates count.
    """
    text = " ".join(text.split())
    kind, request_text = _classify_message(text, now, is_addressed=is_addressed)
    return MessageIntent(kind, request_text, detect_message_language(text))


def _classify_message(text: str, now: int, *, is_addressed: bool) -> tuple[MessageKind, str]:
    """Return the kind of a message, and the text of the question, search or request for help."""
    search_verb_match = _SEARCH_VERB_PATTERN.match(text)
    has_colon = search_verb_match is not None and search_verb_match["colon"] is not None
    search_text = "" if search_verb_match is None else text[search_verb_match.end() :]
    if not text or (has_colon and not search_text) or is_greeting(text):
        return (MessageKind.HELP, text) if is_addressed else (MessageKind.NOTHING, "")
    if is_thanks(text):
        return MessageKind.NOTHING, ""
    if search_text and (has_colon or (is_addressed and not text.endswith("?"))):
        return MessageKind.SEARCH, search_text
    if is_question(text):
        return MessageKind.ANSWER, text
    if not is_addressed:
        return MessageKind.NOTHING, ""
    return MessageKind.SEARCH if _uses_search_syntax(parse_query(text, now)) else MessageKind.ANSWER, text


def is_greeting(text: str) -> bool:
    """Return whether a text is only a greeting, "help" or "test"."""
    return _GREETING_ONLY_PATTERN.fullmatch(text.strip()) is not None


def is_thanks(text: str) -> bool:
    """Return whether a text begins with thanks, and at most 30 characters without a question mark follow."""
    return _THANKS_ONLY_PATTERN.fullmatch(text.strip()) is not None


def is_question(text: str) -> bool:
    """Return whether a text has a question mark, or begins with a question word or a verb such as "explain".

    Words such as "and" or "hello" may stand before that.
    """
    return "?" in text or bool(
        _ENGLISH_QUESTION_PATTERN.match(fold(text)) or _FRENCH_QUESTION_PATTERN.match(fold(text))
    )


def detect_message_language(text: str) -> str | None:
    """Return the ISO 639-1 code of a message's language, or None if it is unclear.

    The language is detected even from a few words.
    """
    if language := detect_language(text):
        return language
    folded_text = fold(text)
    search_verb_match = _SEARCH_VERB_PATTERN.match(text)
    verb_or_greeting_match = search_verb_match or _GREETING_ONLY_PATTERN.fullmatch(text)
    if (
        _FRENCH_QUESTION_PATTERN.match(folded_text)
        or (verb_or_greeting_match and verb_or_greeting_match["french"])
        or uses_french_alias(text)
    ):
        return "fr"
    return "en" if _ENGLISH_QUESTION_PATTERN.match(folded_text) or search_verb_match else None


def _uses_search_syntax(query: Query) -> bool:
    """Return whether a query is more than words: it has a filter, a phrase, an exclusion or alternatives."""
    return any(not isinstance(node, Word) or node.is_title_only for node in iter_required_nodes(query.nodes))

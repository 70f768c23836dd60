"""Follow-up questions: completion of a question from the previous questions of its conversation.

A question that refers to its topic only by a pronoun ("when will it be repaired?"), or names none, takes the
content words of the previous question. A question that does not ask anything by itself ("and in France?") is
the previous question with a part replaced. Only closed word classes decide this: pronouns, question words,
connectives and prepositions.
"""

import re
from collections.abc import Sequence

from bot.answers.briefing.news_requests import normalize_question
from bot.answers.question_analysis import PRESENT_TIME_PATTERN
from bot.search.index import text_analysis
from bot.search.query.query_parser import MAX_QUERY_LENGTH
from bot.text.times import time_expressions

MAX_PREVIOUS_QUESTIONS = 5
"""Maximum number of previous questions from which a question is completed."""
MAX_DEPENDENT_CONTENT_WORDS = 1
"""Maximum number of content words of a question without names that depends on the previous question."""
MAX_INHERITED_WORDS = 5
"""Maximum number of content words that a question takes from the previous question."""

_FOLLOW_UP_OPENING_PATTERN = re.compile(
    r"^(?:(?:and|but|so|ok|okay|et|mais|alors|donc|what about|how about|(?:et )?(?:pour|quid de))\b[ ,]*)+",
    re.IGNORECASE,
)
_INTERROGATIVE_PATTERN = re.compile(
    r"\b(?:what\w{0,2}|which|who\w{0,2}|when|where|why|how|combien|comment|pourquoi|quand|ou|qui|que|quoi"
    r"|quel(?:le)?s?|est-ce|is|are|was|were|will|does|did|do|can|has|have)\b|\bqu'|-t-(?:il|elle|on)\b|-(?:il|elle)s?\b"
)
_ANAPHORA_PATTERN = re.compile(
    r"\b(?:it|its|they|them|their|he|him|his|she|her|this|that|these|those|there|sa|son|ses|leurs?|lui|ca|cela"
    r"|celui-ci|celle-ci|ceux-ci)\b|-t-(?:il|elle|ils|elles)\b|-(?:il|elle)s?\b|^(?:il|elle)s?\b"
)
"""Pattern of pronouns and possessives that stand for something named before (anaphora)."""
_PREPOSITION_PATTERN = re.compile(
    r"(in|at|on|from|for|by|to|with|of|en|au|aux|a|à|dans|chez|pour|par|de|du|sur|avec) ", re.IGNORECASE
)
_GRAMMATICAL_ARTICLE_PATTERN = r"(?:the|an?|le|la|les|une?)\b"
_CAPITALISED_WORD_PATTERN = r"\b[a-z]?[^\W\d_a-zà-ÿœ][\w.+’'-]*"  # Also iPhone
_NAME_PATTERN = re.compile(rf"{_CAPITALISED_WORD_PATTERN}(?: (?:{_CAPITALISED_WORD_PATTERN}|\d[\w.]*))*")


def resolve_question(text: str, previous_questions: Sequence[str]) -> str:
    """Return a question completed from the previous questions (oldest first), so that it can be understood alone."""
    resolved_question = ""
    for question in (*previous_questions[-MAX_PREVIOUS_QUESTIONS:], text):
        normalized_question = " ".join(question[:MAX_QUERY_LENGTH].split())
        resolved_question = _resolve_against_previous(normalized_question, resolved_question)[:MAX_QUERY_LENGTH]
    return resolved_question


def _resolve_against_previous(text: str, previous_question: str) -> str:
    """Return a question completed from the previous question, which is itself complete."""
    if not previous_question or not text:
        return text or previous_question
    text_after_opening = _FOLLOW_UP_OPENING_PATTERN.sub("", text)
    own_content_words = extract_content_words(text)
    is_short = len(own_content_words) <= MAX_DEPENDENT_CONTENT_WORDS
    is_anaphoric = _ANAPHORA_PATTERN.search(normalize_question(text)) is not None
    if is_anaphoric or _INTERROGATIVE_PATTERN.search(normalize_question(text_after_opening)):
        if not is_anaphoric and (extract_names(text) or not is_short):
            return text
        inherited_words = extract_content_words(previous_question)[:MAX_INHERITED_WORDS]
        return " ".join([text, *(word for word in inherited_words if word not in own_content_words)])
    if own_content_words and (text_after_opening != text or (text.endswith("?") and is_short)):
        return _substitute_in_question(previous_question, text_after_opening)
    return text


def _substitute_in_question(previous_question: str, replacement: str) -> str:
    """Return the previous question with its topic replaced: its last name or, without a name, its last content word.

    `replacement` is what follows "and" in a text such as "and in France?" or "et Microsoft ?". A preposition replaces
    that before the name. Without a name, the words from the same preposition on are replaced. If the previous question
    has no such words, the replacement is added at the end.
    """
    replacement, base_question = replacement.strip(" ?!."), previous_question.rstrip(" ?!.")
    topic_text = PRESENT_TIME_PATTERN.sub(" ", normalize_question(base_question))
    if (time_expression := time_expressions.find_time_expression(topic_text, 0)) is not None:
        topic_text = f"{topic_text[: time_expression.start]} {topic_text[time_expression.end :]}"
    names = extract_names(base_question)
    preposition_match = _PREPOSITION_PATTERN.match(replacement)
    if preposition_match and not names:
        # For example "quoi de neuf sur la grève", then "et sur macron ?".
        topic_pattern = rf"\b{preposition_match[0]}(?!.*\b{preposition_match[0]}).*"
    else:
        topic_words = names or extract_content_words(topic_text) or [replacement]
        has_article = re.match(_GRAMMATICAL_ARTICLE_PATTERN, replacement, re.IGNORECASE) is not None
        prefix_pattern = rf"(?:{_GRAMMATICAL_ARTICLE_PATTERN} )?" if has_article else ""
        topic_pattern = (
            rf"\b{_PREPOSITION_PATTERN.pattern if preposition_match else prefix_pattern}{re.escape(topic_words[-1])}\b"
        )
    topic_match = re.search(topic_pattern, base_question, re.IGNORECASE)
    if topic_match is None:
        return f"{base_question} {replacement}"
    return f"{base_question[: topic_match.start()]}{replacement}{base_question[topic_match.end() :]}"


def extract_content_words(text: str) -> list[str]:
    """Return the content words of a question, folded and each once: no stop words and no question words."""
    words = text_analysis.tokenize(text.encode("utf-8", "ignore").decode())
    stop_words = text_analysis.find_stop_words(words)
    return [
        word
        for word in dict.fromkeys(words)
        if word not in stop_words
        and text_analysis.find_query_stems(word)
        and not _INTERROGATIVE_PATTERN.fullmatch(word)
    ]


def extract_names(text: str) -> list[str]:
    """Return the names in a question, recognised by their capitals.

    A capital at the beginning of the question does not indicate a name by itself.
    """
    question_names = []
    for match in _NAME_PATTERN.finditer(text):
        words = match[0].split()
        is_at_start = not match.start()
        if is_at_start and (not extract_content_words(words[0]) or len(words) == 1):
            words = words[1:]
        if words and extract_content_words(" ".join(words)):
            question_names.append(" ".join(words).rstrip(".’'"))
    return question_names

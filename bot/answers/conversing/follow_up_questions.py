"""Follow-up questions: complete a question from the previous ones, and suggest what to ask next.

A question that refers to its topic only by a pronoun ("when will it be repaired?"), or names none, takes the
content words of the previous one. One that does not ask anything by itself ("and in France?") is the previous
one with a part replaced. Only closed word classes decide this: pronouns, question words, connectives and
prepositions.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from bot.answers.answer_model import Answer
from bot.answers.briefing import time_expressions
from bot.answers.briefing.news_requests import normalize_question
from bot.answers.question_analysis import PRESENT
from bot.search.index import text_analysis
from bot.search.query.query_parser import MAX_LENGTH

MAX_PREVIOUS_QUESTIONS = 5
"""Maximum number of previous questions that are considered."""
MAX_DEPENDENT_CONTENT_WORDS = 1
"""Maximum number of content words of a question without a name that depends on the previous one."""
MAX_INHERITED_WORDS = 5
"""Maximum number of content words that a question takes from the previous one."""

_FOLLOW_UP_OPENING = re.compile(
    r"^(?:(?:and|but|so|ok|okay|et|mais|alors|donc|what about|how about|(?:et )?(?:pour|quid de))\b[ ,]*)+"
)
_INTERROGATIVE = re.compile(
    r"\b(?:what\w{0,2}|which|who\w{0,2}|when|where|why|how|combien|comment|pourquoi|quand|ou|qui|que|quoi"
    r"|quel(?:le)?s?|est-ce|is|are|was|were|will|does|did|do|can|has|have)\b|\bqu'|-t-(?:il|elle|on)\b|-(?:il|elle)s?\b"
)
_ANAPHORA = re.compile(
    r"\b(?:it|its|they|them|their|he|him|his|she|her|this|that|these|those|there|sa|son|ses|leurs?|lui|ca|cela"
    r"|celui-ci|celle-ci|ceux-ci)\b|-t-(?:il|elle|ils|elles)\b|-(?:il|elle)s?\b|^(?:il|elle)s?\b"
)
_PREPOSITION = re.compile(
    r"^(in|at|on|from|for|by|to|with|of|en|au|aux|a|à|dans|chez|pour|par|de|du|sur|avec) ", re.IGNORECASE
)
_ARTICLE = r"(?:the|an?|le|la|les|une?)"
_NAME = re.compile(r"[^\W\d_a-zà-ÿœ][\w.+’'-]*(?: (?:[^\W\d_a-zà-ÿœ][\w.+’'-]*|\d[\w.]*))*")


def resolve_question(text: str, previous_questions: Sequence[str]) -> str:
    """Return a question as it would be asked on its own. `previous_questions` are in order, oldest first."""
    said = ""
    for question in (*previous_questions[-MAX_PREVIOUS_QUESTIONS:], text):
        typed = " ".join(question[:MAX_LENGTH].split())
        said = _resolve_one(typed, said)[:MAX_LENGTH]
    return said


def _resolve_one(text: str, before: str) -> str:
    """Complete a question from the resolved question before it."""
    if not before or not text:
        return text or before
    folded = normalize_question(text)
    opening = _FOLLOW_UP_OPENING.match(folded)
    rest = folded[opening.end() :] if opening else folded
    own = content_words(text)
    points, asks = bool(_ANAPHORA.search(folded)), bool(_INTERROGATIVE.search(rest))
    if points or asks:
        if asks and not points and (names(text) or len(own) > MAX_DEPENDENT_CONTENT_WORDS):
            return text
        known = set(content_words(text))
        return " ".join(
            [text, *(word for word in content_words(before)[:MAX_INHERITED_WORDS] if word not in known)]
        )
    if not own or not (opening or (text.endswith("?") and len(own) <= MAX_DEPENDENT_CONTENT_WORDS)):
        return text
    return _substitute(before, text[len(text) - len(rest) :] if len(folded) == len(text) else rest)


def _substitute(before: str, rest: str) -> str:
    """Return the previous question about another topic: "and in France?", "et Microsoft ?"."""
    rest, base = rest.strip(" ?!."), before.rstrip(" ?!.")
    moment = time_expressions.find_time_expression(normalize_question(base), 0)
    times = [match[0] for match in PRESENT.finditer(normalize_question(base))]
    times += [] if moment is None else [normalize_question(base)[moment.start : moment.end]]
    telling = [word for word in content_words(base) if word not in text_analysis.tokens(" ".join(times))]
    placed = _PREPOSITION.match(rest)
    if placed and not names(base):
        # For example "quoi de neuf sur la grève", then "et sur macron ?".
        phrase = rf"\b{placed[0]}(?:(?!{_PREPOSITION.pattern.removeprefix('^')})\S+(?: |$))+"
        for alike in reversed(list(re.finditer(phrase, base, re.IGNORECASE))):
            if not set(telling).isdisjoint(content_words(alike[0])):
                return f"{base[: alike.start()]}{rest} {base[alike.end() :]}".rstrip()
    for name in reversed(names(base) or telling[-1:]):
        before_it = rf"{_PREPOSITION.pattern.removeprefix('^')}" if placed else rf"(?:{_ARTICLE} )?"
        exchanged = re.search(rf"\b{before_it}{re.escape(name)}\b", base, re.IGNORECASE)
        if exchanged is not None:
            kept = "" if placed or re.match(_ARTICLE, rest, re.IGNORECASE) else _article(exchanged[0])
            return f"{base[: exchanged.start()]}{kept}{rest}{base[exchanged.end() :]}"
    return f"{base} {rest}"


def _article(text: str) -> str:
    """Return the grammatical article at the beginning of a text, with the space after it, or ""."""
    found = re.match(rf"{_ARTICLE} ", text, re.IGNORECASE)
    return found[0] if found else ""


def content_words(text: str) -> list[str]:
    """Return the content words of a question: no stop words, no question words, each once."""
    words = text_analysis.tokens(text.encode("utf-8", "ignore").decode())
    small = text_analysis.stop_words_in(words)
    return [
        word
        for word in dict.fromkeys(words)
        if word not in small and text_analysis.query_stems(word) and not _INTERROGATIVE.fullmatch(word)
    ]


def names(text: str) -> list[str]:
    """Return the names in a question, as far as capitals show them.

    A capital at the beginning of the question does not indicate a name by itself.
    """
    found = []
    for match in _NAME.finditer(text):
        words = match[0].split()
        begins = not match.start()
        if begins and (not content_words(words[0]) or len(words) == 1):
            words = words[1:]
        if words and content_words(" ".join(words)):
            found.append(" ".join(words).rstrip(".’'"))
    return found


MAX_TOPICS = 2
"""Maximum number of suggested topics."""
MIN_MENTIONS = 2
"""Minimum number of mentions in an article of a name that is suggested."""
MAX_CHARS_READ = 4_000
"""Maximum number of characters read of an article."""
MAX_NAMES_PER_ARTICLE = 100
"""Maximum number of names considered in an article."""
MAX_NAME_LENGTH = 40
"""Maximum length of a suggested name, in characters."""

# Consecutive capitalised words inside a sentence; at its beginning capitals do not indicate a name.
_TOPIC = re.compile(r"(?<=[\w,;] )[^\W\d_a-zà-ÿœ][\w’'-]+(?: [^\W\d_a-zà-ÿœ][\w’'-]+)*")


def suggest_topics(answer: Answer) -> tuple[str, ...]:
    """Return at most `MAX_TOPICS` names to ask about next; names in the question come first.

    Other names must share a word with a quoted article's title.
    """
    articles = [quote.article for quote in (*answer.quotes, *answer.possible_quotes)]
    asked = set(text_analysis.tokens(answer.question))
    found: Counter[str] = Counter()
    for article in {article.id: article for article in articles}.values():
        text = (article.body or article.summary)[:MAX_CHARS_READ]
        about = asked.union(text_analysis.tokens(article.title))
        for name in set(_TOPIC.findall(text)[:MAX_NAMES_PER_ARTICLE]):
            if not about.isdisjoint(text_analysis.tokens(name)):
                found[name] += text.count(name)
    often = [
        name for name, count in found.most_common() if count >= MIN_MENTIONS and len(name) <= MAX_NAME_LENGTH
    ]
    if answer.briefing:  # The briefing has just answered what is new about the question's own names.
        often = [name for name in often if asked.isdisjoint(text_analysis.tokens(name))]
    often.sort(key=lambda name: not asked.intersection(text_analysis.tokens(name)))
    return tuple(_without_shared_words(often))[:MAX_TOPICS]


def _without_shared_words(names: Iterable[str]) -> list[str]:
    """Return the names that share no word with an earlier one."""
    kept: list[str] = []
    known: set[str] = set()
    for name in names:
        words = set(text_analysis.tokens(name))
        if words and known.isdisjoint(words) and any(map(text_analysis.query_stems, words)):
            kept.append(name)
            known |= words
    return kept

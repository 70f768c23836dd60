"""A question within a conversation: what it leaves unsaid is taken from the questions before it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.answers import time_expressions
from bot.answers.happenings import folded_of
from bot.search.query_syntax import MAX_LENGTH
from bot.text import terms

REMEMBERED = 5  # questions, the last ones
_FEW = 1  # words of its own, with which a question without a name is not whole

_OPENING = re.compile(
    r"^(?:(?:and|but|ok|okay|et|mais|alors|so)[ ,]+)*(?:what about|how about|and|but|et|mais)\b[ ,]*"
    r"(?:for|about|pour|concernant|quid de|qu'en est-il de)?\b *"
)
_INTERROGATIVE = re.compile(
    r"\b(?:what|which|who|whom|whose|when|where|why|how|combien|comment|pourquoi|quand|ou|qui|que|quoi|quels?"
    r"|quelles?|lequel|laquelle|est-ce)\b|\bqu'|-t-(?:il|elle|on)\b"
)
_REFERRING = re.compile(
    r"\b(?:it|its|they|them|their|he|him|his|she|her|this|that|there|sa|ses|leurs?|lui|ca|cela|celui-ci"
    r"|celle-ci)\b|\bson (?!et )|-(?:il|elle|ils|elles)\b"
)
_POINTING = re.compile(
    r"\b(?:its?|they|them|their|he|him|his|she|her|leurs?|celui-ci|celle-ci|ceux-ci)\b"
    r"|(?:(?<!passe)(?<!\by a)-t|(?<!faut)(?<!agit)(?<!s'est)(?<!-t))-(?:il|elle|ils|elles)\b"
)
"""Of `_REFERRING`, what stands for a thing for sure, unlike `what is there in`, `que se passe-t-il à`."""
_WHAT_IT_ASKS = re.compile(
    r"(?:price|cost|costs|prix|cout|couts|tarif|coute|coutent|coutait|coutera|vaut|date|annee|year|jour|mois|nombre"
    r"|number|reason|raison|temps|time|duree|dure|long|lasts?|size|taille|happen\w*|passe|else|other|autre\w*"
    r"|exactly|exactement|name|nom|details?|dois|doit|doivent|faut)"
)
_NOUN_FR = frozenset("prix cout couts tarif date annee nombre raison duree taille nom".split())
_NOUN_EN = frozenset("price cost costs year number reason size name".split())
_COURTESY = frozenset("merci thanks thank cool super ok okay great parfait bravo hello bonjour salut".split())
_ROLES = frozenset("CEO CTO CFO COO PDG DG VP".split())
_ASKING = frozenset("combien many much".split())
_PLACE = re.compile(r"^(?:in|en|au|aux|a|at|dans)\b")
_PLACED = r"\b(?:[Ii]n|[Ee]n|[Aa]ux?|[Aa]t|[Àà]|[Dd]ans) (?:the |la |le )?"
_NAME = re.compile(
    r"(?<![\w'’.-])(?:[dlDL]['’])?([^\W\d_a-zà-ÿœ][\w.+-]*(?: [^\W\d_a-zà-ÿœ][\w.+-]*|(?<=\w) \d[\w.]*)*)"
)


def whole(text: str, earlier: Sequence[str]) -> str:
    """A question as it would be asked by itself. `earlier` are the questions before it, oldest first."""
    said = ""
    for question in (*earlier[-REMEMBERED:], text):
        typed = " ".join(question[:MAX_LENGTH].split())
        said = _completed(typed[:MAX_LENGTH], said)
    return said


def _completed(text: str, before: str) -> str:
    """A question with what it takes from the whole one before it."""
    if not before or not text:
        return text or before
    folded = folded_of(text)
    opening = _OPENING.match(folded)
    rest = folded[opening.end() :] if opening else folded
    words = own_words(text)
    said = rest.strip(" ?!.").split()
    if _INTERROGATIVE.search(rest):
        whole_already = bool(names(text)) or len(words) > _FEW
        if not words or _REFERRING.search(folded) or opening or not whole_already:
            return _added(text, before, all_of_it=not words)
        return text
    for nouns, asking in ((_NOUN_FR, "quel est"), (_NOUN_EN, "what is")):
        if nouns.intersection(said):  # `and its price?`
            return _added(f"{asking} {rest}", before, all_of_it=False)
    if _COURTESY.intersection(said) or (not opening and len(words) > _FEW):
        return text
    return _exchanged(before, rest if opening and len(folded) != len(text) else text[len(text) - len(rest) :])


def own_words(text: str) -> list[str]:
    """The words of a question that tell what it is about."""
    return [
        word
        for word in dict.fromkeys(terms.words(text))
        if terms.alternatives(word) and not _WHAT_IT_ASKS.fullmatch(word)
    ]


def leaves_open(text: str) -> bool:
    """Whether a question is about a thing that it only points at: `and when was it launched?`."""
    return bool(_POINTING.search(folded_of(text))) and not names(text) and len(own_words(text)) <= _FEW


def names(text: str) -> list[str]:
    """The names in a question, as far as capitals tell."""
    found = []
    for match in _NAME.finditer(text):
        words = [word for word in match[1].rstrip(".?!").split() if word not in _ROLES]
        while words and not match.start() and not any(map(terms.alternatives, terms.words(words[0]))):
            words.pop(0)
        if words and own_words(" ".join(words)):
            found.append(" ".join(words))
    return found


def _things(question: str) -> list[str]:
    """What a question that others follow on is about: its own words that neither ask nor are one letter."""
    return [word for word in own_words(question) if len(word) > 1 and word not in _ASKING]


def _subject(question: str) -> list[str]:
    """The names in a question, or the one word that it is about."""
    words = _things(question)
    return names(question) or (words if len(words) == 1 else [])


def _added(text: str, before: str, *, all_of_it: bool) -> str:
    """A question, and what the one before it was about."""
    known = set(terms.words(text))
    before, _ = _apart(before)
    subject = _things(before) if all_of_it else _subject(before) or _things(before)
    return " ".join([text, *(name for name in subject if not known.issuperset(terms.words(name)))])[
        :MAX_LENGTH
    ]


def _exchanged(before: str, rest: str) -> str:
    """The question before, about what this one names instead: `and in France?`, `et Microsoft ?`."""
    base, older = _apart(before)
    rest, newer = _apart(rest)
    when = newer or older
    instead = " ".join(names(f". {rest}")) or " ".join(own_words(rest))
    if instead:
        called = _subject(base)
        if _PLACE.match(folded_of(rest)):
            called = [name for name in called if re.search(rf"{_PLACED}{re.escape(name)}\b", base)]
        if len(called) == 1:
            base = re.sub(
                rf"\b{re.escape(called[0])}\b", lambda _: instead, base, count=1, flags=re.IGNORECASE
            )
        else:
            base = f"{base} {instead}"
    return f"{base} {when}".strip()[:MAX_LENGTH]


def _apart(text: str) -> tuple[str, str]:
    """A question without its expression of time, and that."""
    text = text.rstrip(" ?!.")
    folded = folded_of(text)
    moment = time_expressions.find(folded, 0)
    if moment is None:
        return text, ""
    return _cut(text, moment.start, moment.end), folded[moment.start : moment.end]


def _cut(text: str, start: int, end: int) -> str:
    """A text without the words at these characters of its folded form."""
    kept, position = [], 0
    for piece in text.split():
        length = len(folded_of(piece))
        if position + length <= start or position >= end:
            kept.append(piece)
        position += length + 1 if length else 0
    return " ".join(kept).rstrip(" ?!.")

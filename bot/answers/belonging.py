"""Whether a price or an age in a passage is that of what a question names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from bot.answers import ages
from bot.answers.question_analysis import Kind, Question
from bot.search.passages import POINTS_BACK, Passages
from bot.search.ranking import Sought, overlap
from bot.text import tokens

_MOST = 0.75  # of how much a question in small letters tells: one of its words may not be of a name
_GOES_ON = re.compile(r"[ -][A-Z][\w+]+")


def told(
    asked: Question, wanted: Sequence[Sought], read: Passages, held: Sequence[bool], first: int, last: int
) -> bool:
    """Whether a sentence from `first` to `last` that holds what is asked for tells it of what is named."""
    words = [word for word in wanted if word.word not in asked.implied] or list(wanted)
    names = [word for word in words if word.is_name]
    if not any(word.word.isalpha() for word in names):
        names = []  # in small letters only numbers look like names
    is_of = _is_age_of if asked.kind is Kind.AGE else _is_price_of
    return any(held[number] and is_of(names, words, read, number) for number in range(first, last + 1))


def _is_price_of(names: Sequence[Sought], words: Sequence[Sought], read: Passages, number: int) -> bool:
    """Whether what is named stands there, in the sentence before, or in the title."""
    sentences = read.sentences[max(0, number - 1) : number + 1]
    found = frozenset(read.title).union(*(sentence.terms for sentence in sentences))
    looked_for, share = (names, 1.0) if names else (words, _MOST)
    if overlap(looked_for, found) < share * sum(word.weight for word in looked_for):
        return False
    text = " ".join(sentence.text for sentence in sentences)
    return not any(_is_another(one, other, (text, read.article.title)) for one, other in pairwise(words))


def _is_another(one: Sought, other: Sought, texts: Sequence[str]) -> bool:
    """Whether a numbered name goes on wherever it stands: a Pixel 10 Pro is no Pixel 10."""
    if not (one.word.isalpha() and other.word[0].isdecimal()):
        return False
    name = re.compile(rf"\b{re.escape(one.word)}[ -]?{re.escape(other.word)}\b", re.IGNORECASE)
    for text in texts:
        plain = tokens.plain(text)
        if found := [_GOES_ON.match(plain, match.end()) for match in name.finditer(plain)]:
            return all(found)
    return False


def _is_age_of(names: Sequence[Sought], words: Sequence[Sought], read: Passages, number: int) -> bool:
    """Whether who is named stands in the sentence, or in the one that it points back to, and has the age."""
    sentence = read.sentences[number]
    near = {number, number - 1} if number and POINTS_BACK.match(sentence.text) else {number}
    looked_for = names or words
    if not any(word.match(read.sentences[at].terms) for word in looked_for for at in near):
        return False
    return ages.has_age_of([word.word for word in looked_for], sentence.text)

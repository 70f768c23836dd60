"""What can be asked next: names that the articles of an answer are about."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from bot.answers.answer_model import Answer
from bot.search.index import analysis

MOST = 2
OFTEN = 2
"""How often an article has to name something for it to be worth asking about."""
READ = 4_000  # characters of an article,
MANY = 100  # and names in them
LONGEST = 40
"""Characters of a name."""

# Capitals in a row within a sentence: at its beginning, and in a title, they tell nothing.
_NAME = re.compile(r"(?<=[\w,;] )[^\W\d_a-zà-ÿœ][\w’'-]+(?: [^\W\d_a-zà-ÿœ][\w’'-]+)*")


def topics(answer: Answer) -> tuple[str, ...]:
    """At most two names, the one that the question speaks of first; others are in a headline."""
    articles = [quote.article for quote in (*answer.quotes, *answer.possible)]
    asked = set(analysis.words(answer.question))
    found: Counter[str] = Counter()
    for article in {article.id: article for article in articles}.values():
        text = (article.body or article.summary)[:READ]
        about = asked.union(analysis.words(article.title))
        for name in set(_NAME.findall(text)[:MANY]):
            if not about.isdisjoint(analysis.words(name)):
                found[name] += text.count(name)
    often = [name for name, count in found.most_common() if count >= OFTEN and len(name) <= LONGEST]
    if answer.lines:  # what is new with those was just told
        often = [name for name in often if asked.isdisjoint(analysis.words(name))]
    often.sort(key=lambda name: not asked.intersection(analysis.words(name)))
    return tuple(_apart(often))[:MOST]


def _apart(names: Iterable[str]) -> list[str]:
    """The names that share no word with one before them."""
    kept: list[str] = []
    known: set[str] = set()
    for name in names:
        words = set(analysis.words(name))
        if words and known.isdisjoint(words) and any(map(analysis.query_stems, words)):
            kept.append(name)
            known |= words
    return kept

"""Who is said to have left an office: what was told of them before is no longer so."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise

from bot.answers.scoring import Passage
from bot.search.passages import Passages
from bot.text import terms

_LEAVES = re.compile(
    r"\b(?:is out|out as|resign(?:s|ed|ing|ation)?|step(?:s|ped|ping)? (?:down|aside)|oust(?:s|ed)?|fired"
    r"|sacked|quits?|leaves|leaving|departs?|demission\w*|quitte|limoge\w*|remplace\w*|evince\w*)\b"
)


def still_so(weighed: Sequence[Passage], read: Iterable[Passages], asked: Collection[str]) -> list[Passage]:
    """The passages that name nobody of whom the title of a later article says that they leave.

    `asked` are the folded words of the question, which tell of what somebody was the head.
    """
    left = [
        (each.article.published, names)
        for each in read
        if _LEAVES.search(terms.fold(each.article.title)) and (names := _names(each.article.title, asked))
    ]
    return [
        passage
        for passage in weighed
        if not any(
            published > passage.read.article.published
            and not names.isdisjoint(_names(" ".join(each.text for each in passage.sentences), asked))
            for published, names in left
        )
    ]


def _names(text: str, asked: Collection[str]) -> frozenset[tuple[str, str]]:
    """Each two words with capitals in a row, folded, of which none is asked for."""
    spans = [(word, text[start].isupper() and word not in asked) for word, start, _ in terms.spans(text)]
    return frozenset((one, other) for (one, is_name), (other, also) in pairwise(spans) if is_name and also)

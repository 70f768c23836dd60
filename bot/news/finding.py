"""Finding articles for a plan: all words together, the best partial matches, or the newest."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bot.clock import Clock
from bot.news import ranking
from bot.news.exact import InWords
from bot.news.meaning import Meaning, Nearby
from bot.news.passages import Passages, passages
from bot.news.plan import Plan
from bot.news.ranking import Sought
from bot.news.vocabulary import Vocabulary
from bot.store import Store
from bot.store.search_index import All, Any, Column, Hit, Terms, Wanted
from bot.text import terms
from bot.text.language import detect

BUDGET = 60_000
"""Articles in the lists of a query's words up to which BM25 reads them all."""
LOOKED_AT = 400  # articles read for the words of a phrase, at the most,
BATCH = 25  # at a time
POOL = 200  # full matches that freshness may reorder
OWN = 30  # partial matches in the asker's language that are read and ranked,
OTHERS = 10  # in any,
FAMILY = 10  # and by words of the same family
PAIRED = 4  # words, the rarest, whose pairs are looked for when lists are long
HALF_LIFE = 30 * 86400  # seconds
FRESH = 0.15  # how much more an article of this moment counts
FRESH_PARTIAL = 0.1


class Found(NamedTuple):
    """An article that was found. `read` is there when ranking read it."""

    hit: Hit
    partial: bool = False
    read: Passages | None = None


class Reading(NamedTuple):
    """Articles that were read for some words, the best first; `language` is the asker's, where it shows."""

    wanted: list[Sought]
    language: str | None
    found: list[Found]


class Finder:
    """Finds articles in a store, by what they mean too where their `meaning` is known."""

    def __init__(self, store: Store, meaning: Meaning | None = None) -> None:
        self._store = store
        self._meaning = meaning
        self._clock: Clock = store.clock
        self.vocabulary = Vocabulary(store)

    async def newest(self, asked: Plan, limit: int) -> list[Found]:
        """What matches wholly, by date."""
        required = asked.required((*asked.words, *asked.texts))
        looked = LOOKED_AT if asked.exact else limit
        hits = await self._store.index.newest(required, scope=asked.scope, limit=looked)
        return await self._exact(asked, [Found(hit) for hit in hits], limit)

    async def full(self, asked: Plan, limit: int) -> list[Found]:
        """What matches wholly, the best first."""
        wanted = All((*asked.words, *asked.texts))
        hits = await self._store.index.ranked(
            wanted,
            required=asked.required(),
            scope=asked.scope,
            limit=max(LOOKED_AT if asked.exact else POOL, limit),
        )
        scored = (Found(hit._replace(score=hit.score * (1 + FRESH * self._freshness(hit)))) for hit in hits)
        return await self._exact(asked, sorted(scored, key=lambda found: -found.hit.score), limit)

    async def _exact(self, asked: Plan, found: list[Found], limit: int) -> list[Found]:
        """Those of what was found that hold the very words of phrases, enough of them."""
        if not asked.exact:
            return found
        kept: list[Found] = []
        for start in range(0, len(found), BATCH):
            batch = found[start : start + BATCH]
            articles = await self._store.articles.by_ids([each.hit.article_id for each in batch])
            holding = set()
            for article in articles:
                if all(map(InWords(article).holds, asked.exact)):
                    holding.add(article.id)
                await asyncio.sleep(0)  # a fifth of a millisecond each
            kept += [each for each in batch if each.hit.article_id in holding]
            if len(kept) >= limit:
                break
        return kept

    async def partial(self, asked: Plan) -> Reading:
        """What holds some of the words, the best first; its scores are those of `ranking`."""
        await self.vocabulary.ready()
        wanted = ranking.sought(" ".join(asked.written), self.vocabulary, within=asked.text)
        language = detect(asked.text)
        if not wanted:
            return Reading(wanted, language, [])
        hits = await self._candidates(asked, wanted, language)
        near = Nearby(hits, {}) if self._meaning is None else await self._meaning.near(asked, hits)
        articles = await self._store.articles.by_ids([hit.article_id for hit in near.hits])
        by_id = {article.id: article for article in articles}
        found = []
        for hit in near.hits:
            if article := by_id.get(hit.article_id):
                read = passages(article)
                score = ranking.score(wanted, read, language) + FRESH_PARTIAL * self._freshness(hit)
                score += near.points(article, language)
                found.append(Found(hit._replace(score=score), partial=True, read=read))
                await asyncio.sleep(0)  # half a millisecond each
        found.sort(key=lambda each: -each.hit.score)
        return Reading(wanted, language, await self._exact(asked, found, len(found)))

    async def _candidates(self, asked: Plan, wanted: Sequence[Sought], language: str | None) -> list[Hit]:
        index, scope = self._store.index, asked.scope
        cost = sum(self.vocabulary.documents(word.exact) for word in wanted)
        any_word = _some(word.exact for word in wanted) if cost <= BUDGET else self._pairs(wanted)
        queries = [(any_word, asked.required(asked.texts), OTHERS if language else OWN + OTHERS)]
        if language:
            own = Terms((terms.language_token(language),), Column.META)
            queries.insert(0, (any_word, asked.required((own, *asked.texts)), OWN))
        if cost <= BUDGET and any(word.related for word in wanted):
            family = _some(word.exact | word.related for word in wanted)
            queries.append((family, asked.required(asked.texts), FAMILY))
        hits: dict[int, Hit] = {}
        for scored, required, limit in queries:
            for hit in await index.ranked(scored, required=required, scope=scope, limit=limit):
                hits.setdefault(hit.article_id, hit)
        return list(hits.values())

    def _pairs(self, wanted: Sequence[Sought]) -> Wanted:
        """Two of the rarest words together, or the rarest alone where it is rare enough."""
        rarest = sorted(wanted, key=lambda word: self.vocabulary.documents(word.exact))[:PAIRED]
        parts = [_some([word.exact]) for word in rarest]
        pairs: list[Wanted] = [
            All((part, Any(tuple(parts[number + 1 :])))) for number, part in enumerate(parts[:-1])
        ]
        if len(parts) == 1 or self.vocabulary.documents(rarest[0].exact) <= BUDGET // 10:
            pairs.append(parts[0])
        return Any(tuple(pairs))

    def _freshness(self, hit: Hit) -> float:
        """From 1 for what was published now towards 0."""
        return float(0.5 ** (max(0, self._clock.now() - hit.published) / HALF_LIFE))


def _some(forms: Iterable[frozenset[str]]) -> Wanted:
    """Any of these terms."""
    return Any(
        tuple(Terms((form,)) for form in dict.fromkeys(form for each in forms for form in sorted(each)))
    )


def one_a_page(found: Iterable[Found]) -> list[Found]:
    """The first of each page."""
    pages: dict[str, Found] = {}
    for each in found:
        pages.setdefault(each.hit.page, each)
    return list(pages.values())

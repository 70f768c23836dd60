"""Finding articles for a plan: all words together, the best partial matches, or the newest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from bot.core.clock import Clock
from bot.core.models import Article
from bot.search import ranking
from bot.search.passages import Passages
from bot.search.phrase_matching import Exactly
from bot.search.query_plan import Plan
from bot.search.ranking import Sought
from bot.search.semantic.semantic_search import Meaning, Nearby
from bot.search.vocabulary import Vocabulary
from bot.store import Store
from bot.store.sqlite import phrases
from bot.store.sqlite.coverage import Part
from bot.store.sqlite.hits import Hit, Shown
from bot.store.sqlite.search_index import All, Any, Column, Terms, Wanted, is_narrow
from bot.text import skimming, terms
from bot.text.language import detect

BUDGET = 6_000
"""Articles in the lists of a query's words up to which BM25 reads all: a quarter of a microsecond each."""
LOOKED_AT = 400  # articles read for the words of a phrase, at the most,
UNLIKE = 4  # or so many for each that is wanted
POOL = 200  # full matches that freshness may reorder
OWN = 30  # partial matches in the asker's language that are read and ranked,
OTHERS = 10  # in any,
FAMILY = 10  # and by words of the same family
MANY = 6  # words of a query that is not looked for whole
UNLIKELY = 1e-4  # where, if words did not keep company, so few articles would have them all
COMMON = 24  # partial matches of common words that are read
COVERED = 60  # full matches of common words that freshness may reorder,
IN_NEIGHBOURS = 100  # and those that are read for a phrase
SKIMMED = 5_000  # characters of a text that are read to rank it
HALF_LIFE = 30 * 86400  # seconds
FRESH = 0.15  # how much more an article of this moment counts
FRESH_PARTIAL = 0.1
AS_TYPED = 0.25  # how much more an article counts that has the words as they were typed


class Found(NamedTuple):
    """An article that was found. `read` is there when it was read, `article` when it was looked at.

    A `partial` one that is `alike` has none of the words, only relatives of them or what they mean. Its
    `points` are those of `store.coverage`, where lists are long, else 0.
    """

    hit: Hit
    partial: bool = False
    alike: bool = False
    read: Passages | None = None
    article: Article | None = None
    points: float = 0.0


class Gathered(NamedTuple):
    """Articles that may match some words, none read yet: the score of each is what it gains by its age.

    `language` is the asker's, where it shows.
    """

    wanted: list[Sought]
    language: str | None
    found: list[Found]
    near: Nearby

    def ordered(self, found: Iterable[Found]) -> list[Found]:
        """These articles by their scores, those of the other language lifted that mean the same."""
        found = list(found)
        foreign = {
            each.hit.article_id
            for each in found
            if self.language and each.article and each.article.language not in {self.language, None}
        }
        lifted = self.near.lifted({each.hit.article_id: each.hit.score for each in found}, foreign)
        scored = (
            each._replace(hit=each.hit._replace(score=lifted.get(each.hit.article_id, each.hit.score)))
            for each in found
        )
        return sorted(scored, key=lambda each: (each.partial, -each.hit.score))


class Finder:
    """Finds articles in a store, by what they mean too where their `meaning` is known."""

    def __init__(self, store: Store, meaning: Meaning | None = None) -> None:
        self._store = store
        self.meaning = meaning
        self._clock: Clock = store.clock
        self.vocabulary = Vocabulary(store)

    async def newest(self, asked: Plan, limit: int, shown: Shown) -> list[Found]:
        """What matches wholly, by date, with the articles that are shown."""
        index, required = self._store.index, asked.required((*asked.words, *asked.texts))
        if not asked.exact:
            return list(
                map(_found, await index.newest(required, scope=asked.scope, limit=limit, shown=shown))
            )
        # In long lists those of pairs are long as well.
        scope = (
            asked.scope if await self.vocabulary.is_long() else replace(asked.scope, pairs=asked.neighbours)
        )
        most = max(LOOKED_AT, UNLIKE * limit)
        for looked in sorted({min(2 * limit, most), most}):
            hits = await index.newest(required, scope=scope, limit=looked)
            found = await self._exact(asked, map(_found, hits), limit)
            asked.is_cut = len(found) < limit and len(hits) == looked
            if not asked.is_cut:
                break
        return found

    async def full(self, asked: Plan, limit: int, shown: Shown) -> list[Found]:
        """What matches wholly, the best first, with the articles that are shown."""
        shown = shown._replace(order=self._by_freshness)
        parts = (*asked.words, *asked.texts)
        is_long = await self.vocabulary.is_long()
        is_dear = is_long and self.vocabulary.cost(parts) > BUDGET
        if asked.exact and len(parts) == 1 and (is_dear or (is_long and asked.is_phrase)):
            return await self._read_exact(asked, parts[0], limit, shown)
        if asked.exact:  # what is shown is known only when it was read for the phrase
            shown = shown._replace(most=0)
        elif asked.written:
            shown = shown._replace(weigh=_as_typed(asked.written))
        if is_dear:
            if await self._is_unlikely(parts):
                return []
            most = limit
            if asked.exact:
                most = max(IN_NEIGHBOURS, limit)
            elif not is_narrow(asked.scope):  # those of a month are about as fresh as each other
                most = max(COVERED, limit)
            hits = await self._store.coverage.whole(
                self._parts(parts), required=asked.required(), scope=asked.scope, limit=most, shown=shown
            )
        else:
            most = max(LOOKED_AT, UNLIKE * limit) if asked.exact else max(POOL, limit)
            hits = await self._store.index.ranked(
                All(parts),
                required=asked.required(),
                scope=replace(asked.scope, pairs=asked.neighbours),
                limit=most,
                shown=shown,
            )
        found = await self._exact(asked, map(_found, hits), limit)
        if is_dear:
            found = [each._replace(points=each.hit.score) for each in found]
        asked.is_cut = bool(asked.exact) and len(found) < limit and len(hits) == most
        return found

    async def _read_exact(self, asked: Plan, part: Wanted, limit: int, shown: Shown) -> list[Found]:
        """What holds a phrase, and whatever else only its text tells, in long lists."""
        (sought,) = self._parts([part])
        test = Exactly(asked.exact)
        hits = await self._store.phrases.exact(
            sought,
            pairs=asked.pairs,
            required=asked.required(),
            scope=asked.scope,
            test=test,
            enough=limit,
            shown=shown,
        )
        asked.is_cut = len(hits) < limit and test.read >= phrases.PAIRED_TEXTS
        return list(map(_found, hits))

    def _by_freshness(self, hits: Iterable[Hit]) -> list[Hit]:
        """What was found, the best first, a fresh one being better."""
        fresh = [hit._replace(score=hit.score * (1 + FRESH * self._freshness(hit))) for hit in hits]
        return sorted(fresh, key=lambda hit: -hit.score)

    async def _is_unlikely(self, parts: Sequence[Wanted]) -> bool:
        """Whether so many words are wanted that articles with all of them are left to the partial matches."""
        if len(parts) < MANY or not await self.vocabulary.is_long():
            return False
        return self.vocabulary.cost(parts) > BUDGET and self.vocabulary.expected(parts) < UNLIKELY

    async def _exact(self, asked: Plan, found: Iterable[Found], limit: int) -> list[Found]:
        """Those of what was found that hold the very words of phrases, enough of them."""
        found = list(found)
        if not asked.exact:
            return found
        ids = [each.hit.article_id for each in found]
        passing = await self._store.phrases.passing(ids, Exactly(asked.exact), enough=limit)
        return [each for each in found if each.hit.article_id in passing]

    async def gathered(self, asked: Plan) -> Gathered:
        """What holds some of the words or means what is asked, in no order."""
        await self.vocabulary.ready()
        wanted = ranking.sought(" ".join(asked.written), self.vocabulary, within=asked.text)
        language = detect(asked.text)
        if not wanted:
            return Gathered(wanted, language, [], Nearby([], {}))
        hits = await self._candidates(asked, wanted, language)
        near = Nearby(hits, {}) if self.meaning is None else await self.meaning.near(asked, hits)
        articles = await self._store.articles.by_ids([hit.article_id for hit in near.hits])
        by_id = {article.id: article for article in articles}
        found = [
            Found(
                hit._replace(score=FRESH_PARTIAL * self._freshness(hit)),
                partial=True,
                article=by_id[hit.article_id],
                points=hit.score,
            )
            for hit in near.hits
            if hit.article_id in by_id
        ]
        return Gathered(wanted, language, found, near)

    async def partial(self, asked: Plan) -> list[Found]:
        """What holds some of the words, the best first; its scores are those of `ranking`.

        The words that misspelt ones were taken for are marked from here on.
        """
        gathered = await self.gathered(asked)
        wanted = gathered.wanted
        exact = frozenset[str]().union(*(word.exact for word in wanted))
        asked.forms.update(exact)
        scale = ranking.Scale(wanted, gathered.language)
        unseen = await self._is_unlikely((*asked.words, *asked.texts))
        found = []
        for each in gathered.found:
            if each.article:
                title, lines = _skimmed(each.article)
                score = each.hit.score + scale.score(title, lines, each.article.language)
                score += gathered.near.points(each.article.id)
                is_partial = not (unseen and _has_all(wanted, title, lines))
                alike = all(exact.isdisjoint(line) for line in (title, *lines))
                found.append(
                    each._replace(hit=each.hit._replace(score=score), partial=is_partial, alike=alike)
                )
                await asyncio.sleep(0)
        return await self._exact(asked, gathered.ordered(found), len(found))

    async def _candidates(self, asked: Plan, wanted: Sequence[Sought], language: str | None) -> list[Hit]:
        index, scope = self._store.index, asked.scope
        any_word = _some(word.exact for word in wanted)
        is_long = await self.vocabulary.is_long()
        if is_long and self.vocabulary.cost([any_word]) > BUDGET:
            parts = self._parts(_some([word.exact]) for word in wanted)
            required = asked.required(asked.texts)
            return await self._store.coverage.some(parts, required=required, scope=scope, limit=COMMON)
        queries = [(any_word, asked.required(asked.texts), OTHERS if language else OWN + OTHERS)]
        if language:
            own = Terms((terms.language_token(language),), Column.META)
            queries.insert(0, (any_word, asked.required((own, *asked.texts)), OWN))
        family = _some(word.exact | word.related for word in wanted)
        is_cheap = not is_long or self.vocabulary.cost([family]) <= BUDGET
        if is_cheap and any(word.related for word in wanted):
            queries.append((family, asked.required(asked.texts), FAMILY))
        hits: dict[int, Hit] = {}
        for scored, required, limit in queries:
            for hit in await index.ranked(scored, required=required, scope=scope, limit=limit):
                hits.setdefault(hit.article_id, hit)
        return list(hits.values())

    def _parts(self, parts: Iterable[Wanted]) -> list[Part]:
        """Parts of a query with what they tell and how common they are."""
        counted = [(part, self.vocabulary.holding(part)) for part in parts]
        return [Part(part, self.vocabulary.weight_of(documents), documents) for part, documents in counted]

    def _freshness(self, hit: Hit) -> float:
        """From 1 for what was published now towards 0."""
        return float(0.5 ** (max(0, self._clock.now() - hit.published) / HALF_LIFE))


def _as_typed(written: Iterable[str]) -> Callable[[Article], float]:
    """Weighs an article by how many of some words it has as they were typed, not in another form alone."""
    words = [tuple(terms.words(each)) for each in written]
    rows = skimming.Rows(words)

    def weigh(article: Article) -> float:
        text = f"{article.title} {skimming.APART} {(article.body or article.summary)[:SKIMMED]}"
        return 1 + AS_TYPED * rows.count(text) / len(words)

    return weigh


def _found(hit: Hit) -> Found:
    return Found(hit, article=hit.article)


def _skimmed(article: Article) -> tuple[list[str], list[list[str]]]:
    """About the terms of an article's title, and of its text sentence by sentence."""
    title = skimming.lines(article.title, article.language)
    text = (article.body or article.summary)[:SKIMMED]
    return [term for line in title for term in line], skimming.lines(text, article.language)


def _has_all(wanted: Iterable[Sought], title: Iterable[str], lines: Iterable[Sequence[str]]) -> bool:
    found = frozenset(title).union(*lines)
    return not any(word.exact.isdisjoint(found) for word in wanted)


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

"""From a query to the articles that match it, in order: the engine finds fifty, `ranking` orders them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple, TypeVar, TypeVarTuple

from bot.core.models import Article
from bot.search.index import analysis
from bot.search.index.engine import Hit, Scope, SearchEngine
from bot.search.query.analysed_query import Part, analysed
from bot.search.query.notes import Note, Remark
from bot.search.query.query_matching import ReadArticle, holds
from bot.search.query.query_tree import AllOf, Node, Phrase, Query, Word
from bot.search.ranking import FOUND, Reranker, Sought
from bot.search.related_terms import Related, related_terms
from bot.search.semantic.semantic_search import Meaning
from bot.store import Store
from bot.text.language import detect

FEW = 5
"""Full matches below which partial ones follow."""
MANY = 5
"""Words of a query from which articles with all of them stand among those with most of them."""
PASTED = 10
"""Words beside its phrases from which a query is a pasted text, whose quotation marks are its author's."""
FEWEST = 1_000
"""Articles by which what a word tells is reckoned, however few there are."""
NAME = 1.6
"""How much more a name or a number of a query tells than its frequency says."""
_OPENING = " '’\"«“(\xa0"  # what may stand between the end of a sentence and its first word
_ENDS = ".?!:…"  # of sentences
_INFLECTED = 3  # times as many articles of a phrase are looked at, of which some have it otherwise
_CLOSE = 20  # articles that are added for what they mean
_BRIEF = 60  # characters of plain words that are held against a page's articles in a few milliseconds

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Found(NamedTuple):
    """An article that was found. A `partial` one lacks a word; one that is `alike` has none of them."""

    article: Article
    score: float
    partial: bool = False
    alike: bool = False


@dataclass(frozen=True)
class Asked:
    """A query apart: plain words, phrases, and all that must hold in any case.

    `loose` are phrases that nobody has, or nobody together: articles near them are found instead. `reader` is
    the language of who asks, which counts where the words are of none. `related` are terms that may stand for
    a word where not all words are found.
    """

    words: tuple[str, ...]
    phrases: tuple[Phrase, ...]
    required: tuple[Node, ...]
    loose: tuple[Phrase, ...] = ()
    reader: str | None = None
    notes: tuple[Note, ...] = ()
    related: Related = field(default_factory=dict)

    @classmethod
    def of(cls, query: Query) -> Asked:
        """The parts of a query; what stands in parentheses without OR or NOT before it is no group."""
        nodes = list(_flat(query.nodes))
        words = tuple(node.text for node in nodes if isinstance(node, Word) and not node.title)
        phrases = tuple(node for node in nodes if isinstance(node, Phrase) and not node.title)
        rest = (node for node in nodes if not isinstance(node, Word | Phrase) or node.title)
        return cls(words, phrases, tuple(rest))

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All that must hold of a full match."""
        words = map(Word, self.words)
        return (*words, *self.held)

    @property
    def held(self) -> tuple[Node, ...]:
        """All that must hold of any match."""
        return (*(phrase for phrase in self.phrases if phrase not in self.loose), *self.required)

    @property
    def text(self) -> str:
        """What is looked for, in plain words."""
        return " ".join((*self.words, *(phrase.text for phrase in self.phrases)))

    @property
    def loose_text(self) -> str:
        """The same without phrases that are required."""
        return " ".join((*self.words, *(phrase.text for phrase in self.loose)))

    @cached_property
    def _rows(self) -> tuple[Part, ...]:
        return analysed(self.phrases).parts

    def is_as_typed(self, article: Article) -> bool:
        """Whether the phrases stand in an article as they were typed, or are not held to be anywhere."""
        if self.loose or not self.phrases:
            return True
        read = ReadArticle(article._replace(body=article.body or article.summary))
        return all(holds(row, read) for row in self._rows)

    async def reading(self, read: Callable[[*Ts], T], *args: *Ts) -> T:
        """Hold this against the texts of a page: in a thread unless brief, as a pasted text takes 50 ms."""
        if self.phrases or self.required or len(self.text) > _BRIEF:
            return await asyncio.to_thread(read, *args)
        return read(*args)

    def without(self, missing: Sequence[Phrase]) -> Asked:
        """The same by the words of its phrases, for nobody has these, which is said."""
        note = Note.of(Remark.PHRASES_MISSING, phrases=tuple(phrase.text for phrase in missing))
        return replace(self, loose=self.phrases, notes=(*self.notes, note))

    def sought(self, engine: SearchEngine) -> list[Sought]:
        """The words that say something, with what each tells."""
        text = self.text
        spans = {word: (start, end) for word, start, end in analysis.word_spans(text)}
        small = analysis.small_words(spans)
        sought = []
        for word, (start, end) in spans.items():
            if word not in small and (stems := analysis.query_stems(word)):
                related = self.related.get(word, frozenset())
                tells = weight(engine, stems) * (NAME if _is_name(text, start) else 1)
                sought.append(Sought(text[start:end].lower(), stems, tells, related))
        return sought


def _is_name(text: str, start: int) -> bool:
    """Whether a name or a number seems to start here: a capital that begins no sentence, or a digit."""
    before = text[:start].rstrip(_OPENING)[-1:]
    return text[start].isdigit() or bool(before and before not in _ENDS and text[start].isupper())


def _flat(nodes: Iterable[Node]) -> Iterator[Node]:
    """These nodes, with those of groups whose parts must all hold in their places."""
    for node in nodes:
        if isinstance(node, AllOf):
            yield from _flat(node.nodes)
        else:
            yield node


def weight(engine: SearchEngine, stems: Iterable[str]) -> float:
    """How much one of these index terms tells: BM25's idf of the commonest."""
    documents = max(map(engine.document_frequency, stems), default=0)
    size = max(engine.documents, documents, FEWEST)
    return math.log(1 + (size - documents + 0.5) / (documents + 0.5))


class RankedSearch:
    """Finds articles, by what they mean too where their `meaning` is known. Methods raise `EngineError`."""

    def __init__(self, store: Store, meaning: Meaning | None) -> None:
        self._store = store
        self._meaning = meaning

    async def newest(
        self, engine: SearchEngine, query: Query, asked: Asked, scope: Scope, most: int
    ) -> list[Found]:
        """What matches wholly, by date."""
        looked_at = most * _INFLECTED if asked.phrases else most
        hits = await asyncio.to_thread(lambda: engine.matching(query.nodes, scope, looked_at, newest=True))
        articles = await _as_typed(asked, await self._articles(hits))
        return [Found(article, 0.0) for article in articles[:most]]

    async def best(
        self, engine: SearchEngine, asked: Asked, scope: Scope, most: int
    ) -> tuple[Asked, list[Found]]:
        """What matches, the best first: as many as `most` of those that match wholly.

        With the query as it was answered: phrases are loosened for want of matches.
        """
        asked, full, some = await asyncio.to_thread(_matching, engine, asked, scope, max(FOUND, most))
        first = full[:FOUND]
        articles: dict[int, Article] = {}
        if full and asked.phrases and not asked.loose:
            articles = {article.id: article for article in await self._articles(first)}
            if not await asyncio.to_thread(any, map(asked.is_as_typed, articles.values())):
                asked = asked.without(asked.phrases)
                some = await asyncio.to_thread(_any_words, engine, asked, scope)
        close = {} if some is None else await self._close(engine, asked, scope)
        # Partial matches follow the full ones of few words: as many of them are read as are shown.
        read = most if len(asked.words) < MANY else FOUND
        hits = {hit.article_id: hit for hit in (*first, *(some or [])[: max(0, read - len(first))])}
        for id_ in [id_ for id_ in close if id_ not in hits][:_CLOSE]:
            hits[id_] = Hit(id_, 0.0)
        others = await self._articles([hit for hit in hits.values() if hit.article_id not in articles])
        whole = {hit.article_id for hit in first}
        candidates = [*articles.values(), *others]
        found = await asked.reading(self._judged, engine, asked, candidates, hits, close, whole)
        rest = await _as_typed(asked, await self._articles(full[FOUND:]))
        return asked, [*found, *(Found(article, 0.0) for article in rest)]

    async def _close(self, engine: SearchEngine, asked: Asked, scope: Scope) -> Mapping[int, float]:
        """The articles that are near in meaning, of those that all holds of that must, with their cosines."""
        if self._meaning is None or not asked.text:
            return {}
        near = dict(await self._meaning.nearest(asked.text, feed_ids=scope.feed_ids, limit=FOUND))
        if near and asked.held:
            among = replace(scope, article_ids=frozenset(near))
            fitting = await asyncio.to_thread(engine.matching, asked.held, among, len(near))
            near = {hit.article_id: near[hit.article_id] for hit in fitting}
        return near

    def _judged(
        self,
        engine: SearchEngine,
        asked: Asked,
        articles: Iterable[Article],
        hits: Mapping[int, Hit],
        cosines: Mapping[int, float],
        whole: Collection[int],
    ) -> list[Found]:
        """These articles in order: full matches first, unless the words are so many that chance decides.

        Those that are `whole` have all words, if far behind what is read of them here.
        """
        sought = asked.sought(engine)
        language = detect(asked.text) or asked.reader
        reranker = Reranker(sought, language=language, now=self._store.clock.now())
        top = max((hit.score for hit in hits.values()), default=0.0) or 1.0
        scores = {id_: hit.score / top for id_, hit in hits.items()}
        found: list[Found] = []
        for article in articles:
            judged = reranker.judge(article, scores[article.id], cosines.get(article.id, 0.0))
            has_all = article.id in whole or judged.has_all
            partial = not has_all or bool(asked.loose) or not asked.is_as_typed(article)
            found.append(Found(article, judged.score, partial, alike=not scores[article.id]))
        is_long = len(sought) >= MANY
        return sorted(found, key=lambda each: (each.partial and not is_long, -each.score))

    async def _articles(self, hits: Collection[Hit]) -> list[Article]:
        return await self._store.articles.by_ids([hit.article_id for hit in hits]) if hits else []


async def _as_typed(asked: Asked, articles: Collection[Article]) -> list[Article]:
    """Those in which the phrases stand as they were typed: in a thread, for whole texts are read."""
    if asked.phrases:
        articles = await asyncio.to_thread(lambda: list(filter(asked.is_as_typed, articles)))
    return list(articles)


def _matching(
    engine: SearchEngine, asked: Asked, scope: Scope, most: int
) -> tuple[Asked, list[Hit], list[Hit] | None]:
    """The query, loosened if need be; its whole matches; those of some words, None where none are needed."""
    full = engine.matching(asked.nodes, scope, most)
    if asked.phrases and not full:
        asked = _loosened(engine, asked, scope)
    text = asked.loose_text
    words = len(analysis.words(text))
    if len(full) >= FEW and words < MANY:
        return asked, full, None
    if words + len(asked.phrases) <= 1 and not asked.loose:
        return asked, full, []
    asked = replace(asked, related=related_terms(engine, analysis.words(" ".join(asked.words))))
    return asked, full, _any_words(engine, asked, scope)


def _any_words(engine: SearchEngine, asked: Asked, scope: Scope) -> list[Hit]:
    return engine.any_words(
        asked.loose_text, scope, FOUND, required=asked.held, near=asked.loose, related=asked.related
    )


def _loosened(engine: SearchEngine, asked: Asked, scope: Scope) -> Asked:
    """Let go of all phrases where nobody has them together, or has no more of a pasted text than them."""
    if len(asked.words) < PASTED and engine.matching(asked.held, scope, 1):
        return asked
    missing = [phrase for phrase in asked.phrases if not engine.matching((phrase, *asked.required), scope, 1)]
    if missing:
        return asked.without(missing)
    return replace(asked, loose=asked.phrases, notes=(*asked.notes, Note.of(Remark.PHRASES_APART)))

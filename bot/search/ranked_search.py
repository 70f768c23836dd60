"""Ranked search: the engine finds candidates, and the reranker puts them in order."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple, TypeVar, TypeVarTuple

from bot.core.models import Article
from bot.search.index import text_analysis
from bot.search.index.search_engine import Hit, Scope, SearchEngine
from bot.search.query.analysed_query import Clause, analyse_query
from bot.search.query.query_matching import AnalysedArticle, matches
from bot.search.query.query_notes import Note, NoteKind
from bot.search.query.query_tree import AllOf, Node, Phrase, Query, Word
from bot.search.related_terms import Related, related_terms
from bot.search.reranking import MAX_CANDIDATES, QueryTerm, Reranker
from bot.search.semantic.semantic_index import SemanticIndex
from bot.store import Store
from bot.text.language import detect

MIN_FULL_MATCHES = 5
"""Number of full matches below which partial matches are added."""
LONG_QUERY_WORDS = 5
"""Number of words from which on full matches do not rank above partial ones."""
PASTED = 10
"""Number of words besides phrases from which on a query is pasted text, with quotation marks of its own."""
MIN_COLLECTION_SIZE = 1_000
"""Collection size assumed at least when IDF is computed."""
NAME = 1.6
"""Factor on the IDF of names and numbers in a query."""
_OPENING = " '’\"«“(\xa0"
"""Characters that may stand between the end of a sentence and the next word."""
_ENDS = ".?!:…"
"""Characters that end a sentence."""
_PHRASE_OVERFETCH = 3
"""Factor on the number of hits for a phrase, because some contain it only in other inflections."""
_MAX_SEMANTIC_CANDIDATES = 20
"""Maximum number of candidates that are added by meaning alone."""
_MAX_INLINE_QUERY_LENGTH = 60
"""Maximum length of plain words that are matched on the event loop, in characters; it takes milliseconds."""

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class RankedArticle(NamedTuple):
    """A ranked article.

    `is_partial`: it lacks a word or phrase. `is_semantic_only`: it matches by meaning alone.
    """

    article: Article
    score: float
    partial: bool = False
    semantic_only: bool = False


@dataclass(frozen=True)
class QueryParts:
    """The parts of a query.

    Attributes:
        words: Plain words; a partial match may lack some of them.
        phrases: Quoted phrases outside titles.
        required: All other nodes; every match must satisfy them.
        relaxed_phrases: Phrases that no article contains, alone or together; they only add to the score.
        reader_language: ISO 639-1 code of the user's language, used if the query's own is unknown.
        notes: Notes on the relaxation.
        related: Index terms that may stand for a word in partial matches.
    """

    words: tuple[str, ...]
    phrases: tuple[Phrase, ...]
    required: tuple[Node, ...]
    relaxed_phrases: tuple[Phrase, ...] = ()
    reader_language: str | None = None
    notes: tuple[Note, ...] = ()
    related: Related = field(default_factory=dict)

    @classmethod
    def of(cls, query: Query) -> QueryParts:
        """Split a query into its parts; parentheses without OR or NOT have no effect."""
        nodes = list(_flatten_all_of(query.nodes))
        words = tuple(node.text for node in nodes if isinstance(node, Word) and not node.title_only)
        phrases = tuple(node for node in nodes if isinstance(node, Phrase) and not node.title_only)
        rest = (node for node in nodes if not isinstance(node, Word | Phrase) or node.title_only)
        return cls(words, phrases, tuple(rest))

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Return the nodes that a full match must satisfy."""
        words = map(Word, self.words)
        return (*words, *self.required_nodes)

    @property
    def required_nodes(self) -> tuple[Node, ...]:
        """Return the nodes that every match must satisfy."""
        return (*(phrase for phrase in self.phrases if phrase not in self.relaxed_phrases), *self.required)

    @property
    def text(self) -> str:
        """Return the words and phrases as plain text."""
        return " ".join((*self.words, *(phrase.text for phrase in self.phrases)))

    @property
    def relaxed_text(self) -> str:
        """Return the words and relaxed phrases as plain text."""
        return " ".join((*self.words, *(phrase.text for phrase in self.relaxed_phrases)))

    @cached_property
    def _phrase_clauses(self) -> tuple[Clause, ...]:
        return analyse_query(self.phrases).clauses

    def has_exact_phrases(self, article: Article) -> bool:
        """Return whether an article contains all phrases exactly; true if they are relaxed."""
        if self.relaxed_phrases or not self.phrases:
            return True
        read = AnalysedArticle(article._replace(body=article.body or article.summary))
        return all(matches(row, read) for row in self._phrase_clauses)

    async def run_maybe_in_thread(self, read: Callable[[*Ts], T], *args: *Ts) -> T:
        """Call a function that reads texts, in a thread unless the query is short.

        Matching pasted text takes 50 ms.
        """
        if self.phrases or self.required or len(self.text) > _MAX_INLINE_QUERY_LENGTH:
            return await asyncio.to_thread(read, *args)
        return read(*args)

    def relaxing(self, missing: Sequence[Phrase]) -> QueryParts:
        """Return the parts with all phrases relaxed, and a note on the missing ones."""
        note = Note.of(NoteKind.PHRASES_MISSING, phrases=tuple(phrase.text for phrase in missing))
        return replace(self, relaxed_phrases=self.phrases, notes=(*self.notes, note))

    def query_terms(self, engine: SearchEngine) -> list[QueryTerm]:
        """Return the content words with their weights."""
        text = self.text
        spans = {word: (start, end) for word, start, end in text_analysis.token_spans(text)}
        small = text_analysis.stop_words_in(spans)
        sought = []
        for word, (start, end) in spans.items():
            if word not in small and (stems := text_analysis.query_stems(word)):
                related = self.related.get(word, frozenset())
                tells = inverse_document_frequency(engine, stems) * (NAME if _is_name(text, start) else 1)
                sought.append(QueryTerm(text[start:end].lower(), stems, tells, related))
        return sought


def _is_name(text: str, start: int) -> bool:
    """Return whether a name or number starts here: a capital inside a sentence, or a digit."""
    before = text[:start].rstrip(_OPENING)[-1:]
    return text[start].isdigit() or bool(before and before not in _ENDS and text[start].isupper())


def _flatten_all_of(nodes: Iterable[Node]) -> Iterator[Node]:
    """Yield the nodes, with `AllOf` groups replaced by their nodes."""
    for node in nodes:
        if isinstance(node, AllOf):
            yield from _flatten_all_of(node.nodes)
        else:
            yield node


def inverse_document_frequency(engine: SearchEngine, stems: Iterable[str]) -> float:
    """Return the BM25 IDF of the most frequent of these index terms. Raises `EngineError`."""
    documents = max(map(engine.document_frequency, stems), default=0)
    size = max(engine.document_count, documents, MIN_COLLECTION_SIZE)
    return math.log(1 + (size - documents + 0.5) / (documents + 0.5))


class RankedSearch:
    """Finds and ranks articles, by meaning too if there is a semantic index. Methods raise `EngineError`."""

    def __init__(self, store: Store, meaning: SemanticIndex | None) -> None:
        self._store = store
        self._semantic_index = meaning

    async def newest(
        self, engine: SearchEngine, query: Query, asked: QueryParts, scope: Scope, limit: int
    ) -> list[RankedArticle]:
        """Return full matches, newest first."""
        looked_at = limit * _PHRASE_OVERFETCH if asked.phrases else limit
        hits = await asyncio.to_thread(lambda: engine.match_all(query.nodes, scope, looked_at, newest=True))
        articles = await _with_exact_phrases(asked, await self._articles(hits))
        return [RankedArticle(article, 0.0) for article in articles[:limit]]

    async def best(
        self, engine: SearchEngine, asked: QueryParts, scope: Scope, most: int
    ) -> tuple[QueryParts, list[RankedArticle]]:
        """Return the matches, best first, and the query as it was answered.

        At most `limit` full matches are returned. Phrases are relaxed if nothing matches them.
        """
        asked, full, some = await asyncio.to_thread(_match, engine, asked, scope, max(MAX_CANDIDATES, most))
        first = full[:MAX_CANDIDATES]
        articles: dict[int, Article] = {}
        if full and asked.phrases and not asked.relaxed_phrases:
            articles = {article.id: article for article in await self._articles(first)}
            if not await asyncio.to_thread(any, map(asked.has_exact_phrases, articles.values())):
                asked = asked.relaxing(asked.phrases)
                some = await asyncio.to_thread(_any_words, engine, asked, scope)
        close = {} if some is None else await self._semantic_candidates(engine, asked, scope)
        # For short queries partial matches rank last, so no more are read than can be shown.
        read = most if len(asked.words) < LONG_QUERY_WORDS else MAX_CANDIDATES
        hits = {hit.article_id: hit for hit in (*first, *(some or [])[: max(0, read - len(first))])}
        for id_ in [id_ for id_ in close if id_ not in hits][:_MAX_SEMANTIC_CANDIDATES]:
            hits[id_] = Hit(id_, 0.0)
        others = await self._articles([hit for hit in hits.values() if hit.article_id not in articles])
        whole = {hit.article_id for hit in first}
        candidates = [*articles.values(), *others]
        found = await asked.run_maybe_in_thread(self._rerank, engine, asked, candidates, hits, close, whole)
        rest = await _with_exact_phrases(asked, await self._articles(full[MAX_CANDIDATES:]))
        return asked, [*found, *(RankedArticle(article, 0.0) for article in rest)]

    async def _semantic_candidates(
        self, engine: SearchEngine, asked: QueryParts, scope: Scope
    ) -> Mapping[int, float]:
        """Return the cosines of the articles nearest in meaning that satisfy the required nodes, by id."""
        if self._semantic_index is None or not asked.text:
            return {}
        near = dict(
            await self._semantic_index.nearest(asked.text, feed_ids=scope.feed_ids, limit=MAX_CANDIDATES)
        )
        if near and asked.required_nodes:
            among = replace(scope, article_ids=frozenset(near))
            fitting = await asyncio.to_thread(engine.match_all, asked.required_nodes, among, len(near))
            near = {hit.article_id: near[hit.article_id] for hit in fitting}
        return near

    def _rerank(
        self,
        engine: SearchEngine,
        asked: QueryParts,
        articles: Iterable[Article],
        hits: Mapping[int, Hit],
        cosines: Mapping[int, float],
        full_match_ids: Collection[int],
    ) -> list[RankedArticle]:
        """Rank the articles: full matches first, unless the query is so long that a full match is chance.

        `full_match_ids` contain all words, though perhaps beyond the characters that are read here.
        """
        sought = asked.query_terms(engine)
        language = detect(asked.text) or asked.reader_language
        reranker = Reranker(sought, language=language, now=self._store.clock.now())
        top = max((hit.score for hit in hits.values()), default=0.0) or 1.0
        scores = {id_: hit.score / top for id_, hit in hits.items()}
        found: list[RankedArticle] = []
        for article in articles:
            judged = reranker.judge(article, scores[article.id], cosines.get(article.id, 0.0))
            has_all = article.id in full_match_ids or judged.matches_all_terms
            partial = not has_all or bool(asked.relaxed_phrases) or not asked.has_exact_phrases(article)
            found.append(RankedArticle(article, judged.score, partial, semantic_only=not scores[article.id]))
        is_long = len(sought) >= LONG_QUERY_WORDS
        return sorted(found, key=lambda each: (each.partial and not is_long, -each.score))

    async def _articles(self, hits: Collection[Hit]) -> list[Article]:
        return await self._store.articles.by_ids([hit.article_id for hit in hits]) if hits else []


async def _with_exact_phrases(asked: QueryParts, articles: Collection[Article]) -> list[Article]:
    """Return the articles that contain the phrases exactly, in a thread because whole texts are read."""
    if asked.phrases:
        articles = await asyncio.to_thread(lambda: list(filter(asked.has_exact_phrases, articles)))
    return list(articles)


def _match(
    engine: SearchEngine, asked: QueryParts, scope: Scope, most: int
) -> tuple[QueryParts, list[Hit], list[Hit] | None]:
    """Return the query, relaxed if needed, its full matches, and partial ones (None if not needed)."""
    full = engine.match_all(asked.nodes, scope, most)
    if asked.phrases and not full:
        asked = _relax_phrases(engine, asked, scope)
    text = asked.relaxed_text
    words = len(text_analysis.tokens(text))
    if len(full) >= MIN_FULL_MATCHES and words < LONG_QUERY_WORDS:
        return asked, full, None
    if words + len(asked.phrases) <= 1 and not asked.relaxed_phrases:
        return asked, full, []
    asked = replace(asked, related=related_terms(engine, text_analysis.tokens(" ".join(asked.words))))
    return asked, full, _any_words(engine, asked, scope)


def _any_words(engine: SearchEngine, asked: QueryParts, scope: Scope) -> list[Hit]:
    return engine.match_any(
        asked.relaxed_text,
        scope,
        MAX_CANDIDATES,
        required=asked.required_nodes,
        optional=asked.relaxed_phrases,
        related=asked.related,
    )


def _relax_phrases(engine: SearchEngine, asked: QueryParts, scope: Scope) -> QueryParts:
    """Relax all phrases if nothing contains them together, or if pasted text has missing ones."""
    if len(asked.words) < PASTED and engine.match_all(asked.required_nodes, scope, 1):
        return asked
    missing = [
        phrase for phrase in asked.phrases if not engine.match_all((phrase, *asked.required), scope, 1)
    ]
    if missing:
        return asked.relaxing(missing)
    return replace(
        asked, relaxed_phrases=asked.phrases, notes=(*asked.notes, Note.of(NoteKind.PHRASES_NEVER_TOGETHER))
    )

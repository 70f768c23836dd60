"""Ranked search: the engine finds articles, and the reranker sorts them by relevance."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple, TypeVar, TypeVarTuple

from bot.core.models import Article
from bot.search.index import text_analysis
from bot.search.index.search_engine import Hit, Scope, SearchEngine
from bot.search.query.analysed_query import Clause, analyse_query
from bot.search.query.query_matching import AnalysedArticle, matches_clause
from bot.search.query.query_notes import Note, NoteKind
from bot.search.query.query_tree import Node, Phrase, Query, Word, iter_required_nodes
from bot.search.related_terms import RelatedTerms, find_related_terms
from bot.search.reranking import MAX_RERANKED_ARTICLES, QueryTerm, Reranker
from bot.search.semantic.semantic_index import SemanticIndex
from bot.store import Store
from bot.text.language import detect_language

MIN_FULL_MATCHES = 5
"""Minimum number of articles with all words of a query; with fewer, partial matches are added."""
MIN_LONG_QUERY_WORDS = 5
"""Minimum number of words of a long query, in which full matches do not rank above partial ones."""
MIN_PASTED_WORDS = 10
"""Minimum number of words outside phrases of a query that is taken for pasted text.

Quotation marks in pasted text are not meant as search syntax.
"""
MIN_COLLECTION_SIZE = 1_000
"""Minimum number of articles that is assumed when inverse document frequencies are computed."""
NAME_WEIGHT_FACTOR = 1.6
"""Factor on the inverse document frequency of names and numbers in a query."""
_OPENING_PUNCTUATION = " '’\"«“(\xa0"
"""Characters that may stand between the end of a sentence and the next word."""
_SENTENCE_ENDS = ".?!:…"
"""Characters that end a sentence, after which a capital does not indicate a name."""
_PHRASE_OVERFETCH_FACTOR = 3
"""Factor on the number of hits fetched for a phrase.

Hits that contain the phrase only in other inflections are dropped.
"""
_MAX_SEMANTIC_CANDIDATES = 20
"""Maximum number of articles that are added to the results by meaning alone."""
_MAX_INLINE_QUERY_LENGTH = 60
"""Maximum length in characters of a query of plain words that is matched on the event loop.

Matching it takes milliseconds; all other queries are matched in a thread.
"""

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class RankedArticle(NamedTuple):
    """An article with its score; higher is better, 0 if it was not ranked by relevance.

    `is_partial` says that the article lacks a word or phrase of the query, `is_semantic_only` that it matches
    by meaning alone.
    """

    article: Article
    score: float
    is_partial: bool = False
    is_semantic_only: bool = False


@dataclass(frozen=True)
class QueryParts:
    """The parts of a query.

    Attributes:
        words: Plain words; a partial match may lack some of them.
        phrases: Quoted phrases outside titles.
        remaining_nodes: All nodes other than `words` and `phrases`; every match must satisfy them.
        relaxed_phrases: All phrases, if they were made optional because no article contains all of them; they
            only add to the score. Empty if the phrases are required.
        reader_language: ISO 639-1 code of the user's language, used if the query's own is unknown.
        notes: Notes on the phrases that were made optional.
        related_terms: Index terms, by word, that may stand for the word in partial matches.
    """

    words: tuple[str, ...]
    phrases: tuple[Phrase, ...]
    remaining_nodes: tuple[Node, ...]
    relaxed_phrases: tuple[Phrase, ...] = ()
    reader_language: str | None = None
    notes: tuple[Note, ...] = ()
    related_terms: RelatedTerms = field(default_factory=dict)

    @classmethod
    def from_query(cls, query: Query) -> QueryParts:
        """Return a query split into its parts.

        Parentheses without OR or NOT have no effect.
        """
        flattened_nodes = list(iter_required_nodes(query.nodes))
        words = tuple(node.text for node in flattened_nodes if isinstance(node, Word) and not node.is_title_only)
        phrases = tuple(node for node in flattened_nodes if isinstance(node, Phrase) and not node.is_title_only)
        remaining_nodes = (
            node for node in flattened_nodes if not isinstance(node, Word | Phrase) or node.is_title_only
        )
        return cls(words, phrases, tuple(remaining_nodes))

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Return the nodes of the query that a full match must satisfy."""
        word_nodes = map(Word, self.words)
        return (*word_nodes, *self.required_nodes)

    @property
    def required_nodes(self) -> tuple[Node, ...]:
        """Return the nodes of the query that every match must satisfy, even a partial one."""
        return (*(phrase for phrase in self.phrases if phrase not in self.relaxed_phrases), *self.remaining_nodes)

    @property
    def text(self) -> str:
        """Return the words and phrases of the query as plain text."""
        return " ".join((*self.words, *(phrase.text for phrase in self.phrases)))

    @property
    def relaxed_text(self) -> str:
        """Return the words and the optional (relaxed) phrases of the query as plain text."""
        return " ".join((*self.words, *(phrase.text for phrase in self.relaxed_phrases)))

    @cached_property
    def _phrase_clauses(self) -> tuple[Clause, ...]:
        return analyse_query(self.phrases).clauses

    def has_exact_phrases(self, article: Article) -> bool:
        """Return whether an article contains all phrases exactly; true if the phrases are optional."""
        if self.relaxed_phrases or not self.phrases:
            return True
        analysed_article = AnalysedArticle(article._replace(body=article.body or article.summary))
        return all(matches_clause(clause, analysed_article) for clause in self._phrase_clauses)

    async def run_in_thread_if_slow(self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        """Call a function that reads texts, in a thread unless the query is a few plain words, and return its result.

        Matching pasted text takes 50 ms.
        """
        if self.phrases or self.remaining_nodes or len(self.text) > _MAX_INLINE_QUERY_LENGTH:
            return await asyncio.to_thread(function, *args)
        return function(*args)

    def with_relaxed_phrases(self, missing_phrases: Sequence[Phrase]) -> QueryParts:
        """Return the parts with all phrases made optional, and a note on phrases that no article has."""
        note = Note.create(NoteKind.PHRASES_MISSING, phrases=tuple(phrase.text for phrase in missing_phrases))
        return replace(self, relaxed_phrases=self.phrases, notes=(*self.notes, note))

    def build_query_terms(self, engine: SearchEngine) -> list[QueryTerm]:
        """Return the content words of the query with their weights."""
        text = self.text
        span_by_word = {word: (start, end) for word, start, end in text_analysis.find_token_spans(text)}
        stop_words = text_analysis.find_stop_words(span_by_word)
        query_terms = []
        for word, (start, end) in span_by_word.items():
            if word not in stop_words and (stems := text_analysis.find_query_stems(word)):
                related_stems = self.related_terms.get(word, frozenset())
                weight = compute_idf(engine, stems) * (NAME_WEIGHT_FACTOR if _is_name(text, start) else 1)
                query_terms.append(QueryTerm(text[start:end].lower(), stems, weight, related_stems))
        return query_terms


def _is_name(text: str, start: int) -> bool:
    """Return whether a name or number starts at a position: a capital inside a sentence, or a digit."""
    preceding_character = text[:start].rstrip(_OPENING_PUNCTUATION)[-1:]
    return text[start].isdigit() or bool(
        preceding_character and preceding_character not in _SENTENCE_ENDS and text[start].isupper()
    )


def compute_idf(engine: SearchEngine, stems: Iterable[str]) -> float:
    """Return the BM25 inverse document frequency of the most frequent of `stems`, which are index terms.

    Raises `EngineError` if the index cannot be used.
    """
    document_frequency = max(map(engine.get_document_frequency, stems), default=0)
    collection_size = max(engine.document_count, document_frequency, MIN_COLLECTION_SIZE)
    return math.log(1 + (collection_size - document_frequency + 0.5) / (document_frequency + 0.5))


class RankedSearch:
    """Search that ranks articles, by meaning too if there is a semantic index.

    Methods raise `EngineError` if the index cannot be used, and `StoreError`.
    """

    def __init__(self, store: Store, semantic_index: SemanticIndex | None) -> None:
        self._store = store
        self._semantic_index = semantic_index

    async def find_newest(
        self, engine: SearchEngine, query: Query, query_parts: QueryParts, scope: Scope, limit: int
    ) -> list[RankedArticle]:
        """Return at most `limit` articles that match all of a query, newest first."""
        fetch_limit = limit * _PHRASE_OVERFETCH_FACTOR if query_parts.phrases else limit
        hits = await asyncio.to_thread(lambda: engine.match_all(query.nodes, scope, fetch_limit, newest_first=True))
        articles = await _filter_exact_phrases(query_parts, await self._load_articles(hits))
        return [RankedArticle(article, 0.0) for article in articles[:limit]]

    async def find_best(
        self, engine: SearchEngine, query_parts: QueryParts, scope: Scope, limit: int
    ) -> tuple[QueryParts, list[RankedArticle]]:
        """Return the matching articles, best first, and the query as it was answered.

        At most `limit` or `MAX_RERANKED_ARTICLES` full matches are returned, whichever is more. Phrases become
        optional if nothing matches them.
        """
        query_parts, full_hits, partial_hits = await asyncio.to_thread(
            _find_matches, engine, query_parts, scope, max(MAX_RERANKED_ARTICLES, limit)
        )
        first_full_hits = full_hits[:MAX_RERANKED_ARTICLES]
        article_by_id: dict[int, Article] = {}
        if full_hits and query_parts.phrases and not query_parts.relaxed_phrases:
            article_by_id = {article.id: article for article in await self._load_articles(first_full_hits)}
            if not await asyncio.to_thread(any, map(query_parts.has_exact_phrases, article_by_id.values())):
                query_parts = query_parts.with_relaxed_phrases(query_parts.phrases)
                partial_hits = await asyncio.to_thread(_find_partial_matches, engine, query_parts, scope)
        cosine_by_id = {} if partial_hits is None else await self._find_semantic_candidates(engine, query_parts, scope)
        # For short queries partial matches rank last, so no more are read than can be shown.
        max_reranked_articles = limit if len(query_parts.words) < MIN_LONG_QUERY_WORDS else MAX_RERANKED_ARTICLES
        hit_by_id = {
            hit.article_id: hit
            for hit in (
                *first_full_hits,
                *(partial_hits or [])[: max(0, max_reranked_articles - len(first_full_hits))],
            )
        }
        for article_id in [article_id for article_id in cosine_by_id if article_id not in hit_by_id][
            :_MAX_SEMANTIC_CANDIDATES
        ]:
            hit_by_id[article_id] = Hit(article_id, 0.0)
        remaining_articles = await self._load_articles(
            [hit for hit in hit_by_id.values() if hit.article_id not in article_by_id]
        )
        full_match_ids = {hit.article_id for hit in first_full_hits}
        candidates = [*article_by_id.values(), *remaining_articles]
        ranked_articles = await query_parts.run_in_thread_if_slow(
            self._rerank, engine, query_parts, candidates, hit_by_id, cosine_by_id, full_match_ids
        )
        later_articles = await _filter_exact_phrases(
            query_parts, await self._load_articles(full_hits[MAX_RERANKED_ARTICLES:])
        )
        return query_parts, [*ranked_articles, *(RankedArticle(article, 0.0) for article in later_articles)]

    async def _find_semantic_candidates(
        self, engine: SearchEngine, query_parts: QueryParts, scope: Scope
    ) -> Mapping[int, float]:
        """Return the articles nearest in meaning that match the required nodes, as cosines by id."""
        if self._semantic_index is None or not query_parts.text:
            return {}
        cosine_by_id = dict(
            await self._semantic_index.find_nearest(
                query_parts.text, feed_ids=scope.feed_ids, limit=MAX_RERANKED_ARTICLES
            )
        )
        if cosine_by_id and query_parts.required_nodes:
            candidate_scope = replace(scope, article_ids=frozenset(cosine_by_id))
            matching_hits = await asyncio.to_thread(
                engine.match_all, query_parts.required_nodes, candidate_scope, len(cosine_by_id)
            )
            cosine_by_id = {hit.article_id: cosine_by_id[hit.article_id] for hit in matching_hits}
        return cosine_by_id

    def _rerank(
        self,
        engine: SearchEngine,
        query_parts: QueryParts,
        articles: Iterable[Article],
        hit_by_id: Mapping[int, Hit],
        cosine_by_id: Mapping[int, float],
        full_match_ids: Collection[int],
    ) -> list[RankedArticle]:
        """Rank the articles: full matches first, except for long queries, which are ranked by score alone.

        `full_match_ids` are the ids of articles that contain all words, possibly after the `MAX_CHARS_READ`
        characters that the reranker reads.
        """
        query_terms = query_parts.build_query_terms(engine)
        language = detect_language(query_parts.text) or query_parts.reader_language
        reranker = Reranker(query_terms, language=language, now=self._store.clock.now())
        top_engine_score = max((hit.score for hit in hit_by_id.values()), default=0.0) or 1.0
        engine_score_by_id = {article_id: hit.score / top_engine_score for article_id, hit in hit_by_id.items()}
        ranked_articles: list[RankedArticle] = []
        for article in articles:
            rerank_score = reranker.score_article(
                article, engine_score_by_id[article.id], cosine_by_id.get(article.id, 0.0)
            )
            is_full_match = article.id in full_match_ids or rerank_score.matches_all_terms
            is_partial_match = (
                not is_full_match or bool(query_parts.relaxed_phrases) or not query_parts.has_exact_phrases(article)
            )
            ranked_articles.append(
                RankedArticle(
                    article,
                    rerank_score.score,
                    is_partial_match,
                    is_semantic_only=not engine_score_by_id[article.id],
                )
            )
        is_long_query = len(query_terms) >= MIN_LONG_QUERY_WORDS
        return sorted(
            ranked_articles,
            key=lambda ranked_article: (
                ranked_article.is_partial and not is_long_query,
                -ranked_article.score,
            ),
        )

    async def _load_articles(self, hits: Collection[Hit]) -> list[Article]:
        return await self._store.articles.list_by_ids([hit.article_id for hit in hits]) if hits else []


async def _filter_exact_phrases(query_parts: QueryParts, articles: Collection[Article]) -> list[Article]:
    """Return the articles among those given that contain the phrases exactly.

    The check runs in a thread, because it reads whole texts.
    """
    if query_parts.phrases:
        articles = await asyncio.to_thread(lambda: list(filter(query_parts.has_exact_phrases, articles)))
    return list(articles)


def _find_matches(
    engine: SearchEngine, query_parts: QueryParts, scope: Scope, limit: int
) -> tuple[QueryParts, list[Hit], list[Hit] | None]:
    """Return the query with phrases made optional if needed, its full matches, and its partial matches.

    The partial matches are None if a short query has enough full ones, and empty for a query of one word.
    """
    full_hits = engine.match_all(query_parts.nodes, scope, limit)
    if query_parts.phrases and not full_hits:
        query_parts = _relax_phrases(engine, query_parts, scope)
    relaxed_text = query_parts.relaxed_text
    word_count = len(text_analysis.tokenize(relaxed_text))
    if len(full_hits) >= MIN_FULL_MATCHES and word_count < MIN_LONG_QUERY_WORDS:
        return query_parts, full_hits, None
    if word_count + len(query_parts.phrases) <= 1 and not query_parts.relaxed_phrases:
        return query_parts, full_hits, []
    query_parts = replace(
        query_parts, related_terms=find_related_terms(engine, text_analysis.tokenize(" ".join(query_parts.words)))
    )
    return query_parts, full_hits, _find_partial_matches(engine, query_parts, scope)


def _find_partial_matches(engine: SearchEngine, query_parts: QueryParts, scope: Scope) -> list[Hit]:
    return engine.match_any(
        query_parts.relaxed_text,
        scope,
        MAX_RERANKED_ARTICLES,
        required_nodes=query_parts.required_nodes,
        optional_nodes=query_parts.relaxed_phrases,
        related_terms=query_parts.related_terms,
    )


def _relax_phrases(engine: SearchEngine, query_parts: QueryParts, scope: Scope) -> QueryParts:
    """Return a query with its phrases made optional, if it is pasted text or no article matches its required nodes.

    A query of less than `MIN_PASTED_WORDS` words is returned unchanged if any article matches its required nodes.
    A note says which phrases no article contains, or that no article contains all of them.
    """
    if len(query_parts.words) < MIN_PASTED_WORDS and engine.match_all(query_parts.required_nodes, scope, 1):
        return query_parts
    missing_phrases = [
        phrase
        for phrase in query_parts.phrases
        if not engine.match_all((phrase, *query_parts.remaining_nodes), scope, 1)
    ]
    if missing_phrases:
        return query_parts.with_relaxed_phrases(missing_phrases)
    return replace(
        query_parts,
        relaxed_phrases=query_parts.phrases,
        notes=(*query_parts.notes, Note.create(NoteKind.PHRASES_NEVER_TOGETHER)),
    )

"""Translation of query trees to tantivy queries: https://docs.rs/tantivy/latest/tantivy/query/."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import tantivy

from bot.search.index import text_analysis
from bot.search.index.search_engine import NO_TERMS, Scope
from bot.search.query.analysed_query import (
    AllClauses,
    AnyClause,
    Clause,
    NameClause,
    NotClause,
    PhraseClause,
    TermClause,
    analyse_query,
)
from bot.search.query.name_tokens import IMAGE
from bot.search.query.query_filters import FilterName
from bot.search.query.query_tree import FieldFilter, Node, Phrase

ARTICLE, FEED, PUBLISHED, LANGUAGE, FILTER_TOKENS = "article", "feed", "published", "language", "facts"
TITLE, BODY, TITLE_WORDS = "title", "body", "title_words"
COMPLETIONS, MARKER = "offered", "marker"

TIE_BREAKER = 0.5
"""Weight of the lower of the title and text scores, added to the higher one."""
RELATED = 0.5
"""Weight of a related term, relative to the word itself."""

_Query = tantivy.Query
_MUST, _SHOULD, _NOT = tantivy.Occur.Must, tantivy.Occur.Should, tantivy.Occur.MustNot


class QueryBuilder:
    """Builds queries for a schema. `languages` are the languages that a query's words may be in."""

    def __init__(
        self, schema: tantivy.Schema, languages: tuple[str, ...] = text_analysis.QUERY_LANGUAGES
    ) -> None:
        self._schema = schema
        self.languages = languages

    def match_all(self, nodes: Collection[Node], scope: Scope) -> tantivy.Query:
        """Build a query for articles that match all nodes; only words and phrases add to the score."""
        return self._scoped([], scope, nodes)

    def match_any(
        self,
        text: str,
        scope: Scope,
        required: Collection[Node] = (),
        optional: Collection[Node] = (),
        related: Mapping[str, Collection[str]] = NO_TERMS,
    ) -> tantivy.Query:
        """Build a query for articles that contain any word of a text, or a term `related` to one.

        All `required` nodes must match; `optional` ones add to the score.
        """
        words = list(dict.fromkeys(text_analysis.tokens(text)))
        small = text_analysis.stop_words_in(words, self.languages)
        telling = [
            self._word(stems, related.get(word, ()))
            for word in words
            if word not in small and (stems := text_analysis.query_stems(word, self.languages))
        ]
        some = telling or [self._phrase_clause((word,), title=False) for word in words]
        some += [query for _, query in self._clauses(analyse_query(optional, self.languages).clauses, scope)]
        if any(isinstance(node, Phrase) for node in required):
            # The phrase is restrictive enough; the words only add to the score.
            every = self._scoped([], scope, required)
            return _Query.boolean_query([(_MUST, every), *((_SHOULD, part) for part in some)])
        any_word = _Query.boolean_query([(_SHOULD, part) for part in some]) if some else _Query.empty_query()
        return self._scoped([any_word], scope, required)

    def match_similar(self, weights: Mapping[str, float], scope: Scope, besides: int) -> tantivy.Query:
        """Build a query for articles with at least two of the weighted index terms, without one article."""
        some = [
            (_SHOULD, _Query.boost_query(self._term_clause(frozenset({term}), title=False), weight))
            for term, weight in weights.items()
        ]
        two = _Query.boolean_query(some, minimum_number_should_match=min(2, len(some)))
        itself = _Query.term_query(self._schema, ARTICLE, besides)
        return _Query.boolean_query([(_MUST, self._scoped([two], scope)), (_NOT, itself)])

    def with_title_words(self, words: Iterable[str], query: tantivy.Query) -> tantivy.Query:
        """Build a query for articles that match `query` and have any of the unstemmed words in the title."""
        some = [_Query.term_query(self._schema, TITLE_WORDS, word) for word in words]
        return _Query.boolean_query([(_MUST, self._any_of(some)), (_MUST, query)])

    def since(self, moment: int, scope: Scope) -> tantivy.Query:
        """Build a query for the articles in scope published since a Unix time."""
        return self._scoped([self._published(moment, None)], scope)

    def _scoped(
        self, parts: Iterable[tantivy.Query], scope: Scope, nodes: Collection[Node] = ()
    ) -> tantivy.Query:
        """Build a query that requires all queries and nodes within the scope."""
        asked = analyse_query(nodes, self.languages)
        every = [*((_MUST, part) for part in parts), *self._clauses(asked.clauses, scope)]
        for field, ids in ((FEED, scope.feed_ids), (ARTICLE, scope.article_ids)):
            if ids is not None:
                chosen = _Query.term_set_query(self._schema, field, sorted(ids))
                every.append((_MUST, self._unscored(chosen)))
        if len(asked.dropped_stop_words) == 1:
            # A single stop word hardly reveals the language: "car" is a stop word only in French.
            (word,) = asked.dropped_stop_words
            if stems := text_analysis.query_stems(word, self.languages):
                every.append((_SHOULD, self._term_clause(stems, title=False)))
        return self._all_of(every)

    def _all_of(self, every: Sequence[tuple[tantivy.Occur, tantivy.Query]]) -> tantivy.Query:
        """Combine clauses of which all must match, or must not match if excluded."""
        if not any(occur == _MUST for occur, _ in every):
            every = [(_MUST, self._everything()), *every]
        return every[0][1] if len(every) == 1 else _Query.boolean_query(every)

    def _clauses(self, parts: Iterable[Clause], scope: Scope) -> list[tuple[tantivy.Occur, tantivy.Query]]:
        """Return the query of each clause with its occurrence: required or excluded."""
        return [
            (_NOT, self._clause(part.clause, scope))
            if isinstance(part, NotClause)
            else (_MUST, self._clause(part, scope))
            for part in parts
        ]

    def _everything(self) -> tantivy.Query:
        return self._unscored(self._published(None, None))  # The marker document has no date.

    def _published(self, since: int | None, before: int | None) -> tantivy.Query:
        return _Query.range_query(
            self._schema,
            PUBLISHED,
            tantivy.FieldType.Integer,
            -(2**62) if since is None else since,
            before,
            include_upper=before is None,
        )

    def _unscored(self, query: tantivy.Query) -> tantivy.Query:
        return _Query.const_score_query(query, 0.0)

    def _clause(self, part: Clause, scope: Scope) -> tantivy.Query:
        match part:
            case TermClause(stems, title):
                query = self._term_clause(stems, title=title)
            case PhraseClause(words, title):
                query = self._phrase_clause(words, title=title)
            case NameClause(tokens, whole):
                query = self._unscored(self._name_clause(tokens, whole))
            case FieldFilter():
                query = self._unscored(self._condition(part, scope))
            case NotClause():
                query = self._all_of(self._clauses((part,), scope))
            case AllClauses(parts):
                query = self._all_of(self._clauses(parts, scope))
            case AnyClause(parts):
                query = self._any_of([self._clause(inner, scope) for inner in parts])
        return query

    def _term_clause(self, stems: frozenset[str], *, title: bool) -> tantivy.Query:
        """Build a query for any of the stems; the best one in each field counts."""
        fields = (TITLE,) if title else (TITLE, BODY)
        each = [
            self._any_of([_Query.term_query(self._schema, field, stem) for stem in stems]) for field in fields
        ]
        return each[0] if len(each) == 1 else _Query.disjunction_max_query(each, TIE_BREAKER)

    def _word(self, stems: frozenset[str], related: Collection[str]) -> tantivy.Query:
        """Build a query for the stems of a word, or for related terms at a lower weight."""
        word = self._term_clause(stems, title=False)
        if not related:
            return word
        relatives = self._term_clause(frozenset(related), title=False)
        return self._any_of([word, _Query.boost_query(relatives, RELATED)])

    def _phrase_clause(self, words: Sequence[str], *, title: bool) -> tantivy.Query:
        """Build a query for consecutive words in any inflection; stop words must match exactly."""
        rows = dict.fromkeys(
            tuple(map(text_analysis.TermCache(language).__getitem__, words)) for language in self.languages
        )
        fields = (TITLE,) if title else (TITLE, BODY)
        return self._any_of([self._token_sequence(row, field) for row in rows for field in fields])

    def _token_sequence(self, terms: Sequence[str], field: str) -> tantivy.Query:
        """Build a query for consecutive index terms."""
        if len(terms) == 1:
            return _Query.term_query(self._schema, field, terms[0])
        return _Query.phrase_query(self._schema, field, [*terms])

    def _any_of(self, queries: Sequence[tantivy.Query]) -> tantivy.Query:
        return queries[0] if len(queries) == 1 else _Query.disjunction_max_query(list(queries))

    def _condition(self, condition: FieldFilter, scope: Scope) -> tantivy.Query:
        value = condition.value
        match condition.filter:
            case FilterName.SINCE:
                return self._published(int(value), None)
            case FilterName.BEFORE:
                return self._published(None, int(value))
            case FilterName.BOOKMARKED:
                return _Query.term_set_query(self._schema, ARTICLE, sorted(scope.bookmarked_article_ids))
            case FilterName.LANGUAGE:
                return _Query.term_query(self._schema, LANGUAGE, str(value))
            case FilterName.IMAGE:
                return _Query.term_query(self._schema, FILTER_TOKENS, IMAGE)
            case name:
                raise ValueError(name)

    def _name_clause(self, tokens: Sequence[str], whole: str) -> tantivy.Query:
        """Build a query for a name by its consecutive tokens, or by its joined token."""
        in_one = _Query.term_query(self._schema, FILTER_TOKENS, whole)
        if tokens == (whole,):
            return in_one
        return self._any_of([in_one, self._token_sequence(tokens, FILTER_TOKENS)])

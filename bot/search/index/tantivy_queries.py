"""Translation of query trees to tantivy queries: https://docs.rs/tantivy/latest/tantivy/query/."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import tantivy

from bot.search.index import text_analysis
from bot.search.index.search_engine import NO_RELATED_TERMS, Scope
from bot.search.query.analysed_query import (
    Clause,
    NameClause,
    PhraseClause,
    TermClause,
    analyse_query,
)
from bot.search.query.name_tokens import IMAGE_MARKER
from bot.search.query.query_filters import FilterName
from bot.search.query.query_tree import AllOf, AnyOf, FieldFilter, Node, Not, Phrase

# Names of the index's fields. `MARKER_FIELD` marks the only document that is no article; it stores the position in the
# change log.
ARTICLE_FIELD, FEED_FIELD, PUBLISHED_FIELD, LANGUAGE_FIELD, FILTER_TOKENS_FIELD = (
    "article",
    "feed",
    "published",
    "language",
    "facts",
)
TITLE_FIELD, BODY_FIELD, TITLE_WORDS_FIELD, NAMES_FIELD = "title", "body", "title_words", "names"
COMPLETIONS_FIELD, MARKER_FIELD = "offered", "marker"

WORSE_FIELD_FACTOR = 0.5
"""Factor on the lower of a word's scores in title and text, before it is added to the higher score."""
RELATED_TERM_FACTOR = 0.5
"""Factor on the score of a term related to a word of the query, relative to the word itself."""

_Query = tantivy.Query
_MUST_OCCUR, _SHOULD_OCCUR, _MUST_NOT_OCCUR = tantivy.Occur.Must, tantivy.Occur.Should, tantivy.Occur.MustNot


class QueryBuilder:
    """Builder of tantivy queries. `languages` are the languages that the words of a query may be in.

    The scope of a query is the feeds and articles to which it is restricted, and the articles that are bookmarked.
    """

    def __init__(self, schema: tantivy.Schema, languages: tuple[str, ...] = text_analysis.QUERY_LANGUAGES) -> None:
        self._schema = schema
        self.languages = languages

    def match_all(self, nodes: Collection[Node], scope: Scope) -> tantivy.Query:
        """Build a query for articles that match all nodes; only words and phrases add to the score."""
        return self._build_scoped_query([], scope, nodes)

    def match_any(
        self,
        text: str,
        scope: Scope,
        required_nodes: Collection[Node] = (),
        optional_nodes: Collection[Node] = (),
        related_terms: Mapping[str, Collection[str]] = NO_RELATED_TERMS,
    ) -> tantivy.Query:
        """Build a query for articles that contain a word of a text or a related term, or match an optional node.

        `related_terms` are index terms by word. All `required_nodes` must match. If one of them is a phrase, the words
        and `optional_nodes` only add to the score.
        """
        words = list(dict.fromkeys(text_analysis.tokenize(text)))
        stop_words = text_analysis.find_stop_words(words, self.languages)
        word_queries = [
            self._build_word_query(stems, related_terms.get(word, ()))
            for word in words
            if word not in stop_words and (stems := text_analysis.find_query_stems(word, self.languages))
        ]
        alternative_queries = word_queries or [self._build_phrase_query((word,), is_title_only=False) for word in words]
        alternative_queries += [
            query for _, query in self._build_subqueries(analyse_query(optional_nodes, self.languages).clauses, scope)
        ]
        if any(isinstance(node, Phrase) for node in required_nodes):
            # The phrase is restrictive enough; the words only add to the score.
            required_query = self._build_scoped_query([], scope, required_nodes)
            return _Query.boolean_query(
                [
                    (_MUST_OCCUR, required_query),
                    *((_SHOULD_OCCUR, alternative_query) for alternative_query in alternative_queries),
                ]
            )
        any_alternative_query = (
            _Query.boolean_query([(_SHOULD_OCCUR, alternative_query) for alternative_query in alternative_queries])
            if alternative_queries
            else _Query.empty_query()
        )
        return self._build_scoped_query([any_alternative_query], scope, required_nodes)

    def match_similar(
        self, weight_by_term: Mapping[str, float], scope: Scope, excluded_article_id: int
    ) -> tantivy.Query:
        """Build a query for articles, except one, with two or more of the weighted index terms (or the only term)."""
        term_subqueries = [
            (
                _SHOULD_OCCUR,
                _Query.boost_query(self._build_term_query(frozenset({term}), is_title_only=False), weight),
            )
            for term, weight in weight_by_term.items()
        ]
        shared_terms_query = _Query.boolean_query(
            term_subqueries, minimum_number_should_match=min(2, len(term_subqueries))
        )
        excluded_article_query = _Query.term_query(self._schema, ARTICLE_FIELD, excluded_article_id)
        return _Query.boolean_query(
            [
                (_MUST_OCCUR, self._build_scoped_query([shared_terms_query], scope)),
                (_MUST_NOT_OCCUR, excluded_article_query),
            ]
        )

    def match_title_words(self, words: Iterable[str], query: tantivy.Query) -> tantivy.Query:
        """Build a query for articles that match `query` and have any of the unstemmed words in the title."""
        word_queries = [_Query.term_query(self._schema, TITLE_WORDS_FIELD, word) for word in words]
        return _Query.boolean_query([(_MUST_OCCUR, self._build_any_query(word_queries)), (_MUST_OCCUR, query)])

    def match_published_since(self, since: int, scope: Scope) -> tantivy.Query:
        """Build a query for the articles in scope published at or after a Unix time in seconds."""
        return self._build_scoped_query([self._match_published(since, None)], scope)

    def _build_scoped_query(
        self, queries: Iterable[tantivy.Query], scope: Scope, nodes: Collection[Node] = ()
    ) -> tantivy.Query:
        """Build a query for articles within the scope that match all given queries and nodes."""
        analysed_query = analyse_query(nodes, self.languages)
        subqueries = [
            *((_MUST_OCCUR, query) for query in queries),
            *self._build_subqueries(analysed_query.clauses, scope),
        ]
        for id_field, ids in ((FEED_FIELD, scope.feed_ids), (ARTICLE_FIELD, scope.article_ids)):
            if ids is not None:
                ids_query = _Query.term_set_query(self._schema, id_field, sorted(ids))
                subqueries.append((_MUST_OCCUR, self._build_unscored_query(ids_query)))
        if scope.feed_ids is None:
            subqueries.append((_MUST_OCCUR, self._build_unscored_query(self._match_feeds_for_everyone())))
        if len(analysed_query.dropped_stop_words) == 1:
            # A single stop word hardly reveals the language: "car" is a stop word only in French.
            (word,) = analysed_query.dropped_stop_words
            if stems := text_analysis.find_query_stems(word, self.languages):
                subqueries.append((_SHOULD_OCCUR, self._build_term_query(stems, is_title_only=False)))
        return self._build_all_query(subqueries)

    def _build_all_query(self, subqueries: Sequence[tuple[tantivy.Occur, tantivy.Query]]) -> tantivy.Query:
        """Build a query for articles that match all subqueries that must match, and none that must not."""
        if not any(occur == _MUST_OCCUR for occur, _ in subqueries):
            subqueries = [(_MUST_OCCUR, self._match_everything()), *subqueries]
        return subqueries[0][1] if len(subqueries) == 1 else _Query.boolean_query(subqueries)

    def _build_subqueries(self, clauses: Iterable[Clause], scope: Scope) -> list[tuple[tantivy.Occur, tantivy.Query]]:
        """Return the tantivy query of each clause, with whether it must match or must not match."""
        return [
            (_MUST_NOT_OCCUR, self._build_clause(clause.node, scope))
            if isinstance(clause, Not)
            else (_MUST_OCCUR, self._build_clause(clause, scope))
            for clause in clauses
        ]

    def _match_feeds_for_everyone(self) -> tantivy.Query:
        """Build a query that leaves out the pages that users saved, whose feeds have negative ids."""
        return _Query.range_query(self._schema, FEED_FIELD, tantivy.FieldType.Integer, 1, None)

    def _match_everything(self) -> tantivy.Query:
        return self._build_unscored_query(self._match_published(None, None))  # The marker document has no date.

    def _match_published(self, since: int | None, before: int | None) -> tantivy.Query:
        return _Query.range_query(
            self._schema,
            PUBLISHED_FIELD,
            tantivy.FieldType.Integer,
            -(2**62) if since is None else since,
            before,
            include_upper=before is None,
        )

    def _build_unscored_query(self, query: tantivy.Query) -> tantivy.Query:
        return _Query.const_score_query(query, 0.0)

    def _build_clause(self, clause: Clause, scope: Scope) -> tantivy.Query:
        match clause:
            case TermClause(stems, True):
                query = self._build_term_query(stems, is_title_only=True)
            case TermClause(stems, _, word):
                query = self._build_spelling_query(word, stems)
            case PhraseClause(words, is_title_only):
                query = self._build_phrase_query(words, is_title_only=is_title_only)
            case NameClause(tokens, joined_token):
                query = self._build_unscored_query(self._build_name_query(tokens, joined_token))
            case FieldFilter():
                query = self._build_unscored_query(self._build_filter_query(clause, scope))
            case Not():
                query = self._build_all_query(self._build_subqueries((clause,), scope))
            case AllOf(clauses):
                query = self._build_all_query(self._build_subqueries(clauses, scope))
            case AnyOf(clauses):
                query = self._build_any_query([self._build_clause(inner_clause, scope) for inner_clause in clauses])
        return query

    def _build_term_query(self, stems: frozenset[str], *, is_title_only: bool) -> tantivy.Query:
        """Build a query for any of the stems; in each field, only the stem with the best score counts."""
        field_names = (TITLE_FIELD,) if is_title_only else (TITLE_FIELD, BODY_FIELD)
        field_queries = [
            self._build_any_query([_Query.term_query(self._schema, field, stem) for stem in stems])
            for field in field_names
        ]
        return (
            field_queries[0]
            if len(field_queries) == 1
            else _Query.disjunction_max_query(field_queries, WORSE_FIELD_FACTOR)
        )

    def _build_spelling_query(self, word: str, stems: frozenset[str]) -> tantivy.Query:
        """Build a query for the stems of a word; an article that has the word as a name, spelled so, scores higher."""
        word_query = self._build_term_query(stems, is_title_only=False)
        if stems == {word}:
            return word_query
        name_query = _Query.term_query(self._schema, NAMES_FIELD, word)
        return _Query.boolean_query([(_MUST_OCCUR, word_query), (_SHOULD_OCCUR, name_query)])

    def _build_word_query(self, stems: frozenset[str], related_terms: Collection[str]) -> tantivy.Query:
        """Build a query for the stems of a word, or for its related terms at a lower weight."""
        word_query = self._build_term_query(stems, is_title_only=False)
        if not related_terms:
            return word_query
        related_query = self._build_term_query(frozenset(related_terms), is_title_only=False)
        return self._build_any_query([word_query, _Query.boost_query(related_query, RELATED_TERM_FACTOR)])

    def _build_phrase_query(self, words: Sequence[str], *, is_title_only: bool) -> tantivy.Query:
        """Build a query for consecutive words in any inflection; stop words must match exactly."""
        term_sequences = dict.fromkeys(
            tuple(map(text_analysis.TermCache(language).__getitem__, words)) for language in self.languages
        )
        field_names = (TITLE_FIELD,) if is_title_only else (TITLE_FIELD, BODY_FIELD)
        return self._build_any_query(
            [self._build_sequence_query(terms, field) for terms in term_sequences for field in field_names]
        )

    def _build_sequence_query(self, terms: Sequence[str], field: str) -> tantivy.Query:
        """Build a query for articles in which the index terms stand consecutively."""
        if len(terms) == 1:
            return _Query.term_query(self._schema, field, terms[0])
        return _Query.phrase_query(self._schema, field, [*terms])

    def _build_any_query(self, queries: Sequence[tantivy.Query]) -> tantivy.Query:
        return queries[0] if len(queries) == 1 else _Query.disjunction_max_query(list(queries))

    def _build_filter_query(self, field_filter: FieldFilter, scope: Scope) -> tantivy.Query:
        filter_value = field_filter.value
        match field_filter.filter_name:
            case FilterName.SINCE:
                return self._match_published(int(filter_value), None)
            case FilterName.BEFORE:
                return self._match_published(None, int(filter_value))
            case FilterName.BOOKMARKED:
                return _Query.term_set_query(self._schema, ARTICLE_FIELD, sorted(scope.bookmarked_article_ids))
            case FilterName.LANGUAGE:
                return _Query.term_query(self._schema, LANGUAGE_FIELD, str(filter_value))
            case FilterName.IMAGE:
                return _Query.term_query(self._schema, FILTER_TOKENS_FIELD, IMAGE_MARKER)
            case name:
                raise ValueError(name)

    def _build_name_query(self, tokens: Sequence[str], joined_token: str) -> tantivy.Query:
        """Build a query for a name: its tokens in sequence, or written as one word ("lemonde")."""
        joined_query = _Query.term_query(self._schema, FILTER_TOKENS_FIELD, joined_token)
        if tokens == (joined_token,):
            return joined_query
        return self._build_any_query([joined_query, self._build_sequence_query(tokens, FILTER_TOKENS_FIELD)])

"""A query tree as tantivy's query: https://docs.rs/tantivy/latest/tantivy/query/."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import tantivy

from bot.search.index import analysis
from bot.search.index.engine import NO_TERMS, Scope
from bot.search.query.analysed_query import Every, Name, Part, Row, Some, Stems, Without, analysed
from bot.search.query.article_names import IMAGE
from bot.search.query.filter_names import Filter
from bot.search.query.query_tree import Condition, Node, Phrase

ARTICLE, FEED, PUBLISHED, LANGUAGE, FACTS = "article", "feed", "published", "language", "facts"
TITLE, BODY, TITLE_WORDS = "title", "body", "title_words"
OFFERED, MARKER = "offered", "marker"

OTHER_FIELD = 0.5
"""How much the worse of title and text counts beside the better one."""
RELATED = 0.5
"""How much a term that is related to a word counts beside the word."""

_Query = tantivy.Query
_MUST, _SHOULD, _NOT = tantivy.Occur.Must, tantivy.Occur.Should, tantivy.Occur.MustNot


class Queries:
    """Makes queries for a schema. `languages` are those that a word may be of."""

    def __init__(self, schema: tantivy.Schema, languages: tuple[str, ...] = analysis.ASKED_IN) -> None:
        self._schema = schema
        self.languages = languages

    def all_of(self, nodes: Collection[Node], scope: Scope) -> tantivy.Query:
        """What all nodes hold of, scored by their words alone."""
        return self._within([], scope, nodes)

    def any_of(
        self,
        text: str,
        scope: Scope,
        required: Collection[Node] = (),
        near: Collection[Node] = (),
        related: Mapping[str, Collection[str]] = NO_TERMS,
    ) -> tantivy.Query:
        """What any word of a text stands in, or a term `related` to one; `required` holds, `near` adds to the
        score."""
        words = list(dict.fromkeys(analysis.words(text)))
        small = analysis.small_words(words, self.languages)
        telling = [
            self._word(stems, related.get(word, ()))
            for word in words
            if word not in small and (stems := analysis.query_stems(word, self.languages))
        ]
        some = telling or [self._plain((word,), title=False) for word in words]
        some += [query for _, query in self._parts(analysed(near, self.languages).parts, scope)]
        if any(isinstance(node, Phrase) for node in required):  # which is enough
            every = self._within([], scope, required)
            return _Query.boolean_query([(_MUST, every), *((_SHOULD, part) for part in some)])
        any_word = _Query.boolean_query([(_SHOULD, part) for part in some]) if some else _Query.empty_query()
        return self._within([any_word], scope, required)

    def weighted(self, weights: Mapping[str, float], scope: Scope, besides: int) -> tantivy.Query:
        """What has some of these index terms, each counting so much; the article `besides` is left out."""
        some = [
            (_SHOULD, _Query.boost_query(self._stemmed(frozenset({term}), title=False), weight))
            for term, weight in weights.items()
        ]
        two = _Query.boolean_query(some, minimum_number_should_match=min(2, len(some)))
        itself = _Query.term_query(self._schema, ARTICLE, besides)
        return _Query.boolean_query([(_MUST, self._within([two], scope)), (_NOT, itself)])

    def with_words(self, words: Iterable[str], query: tantivy.Query) -> tantivy.Query:
        """What has some of these words in its title, as they stand, and matches a query."""
        some = [_Query.term_query(self._schema, TITLE_WORDS, word) for word in words]
        return _Query.boolean_query([(_MUST, self._either(some)), (_MUST, query)])

    def since(self, moment: int, scope: Scope) -> tantivy.Query:
        """The articles of a scope published since then."""
        return self._within([self._published(moment, None)], scope)

    def _within(
        self, parts: Iterable[tantivy.Query], scope: Scope, nodes: Collection[Node] = ()
    ) -> tantivy.Query:
        """What all parts and all nodes hold of, among what may be found."""
        asked = analysed(nodes, self.languages)
        every = [*((_MUST, part) for part in parts), *self._parts(asked.parts, scope)]
        for field, ids in ((FEED, scope.feed_ids), (ARTICLE, scope.article_ids)):
            if ids is not None:
                chosen = _Query.term_set_query(self._schema, field, sorted(ids))
                every.append((_MUST, self._unscored(chosen)))
        if len(asked.left_out) == 1:  # it tells little of the language: "car" is small in French
            (word,) = asked.left_out
            if stems := analysis.query_stems(word, self.languages):
                every.append((_SHOULD, self._stemmed(stems, title=False)))
        return self._all_of(every)

    def _all_of(self, every: Sequence[tuple[tantivy.Occur, tantivy.Query]]) -> tantivy.Query:
        """What all parts hold of, of which some may be unwanted."""
        if not any(occur == _MUST for occur, _ in every):
            every = [(_MUST, self._everything()), *every]
        return every[0][1] if len(every) == 1 else _Query.boolean_query(every)

    def _parts(self, parts: Iterable[Part], scope: Scope) -> list[tuple[tantivy.Occur, tantivy.Query]]:
        """What is asked by parts of a query, and whether it is wanted."""
        return [
            (_NOT, self._part(part.part, scope))
            if isinstance(part, Without)
            else (_MUST, self._part(part, scope))
            for part in parts
        ]

    def _everything(self) -> tantivy.Query:
        return self._unscored(self._published(None, None))  # the marker has no date

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

    def _part(self, part: Part, scope: Scope) -> tantivy.Query:
        match part:
            case Stems(stems, title):
                query = self._stemmed(stems, title=title)
            case Row(words, title):
                query = self._plain(words, title=title)
            case Name(tokens, whole):
                query = self._unscored(self._named(tokens, whole))
            case Condition():
                query = self._unscored(self._condition(part, scope))
            case Without():
                query = self._all_of(self._parts((part,), scope))
            case Every(parts):
                query = self._all_of(self._parts(parts, scope))
            case Some(parts):
                query = self._either([self._part(inner, scope) for inner in parts])
        return query

    def _stemmed(self, stems: frozenset[str], *, title: bool) -> tantivy.Query:
        """A word by its stems, of which an article counts the best."""
        fields = (TITLE,) if title else (TITLE, BODY)
        each = [
            self._either([_Query.term_query(self._schema, field, stem) for stem in stems]) for field in fields
        ]
        return each[0] if len(each) == 1 else _Query.disjunction_max_query(each, OTHER_FIELD)

    def _word(self, stems: frozenset[str], related: Collection[str]) -> tantivy.Query:
        """A word by its stems, or by related terms, which count less."""
        word = self._stemmed(stems, title=False)
        if not related:
            return word
        relatives = self._stemmed(frozenset(related), title=False)
        return self._either([word, _Query.boost_query(relatives, RELATED)])

    def _plain(self, words: Sequence[str], *, title: bool) -> tantivy.Query:
        """Words in a row, inflected or not; small ones as they stand."""
        rows = dict.fromkeys(
            tuple(map(analysis.Terms(language).__getitem__, words)) for language in self.languages
        )
        fields = (TITLE,) if title else (TITLE, BODY)
        return self._either([self._row(row, field) for row in rows for field in fields])

    def _row(self, terms: Sequence[str], field: str) -> tantivy.Query:
        """Index terms in a row."""
        if len(terms) == 1:
            return _Query.term_query(self._schema, field, terms[0])
        return _Query.phrase_query(self._schema, field, [*terms])

    def _either(self, queries: Sequence[tantivy.Query]) -> tantivy.Query:
        return queries[0] if len(queries) == 1 else _Query.disjunction_max_query(list(queries))

    def _condition(self, condition: Condition, scope: Scope) -> tantivy.Query:
        value = condition.value
        match condition.filter:
            case Filter.SINCE:
                return self._published(int(value), None)
            case Filter.BEFORE:
                return self._published(None, int(value))
            case Filter.BOOKMARKED:
                return _Query.term_set_query(self._schema, ARTICLE, sorted(scope.bookmarked))
            case Filter.LANGUAGE:
                return _Query.term_query(self._schema, LANGUAGE, str(value))
            case Filter.IMAGE:
                return _Query.term_query(self._schema, FACTS, IMAGE)
            case name:
                raise ValueError(name)

    def _named(self, tokens: Sequence[str], whole: str) -> tantivy.Query:
        """A name by its tokens in a row, or by all of them in one."""
        in_one = _Query.term_query(self._schema, FACTS, whole)
        if tokens == (whole,):
            return in_one
        return self._either([in_one, self._row(tokens, FACTS)])

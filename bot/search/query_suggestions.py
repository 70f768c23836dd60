"""Suggestions for a query: replacements for words and names that hardly any article has, and quotation marks."""

import asyncio
from collections.abc import Iterable, Sequence
from itertools import chain, takewhile, zip_longest
from typing import NamedTuple

from rapidfuzz import fuzz, process

from bot.search.index import text_analysis
from bot.search.index.search_engine import CompletionField, Scope, SearchEngine
from bot.search.query.query_filters import FilterName, format_filter
from bot.search.query.query_notes import Note, NoteKind
from bot.search.query.query_tree import (
    AnyOf,
    FieldFilter,
    Phrase,
    Query,
    UnquotedFilter,
    Word,
    iter_leaves,
    iter_required_nodes,
)
from bot.search.related_terms import MAX_COMPARED_TERMS, find_similar_spellings
from bot.store import Store
from bot.text.words import fold

MAX_SUGGESTIONS = 3
"""Maximum number of suggestions for a query."""
MAX_WORDS_CHECKED = 8
"""Maximum number of a query's words that are checked for typos; a missing word takes some milliseconds."""
COMMON_DOCUMENT_FREQUENCY = 1_000
"""Document frequency above which a word is assumed to occur in some article that the user may read.

The document frequency is the number of articles with the word.
"""
MAX_COMPARED_TERMS_IF_PRESENT = 2_000
"""Maximum number of index terms that a word is compared with if some article contains the word."""
MAX_TYPO_DOCUMENT_FREQUENCY = 5
"""Maximum number of articles with a word that is taken for a typo made in the articles themselves."""
MIN_FREQUENCY_RATIO = 50
"""Minimum ratio of a suggestion's frequency to the typed word's, if any article contains the typed word."""
MIN_NAME_SIMILARITY_PERCENT = 75
"""Minimum similarity, in percent, of a suggested source, tag or author to the typed name."""
MAX_NAMES_COMPARED = 400
"""Maximum number of sources, tags or authors that a typed name is compared with."""
MAX_UNQUOTED_FILTERS = 3
"""Maximum number of unquoted filters of a query that are checked for names of several words."""
_CHECKED_FILTERS = {FilterName.SOURCE, FilterName.TAG, FilterName.AUTHOR, FilterName.LANGUAGE}
"""Filters of which it is checked whether any article has their value."""
_COMPLETION_FIELD_BY_FILTER = {FilterName.TAG: CompletionField.TAG, FilterName.AUTHOR: CompletionField.AUTHOR}


class QueryAdvice(NamedTuple):
    """Notes on missing words, missing names and unquoted names, and words, names or a whole query to try instead."""

    notes: tuple[Note, ...] = ()
    suggestions: tuple[str, ...] = ()


class _SpellingCandidate(NamedTuple):
    """An index term that a word may be a misspelling of, and the id of an article that contains the term."""

    term: str
    article_id: int


class _MissingWord(NamedTuple):
    """Word of a query that no article in scope has, as it was typed, and the words that may have been meant."""

    original_text: str
    is_title_only: bool
    candidates: list[_SpellingCandidate]


async def suggest_corrections(
    query: Query, store: Store, engine: SearchEngine, scope: Scope, *, has_full_match: bool
) -> QueryAdvice:
    """Return notes and suggestions on the words and names of a query that hardly any article in scope has.

    `has_full_match` says whether some article matches all of the query. At most `MAX_SUGGESTIONS` are returned.

    Raises:
        StoreError: The database failed.
        EngineError: The index cannot be used.
    """
    leaf_nodes = [
        leaf
        for leaf in iter_leaves(query.nodes, include_negated=False)
        if isinstance(leaf, Word | Phrase) or (isinstance(leaf, FieldFilter) and leaf.filter_name in _CHECKED_FILTERS)
    ]
    has_alternatives = any(isinstance(node, AnyOf) for node in iter_required_nodes(query.nodes))
    is_all_present = has_full_match and not has_alternatives
    missing_words, likelier_candidates = await asyncio.to_thread(
        lambda: _check_words(leaf_nodes, engine, scope, is_all_present=is_all_present)
    )
    notes = [
        note
        for is_title_only in (False, True)
        if (note := _build_missing_words_note(missing_words, is_title_only=is_title_only))
    ]
    suggestions = await _load_original_spellings(
        _interleave_candidates([*(missing_word.candidates for missing_word in missing_words), *likelier_candidates]),
        store,
    )
    for leaf in leaf_nodes:
        if isinstance(leaf, FieldFilter) and not is_all_present:
            if await asyncio.to_thread(engine.match_all, (leaf,), scope, 1):
                continue
            notes.append(_build_unknown_name_note(leaf))
            suggestions += await _find_most_similar_name(leaf, store, engine, scope)
    return QueryAdvice(tuple(notes), tuple(dict.fromkeys(suggestions))[:MAX_SUGGESTIONS])


async def suggest_quotes(query: Query, store: Store, engine: SearchEngine, scope: Scope) -> QueryAdvice:
    """Suggest the query with quotation marks around unquoted names, of which only the first word was read.

    A name qualifies if it is the source, tag or author of an article in scope; without such a name, the advice is
    empty.

    Raises:
        StoreError: The database failed.
        EngineError: The index cannot be used.
    """
    text, notes = query.text, list[Note]()
    # In reverse order, so that the offsets of earlier filters stay valid.
    for unquoted_filter in reversed(query.unquoted_filters[:MAX_UNQUOTED_FILTERS]):
        if name_and_word_count := await _find_longest_known_name(unquoted_filter, store, engine, scope):
            name, word_count = name_and_word_count
            text = (
                text[: unquoted_filter.start]
                + format_filter(unquoted_filter.alias, name)
                + text[unquoted_filter.word_ends[word_count - 1] :]
            )
            notes.insert(
                0,
                Note.create(
                    NoteKind.UNQUOTED_NAME,
                    filter=f"{unquoted_filter.alias}:{unquoted_filter.value}",
                    words=" ".join(unquoted_filter.words[:word_count]),
                ),
            )
    return QueryAdvice(tuple(notes), (text,) if notes else ())


def apply_suggestion(query_text: str, suggestion: str, notes: Iterable[Note], options: Sequence[str] = ()) -> str:
    """Return a query in which a suggestion, quoted if it has several words, replaces the most similar word or name.

    `options` are filters, as they are typed in a query, that are added to `query_text` before.
    `notes` are the notes that came with the suggestion; they show whether it replaces the whole query.
    """
    text = " ".join((query_text, *options))
    token_spans = [(start, end) for _word, start, end in text_analysis.find_token_spans(text)]
    for note in notes:
        if note.kind is NoteKind.UNQUOTED_NAME:
            return " ".join((suggestion, *options))
        note_name = str(dict(note.placeholders).get("name", ""))
        if note_name and (start := text.find(note_name)) >= 0:
            token_spans.append((start, start + len(note_name)))
    folded_suggestion = fold(suggestion)
    start, end = max(
        token_spans,
        key=lambda span: fuzz.ratio(fold(text[slice(*span)]), folded_suggestion),
        default=(0, len(text)),
    )
    is_quoted = text[:start].endswith('"') or " " not in suggestion
    return text[:start] + (suggestion if is_quoted else f'"{suggestion}"') + text[end:]


async def _find_longest_known_name(
    unquoted_filter: UnquotedFilter, store: Store, engine: SearchEngine, scope: Scope
) -> tuple[str, int] | None:
    """Return the known name with a filter's value and the most words typed after it, and the number of these words.

    Returns None if no known name contains the value and the next word.
    """
    extended_name = f"{unquoted_filter.value} {unquoted_filter.words[0]}"
    token_string_by_name = {
        name: _join_name_tokens(name)
        for name in await _list_names_with_word_prefix(unquoted_filter.filter_name, extended_name, store, engine, scope)
    }
    for word_count in range(len(unquoted_filter.words), 0, -1):
        extended_name = " ".join((unquoted_filter.value, *unquoted_filter.words[:word_count]))
        if matching_names := [
            name
            for name, token_string in token_string_by_name.items()
            if _join_name_tokens(extended_name) in token_string
        ]:
            return min(matching_names, key=len), word_count
    return None


async def _list_names_with_word_prefix(
    filter_name: FilterName, prefix: str, store: Store, engine: SearchEngine, scope: Scope
) -> list[str]:
    """Return the sources, tags or authors in scope of which a word begins with the prefix.

    Of tags and authors, only the first three words count.
    """
    if filter_name is FilterName.SOURCE:
        return await store.feeds.find_outlets(scope.feed_ids, prefix, MAX_NAMES_COMPARED)
    return await asyncio.to_thread(
        lambda: engine.complete_names(
            _COMPLETION_FIELD_BY_FILTER[filter_name], prefix, scope, MAX_NAMES_COMPARED, since=0
        )
    )


def _join_name_tokens(name: str) -> str:
    """Return the tokens of a name as one string, with a space before and after each token."""
    return f" {' '.join(text_analysis.tokenize(name))} "


def _check_words(
    leaf_nodes: Iterable[Word | Phrase | FieldFilter],
    engine: SearchEngine,
    scope: Scope,
    *,
    is_all_present: bool,
) -> tuple[list[_MissingWord], list[list[_SpellingCandidate]]]:
    """Return the words that no article in scope has, and likelier spellings of words that are very rare.

    A missing word comes with index terms of similar spelling. `is_all_present` says that some article has all
    words of the query. At most `MAX_WORDS_CHECKED` words are checked.
    """
    missing_words: list[_MissingWord] = []
    likelier_candidates: list[list[_SpellingCandidate]] = []
    checked_count = 0
    for leaf in leaf_nodes:
        if isinstance(leaf, FieldFilter):
            continue
        words = text_analysis.tokenize(leaf.text)
        for word in words:
            checked_count += 1
            if checked_count > MAX_WORDS_CHECKED:
                break
            stems = text_analysis.find_query_stems(word)
            has_common_stem = not leaf.is_title_only and any(
                engine.get_document_frequency(stem) > COMMON_DOCUMENT_FREQUENCY for stem in stems
            )
            is_present = (
                is_all_present or has_common_stem or bool(engine.match_all((Word(word, leaf.is_title_only),), scope, 1))
            )
            if is_present and isinstance(leaf, Phrase):
                continue
            candidates = _find_spelling_candidates(word, engine, scope, is_present=is_present)
            if is_present:
                likelier_candidates.append(candidates)
            else:
                original_text = leaf.text if len(words) == 1 else word
                missing_words.append(_MissingWord(original_text, leaf.is_title_only, candidates))
    return missing_words, likelier_candidates


def _find_spelling_candidates(
    word: str, engine: SearchEngine, scope: Scope, *, is_present: bool
) -> list[_SpellingCandidate]:
    """Return the most similar index terms that a rare word may be a misspelling of, most frequent first.

    The list is empty for a word that is not rare, and for one that is present though the index has none of its stems.
    """
    stems = text_analysis.find_query_stems(word)
    document_frequency = max(map(engine.get_document_frequency, stems), default=COMMON_DOCUMENT_FREQUENCY)
    if document_frequency > MAX_TYPO_DOCUMENT_FREQUENCY or (is_present and not document_frequency):
        return []
    min_document_frequency = MIN_FREQUENCY_RATIO * document_frequency if is_present else 1
    terms_and_frequencies = engine.list_terms_with_prefix(
        word[:1], MAX_COMPARED_TERMS_IF_PRESENT if is_present else MAX_COMPARED_TERMS
    )
    terms = [
        term
        for term, _frequency in takewhile(
            lambda term_and_frequency: term_and_frequency[1] >= min_document_frequency, terms_and_frequencies
        )
    ]
    return [
        _SpellingCandidate(similar_term, hits[0].article_id)
        for similar_term in find_similar_spellings(word, stems, terms)[: 2 * MAX_SUGGESTIONS]
        if (hits := engine.match_similar({similar_term: 1.0}, scope, 1, exclude_article_id=0))
    ]


async def _load_original_spellings(candidates: Sequence[_SpellingCandidate], store: Store) -> list[str]:
    """Return the terms as articles spell them, in lower case unless they are written in capitals."""
    spellings = []
    for term, article_id in candidates:
        for article in await store.articles.list_by_ids([article_id]):
            article_text = f"{article.title}\n{article.body or article.summary}"
            for start, end, _ in text_analysis.find_stem_spans(article_text, article.language, {term})[:1]:
                spelling = article_text[start:end]
                spellings.append(spelling if spelling.isupper() else spelling.lower())
    return list(dict.fromkeys(spellings))


def _interleave_candidates(candidate_lists: Iterable[list[_SpellingCandidate]]) -> list[_SpellingCandidate]:
    """Return the first element of each list, then the second of each list, and so on."""
    return [candidate for candidate in chain.from_iterable(zip_longest(*candidate_lists)) if candidate is not None]


def _build_missing_words_note(missing_words: Iterable[_MissingWord], *, is_title_only: bool) -> Note | None:
    words = tuple(
        dict.fromkeys(
            missing_word.original_text for missing_word in missing_words if missing_word.is_title_only is is_title_only
        )
    )
    if not words:
        return None
    return Note.create(NoteKind.TITLE_WORDS_MISSING if is_title_only else NoteKind.WORDS_MISSING, words=words)


def _build_unknown_name_note(field_filter: FieldFilter) -> Note:
    note_kind_by_filter = {
        FilterName.SOURCE: NoteKind.UNKNOWN_SOURCE,
        FilterName.TAG: NoteKind.UNKNOWN_TAG,
        FilterName.LANGUAGE: NoteKind.UNKNOWN_LANGUAGE,
    }
    return Note.create(
        note_kind_by_filter.get(field_filter.filter_name, NoteKind.UNKNOWN_AUTHOR), name=str(field_filter.value)
    )


async def _find_most_similar_name(
    field_filter: FieldFilter, store: Store, engine: SearchEngine, scope: Scope
) -> list[str]:
    """Return the source, tag or author most similar to a filter's value as a list of one, or an empty list."""
    if field_filter.filter_name is FilterName.LANGUAGE:
        return []
    folded_name = fold(str(field_filter.value))
    prefix = "" if field_filter.filter_name is FilterName.SOURCE else folded_name[:1]
    known_names = await _list_names_with_word_prefix(field_filter.filter_name, prefix, store, engine, scope)
    closest_name_match = process.extractOne(
        folded_name,
        {name: fold(name) for name in known_names},
        scorer=fuzz.WRatio,
        score_cutoff=MIN_NAME_SIMILARITY_PERCENT,
    )
    return [closest_name_match[2]] if closest_name_match else []

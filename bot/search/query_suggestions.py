"""Suggestions for a query without full matches: words and names that nothing has, and similar ones."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, takewhile, zip_longest
from typing import NamedTuple

from rapidfuzz import fuzz, process

from bot.search.index import text_analysis
from bot.search.index.search_engine import CompletionField, Scope, SearchEngine
from bot.search.query.query_filters import FilterName, format_filter
from bot.search.query.query_notes import Note, NoteKind
from bot.search.query.query_tree import AllOf, AnyOf, FieldFilter, Node, Phrase, Query, UnquotedFilter, Word
from bot.search.related_terms import COMPARED, spelled_alike
from bot.store import Store
from bot.text.words import fold

MAX_SUGGESTIONS = 3
"""Maximum number of suggestions."""
MAX_WORDS_CHECKED = 8
"""Maximum number of a query's words that are checked; each missing one takes some milliseconds."""
COMMON_DOCUMENT_FREQUENCY = 1_000
"""Document frequency above which a word is assumed to occur in some article that the user may read."""
MAX_TERMS_COMPARED_IF_PRESENT = 2_000
"""Maximum number of terms that a word which does occur is compared with."""
MAX_TYPO_DOCUMENT_FREQUENCY = 5
"""Maximum document frequency of a word that may be a typo in the articles themselves."""
MIN_FREQUENCY_RATIO = 50
"""How many times more frequent than the typed word a suggestion must be, if the typed word occurs at all."""
MIN_NAME_SIMILARITY_PERCENT = 75
"""Minimum similarity of a suggested name, in percent."""
MAX_NAMES_COMPARED = 400
"""Maximum number of names that are compared."""
MAX_UNQUOTED_FILTERS = 3
"""Maximum number of filters whose values are looked up together with the words after them."""
_CHECKED_FILTERS = {FilterName.SOURCE, FilterName.TAG, FilterName.AUTHOR, FilterName.LANGUAGE}
"""Filters whose values may not occur in any article."""
_KINDS = {FilterName.TAG: CompletionField.TAG, FilterName.AUTHOR: CompletionField.AUTHOR}


class QueryAdvice(NamedTuple):
    """Notes on what no article has, and words, names or a whole query to try instead."""

    notes: tuple[Note, ...] = ()
    suggestions: tuple[str, ...] = ()


class _SpellingCandidate(NamedTuple):
    """An index term, and the id of an article that contains it."""

    term: str
    article_id: int


class _MissingWord(NamedTuple):
    original: str
    in_title: bool
    candidates: list[_SpellingCandidate]


async def suggest_corrections(
    query: Query, store: Store, engine: SearchEngine, scope: Scope, *, has_full_match: bool
) -> QueryAdvice:
    """Return notes and suggestions on the words and names of a query that (almost) no article in scope has.

    `has_full_match` says whether some article matches all of the query.

    Raises:
        StoreError: The database failed.
        EngineError: The index cannot be used.
    """
    leaves = list(_leaves(query.nodes))
    has_full_match = has_full_match and not _has_alternatives(query.nodes)
    missing, likelier = await asyncio.to_thread(
        lambda: _check_words(leaves, engine, scope, are_there=has_full_match)
    )
    notes = [note for in_title in (False, True) if (note := _missing_words_note(missing, in_title=in_title))]
    near = await _original_spellings(_interleave([*(each.candidates for each in missing), *likelier]), store)
    for leaf in leaves:
        if isinstance(leaf, FieldFilter) and not has_full_match:
            if await asyncio.to_thread(engine.match_all, (leaf,), scope, 1):
                continue
            notes.append(_unknown_name_note(leaf))
            near += await _similar_names(leaf, store, engine, scope)
    return QueryAdvice(tuple(notes), tuple(dict.fromkeys(near))[:MAX_SUGGESTIONS])


async def suggest_quotes(query: Query, store: Store, engine: SearchEngine, scope: Scope) -> QueryAdvice:
    """Return the query with quotation marks around names of which only the first word was read.

    A name qualifies if it is the source, tag or author of an article in scope.

    Raises:
        StoreError: The database failed.
        EngineError: The index cannot be used.
    """
    text, notes = query.text, list[Note]()
    # In reverse order, so that the offsets of earlier filters stay valid.
    for loose in reversed(query.unquoted_filters[:MAX_UNQUOTED_FILTERS]):
        if found := await _longest_known_name(loose, store, engine, scope):
            name, count = found
            text = text[: loose.start] + format_filter(loose.name, name) + text[loose.word_ends[count - 1] :]
            notes.insert(
                0,
                Note.of(
                    NoteKind.UNQUOTED_NAME,
                    filter=f"{loose.name}:{loose.value}",
                    words=" ".join(loose.words[:count]),
                ),
            )
    return QueryAdvice(tuple(notes), (text,) if notes else ())


def corrected(typed: str, suggestion: str, notes: Iterable[Note], options: Sequence[str] = ()) -> str:
    """Return a query with a suggestion in place of the most similar word or name, followed by `options`.

    `notes` came with the suggestion, and show whether it is a whole query.
    """
    text = " ".join((typed, *options))
    places = [(start, end) for _word, start, end in text_analysis.token_spans(text)]
    for note in notes:
        if note.kind is NoteKind.UNQUOTED_NAME:
            return " ".join((suggestion, *options))
        name = str(dict(note.values).get("name", ""))
        if name and (start := text.find(name)) >= 0:
            places.append((start, start + len(name)))
    meant = fold(suggestion)
    start, end = max(
        places, key=lambda place: fuzz.ratio(fold(text[slice(*place)]), meant), default=(0, len(text))
    )
    is_quoted = text[:start].endswith('"') or " " not in suggestion
    return text[:start] + (suggestion if is_quoted else f'"{suggestion}"') + text[end:]


async def _longest_known_name(
    loose: UnquotedFilter, store: Store, engine: SearchEngine, scope: Scope
) -> tuple[str, int] | None:
    """Return a name that contains the filter's value and most words after it, and the number of words."""
    typed = f"{loose.value} {loose.words[0]}"
    known = {
        name: _token_string(name)
        for name in await _names_starting_with(loose.filter, typed, store, engine, scope)
    }
    for count in range(len(loose.words), 0, -1):
        typed = " ".join((loose.value, *loose.words[:count]))
        if alike := [name for name, words in known.items() if _token_string(typed) in words]:
            return min(alike, key=len), count
    return None


async def _names_starting_with(
    filter_: FilterName, typed: str, store: Store, engine: SearchEngine, scope: Scope
) -> list[str]:
    """Return names of which any word begins with the prefix."""
    if filter_ is FilterName.SOURCE:
        return await store.feeds.outlets(scope.feed_ids, typed, MAX_NAMES_COMPARED)
    return await asyncio.to_thread(
        lambda: engine.complete(_KINDS[filter_], typed, scope, MAX_NAMES_COMPARED, since=0)
    )


def _token_string(name: str) -> str:
    """Return the tokens of a name with a space around each."""
    return f" {' '.join(text_analysis.tokens(name))} "


def _has_alternatives(nodes: Iterable[Node]) -> bool:
    """Return whether the query contains alternatives that are not negated."""
    return any(
        isinstance(node, AnyOf) or (isinstance(node, AllOf) and _has_alternatives(node.nodes))
        for node in nodes
    )


def _leaves(nodes: Iterable[Node]) -> Iterator[Word | Phrase | FieldFilter]:
    """Yield the words, phrases and filters by name that must or may match."""
    for node in nodes:
        if isinstance(node, AllOf | AnyOf):
            yield from _leaves(node.nodes)
        elif isinstance(node, Word | Phrase) or (
            isinstance(node, FieldFilter) and node.filter in _CHECKED_FILTERS
        ):
            yield node


def _check_words(
    leaves: Iterable[Word | Phrase | FieldFilter], engine: SearchEngine, scope: Scope, *, are_there: bool
) -> tuple[list[_MissingWord], list[list[_SpellingCandidate]]]:
    """Return the missing words with similar ones, and words similar to those that are very rare."""
    missing: list[_MissingWord] = []
    likelier: list[list[_SpellingCandidate]] = []
    looked_up = 0
    for leaf in leaves:
        if isinstance(leaf, FieldFilter):
            continue
        words = text_analysis.tokens(leaf.text)
        for word in words:
            looked_up += 1
            if looked_up > MAX_WORDS_CHECKED:
                break
            stems = text_analysis.query_stems(word)
            is_common = not leaf.title_only and any(
                engine.document_frequency(stem) > COMMON_DOCUMENT_FREQUENCY for stem in stems
            )
            is_there = (
                are_there or is_common or bool(engine.match_all((Word(word, leaf.title_only),), scope, 1))
            )
            if is_there and isinstance(leaf, Phrase):
                continue
            near = _spelling_candidates(word, engine, scope, is_there=is_there)
            if is_there:
                likelier.append(near)
            else:
                text = leaf.text if len(words) == 1 else word
                missing.append(_MissingWord(text, leaf.title_only, near))
    return missing, likelier


def _spelling_candidates(
    word: str, engine: SearchEngine, scope: Scope, *, is_there: bool
) -> list[_SpellingCandidate]:
    """Return terms of which a word may be a misspelling, most similar first, then most frequent."""
    stems = text_analysis.query_stems(word)
    own = max(map(engine.document_frequency, stems), default=COMMON_DOCUMENT_FREQUENCY)
    if own > MAX_TYPO_DOCUMENT_FREQUENCY or (is_there and not own):
        return []
    least = MIN_FREQUENCY_RATIO * own if is_there else 1
    common = engine.terms_with_prefix(word[:1], MAX_TERMS_COMPARED_IF_PRESENT if is_there else COMPARED)
    terms = [term for term, count in takewhile(lambda each: each[1] >= least, common)]
    return [
        _SpellingCandidate(near, hits[0].article_id)
        for near in spelled_alike(word, stems, terms)[: 2 * MAX_SUGGESTIONS]
        if (hits := engine.match_similar({near: 1.0}, scope, 1, exclude_article_id=0))
    ]


async def _original_spellings(near: Sequence[_SpellingCandidate], store: Store) -> list[str]:
    """Return the terms as they are spelled in articles, in lower case unless they are in capitals."""
    ways = []
    for term, article_id in near:
        for article in await store.articles.by_ids([article_id]):
            text = f"{article.title}\n{article.body or article.summary}"
            for start, end, _ in text_analysis.find_stem_spans(text, article.language, {term})[:1]:
                way = text[start:end]
                ways.append(way if way.isupper() else way.lower())
    return list(dict.fromkeys(ways))


def _interleave(lists: Iterable[list[_SpellingCandidate]]) -> list[_SpellingCandidate]:
    """Return the first item of each list, then the second of each, and so on."""
    return [each for each in chain.from_iterable(zip_longest(*lists)) if each is not None]


def _missing_words_note(missing: Iterable[_MissingWord], *, in_title: bool) -> Note | None:
    words = tuple(dict.fromkeys(each.original for each in missing if each.in_title is in_title))
    if not words:
        return None
    return Note.of(NoteKind.TITLE_WORDS_MISSING if in_title else NoteKind.WORDS_MISSING, words=words)


def _unknown_name_note(condition: FieldFilter) -> Note:
    remarks = {
        FilterName.SOURCE: NoteKind.UNKNOWN_SOURCE,
        FilterName.TAG: NoteKind.UNKNOWN_TAG,
        FilterName.LANGUAGE: NoteKind.UNKNOWN_LANGUAGE,
    }
    return Note.of(remarks.get(condition.filter, NoteKind.UNKNOWN_AUTHOR), name=str(condition.value))


async def _similar_names(
    condition: FieldFilter, store: Store, engine: SearchEngine, scope: Scope
) -> list[str]:
    """Return the source, tag or author most similar to a filter's value, or nothing."""
    if condition.filter is FilterName.LANGUAGE:
        return []
    typed = fold(str(condition.value))
    beginning = "" if condition.filter is FilterName.SOURCE else typed[:1]
    known = await _names_starting_with(condition.filter, beginning, store, engine, scope)
    found = process.extractOne(
        typed,
        {name: fold(name) for name in known},
        scorer=fuzz.WRatio,
        score_cutoff=MIN_NAME_SIMILARITY_PERCENT,
    )
    return [found[2]] if found else []

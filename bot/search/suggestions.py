"""What to say of a query that finds nothing whole: the words and names that nothing has, and what is near."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, takewhile, zip_longest
from typing import NamedTuple

from rapidfuzz import fuzz, process

from bot.search.index import analysis
from bot.search.index.engine import Kind, Scope, SearchEngine
from bot.search.query.filter_names import Filter, written
from bot.search.query.notes import Note, Remark
from bot.search.query.query_tree import AllOf, AnyOf, Condition, Loose, Node, Phrase, Query, Word
from bot.search.related_terms import COMPARED, spelled_alike
from bot.store import Store
from bot.text.words import fold

SUGGESTED = 3
LOOKED_UP = 8
"""Words of a query that are looked up: each that nothing has costs some milliseconds."""
COMMON = 1_000  # articles from which on a word is taken to be in some that a person sees
COMMONEST = 2_000  # words that one that is there is compared with
SLIPS = 5  # articles that have a word, up to which it may be a slip of their authors,
LIKELIER = 50  # and of how much commoner a word
ALIKE = 75  # similarity of names in percent
NAMES = 400  # that are compared
LOOSE = 3  # filters whose values are looked up together with the words after them
_TOLD = {Filter.SOURCE, Filter.TAG, Filter.AUTHOR, Filter.LANGUAGE}  # whose values may be nobody's
_KINDS = {Filter.TAG: Kind.TAG, Filter.AUTHOR: Kind.AUTHOR}


class Advice(NamedTuple):
    """What no article has, and words or names to try instead."""

    notes: tuple[Note, ...] = ()
    suggestions: tuple[str, ...] = ()


class _Near(NamedTuple):
    """An index term, and an article that has it."""

    term: str
    article_id: int


class _Missing(NamedTuple):
    written: str
    in_title: bool
    near: list[_Near]


async def advise(
    query: Query, store: Store, engine: SearchEngine, scope: Scope, *, are_there: bool
) -> Advice:
    """What a query asks for that no article of a scope has, or hardly any.

    `are_there`: some article has all that is asked for, or one of what is asked for in its place. Raises
    `StoreError` or `EngineError`.
    """
    leaves = list(_leaves(query.nodes))
    are_there = are_there and not _has_choice(query.nodes)
    missing, likelier = await asyncio.to_thread(lambda: _words(leaves, engine, scope, are_there=are_there))
    notes = [note for in_title in (False, True) if (note := _note(missing, in_title=in_title))]
    near = await _spelled(_in_turn([*(each.near for each in missing), *likelier]), store)
    for leaf in leaves:
        if isinstance(leaf, Condition) and not are_there:
            if await asyncio.to_thread(engine.matching, (leaf,), scope, 1):
                continue
            notes.append(_unknown(leaf))
            near += await _names(leaf, store, engine, scope)
    return Advice(tuple(notes), tuple(dict.fromkeys(near))[:SUGGESTED])


async def quoted(query: Query, store: Store, engine: SearchEngine, scope: Scope) -> Advice:
    """The query with quotation marks around names that without them were read as their first words.

    That is where some source, tag or author of a scope is called so. Raises `StoreError` or `EngineError`.
    """
    text, notes = query.text, list[Note]()
    for loose in reversed(query.loose[:LOOSE]):  # the places of those before stay
        if found := await _longer(loose, store, engine, scope):
            name, count = found
            text = text[: loose.start] + written(loose.name, name) + text[loose.ends[count - 1] :]
            notes.insert(
                0,
                Note.of(
                    Remark.LOOSE_NAME,
                    filter=f"{loose.name}:{loose.value}",
                    words=" ".join(loose.words[:count]),
                ),
            )
    return Advice(tuple(notes), (text,) if notes else ())


def corrected(typed: str, suggestion: str, notes: Iterable[Note], options: Sequence[str] = ()) -> str:
    """Return a query with a suggestion in place of what it is most like, and `options` as they are typed.

    `notes` came with the suggestion, and say where it is a whole query.
    """
    text = " ".join((typed, *options))
    places = [(start, end) for _word, start, end in analysis.word_spans(text)]
    for note in notes:
        if note.remark is Remark.LOOSE_NAME:
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


async def _longer(loose: Loose, store: Store, engine: SearchEngine, scope: Scope) -> tuple[str, int] | None:
    """A name that has the value of a filter and as many of the words after it as possible, and how many."""
    typed = f"{loose.value} {loose.words[0]}"
    known = {name: _spaced(name) for name in await _known(loose.filter, typed, store, engine, scope)}
    for count in range(len(loose.words), 0, -1):
        typed = " ".join((loose.value, *loose.words[:count]))
        if alike := [name for name, words in known.items() if _spaced(typed) in words]:
            return min(alike, key=len), count
    return None


async def _known(filter_: Filter, typed: str, store: Store, engine: SearchEngine, scope: Scope) -> list[str]:
    """Names that begin so, or of which a later word does."""
    if filter_ is Filter.SOURCE:
        return await store.feeds.outlets(scope.feed_ids, typed, NAMES)
    return await asyncio.to_thread(lambda: engine.complete(_KINDS[filter_], typed, scope, NAMES, since=0))


def _spaced(name: str) -> str:
    """The words of a name with spaces around them."""
    return f" {' '.join(analysis.words(name))} "


def _has_choice(nodes: Iterable[Node]) -> bool:
    """Whether what is wanted may be one of several."""
    return any(
        isinstance(node, AnyOf) or (isinstance(node, AllOf) and _has_choice(node.nodes)) for node in nodes
    )


def _leaves(nodes: Iterable[Node]) -> Iterator[Word | Phrase | Condition]:
    """What is wanted: words, phrases, and the filters that name something."""
    for node in nodes:
        if isinstance(node, AllOf | AnyOf):
            yield from _leaves(node.nodes)
        elif isinstance(node, Word | Phrase) or (isinstance(node, Condition) and node.filter in _TOLD):
            yield node


def _words(
    leaves: Iterable[Word | Phrase | Condition], engine: SearchEngine, scope: Scope, *, are_there: bool
) -> tuple[list[_Missing], list[list[_Near]]]:
    """The words that nothing has, with words near them, and words near those that hardly anything has."""
    missing: list[_Missing] = []
    likelier: list[list[_Near]] = []
    looked_up = 0
    for leaf in leaves:
        if isinstance(leaf, Condition):
            continue
        words = analysis.words(leaf.text)
        for word in words:
            looked_up += 1
            if looked_up > LOOKED_UP:
                break
            stems = analysis.query_stems(word)
            is_common = not leaf.title and any(engine.document_frequency(stem) > COMMON for stem in stems)
            is_there = are_there or is_common or bool(engine.matching((Word(word, leaf.title),), scope, 1))
            if is_there and isinstance(leaf, Phrase):
                continue
            near = _near(word, engine, scope, is_there=is_there)
            if is_there:
                likelier.append(near)
            else:
                text = leaf.text if len(words) == 1 else word
                missing.append(_Missing(text, leaf.title, near))
    return missing, likelier


def _near(word: str, engine: SearchEngine, scope: Scope, *, is_there: bool) -> list[_Near]:
    """What a word may be a misspelling of, the commonest of the nearest first."""
    stems = analysis.query_stems(word)
    own = max(map(engine.document_frequency, stems), default=COMMON)
    if own > SLIPS or (is_there and not own):
        return []
    least = LIKELIER * own if is_there else 1
    common = engine.beginning(word[:1], COMMONEST if is_there else COMPARED)
    terms = [term for term, count in takewhile(lambda each: each[1] >= least, common)]
    return [
        _Near(near, hits[0].article_id)
        for near in spelled_alike(word, stems, terms)[: 2 * SUGGESTED]
        if (hits := engine.alike({near: 1.0}, scope, 1, besides=0))
    ]


async def _spelled(near: Sequence[_Near], store: Store) -> list[str]:
    """How words are written, in small letters where they are not in capitals."""
    ways = []
    for term, article_id in near:
        for article in await store.articles.by_ids([article_id]):
            text = f"{article.title}\n{article.body or article.summary}"
            for start, end, _ in analysis.places(text, article.language, {term})[:1]:
                way = text[start:end]
                ways.append(way if way.isupper() else way.lower())
    return list(dict.fromkeys(ways))


def _in_turn(lists: Iterable[list[_Near]]) -> list[_Near]:
    """The first of each list, then the second of each."""
    return [each for each in chain.from_iterable(zip_longest(*lists)) if each is not None]


def _note(missing: Iterable[_Missing], *, in_title: bool) -> Note | None:
    words = tuple(dict.fromkeys(each.written for each in missing if each.in_title is in_title))
    if not words:
        return None
    return Note.of(Remark.TITLE_WORDS_MISSING if in_title else Remark.WORDS_MISSING, words=words)


def _unknown(condition: Condition) -> Note:
    remarks = {
        Filter.SOURCE: Remark.UNKNOWN_SOURCE,
        Filter.TAG: Remark.UNKNOWN_TAG,
        Filter.LANGUAGE: Remark.UNKNOWN_LANGUAGE,
    }
    return Note.of(remarks.get(condition.filter, Remark.UNKNOWN_AUTHOR), name=str(condition.value))


async def _names(condition: Condition, store: Store, engine: SearchEngine, scope: Scope) -> list[str]:
    """The source, tag or author whose name is nearest to the one that a filter gives."""
    if condition.filter is Filter.LANGUAGE:
        return []
    typed = fold(str(condition.value))
    beginning = "" if condition.filter is Filter.SOURCE else typed[:1]
    known = await _known(condition.filter, beginning, store, engine, scope)
    found = process.extractOne(
        typed, {name: fold(name) for name in known}, scorer=fuzz.WRatio, score_cutoff=ALIKE
    )
    return [found[2]] if found else []

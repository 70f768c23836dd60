"""What to say of a query that finds nothing whole: the words and names that nothing has, and what is near."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import chain, zip_longest
from typing import NamedTuple

from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from bot.core.locale import gettext as _
from bot.core.locale import ngettext
from bot.core.models import Article
from bot.search.query_plan import tokens, whole_name
from bot.search.query_syntax import AllOf, AnyOf, Condition, Filter, Loose, Node, Phrase, Query, Word, written
from bot.search.vocabulary import Vocabulary
from bot.store import Store
from bot.store.sqlite.search_index import Any, Column, Scope, Terms
from bot.store.title_words import Kind
from bot.text import excerpts, terms

SUGGESTED = 3
LOOKED_UP = 8
"""Words of a query that are looked up: each that nothing has costs some milliseconds."""
SHORTEST = 4  # letters of a stem that may be misspelt
LONGEST_READ = 6_000  # characters of a text that a word is looked for in
ARTICLES = 3  # that are looked through for how a word is written
MARKED = 5  # words of an article that are compared
ALIKE = 75  # similarity of names in percent
NAMES = 400  # that are compared
LOOSE = 3  # filters whose values are looked up together with the words after them
_TOLD = {Filter.SOURCE, Filter.TAG, Filter.AUTHOR, Filter.LANGUAGE}  # whose values may be nobody's
_KINDS = {Filter.TAG: Kind.TAG, Filter.AUTHOR: Kind.AUTHOR}


class Advice(NamedTuple):
    """Sentences that tell what no article has, and words or names to try instead."""

    notes: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()


class _Missing(NamedTuple):
    written: str
    in_title: bool
    near: list[str]


async def advise(
    query: Query, store: Store, vocabulary: Vocabulary, *, feed_ids: Collection[int] | None
) -> Advice:
    """What a query asks for that no article of these feeds (None: of all) has, or hardly any.

    Raises `StoreError`.
    """
    scope = Scope(feed_ids=None if feed_ids is None else frozenset(feed_ids))
    leaves = list(_leaves(query.nodes))
    await vocabulary.ready()
    missing: list[_Missing] = []
    likelier: list[list[str]] = []
    looked_up = 0
    for leaf in leaves:
        if isinstance(leaf, Condition):
            continue
        for word in leaf.words:
            forms = terms.alternatives(word)
            looked_up += bool(forms)
            if not forms or looked_up > LOOKED_UP:
                continue
            column = Column.TITLE if leaf.title else Column.TEXT
            is_known = scope.feed_ids is None and column is Column.TEXT and vocabulary.documents(forms) > 0
            is_there = is_known or await store.index.any(
                Any(tuple(Terms((form,), column) for form in forms)), scope=scope
            )
            near = [
                written
                for form in _near(word, forms, vocabulary, is_there=is_there)
                if (written := await _written(store, form, word, column, scope))
            ]
            if is_there:
                likelier.append(near)
            else:
                missing.append(_Missing(leaf.text if len(leaf.words) == 1 else word, leaf.title, near))
    notes = [note for in_title in (False, True) if (note := _note(missing, in_title=in_title))]
    near = _in_turn([*(each.near for each in missing), *likelier])
    for leaf in leaves:
        if isinstance(leaf, Condition) and (wanted := tokens(leaf)):
            if await store.index.any(wanted, scope=scope):
                continue
            notes.append(_unknown(leaf))
            near += await _names(leaf, store, feed_ids)
    return Advice(tuple(notes), tuple(dict.fromkeys(near))[:SUGGESTED])


async def quoted(query: Query, store: Store, *, feed_ids: Collection[int] | None) -> Advice:
    """The query with quotation marks around names that without them were read as their first words.

    That is where some source, tag or author of these feeds (None: of all) is called so. Raises `StoreError`.
    """
    text, notes = query.text, list[str]()
    for loose in reversed(query.loose[:LOOSE]):  # the places of those before stay
        if found := await _longer(loose, store, feed_ids):
            name, count = found
            text = text[: loose.start] + written(loose.name, name) + text[loose.ends[count - 1] :]
            notes.insert(
                0,
                _(
                    "“{filter}” was read without “{words}”: a name of several words takes quotation marks."
                ).format(filter=f"{loose.name}:{loose.value}", words=" ".join(loose.words[:count])),
            )
    return Advice(tuple(notes), (text,) if notes else ())


async def _longer(loose: Loose, store: Store, feed_ids: Collection[int] | None) -> tuple[str, int] | None:
    """A name that has the value of a filter and as many of the words after it as possible, and how many."""
    known = {name: _spaced(name) for name in await _known(loose, store, feed_ids)}
    scope = Scope(feed_ids=None if feed_ids is None else frozenset(feed_ids))
    for count in range(len(loose.words), 0, -1):
        typed = " ".join((loose.value, *loose.words[:count]))
        if alike := [name for name, words in known.items() if _spaced(typed) in words]:
            return min(alike, key=len), count
        wanted = whole_name(Condition(loose.filter, typed))  # of older articles the index alone knows
        if wanted and await store.index.any(wanted, scope=scope):
            return typed, count
    return None


async def _known(loose: Loose, store: Store, feed_ids: Collection[int] | None) -> list[str]:
    """Names in which the value of a filter stands before the next word."""
    typed = f"{loose.value} {loose.words[0]}"
    if loose.filter is Filter.SOURCE:
        return await store.feeds.outlets(feed_ids, typed, NAMES)
    visible = [feed.id for feed in await store.feeds.all()] if feed_ids is None else feed_ids
    return await store.words.complete(_KINDS[loose.filter], typed, visible, NAMES)


def _spaced(name: str) -> str:
    """The words of a name with spaces around them."""
    return f" {' '.join(terms.words(name))} "


def _leaves(nodes: Iterable[Node]) -> Iterator[Word | Phrase | Condition]:
    """What is wanted: words, phrases, and the filters that name something."""
    for node in nodes:
        if isinstance(node, AllOf | AnyOf):
            yield from _leaves(node.nodes)
        elif isinstance(node, Word | Phrase) or (isinstance(node, Condition) and node.filter in _TOLD):
            yield node


def _near(word: str, forms: Iterable[str], vocabulary: Vocabulary, *, is_there: bool) -> tuple[str, ...]:
    """The terms that a word may be a misspelling of; one with signs in it (`C#`) is a name.

    One that some article has may still be one, for articles have them too.
    """
    if not word.isalpha():
        return ()
    return vocabulary.likelier(forms) if is_there else vocabulary.nearest(forms, shortest=SHORTEST)


def _in_turn(lists: Iterable[list[str]]) -> list[str]:
    """The first of each list, then the second of each."""
    return [each for each in chain.from_iterable(zip_longest(*lists)) if each is not None]


def _note(missing: Iterable[_Missing], *, in_title: bool) -> str | None:
    words = list(dict.fromkeys(each.written for each in missing if each.in_title is in_title))
    if not words:
        return None
    if in_title:
        sentence = ngettext("No title has the word {words}.", "No title has the words {words}.", len(words))
    else:
        sentence = ngettext(
            "No article has the word {words}.", "No article has the words {words}.", len(words)
        )
    return sentence.format(words=", ".join(_("“{text}”").format(text=word) for word in words))


def _unknown(condition: Condition) -> str:
    if condition.filter is Filter.SOURCE:
        return _("There is no source “{name}”.").format(name=condition.value)
    if condition.filter is Filter.TAG:
        return _("No article has the tag “{name}”.").format(name=condition.value)
    if condition.filter is Filter.LANGUAGE:
        return _("No article is in the language “{name}”.").format(name=condition.value)
    return _("No article has an author “{name}”.").format(name=condition.value)


async def _names(condition: Condition, store: Store, feed_ids: Collection[int] | None) -> list[str]:
    """The source, tag or author whose name is nearest to the one that a filter gives."""
    typed = terms.fold(str(condition.value))
    if condition.filter is Filter.LANGUAGE:
        return []
    if condition.filter is Filter.SOURCE:
        known = await store.feeds.outlets(feed_ids, "", NAMES)
    else:
        visible = [feed.id for feed in await store.feeds.all()] if feed_ids is None else feed_ids
        known = await store.words.complete(_KINDS[condition.filter], typed[:1], visible, NAMES)
    found = process.extractOne(
        typed, {name: terms.fold(name) for name in known}, scorer=fuzz.WRatio, score_cutoff=ALIKE
    )
    return [found[2]] if found else []


async def _written(store: Store, form: str, typed: str, column: Column, scope: Scope) -> str | None:
    """How an index term is written, of several ways the one nearest to what was typed."""
    hits = await store.index.newest(Terms((form,), column), scope=scope, limit=ARTICLES)
    articles = await store.articles.by_ids([hit.article_id for hit in hits])
    words = [word for article in articles for word in _words(article, form)]
    return min(words, key=lambda word: OSA.distance(typed, terms.fold(word)), default=None)


def _words(article: Article, form: str) -> Iterator[str]:
    for text in (article.title, article.body[:LONGEST_READ]):
        for start, end in excerpts.marks(text, {form}, article.language)[:MARKED]:
            word = text[start:end]
            yield word if word.isupper() else word.lower()

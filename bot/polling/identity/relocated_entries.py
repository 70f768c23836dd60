"""Entries that a feed shows again under other URLs: the feed has moved, and they are not new.

A site gets another host, other paths, other numbers or other guids; what its readers see stays unchanged. An
unknown entry is an article that is otherwise absent from the document if they agree in
- title and date, or text and date;
- title and text, if the entry has no date, or their links differ only in a version parameter;
- title and the path of their links, if the entry has no date;
- title and text, title and path, or a similar title and the date, if most unknown entries of the document
  agree in one of these ways with an article: then the feed has moved and changed dates or guids.
A title alone decides nothing: a recurring one ("Links of the week") is as ambiguous as a text that several
entries have, or a date that most of them have.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from bot.polling.identity.entry_identity import are_titles_close
from bot.polling.identity.entry_keys import EntryKeys
from bot.store.records.source_records import KnownArticle
from bot.text.words import normalize_title, word_set

EXTRA_ARTICLES = 50
"""Articles beyond the length of a document that are candidates: some have left the document."""
MIN_MATCHING_TITLES = 3
"""Titles that must agree before a feed counts as moved; one less if all its entries are unknown."""

_MOST = 8
"""Articles per key that an entry is compared with."""
_VERSIONS = word_set("_ cache cb modified rev revision t timestamp ts updated v ver version")
"""Parameters that tell versions of a page apart, or only defeat caches."""


class Pair(NamedTuple):
    """An unknown entry and an article that it may be."""

    sketch: EntryKeys
    known: KnownArticle


class RelocationMatcher:
    """The unknown entries of a document, and the articles of the feed that they may be.

    `articles` are the feed's; `matched_ids` those that the document has under a known identity.
    """

    def __init__(
        self,
        document: Sequence[EntryKeys],
        unknown: Sequence[EntryKeys],
        articles: Sequence[KnownArticle],
        present: Collection[int],
    ) -> None:
        self._unknown, self._is_whole = unknown, not present
        self._titles = {known.article_id: normalize_title(known.title) for known in articles}
        titles = Counter(one.title for one in document), Counter(self._titles.values())
        self._recurring = {title for counted in titles for title, count in counted.items() if count > 1}
        dates = Counter(one.published for one in document if one.published is not None)
        self._dates = {date for date, count in dates.items() if count <= max(2, len(document) // 2)}
        self._texts = Counter(one.content for one in document if one.content)
        self._absent = [known for known in articles if known.article_id not in present]
        self.pairs = list(self._paired())
        """Candidate pairs; their number per entry is bounded."""

    def _paired(self) -> Iterable[Pair]:
        groups: dict[tuple[object, ...], list[KnownArticle]] = defaultdict(list)
        for known in self._absent:
            title = self._titles[known.article_id]
            for key in self._keys(title, known.published, known.url):
                groups[key].append(known)
        for sketch in self._unknown:
            keys = self._keys(sketch.title, sketch.published, sketch.url)
            for known in dict.fromkeys(one for key in keys for one in groups.get(key, ())[:_MOST]):
                yield Pair(sketch, known)

    def _keys(self, title: str, date: int | None, url: str) -> Iterable[tuple[object, ...]]:
        if date in self._dates:
            yield date, title
            yield (date,)
        if title:
            yield (title,)
        if url:
            yield "link", title, strip_version(url)[1]

    def match(self, contents: Mapping[int, bytes]) -> dict[bytes, KnownArticle]:
        """Return the articles of entries by strong key; `content_hashes` are content hashes by article id."""
        found: dict[bytes, KnownArticle] = {}
        likely: dict[bytes, KnownArticle] = {}
        alike = Counter((known.title, contents.get(known.article_id)) for known in self._absent)
        for sketch, known in self.pairs:
            content = contents.get(known.article_id, b"")
            certain, like = self._agree(
                sketch, known, content, is_boilerplate=alike[known.title, content] > 1
            )
            if certain:
                found.setdefault(sketch.strong_key, known)
            elif like:
                likely.setdefault(sketch.strong_key, known)
        found = _one_entry_each(found, ())
        likely = _one_entry_each(
            {strong: known for strong, known in likely.items() if strong not in found}, found.values()
        )
        return found | likely if self._has_moved([*found.values(), *likely.values()]) else found

    def _agree(
        self, sketch: EntryKeys, known: KnownArticle, content: bytes, *, is_boilerplate: bool
    ) -> tuple[bool, bool]:
        """Return whether an entry is an article for certain, and whether it is one if the feed has moved."""
        other = self._titles[known.article_id]
        title = bool(sketch.title) and sketch.title == other
        same = sketch.content == content
        text = same and self._texts[sketch.content] == 1 and not is_boilerplate
        is_unique = sketch.title not in self._recurring
        if sketch.published == known.published and sketch.published in self._dates:
            return text or (title and (is_unique or same)), is_unique and are_titles_close(
                sketch.title, other
            )
        (site, path), (known_site, known_path) = strip_version(sketch.url), strip_version(known.url)
        at_path = len(path) > 1 and path == known_path
        if sketch.published is None:
            return title and (text or (at_path and is_unique)), False
        return title and same and at_path and site == known_site, title and (text or (at_path and is_unique))

    def _has_moved(self, again: Sequence[KnownArticle]) -> bool:
        """Return whether so many entries reappear that the feed must have moved."""
        titles = {self._titles[known.article_id] for known in again}
        is_all = self._is_whole and len(again) == len(self._unknown)
        return 2 * len(again) > len(self._unknown) and len(titles) >= (
            MIN_MATCHING_TITLES - 1 if is_all else MIN_MATCHING_TITLES
        )


def _one_entry_each(
    found: Mapping[bytes, KnownArticle], taken: Iterable[KnownArticle]
) -> dict[bytes, KnownArticle]:
    """Return the matches with each article only once, without `assigned_articles`."""
    ids = {known.article_id for known in taken}
    once = {}
    for strong, known in found.items():
        if known.article_id not in ids:
            ids.add(known.article_id)
            once[strong] = known
    return once


def strip_version(url: str) -> tuple[str, str]:
    """Return host and path of a URL, without trailing slash and version parameters."""
    parts = urlsplit(url)
    query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in _VERSIONS]
    return parts.netloc, parts.path.rstrip("/") + "".join(f"&{name}={value}" for name, value in query)

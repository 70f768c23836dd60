"""Which entry of a feed is which article, whatever its publisher does to its guid, link, title or date.

The rule: the guid decides, unless the feed repeats it; an unknown guid with a known link and a close title or
the same date is the known article; two guids with one link in one document are two articles; a title alone
decides nothing. An entry without a guid goes by its link, one without either by its content. Two forms of one
address (`urls.forms`) are one name. What a feed shows again under other addresses is for `relocated_entries`.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from urllib.parse import urlsplit

from rapidfuzz import fuzz

from bot.polling.identity.entry_keys import EntryKeys
from bot.store.records.source_records import KnownArticle
from bot.text.words import normalize_title

TITLE_SIMILARITY_THRESHOLD = 80
"""How like each other, out of 100, the titles of one link are that belong to one article."""

_NUMBER = re.compile(r"\d+")


def is_repeated(sketch: EntryKeys, known: Mapping[bytes, KnownArticle]) -> bool:
    """Whether the weak name of an entry decides nothing, in this document or in an earlier one."""
    return sketch.is_weak_key_repeated or sketch.repeat_marker in known


def match_by_identity(
    sketches: Sequence[EntryKeys], known: Mapping[bytes, KnownArticle]
) -> dict[bytes, KnownArticle]:
    """The articles that entries are by their names, by the strong one."""
    found = {}
    for sketch in sketches:
        match = known.get(sketch.strong_key)
        if match is None and not is_repeated(sketch, known):
            match = known.get(sketch.weak_key)
        if match is not None:
            found[sketch.strong_key] = match
    return found


def match_by_url_variant(
    sketches: Sequence[EntryKeys], known: Mapping[bytes, KnownArticle]
) -> dict[bytes, KnownArticle]:
    """The articles that entries of unknown names are by another form of their address, by the strong name."""
    return {
        sketch.strong_key: next(known[name] for name in sketch.url_variant_keys if name in known)
        for sketch in sketches
        if not sketch.is_weak_key_repeated and any(name in known for name in sketch.url_variant_keys)
    }


def articles_at_link(
    sketch: EntryKeys, at_pages: Mapping[str, Sequence[KnownArticle]]
) -> Sequence[KnownArticle]:
    """The articles of the feed that have the entry's link."""
    return at_pages.get(sketch.page, ())


def match_by_link(
    sketches: Sequence[EntryKeys], at_pages: Mapping[str, Sequence[KnownArticle]], taken: Collection[int]
) -> dict[bytes, KnownArticle]:
    """The articles that entries of unknown names are by their links, by the strong name.

    `taken` are the articles that other entries of the document are. Where a link tells little, because
    several articles have it or it is that of the site, title and date must both agree.
    """
    found: dict[bytes, KnownArticle] = {}
    taken = set(taken)
    for sketch in sketches:
        candidates = articles_at_link(sketch, at_pages)
        needed = 2 if sketch.is_link_shared or len(candidates) > 1 or _is_home(sketch.url) else 1
        rated = [
            (
                are_titles_close(sketch.title, normalize_title(known.title))
                + (sketch.published == known.published),
                known,
            )
            for known in candidates
            if known.article_id not in taken
        ]
        agreeing, match = max(rated, key=lambda pair: pair[0], default=(0, None))
        if match is not None and agreeing >= needed:
            found[sketch.strong_key] = match
            taken.add(match.article_id)
    return found


def _is_home(url: str) -> bool:
    parts = urlsplit(url)
    return parts.path in {"", "/"} and not parts.query and not parts.fragment


def are_titles_close(title: str, other: str) -> bool:
    """Whether two titles may be versions of one. Numbers tell issues of a series apart."""
    if not title or not other:
        return False
    return title == other or (
        _NUMBER.findall(title) == _NUMBER.findall(other)
        and fuzz.ratio(title, other) >= TITLE_SIMILARITY_THRESHOLD
    )

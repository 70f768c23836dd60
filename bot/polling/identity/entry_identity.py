"""Recognition of entries as stored articles, despite changed guids, links, titles or dates.

- The guid decides, unless the feed repeats it.
- An entry with an unknown guid and a known link is the known article if title or date agree.
- Two guids with one link in one document are two articles.
- A title alone decides nothing.
- An entry without a guid is identified by its link, one without either by its content. Variants of a URL
(`urls.list_url_variants`) are equal. Entries that a feed shows again under other URLs are left to
`relocated_entries`.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from urllib.parse import urlsplit

from rapidfuzz import fuzz

from bot.polling.identity.entry_keys import EntryKeys
from bot.store.records.source_records import KnownArticle
from bot.text.words import normalize_title

TITLE_SIMILARITY_THRESHOLD = 80
"""Similarity out of 100 from which two titles at one link belong to one article."""

_NUMBER = re.compile(r"\d+")


def is_repeated(sketch: EntryKeys, known: Mapping[bytes, KnownArticle]) -> bool:
    """Return whether several entries have or had the weak key of an entry: then it decides nothing."""
    return sketch.is_weak_key_repeated or sketch.repeat_marker in known


def match_by_identity(
    sketches: Sequence[EntryKeys], known: Mapping[bytes, KnownArticle]
) -> dict[bytes, KnownArticle]:
    """Return the articles of entries that are known by their keys, by strong key."""
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
    """Return the articles of unknown entries that are known by a variant of their URL, by strong key."""
    return {
        sketch.strong_key: next(known[name] for name in sketch.url_variant_keys if name in known)
        for sketch in sketches
        if not sketch.is_weak_key_repeated and any(name in known for name in sketch.url_variant_keys)
    }


def articles_at_link(
    sketch: EntryKeys, at_pages: Mapping[str, Sequence[KnownArticle]]
) -> Sequence[KnownArticle]:
    """Return the feed's articles that have the entry's link."""
    return at_pages.get(sketch.page, ())


def match_by_link(
    sketches: Sequence[EntryKeys], at_pages: Mapping[str, Sequence[KnownArticle]], taken: Collection[int]
) -> dict[bytes, KnownArticle]:
    """Return the articles of unknown entries that have their link, by strong key.

    `matched_ids` are the articles of other entries. If a link is ambiguous, because several articles have it
    or it is the site's, both title and date must agree.
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
    """Return whether two titles may be versions of one; different numbers tell issues of a series apart."""
    if not title or not other:
        return False
    return title == other or (
        _NUMBER.findall(title) == _NUMBER.findall(other)
        and fuzz.ratio(title, other) >= TITLE_SIMILARITY_THRESHOLD
    )
